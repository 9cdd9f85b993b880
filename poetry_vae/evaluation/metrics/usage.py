"""Is the latent used? What is written from a poem's own z, beside what another poem's z gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.errors import MetricError


@dataclass(frozen=True)
class Usage:
    """Shares of characters and whole poems that agree, position by position."""

    passes: int
    characters: float
    """Of the poem, in what is written from its own z."""
    poems: float
    characters_shuffled: float
    """Of the poem, in what is written from another poem's z: no more than luck."""
    poems_shuffled: float
    agreement: float
    """Characters that what is written from the two has in common: 1 where z changes nothing."""
    chance: float
    """Characters that the two poems themselves have in common."""


@torch.no_grad()
def usage(
    ids: Tensor,
    *,
    encode: Callable[[Tensor], Tensor],
    write: Callable[[Tensor, int], Tensor],
    passes: Sequence[int] = (0,),
    generator: torch.Generator,
) -> list[Usage]:
    """The figures of poems ids [N, T] after each number of ``passes``, fewest first.

    Every poem is also written from the z of another, none from its own.

    Args:
        encode: ids [N, T] → z [N, D], such as the posterior's mean.
        write: z [N, D] and a number of passes → ids [N, T], such as the likeliest characters.

    Raises:
        MetricError: fewer than two poems.
    """
    if len(ids) < 2:
        raise MetricError(f"{len(ids)} poem(s): to swap latents takes at least 2")
    order = torch.randperm(len(ids), generator=generator).to(ids.device)
    other = torch.empty_like(order)
    other[order] = order.roll(1)  # a single cycle, so that no poem keeps its own
    z = encode(ids)
    results = []
    for wanted in sorted(set(passes)):
        own, swapped = write(z, wanted), write(z[other], wanted)
        results.append(
            Usage(
                passes=wanted,
                characters=_characters(own, ids),
                poems=_poems(own, ids),
                characters_shuffled=_characters(swapped, ids),
                poems_shuffled=_poems(swapped, ids),
                agreement=_characters(own, swapped),
                chance=_characters(ids, ids[other]),
            )
        )
    return results


def _characters(a: Tensor, b: Tensor) -> float:
    return (a == b).double().mean().item()


def _poems(a: Tensor, b: Tensor) -> float:
    return (a == b).all(dim=1).double().mean().item()
