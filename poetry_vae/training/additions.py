"""Terms beside the bound: masked reading, total correlation, a prior on the decoder's weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from poetry_vae.model.critic import DensityRatioCritic, permuted
from poetry_vae.model.latents import Record
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.batches import Batch
from poetry_vae.training.masking import masked_divergence


@dataclass(frozen=True)
class MaskedReading:
    """The encoder also reads poems with characters hidden; see ``masking.py``.

    ``share`` of every batch is read so, once the rate is no more annealed: before, posteriors are
    so narrow that missing them costs thousands of nats.
    """

    share: float
    name: ClassVar[str] = "masked"

    def __call__(
        self,
        model: PoetryVAE,
        batch: Batch,
        record: Record,
        *,
        annealing: float,
        generator: torch.Generator | None,
    ) -> Tensor | None:
        if annealing < 1:
            return None
        poems = batch.ids[: math.ceil(self.share * len(batch.ids))]
        return masked_divergence(model, poems, record, generator=generator).mean()


@dataclass(frozen=True)
class TotalCorrelation:
    """γ·TC(q(z)), by the critic that is trained beside it (Kim & Mnih 2018, algorithm 2).

    The first half of a batch stands for q(z), the second, permuted, for Π_j q(z_j). The value is
    γ·TC plus the critic's own cross-entropy, and each goes to its own parameters: the critic is
    frozen in the first, z in the second.
    """

    gamma: float
    critic: DensityRatioCritic
    name: ClassVar[str] = "total_correlation"

    def __call__(
        self,
        model: PoetryVAE,
        batch: Batch,
        record: Record,
        *,
        annealing: float,
        generator: torch.Generator | None,
    ) -> Tensor | None:
        z = record.code[0].float()  # [B, D]
        half = len(z) // 2
        if half < 1:
            return None
        fixed = z.detach()
        real = self.critic(fixed[:half])
        shuffled = self.critic(permuted(fixed[half:], generator=generator))
        softplus = torch.nn.functional.softplus
        cross_entropy = 0.5 * (softplus(-real).mean() + softplus(shuffled).mean())
        return self.gamma * self.critic.frozen(z).mean() + cross_entropy


@dataclass(frozen=True)
class WeightPrior:
    """−log N(θ; 0, κ⁻¹I) of the decoder's weights, shared among N poems: κ‖θ‖²/2N and a constant.

    With it the loss a poem is (1/N) of −log p(data, θ), so that its minimum is the MAP estimate of
    the decoder. Under plain gradient descent with rate η it shrinks θ by ηκ/N a step, as a weight
    decay of κ/N does; under Adam the two differ, since Adam rescales the gradient of this term like
    any other, and decoupled decay not (Loshchilov & Hutter 2019).
    """

    kappa: float
    poems: int
    name: ClassVar[str] = "weight_prior"

    def __call__(
        self,
        model: PoetryVAE,
        batch: Batch,
        record: Record,
        *,
        annealing: float,
        generator: torch.Generator | None,
    ) -> Tensor | None:
        squares = [p.square().sum() for p in model.decoder.parameters()]
        return self.kappa / (2 * self.poems) * torch.stack(squares).sum()
