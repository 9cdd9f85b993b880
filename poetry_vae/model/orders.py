"""Orders in which the characters of poems are settled."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.text.poem import Form


@dataclass(frozen=True)
class Order:
    """When the characters of poems are settled: each given all those of earlier turns.

    Places of one **path** follow one another: those of a line as it is written, or those that were
    there before. Paths do not change what a place may go by, only which character stands beside
    the question, see ``model.slots``.
    """

    turns: Tensor
    """The turn of each place, from 0: [B, T]."""
    paths: Tensor
    """The path of each place: [B, T]."""
    aside: Tensor
    """Places that are only asked about: what is settled there is for no other to go by, [B, T]."""

    def at(self, turn: Tensor) -> Order:
        """The question of a turn [B, 1]: what is open then is all asked for at once."""
        later = self.turns > turn
        return Order(torch.minimum(self.turns, turn), self.paths, self.aside | later)


def passes_of(form: Form) -> int:
    """How many turns it takes to write a poem."""
    return form.chars + form.lines - 1


def written(form: Form, given: Tensor, *, passes: int | None = None) -> Order:
    """The order in which poems are written: every line from its rhyme to its beginning.

    A line begins one turn after the line above it, so that L lines of C characters take C + L − 1
    turns. A character knows what follows it in its line, and of the lines above at least as much
    and what stands at its own place.

    Args:
        given: [B, T], turns of places that are known beforehand, one after the other from 0, and
            −1 for those that are to be written.
        passes: turns to write in; with less than it takes, neighbours come at once.
    """
    usual = passes_of(form)
    passes = usual if passes is None else min(passes, usual)
    shape = (len(given), form.lines, form.chars)
    is_open = given < 0
    after = is_open.view(shape).flip(-1).cumsum(-1).flip(-1) - 1  # open places behind it
    line = torch.arange(form.lines, device=given.device)[:, None]
    begun = (~is_open).sum(1)[:, None, None]
    written = begun + (line + after) * passes // usual
    turns = torch.where(is_open, written.flatten(1), given)
    paths = torch.where(is_open, (line + 1).expand(shape).flatten(1), 0)
    return Order(turns, paths, torch.zeros_like(is_open))


def read(settled: Tensor) -> Order:
    """What is ``settled`` [B, T], one after the other, and then every other place on its own."""
    number = settled.sum(1, keepdim=True)
    turns = torch.where(settled, settled.cumsum(1) - 1, number)
    return Order(turns, torch.zeros_like(turns), ~settled)


def nothing_given(poems: int, form: Form, device: torch.device | None = None) -> Tensor:
    """For :func:`written`: [B, T] of −1."""
    return torch.full((poems, form.positions), -1, device=device)


def some_given(poems: int, positions: int, *, generator: torch.Generator | None) -> Tensor:
    """For :func:`written`: 1 to T places, any number equally often, in any order: [B, T]."""
    device = generator.device if generator is not None else None
    number = torch.rand(poems, 1, generator=generator, device=device) * positions
    lots = torch.rand(poems, positions, generator=generator, device=device)
    ranks = lots.argsort(-1).argsort(-1)
    return torch.where(ranks <= number, ranks, -1)
