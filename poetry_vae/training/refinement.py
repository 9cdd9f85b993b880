"""How a refiner learns: any characters given any others, and z with any amount of noise on it.

For every amount of trust t there is a model of poems: p(z̃) = N(0, I), and p(x|z̃) one character
after the other in random order. Its evidence lower bound has both of its terms in closed form or by
a single pass of the refiner: the rate is that of q(z̃|x) = N(t·μ, t²σ² + 1 − t²), and the
distortion is T times the mean surprise of n hidden characters, n drawn from 1 to T (Uria et al.
2014; Hoogeboom et al. 2022, equation 6). Minimising the distortion over all t trains all of these
models at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from poetry_vae.model import orders
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import Record
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.poem import Form
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.batches import Batch
from poetry_vae.training.objectives import Terms

# Shares of a batch that trust z not at all, and entirely; the others anything between, and more
# often much than little, as poems are written.
_NOTHING, _ALL = 0.1, 0.1
# Share of a batch that is asked for what is next where poems grow, as they do when written.
_GROWN = 0.5


def any_order(poems: int, positions: int, *, generator: torch.Generator | None) -> Tensor:
    """How much the surprise of each character counts, [B, T]: T/n for those that are hidden.

    Of a poem, n of 1 to T are hidden, every number equally often.
    """
    lots = _spread(poems, positions, generator)
    hides = orders.shuffled(poems, positions, generator=generator) <= lots[:, None]
    return hides * (positions / (lots + 1.0))[:, None]


def growing(poems: int, form: Form, *, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Poems that have grown for some turns: what is hidden, and how much each surprise counts.

    Either side of what a line has is as likely to be next, so each counts for half of the turn;
    both [B, T].
    """
    L = form.chars
    turns = _spread(poems, L, generator)[:, None]
    order = orders.grown(poems, form, generator=generator) // form.lines  # all lines at once
    hides = (order >= turns).view(poems, form.lines, L)
    around = torch.nn.functional.pad(hides, (1, 1), value=True)
    beside = hides & ~(around[..., :-2] & around[..., 2:])
    asked = torch.where(turns[..., None] == 0, hides, beside).float()
    return hides.flatten(1), (L * asked / asked.sum(-1, keepdim=True)).flatten(1)


def _spread(poems: int, n: int, generator: torch.Generator | None) -> Tensor:
    """A number of 0 to n − 1 for every poem, [B], all equally often, in random order."""
    device = generator.device if generator is not None else None
    start = torch.rand(1, generator=generator, device=device)
    evenly = (torch.arange(poems, device=device) + start) / poems
    mixed = torch.randperm(poems, generator=generator, device=device)
    return (evenly * n).long().clamp_max(n - 1)[mixed]


def refined(
    model: PoetryVAE,
    ids: Tensor,
    labels: Tensor | None = None,
    *,
    trust: Tensor | None = None,
    grown: float = 0.0,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Rate and distortion of poems ids [B, T] in nats a poem, [B] each: minus their sum is a bound.

    Nothing of this reaches the encoder or what the decoder makes of z.

    Args:
        trust: t of each poem, [B]; without it, amounts as they are trained.
        grown: share of the poems whose characters come as they grow instead of in any order.
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
    first = round(grown * B)
    rest = any_order(B - first, T, generator=generator)
    growing_hides, growing_weights = growing(first, model.form, generator=generator)
    hides = torch.cat([growing_hides, rest > 0])
    weights = torch.cat([growing_weights, rest])
    asked = weights > 0
    read = model.refine(ids.masked_fill(hides, CharTokenizer.MASK), states, trust)
    surprise = -model.readout.log_density(read[asked], ids[asked], weights[asked])
    by_place = torch.zeros(B, T, dtype=surprise.dtype, device=ids.device)
    return rate, by_place.masked_scatter(asked, surprise).sum(1)


@dataclass(frozen=True)
class RefinerAlone:
    """The refiner of a model whose other parts are done."""

    def __call__(
        self,
        model: PoetryVAE,
        batch: Batch,
        *,
        annealing: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Terms:
        rates, distortions = refined(
            model, batch.ids, batch.labels, grown=_GROWN, generator=generator
        )
        rate, distortion = rates.mean(), distortions.mean()
        elbo = -(distortion + rate).detach()
        return Terms(distortion, elbo, rate, distortion.detach())


@dataclass(frozen=True)
class Refinement:
    """The same beside the bound, where all parts learn together."""

    name: ClassVar[str] = "refinement"

    def __call__(
        self,
        model: PoetryVAE,
        batch: Batch,
        record: Record,
        *,
        annealing: float,
        generator: torch.Generator | None,
    ) -> Tensor | None:
        _, distortions = refined(model, batch.ids, batch.labels, grown=_GROWN, generator=generator)
        return distortions.mean()
