"""Is the latent used? Compare poems written from a poem's own code and from another poem's code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.model.inference import inference


@dataclass(frozen=True)
class Usage:
    """Shares of characters that agree, position by position."""

    passes: int
    reconstruction: float
    """Between a poem and the one written from its own code."""
    reconstruction_shuffled: float
    """Between a poem and the one written from another poem's code: agreement by chance."""
    agreement: float
    """Between the two poems written: 1 where the code changes nothing."""
    agreement_chance: float
    """Between the two poems themselves."""


@inference()
def usage(
    ids: Tensor,
    *,
    write: Callable[[Tensor, int], Tensor],
    passes: Sequence[int] = (0,),
    generator: torch.Generator,
) -> list[Usage]:
    """The figures of poems ids [N, T] after each number of ``passes``, fewest first.

    Every poem is also written from the code of another, none from its own.

    Args:
        write: numbers of poems [N] and of passes → ids [N, T], such as the likeliest characters
            given the codes of these poems.

    Raises:
        MetricError: fewer than two poems.
    """
    if len(ids) < 2:
        raise MetricError(f"{len(ids)} poem(s): swapping latents needs at least 2")
    order = torch.randperm(len(ids), generator=generator).to(ids.device)
    other = torch.empty_like(order)
    other[order] = order.roll(1)  # a single cycle, so that no poem keeps its own
    found = []
    for wanted in sorted(set(passes)):
        own, swapped = write(torch.arange(len(ids)), wanted), write(other, wanted)
        pairs = ((own, ids), (swapped, ids), (own, swapped), (ids, ids[other]))
        found.append(Usage(wanted, *((a == b).double().mean().item() for a, b in pairs)))
    return found
