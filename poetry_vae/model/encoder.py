"""From characters to features, one tensor for each level of the latents, from the top."""

from __future__ import annotations

from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.latents import named_levels
from poetry_vae.model.layers import GatedConv, gated_stack

_WIDTH, _LAYERS = 64, 2  # of the classifier


class ConvEncoder(nn.Module):
    """Embedding and gated convolutions, which make the features that the levels read.

    A flat latent reads all positions pooled into [B, F]: F is H where they are averaged (as in the
    article), T·H where they stay side by side. Several levels read F_1 to F_J, [B, T, H] each, one
    more gated convolution for every level up.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        H = config.hidden
        self.pooling = config.pooling
        self.embedding = nn.Embedding(config.vocabulary, H)
        self.label = nn.Embedding(len(config.labels.values), H) if config.labels else None
        self.stack = gated_stack(
            config.encoder_layers, H, config.kernel, normalise=config.normalise
        )
        self.rise: nn.ModuleList | None = None
        if config.is_hierarchical:
            self.rise = nn.ModuleList(
                GatedConv(H, config.kernel, normalise=config.normalise)
                for _ in named_levels(config)[1:]
            )

    def forward(
        self, ids: Tensor, label: Tensor | None = None, asking: object = None
    ) -> tuple[Tensor, ...]:
        """ids [B, T] and, where the model has labels, numbers [B] → features for each level."""
        h = self.embedding(ids)
        if self.label is not None:
            assert label is not None
            h = h + self.label(label).unsqueeze(-2)
        h = self.stack(h)  # [B, T, H]
        if self.rise is None:
            return (h.flatten(1) if self.pooling == "positions" else h.mean(dim=1),)
        features = [h]
        for rise in self.rise:
            features.append(rise(features[-1]))
        return tuple(reversed(features))


class LabelClassifier(nn.Module):
    """q(y|x), the label of a poem whose label is hidden (Kingma et al. 2014, M2): embedding, gated
    convolutions, and one dense layer over all positions side by side."""

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
