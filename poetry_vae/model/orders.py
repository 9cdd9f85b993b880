"""Orders in which the characters of poems are settled."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poetry_vae.model.layout import Layout
from poetry_vae.text.form import Form


@dataclass(frozen=True)
class Order:
    """The pass that settles each character, given all characters of earlier passes.

    Places of one **path** follow one another: the places of a line as it is written, or those
    settled beforehand. Paths do not change which characters a place may depend on. They only decide
    which character shares a slot with the question, see ``model.slots``.
    """

    pass_of: Tensor
    """The pass of each place, from 0: [B, T]."""
    paths: Tensor
    """The path of each place: [B, T]."""
    aside: Tensor
    """Places that are only asked about: no other place depends on their characters, [B, T]."""

    def at(self, number: Tensor) -> Order:
        """The order that asks, at a pass [B, 1], for all places still open, all at once."""
        later = self.pass_of > number
        return Order(torch.minimum(self.pass_of, number), self.paths, self.aside | later)

    def repeated(self, times: int) -> Order:
        """All rows, so many times over."""
        return Order(*(part.repeat(times, 1) for part in (self.pass_of, self.paths, self.aside)))

    def expanded(self, rows: int) -> Order:
        """One row for each of so many poems, if there is one for all."""
        each = (self.pass_of, self.paths, self.aside)
        return Order(*(part.expand(max(rows, len(part)), -1) for part in each))


def passes_of(form: Form, *, in_turn: bool = False) -> int:
    """How many passes it takes to write a poem."""
    if in_turn:
        return form.positions
    return max(line + length for line, length in enumerate(form.lengths))


def written(
    layout: Layout, given: Tensor, *, in_turn: bool = False, passes: int | None = None
) -> Order:
    """The order in which poems are written: every line from its rhyme to its beginning.

    A line begins one pass after the line above it, so that L lines of C characters take C + L − 1
    passes. A character then depends on those that follow it in its line, and in the lines above on
    the same places, on its own place, and perhaps on more. If lines are written ``in_turn``, one
    character a pass, it depends on all of the lines above it.

    Args:
        given: [B, T], passes of places that are known beforehand, one after the other from 0, and
            −1 for those that are to be written.
        passes: how many passes to write in; by default as many as a poem takes of which nothing is
            given. With fewer, neighbours are written at once.
    """
    is_open = (given < 0) & layout.there
    begun = ((given >= 0) & layout.there).sum(1, keepdim=True)
    open_from = nn.functional.pad(is_open.flip(-1).cumsum(-1).flip(-1), (0, 1))  # [B, T + 1]
    start, end = (places.expand(given.shape) for places in (layout.start, layout.end))
    end = end.clamp_max(given.shape[1])
    after = open_from[:, :-1] - 1 - open_from.gather(1, end)  # open places behind it in its line
    above = open_from[:, :1] - open_from.gather(1, start) if in_turn else layout.line
    usual = int((layout.line + layout.from_start).max()) + 1 if not in_turn else given.shape[1]
    later = above + after
    if passes is not None and passes < usual:
        later = later * passes // usual
    pass_of = torch.where(is_open, begun + later, given.clamp_min(0))
    path = torch.ones_like(given) if in_turn else (layout.line + 1).expand(given.shape)
    return Order(pass_of, torch.where(is_open, path, 0), ~layout.there.expand(given.shape))


def read(settled: Tensor) -> Order:
    """First the places that are ``settled`` [B, T], in turn; then each other place by itself."""
    number = settled.sum(1, keepdim=True)
    pass_of = torch.where(settled, settled.cumsum(1) - 1, number)
    return Order(pass_of, torch.zeros_like(pass_of), ~settled)


def nothing_given(poems: int, layout: Layout) -> Tensor:
    """For :func:`written`: [B, T] of −1."""
    return torch.full((poems, layout.line.shape[1]), -1, device=layout.line.device)


def some_given(there: Tensor, *, generator: torch.Generator | None) -> Tensor:
    """For :func:`written`: 1 to T random places that are ``there`` [B, T], in random order: [B, T].
    Every number of places is equally likely."""
    number = torch.rand(len(there), 1, generator=generator, device=there.device)
    lots = torch.rand(there.shape, generator=generator, device=there.device)
    ranks = lots.masked_fill(~there, 2.0).argsort(-1).argsort(-1)
    return torch.where((ranks <= number * there.sum(1, keepdim=True)) & there, ranks, -1)
