"""Terms beside the bound: masked reading, total correlation, a prior on the decoder's weights."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from poetry_vae.model.critic import DensityRatioCritic, permuted
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import Record
from poetry_vae.training.batches import with_masks
from poetry_vae.training.objectives import Step


@dataclass(frozen=True)
class MaskedReading:
    """The posterior of a partly known poem: the encoder learns to read with characters hidden.

    In q(z|x_o) only the characters o of x are seen, and the others are ``<mask>``. It proposes
    latents for an acrostic, and scores a character without having seen it. It is trained after
    Ivanov et al. 2019, "Variational Autoencoder with Arbitrary Conditioning", by the term
    KL(q(z|x) ‖ q(z|x_o)) of equation 7. At its minimum q(z|x_o) covers all that the full posterior
    of any completion covers. Only the second argument learns from it, so that the model of whole
    poems is trained by its own objective alone.

    ``masked`` is the share of a batch that is read in this way, once the warm-up of the rate is
    over. Before that, posteriors are so narrow that missing them costs thousands of nats.
    """

    masked: float
    name: ClassVar[str] = "masked"

    def __call__(self, step: Step, record: Record) -> Tensor | None:
        if step.annealing < 1:
            return None
        full = record.levels[0].posterior
        n = math.ceil(self.masked * len(step.batch.ids))
        target = DiagonalGaussian(full.mean[:n].detach(), full.log_variance[:n].detach())
        read = step.model.encode(with_masks(step.batch.ids[:n], generator=step.generator))
        return target.kl(read).sum(-1).mean()


@dataclass(frozen=True)
class TotalCorrelation:
    """γ·TC(q(z)), by the critic that is trained beside it (Kim & Mnih 2018, algorithm 2).

    The first half of a batch stands for q(z), the second, permuted, for Π_j q(z_j). The value is
    γ·TC plus the critic's own cross-entropy. Each term trains its own parameters: the first has a
    frozen critic, the second a frozen z.
    """

    gamma: float
    critic: DensityRatioCritic
    name: ClassVar[str] = "total_correlation"

    def __call__(self, step: Step, record: Record) -> Tensor | None:
        code = record.code[0].float()  # [B, D]
        half = len(code) // 2
        if half < 1:
            return None
        fixed = code.detach()
        real = self.critic(fixed[:half])
        shuffled = self.critic(permuted(fixed[half:], generator=step.generator))
        softplus = torch.nn.functional.softplus
        cross_entropy = 0.5 * (softplus(-real).mean() + softplus(shuffled).mean())
        return self.gamma * self.critic.frozen(code).mean() + cross_entropy


@dataclass(frozen=True)
class WeightPrior:
    """−log N(θ; 0, κ⁻¹I) of the decoder's weights, shared among N poems: κ‖θ‖²/2N and a constant.

    With it the loss a poem is (1/N) of −log p(data, θ), so that its minimum is the MAP estimate of
    the decoder. Under plain gradient descent with rate η it shrinks θ by ηκ/N a step, as a weight
    decay of κ/N does. Under Adam the two differ: Adam rescales the gradient of this term like any
    other, but does not rescale decoupled decay (Loshchilov & Hutter 2019).
    """

    kappa: float
    poems: int
    name: ClassVar[str] = "weight_prior"

    def __call__(self, step: Step, record: Record) -> Tensor | None:
        squares = [p.square().sum() for p in step.model.decoder.parameters()]
        return self.kappa / (2 * self.poems) * torch.stack(squares).sum()
