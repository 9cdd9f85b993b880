"""A vector for every place, from its position in its line and in the poem.

Places of a line are counted from its end, where the rhyme is, as well as from its beginning: a
line of seven is a line of five with two characters before it. So forms share their parameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layout import Layout

_MOST_LINES = 16  # of which each has a vector of its own, counted from either end


class PlaceEmbedding(nn.Module):
    """The sum of six vectors. They encode the place counted from the end and from the beginning of
    the line, the line counted from the beginning and from the end of the poem, the place within a
    couplet, and the stanza."""

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
        for table in self.tables.values():
            assert isinstance(table, nn.Embedding)
            nn.init.normal_(table.weight, std=0.1)

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
