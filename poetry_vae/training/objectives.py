"""What is minimised. Each objective takes (model, batch, record) and returns named terms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from poetry_vae.model.vae import PoetryVAE, Record
from poetry_vae.training import bounds
from poetry_vae.training.masking import masked_divergence


@dataclass(frozen=True)
class Terms:
    """Batch means in nats a poem. ``loss`` is what is minimised and is no likelihood in general:
    the unweighted ELBO, rate and distortion stand beside it so that nobody takes it for one."""

    loss: Tensor
    elbo: Tensor
    rate: Tensor
    distortion: Tensor
    others: Mapping[str, Tensor] = field(default_factory=dict)
    """Whatever else an objective adds to its loss, by name."""


@dataclass(frozen=True)
class WeightedELBO:
    """distortion + β·rate, with free bits; the encoder also reads poems with characters hidden.

    β = 1 is the VAE; other β are Higgins et al. 2017, "beta-VAE". ``free_bits`` is λ of Kingma et
    al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", equation 15: nats
    a latent dimension, averaged over the batch, below which the rate is not pressed further.
    ``masked`` is the share of every batch that ``masked_divergence`` is taken of, once β is no more
    annealed: before, posteriors are so narrow that missing them costs thousands of nats.
    """

    beta: float = 1.0
    free_bits: float = 0.0
    masked: float = 0.0

    def __call__(
        self,
        model: PoetryVAE,
        batch: Tensor,
        record: Record,
        *,
        annealing: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Terms:
        """``annealing`` in [0, 1] scales β while a schedule warms up; the generator draws masks."""
        distortion, rate = bounds.distortion(record).mean(), bounds.rate(record).mean()
        penalised = rate
        if self.free_bits > 0:
            per_dimension = [level.kl.mean(0).clamp_min(self.free_bits) for level in record.levels]
            penalised = sum(kl.sum() for kl in per_dimension)  # type: ignore[assignment]
        loss = distortion + annealing * self.beta * penalised
        others = {}
        if self.masked > 0 and annealing >= 1:
            poems = batch[: math.ceil(self.masked * len(batch))]
            divergence = masked_divergence(model, poems, record, generator=generator).mean()
            loss = loss + divergence
            others["masked"] = divergence.detach()
        elbo = -(distortion + rate).detach()
        return Terms(loss, elbo, rate.detach(), distortion.detach(), others)
