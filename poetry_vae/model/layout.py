"""The places of characters in poems, which ``Form`` describes: as tensors for a batch, as vectors.

Poems of one form share a layout of one row. Poems of several forms are padded to the longest of
them; ``there`` tells the places of a poem from padding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.text.form import Form

_MOST_LINES = 16  # of which each has a vector of its own, counted from either end


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


class PlaceEmbedding(nn.Module):
    """The sum of six vectors. They encode the place counted from the end and from the beginning of
    the line, the line counted from the beginning and from the end of the poem, the place within a
    couplet, and the stanza.

    Places of a line are counted from its end, where the rhyme is, as well as from its beginning: a
    line of seven is a line of five with two characters before it. So forms share their parameters.
    """

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.chars = config.chars
        sizes = {
            "from_end": config.chars,
            "from_start": config.chars,
            "line": _MOST_LINES,
            "line_from_end": _MOST_LINES,
            "of_couplet": 2 * config.chars,
            "stanza": 3,
        }
        self.tables = nn.ModuleDict(
            {name: nn.Embedding(size, width) for name, size in sizes.items()}
        )
        for table in self.tables.parameters():
            nn.init.normal_(table, std=0.1)

    def numbers(self, layout: Layout) -> dict[str, Tensor]:
        """Which row of each table counts for a place, [B, T] a table."""
        last = _MOST_LINES - 1
        return {
            "from_end": layout.from_end,
            "from_start": layout.from_start,
            "line": layout.line.clamp_max(last),
            "line_from_end": layout.line_from_end.clamp_max(last),
            "of_couplet": layout.from_end + self.chars * (layout.line % 2),
            "stanza": layout.stanza,
        }

    def forward(self, layout: Layout) -> Tensor:
        """[B, T, width], 0 where there is no place."""
        numbers = self.numbers(layout)
        found = [table(numbers[name]) for name, table in self.tables.items()]
        out: Tensor = torch.stack(found).sum(0) * layout.there.unsqueeze(-1)
        return out
