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

from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import Record
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.batches import Batch
from poetry_vae.training.objectives import Terms

# Shares of a batch that trust z not at all, and entirely; the others anything between.
_NOTHING, _ALL = 0.2, 0.1


def hidden_places(poems: int, positions: int, *, generator: torch.Generator | None) -> Tensor:
    """Which characters are hidden, [B, T]: 1 to T of a poem, every number equally often."""
    device = generator.device if generator is not None else None
    start = torch.rand(1, generator=generator, device=device)
    spread = (torch.arange(poems, device=device) + start) / poems  # one lot for each B-th of (0, 1)
    wanted = (spread * positions).long().clamp_max(positions - 1) + 1
    lots = torch.rand(poems, positions, generator=generator, device=device)
    return lots.argsort(1).argsort(1) < wanted[:, None]


def refined(
    model: PoetryVAE,
    ids: Tensor,
    labels: Tensor | None = None,
    *,
    trust: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Rate and distortion of poems ids [B, T] in nats a poem, [B] each: minus their sum is a bound.

    Nothing of this reaches the encoder or what the decoder makes of z.

    Args:
        trust: t of each poem, [B]; without it, amounts as they are trained.
    """
    B, T = ids.shape
    with torch.no_grad():
        if trust is None:
            lot = torch.rand(B, generator=generator, device=ids.device)
            trust = ((lot - _NOTHING) / (1 - _NOTHING - _ALL)).clamp(0, 1)
        labels = model.infer_labels(ids) if labels is None else labels
        noisy = model.encode(ids, labels).blurred(trust[:, None])
        code = noisy.rsample(1, generator=generator)[0]
        states = model.hidden(trust[:, None] * code, labels)
        rate = noisy.kl(DiagonalGaussian.standard(noisy.mean)).sum(-1)
    hides = hidden_places(B, T, generator=generator)
    read = model.refine(ids.masked_fill(hides, CharTokenizer.MASK), states, trust)
    surprise = -model.decoder.likelihood.log_density(read[hides], ids[hides])
    by_place = torch.zeros(B, T, dtype=surprise.dtype, device=ids.device)
    by_place = by_place.masked_scatter(hides, surprise)
    return rate, T * by_place.sum(1) / hides.sum(1)


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
        rates, distortions = refined(model, batch.ids, batch.labels, generator=generator)
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
        return refined(model, batch.ids, batch.labels, generator=generator)[1].mean()
