"""What is watched during training, beside the loss: is the bound good, is the latent used?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training import bounds

_BATCH = 512
ACTIVE_VARIANCE = 0.01


@dataclass(frozen=True)
class Figures:
    """Means over poems that were not trained on; bound, rate and distortion in nats a poem."""

    elbo: float
    rate: float
    distortion: float
    active_units: int
    reconstruction: float
    """Share of characters that are the likeliest ones given the posterior's mean."""
    positions: int

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.elbo) and math.isfinite(self.rate)

    @property
    def nats_per_character(self) -> float:
        """−ELBO/T: lower is better."""
        return -self.elbo / self.positions


def active_units(posterior_means: Tensor) -> int:
    """How many of D dimensions move with x: Var_x(E_q[z_j]) > 0.01, from means [N, D].

    Burda et al. 2015, section 5.3.
    """
    if len(posterior_means) < 2:
        return 0
    return int((posterior_means.var(dim=0) > ACTIVE_VARIANCE).sum())


@torch.no_grad()
def watch(model: PoetryVAE, ids: Tensor, *, generator: torch.Generator) -> Figures:
    """The figures of the poems ids [N, T], with one sample a poem."""
    totals = torch.zeros(3, dtype=torch.float64)
    correct, means = 0, []
    for batch in torch.split(ids, _BATCH):
        record = model(batch, generator=generator)
        for i, value in enumerate(
            (bounds.elbo(record), bounds.rate(record), bounds.distortion(record))
        ):
            totals[i] += value.cpu().double().sum()
        mean = record.levels[0].posterior.mean
        correct += int((model.draw(mean, temperature=0) == batch).sum())
        means.append(mean)
    elbo, rate, distortion = (totals / len(ids)).tolist()
    return Figures(
        elbo,
        rate,
        distortion,
        active_units(torch.cat(means)),
        correct / ids.numel(),
        model.form.positions,
    )


def collapse_warning(figures: Figures) -> str | None:
    """What to tell somebody whose posterior has fallen onto the prior; None where it has not."""
    if figures.rate >= 1.0 and figures.active_units > 0:
        return None
    return (
        f"the posterior has collapsed: {figures.rate:.2f} nats and {figures.active_units} active "
        "units, so the latent says nothing about the poem and samples are all alike; try "
        "pooling=positions, kl_schedule=linear with warmup=0.3, or free_bits=0.1"
    )
