"""Orders in which the characters of poems are settled, as the turn of each: 0 is the first."""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.text.poem import Form


def shuffled(poems: int, positions: int, *, generator: torch.Generator | None) -> Tensor:
    """One place after the other, each order equally likely: [B, T] of 0 to T − 1."""
    device = generator.device if generator is not None else None
    return _ranks(torch.rand(poems, positions, generator=generator, device=device))


def grown(poems: int, form: Form, *, generator: torch.Generator | None) -> Tensor:
    """Each line outwards from a place of its own, lines taking turns: [B, T] of 0 to T − 1.

    So every character but a line's first has a neighbour to go by. On either side the next is as
    likely to come: places follow each other as fires that spread at random would reach them.
    """
    device = generator.device if generator is not None else None
    shape = (poems, form.lines, form.chars)
    begun = torch.randint(form.chars, (*shape[:2], 1), generator=generator, device=device)
    lots = torch.rand(shape, generator=generator, device=device)
    ways = (1 - lots).log().neg().cumsum(-1)  # exponential times, so that no side is ever overdue
    in_line = _ranks((ways - ways.gather(-1, begun)).abs())
    lines = _ranks(torch.rand(shape[:2], generator=generator, device=device))
    return (in_line * form.lines + lines[..., None]).flatten(1)


def _ranks(values: Tensor) -> Tensor:
    return values.argsort(-1).argsort(-1)
