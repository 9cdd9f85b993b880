"""q(y|x): the label of a poem whose label is hidden (Kingma et al. 2014, M2)."""

from __future__ import annotations

from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layers import gated_stack

_WIDTH, _LAYERS = 64, 2


class LabelClassifier(nn.Module):
    """Embedding, gated convolutions, and one dense layer over all positions side by side."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        assert config.labels is not None
        self.embedding = nn.Embedding(config.vocabulary, _WIDTH)
        self.stack = gated_stack(_LAYERS, _WIDTH, config.kernel, normalise=True)
        self.output = nn.Linear(config.form.positions * _WIDTH, len(config.labels.values))

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, T] → log q(y|x), [B, Y], in float32."""
        h = self.stack(self.embedding(ids)).flatten(1)
        logits: Tensor = self.output(h)
        return logits.float().log_softmax(-1)
