"""Poems as the judges read them: simplified script, common characters, everything else one symbol.

The samples may come from a model with another vocabulary or from a program that knows simplified
script only. So real poems and samples are first converted in the same way, and all characters that
are too rare to learn from share one symbol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.text.script import to_simplified

Poems = Sequence[str]
"""Poems in the models' orthography: the T characters of each, and nothing else."""
Ints = npt.NDArray[np.int64]
CodePoints = npt.NDArray[np.uint32]

MOST_CHARACTERS = 6000
_CODE_POINTS = 0x110000


def simplified(poems: Poems, form: Form) -> CodePoints:
    """The poems' characters in simplified script, as code points: [N, T].

    Raises:
        FormError: a poem is not of the form.
    """
    for number, text in enumerate(poems, start=1):
        if len(text) != form.positions:
            raise FormError(
                f"poem {number} ({text[:40]!r}) has {len(text)} characters and is no {form} "
                f"({form.described})"
            )
    # Converted in one piece, which is many times as fast as poem by poem. Line ends keep OpenCC
    # from finding a phrase across two lines.
    original = _code_points("".join(poems)).reshape(-1, form.positions)
    ends = [*form.starts[1:], form.positions]
    text = np.insert(original, ends, ord("\n"), axis=1).astype("<u4").tobytes().decode("utf-32-le")
    converted = _code_points(to_simplified(text))
    if len(converted) != len(text):  # a phrase of OpenCC's table is longer than its translation
        converted = _code_points("".join(map(to_simplified, text)))
    rows = converted.reshape(-1, form.positions + form.lines)
    return np.delete(rows, np.array(ends) + np.arange(form.lines), axis=1)


def _code_points(text: str) -> CodePoints:
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.uint32)


@dataclass(frozen=True)
class SymbolTable:
    """Symbols: the characters by falling frequency, then one for all others, then a line's end."""

    characters: str

    @classmethod
    def of(cls, poems: CodePoints, most: int = MOST_CHARACTERS) -> SymbolTable:
        """The commonest characters of poems from :func:`simplified`, equal ones by code point."""
        counts = np.bincount(poems.ravel(), minlength=_CODE_POINTS)
        common = np.argsort(-counts, kind="stable")[:most]
        return cls("".join(map(chr, common[counts[common] > 0])))

    @property
    def other(self) -> int:
        """The symbol of every character that is not in the alphabet."""
        return len(self.characters)

    @property
    def separator(self) -> int:
        """The symbol between two lines."""
        return len(self.characters) + 1

    def __len__(self) -> int:
        """All symbols, these two included."""
        return len(self.characters) + 2

    @cached_property
    def _symbols(self) -> Ints:
        table = np.full(_CODE_POINTS, self.other, np.int64)
        table[_code_points(self.characters)] = np.arange(self.other)
        return table

    def read(self, poems: CodePoints) -> Ints:
        """The symbols of poems from :func:`simplified`, [N, T]."""
        return self._symbols[poems]

    def with_separators(self, symbols: Ints, form: Form) -> Ints:
        """[N, T] → [N, T + L − 1], a separator between lines."""
        return np.insert(symbols, form.starts[1:], self.separator, axis=1)
