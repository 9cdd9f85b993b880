"""How a refiner learns: poems as they are written, or after any characters given, and z with noise.

For every amount of trust t there is a model of poems: p(z̃) = N(0, I), and p(x|z̃) one turn after
the other, see ``orders.written``. Its evidence lower bound has both of its terms in closed form or
by a single pass of the refiner: the rate is that of q(z̃|x) = N(t·μ, t²σ² + 1 − t²), and the
distortion the sum of the surprises of all characters, each given those of earlier turns. Minimising
the distortion over all t trains all of these models at once.

So that a refiner can go by whatever is pinned, some poems begin with characters at any places, in
any order (Uria et al. 2014). Where there are few poems, it learns them by heart; with characters
blanked out of what it reads, though not out of what it is asked for, it learns to do without any
one of them (blank noising, Xie et al. 2017, "Data Noising as Smoothing in Neural Network Language
Models").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from poetry_vae.model import orders
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import Record
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.batches import Batch
from poetry_vae.training.objectives import Terms

# Shares of a batch that trust z not at all, and entirely; the others anything between, and more
# often much than little, as poems are written.
_NOTHING, _ALL = 0.1, 0.1
# Share of a batch of which some characters are given.
_GIVEN = 0.3


def refined(
    model: PoetryVAE,
    ids: Tensor,
    labels: Tensor | None = None,
    *,
    trust: Tensor | None = None,
    given: float = 0.0,
    blanked: float = 0.0,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Rate and distortion of poems ids [B, T] in nats a poem, [B] each: minus their sum is a bound.

    Nothing of this reaches the encoder or what the decoder makes of z.

    Args:
        trust: t of each poem, [B]; without it, amounts as they are trained.
        given: share of the poems of which some characters are given, and come first.
        blanked: the most characters of a poem that are hidden from the refiner, as a share of all.
    """
    B, T = ids.shape
    with torch.no_grad():
        if trust is None:
            lot = torch.rand(B, generator=generator, device=ids.device)
            trust = ((lot - _NOTHING) / (1 - _NOTHING - _ALL)).clamp(0, 1).sqrt()
        labels = model.infer_labels(ids) if labels is None else labels
        noisy = model.encode(ids, labels).blurred(trust[:, None])
        code = noisy.rsample(1, generator=generator)[0]
        states = model.hidden(trust[:, None] * code, labels)
        rate = noisy.kl(DiagonalGaussian.standard(noisy.mean)).sum(-1)
    start = orders.nothing_given(B, model.form, ids.device)
    start[: round(given * B)] = orders.some_given(round(given * B), T, generator=generator)
    slots = Slots.of(orders.written(model.form, start))
    shown = ids
    if blanked:
        most = blanked * torch.rand((B, 1), generator=generator, device=ids.device)
        lot = torch.rand((B, T), generator=generator, device=ids.device)
        shown = ids.masked_fill(lot < most, CharTokenizer.MASK)
    read = model.refine(shown, slots, states, trust)
    return rate, -model.readout.log_density(read, ids).sum(-1)


def _learned(
    model: PoetryVAE, batch: Batch, blanked: float, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """:func:`refined` of a batch, as it is trained."""
    return refined(
        model, batch.ids, batch.labels, given=_GIVEN, blanked=blanked, generator=generator
    )


@dataclass(frozen=True)
class RefinerAlone:
    """The refiner of a model whose other parts are done."""

    blanked: float = 0.0

    def __call__(
        self,
        model: PoetryVAE,
        batch: Batch,
        *,
        annealing: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Terms:
        rates, distortions = _learned(model, batch, self.blanked, generator)
        rate, distortion = rates.mean(), distortions.mean()
        elbo = -(distortion + rate).detach()
        return Terms(distortion, elbo, rate, distortion.detach())


@dataclass(frozen=True)
class Refinement:
    """The same beside the bound, where all parts learn together."""

    name: ClassVar[str] = "refinement"
    blanked: float = 0.0

    def __call__(
        self,
        model: PoetryVAE,
        batch: Batch,
        record: Record,
        *,
        annealing: float,
        generator: torch.Generator | None,
    ) -> Tensor | None:
        _, distortions = _learned(model, batch, self.blanked, generator)
        return distortions.mean()
