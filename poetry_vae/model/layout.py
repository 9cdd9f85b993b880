"""The places of characters in poems, which ``Form`` describes, as tensors for a batch.

Poems of one form share a layout of one row. Poems of several forms are padded to the longest of
them; ``there`` tells the places of a poem from padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from poetry_vae.text.form import Form


@dataclass(frozen=True)
class Layout:
    """Each [B, T], or [1, T] where all poems are of one form; lines and places count from 0."""

    there: Tensor
    """Whether the place belongs to the poem; false for padding."""
    line: Tensor
    """The line that a place is in."""
    line_from_end: Tensor
    """How many lines come after that line."""
    from_start: Tensor
    """Characters of its line before it."""
    from_end: Tensor
    """Characters of its line after it."""
    stanza: Tensor
    """0 where a poem has no stanzas, else 1 or 2."""
    unit: Tensor
    """The unit of two lines that a place is in."""

    @classmethod
    def of(cls, form: Form) -> Layout:
        """The one row of a form."""
        there, *others = (torch.tensor([column]) for column in columns_of(form))
        return cls(there.bool(), *others)

    def __getitem__(self, rows: Tensor | slice) -> Layout:
        """The layout of some poems, or of many from a row for each form: [B', T]."""
        return Layout(*(getattr(self, field.name)[rows] for field in fields(self)))

    def to(self, device: torch.device) -> Layout:
        return Layout(*(getattr(self, field.name).to(device) for field in fields(self)))

    @property
    def start(self) -> Tensor:
        """The first place of the line that a place is in, [B, T]."""
        return self._places - self.from_start

    @property
    def end(self) -> Tensor:
        """The place after the line that a place is in, [B, T]."""
        return self._places + self.from_end + 1

    @property
    def _places(self) -> Tensor:
        return torch.arange(self.line.shape[1], device=self.line.device)


def columns_of(form: Form) -> tuple[Sequence[int], ...]:
    """The columns of :class:`Layout` for one form, of T numbers each."""
    L, line, second = form.lines, form.line_of, form.second_stanza
    return (
        [1] * form.positions,
        line,
        [L - 1 - i for i in line],
        form.from_start,
        form.from_end,
        [1 + (i >= second) if second else 0 for i in line],
        [i // 2 for i in line],
    )
