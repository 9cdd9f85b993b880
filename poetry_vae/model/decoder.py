"""Decoders turn the output of the levels into hidden states for all positions at once.

Given z the characters are independent: p(x|z) = Π_i p(x_i | h_i(z)).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layers import gated_stack
from poetry_vae.model.likelihoods import build_likelihood


class DenseHeads(nn.Linear):
    """One dense head a position: z [..., D] → [..., T, H]."""

    def __init__(self, latent: int, config: ModelConfig) -> None:
        self.positions = config.form.positions
        super().__init__(latent, self.positions * config.hidden)

    def forward(self, z: Tensor) -> Tensor:
        return torch.unflatten(super().forward(z), -1, (self.positions, -1))


class Components(nn.Module):
    """The decoders of the F-VAE: k parts of σ(z), each read by layers of its own, then added up.

    Part i makes a reconstruction x'_i, and x' = Σ_i w_i x'_i (Su Jianlin 2018). For characters the
    sum is over logits. All parts share one character table, so the weighted sum of logits equals
    the logits of the weighted sum of hidden states (the bias of the table then counts once). The
    article squashes z_i = σ(μ_i + σ_i ε_i). The value before the sigmoid is Gaussian, and the KL is
    taken of that value.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.latent // config.components
        self.parts = nn.ModuleList(
            nn.Sequential(
                DenseHeads(size, config),
                gated_stack(
                    config.decoder_layers, config.hidden, config.kernel, normalise=config.normalise
                ),
            )
            for _ in range(config.components)
        )
        self.weights = nn.Parameter(torch.ones(config.components))

    def forward(self, z: Tensor) -> Tensor:
        """z [..., D] → [..., T, H]."""
        each = torch.sigmoid(z).chunk(len(self.parts), dim=-1)
        states = [part(one) for part, one in zip(self.parts, each, strict=True)]
        weighted = [w * state for w, state in zip(self.weights, states, strict=True)]
        return torch.stack(weighted).sum(0)


class ParallelDecoder(nn.Module):
    """Heads for all positions, gated convolutions over their outputs, a likelihood of characters.

    The heads read a vector z, or its components. Several levels make states [T, H] themselves,
    which need no more heads.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        H, layers = config.hidden, config.decoder_layers
        if config.components:
            self.heads: nn.Module = Components(config)
            layers = 0  # each component has its own
        elif config.is_hierarchical:
            self.heads = nn.Identity()
        else:
            self.heads = DenseHeads(config.latent, config)
        self.label: nn.Embedding | None = None
        if config.labels:
            self.label = nn.Embedding(len(config.labels.values), config.form.positions * H)
        self.stack = gated_stack(layers, config.hidden, config.kernel, normalise=config.normalise)
        self.likelihood = build_likelihood(config)

    def forward(
        self, state: Tensor, label: Tensor | None = None, there: Tensor | None = None
    ) -> Tensor:
        """Output of the levels → hidden states [..., T, H], which the likelihood reads.

        Args:
            state: z [..., D], or [..., T, H] of several levels.
            there: [B, T], false where a place is padding.
            label: numbers [...] where the model has labels. A dense layer of z and the one-hot
                label side by side is the sum of a layer of each.
        """
        h = self.heads(state)
        if self.label is not None:
            assert label is not None
            h = h + torch.unflatten(self.label(label), -1, h.shape[-2:])
        out: Tensor = self.stack(h, there)
        return out
