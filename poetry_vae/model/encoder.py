"""From characters to a vector of features."""

from __future__ import annotations

from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layers import gated_stack


class ConvEncoder(nn.Module):
    """Embedding, gated convolutions, and a pool over positions: ids [B, T] → features [B, F].

    F is H where positions are averaged (as in the article), T·H where they stay side by side.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pooling = config.pooling
        self.embedding = nn.Embedding(config.vocabulary, config.hidden)
        self.stack = gated_stack(
            config.encoder_layers, config.hidden, config.kernel, normalise=config.normalise
        )
        T = config.form.positions
        self.features = config.hidden * (T if self.pooling == "positions" else 1)

    def forward(self, ids: Tensor) -> Tensor:
        h = self.stack(self.embedding(ids))  # [B, T, H]
        out: Tensor = h.flatten(1) if self.pooling == "positions" else h.mean(dim=1)
        return out
