"""How a refiner learns: poems as they are written, or after any characters given, and z with noise.

For every amount of trust t there is a model of poems: p(z̃) = N(0, I), and p(x|z̃) one pass after
the other, see ``orders.written``. Its evidence lower bound has two terms. The rate is that of
q(z̃|x) = N(t·μ, t²σ² + 1 − t²), in closed form. The distortion takes a single run of the refiner:
it is the sum of −log p of all characters, each given those of earlier passes. Minimising the
distortion over all t trains all of these models at once.

A refiner has to use any characters that are pinned. So some poems begin with characters at any
places, in any order (Uria et al. 2014). A refiner would learn a few poems by heart. So characters
are blanked out of its input, though it still has to predict them, and it learns to do without any
one of them (blank noising, Xie et al. 2017, "Data Noising as Smoothing in Neural Network Language
Models").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from poetry_vae.model import labelling, orders
from poetry_vae.model.asked import Asked
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import Record
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.batches import with_masks
from poetry_vae.training.objectives import Step, Terms

# Share of a batch that trusts z entirely. Some poems do not trust it at all. The others trust it by
# any amount between, more often much than little, since poems are written with much trust.
_ALL = 0.1
# Share of a batch of which some characters are given.
_GIVEN = 0.3


def rate_and_distortion(
    model: PoetryVAE,
    ids: Tensor,
    labels: Tensor | None = None,
    *,
    trust: Tensor | None = None,
    given: float = 0.0,
    blanked: float = 0.0,
    distrust: float = 0.1,
    generator: torch.Generator | None = None,
    asked: Asked | None = None,
) -> tuple[Tensor, Tensor]:
    """Rate and distortion of poems ids [B, T] in nats a poem, [B] each: minus their sum is a bound.

    No gradient reaches the encoder or the decoder's states.

    Args:
        trust: t of each poem, [B]; without it, random amounts as in training.
        given: share of the poems in which some characters are given, and come first.
        blanked: the most characters of a poem that are hidden from the refiner, as a share of all.
        distrust: share of the poems for which z is not trusted at all.
        asked: of each poem, for a model of any form.
    """
    B = len(ids)
    asked = asked or model.asked
    there = asked.layout.there
    with torch.no_grad():
        if trust is None:
            lot = torch.rand(B, generator=generator, device=ids.device)
            trust = ((lot - distrust) / (1 - distrust - _ALL)).clamp(0, 1).sqrt()
        labels = labelling.infer(model, ids) if labels is None else labels
        noisy = model.encode(ids, labels, asked).blurred(trust[:, None])
        code = noisy.rsample(1, generator=generator)[0]
        states = model.states(trust[:, None] * code, labels, asked)
        rate = noisy.kl(DiagonalGaussian.standard(noisy.mean)).sum(-1)
    start = orders.nothing_given(B, asked.layout)
    some = there.expand(B, -1)[: round(given * B)]
    start[: len(some)] = orders.some_given(some, generator=generator)
    order = orders.written(asked.layout, start, in_turn=model.config.in_turn)
    # In turn, a question follows every character but the one given last.
    left = min(1, len(some)) if model.config.in_turn else None
    slots = Slots.of(order, asked.subject_present, most=left)
    shown = with_masks(ids, most=blanked, generator=generator) if blanked else ids
    read = model.refine(shown, slots, states, trust, asked=asked)
    padded = None if model.config.forms == "one" else there
    return rate, -model.readout.log_density(read, ids, padded).sum(-1)


def _learned(step: Step, blanked: float, distrust: float) -> tuple[Tensor, Tensor]:
    """:func:`rate_and_distortion` of a batch, for training."""
    return rate_and_distortion(
        step.model,
        step.batch.ids,
        step.batch.labels,
        given=_GIVEN,
        blanked=blanked,
        distrust=distrust,
        generator=step.generator,
        asked=step.batch.asked,
    )


@dataclass(frozen=True)
class RefinerAlone:
    """The refiner of a model whose other parts are done."""

    blanked: float = 0.0
    distrust: float = 0.1

    def __call__(self, step: Step) -> Terms:
        rates, distortions = _learned(step, self.blanked, self.distrust)
        rate, distortion = rates.mean(), distortions.mean()
        elbo = -(distortion + rate).detach()
        return Terms(distortion, elbo, rate, distortion.detach())


@dataclass(frozen=True)
class Refinement:
    """The refiner's loss beside the bound, when all parts learn together."""

    blanked: float = 0.0
    distrust: float = 0.1
    name: ClassVar[str] = "refinement"

    def __call__(self, step: Step, record: Record) -> Tensor | None:
        return _learned(step, self.blanked, self.distrust)[1].mean()
