"""Which two characters are one word, by jieba's dictionary."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from poetry_vae.text.keywords import pairs_that_are_words
from poetry_vae.verse.rules.alphabet import Alphabet


class WordEnds:
    """Pairs of characters of an alphabet that the dictionary has as a word, by either of them."""

    def __init__(self, alphabet: Alphabet) -> None:
        by_symbol: dict[str, list[int]] = {}
        for i, symbol in enumerate(alphabet.simplified):
            if symbol:
                by_symbol.setdefault(symbol, []).append(i)
        self._behind: dict[int, list[int]] = {}
        self._before: dict[int, list[int]] = {}
        for pair in pairs_that_are_words():
            for a in by_symbol.get(pair[0], ()):
                for b in by_symbol.get(pair[1], ()):
                    self._behind.setdefault(a, []).append(b)
                    self._before.setdefault(b, []).append(a)
        self.size = len(alphabet)

    @classmethod
    def of(cls, alphabet: Alphabet) -> WordEnds:
        """The pairs of an alphabet; remembered, since there are a hundred thousand."""
        if alphabet not in _KNOWN:
            _KNOWN[alphabet] = cls(alphabet)
        return _KNOWN[alphabet]

    def behind(self, ids: Sequence[int]) -> Tensor:
        """What makes a word when it stands behind each of these characters, [N, V]; behind −1
        nothing does."""
        return self._rows(self._behind, ids)

    def before(self, ids: Sequence[int]) -> Tensor:
        """What makes a word when it stands before each of these characters, [N, V]."""
        return self._rows(self._before, ids)

    def _rows(self, table: dict[int, list[int]], ids: Sequence[int]) -> Tensor:
        out = torch.zeros(len(ids), self.size, dtype=torch.bool)
        for row, i in enumerate(ids):
            if i in table:
                out[row, table[i]] = True
        return out


_KNOWN: WeakKeyDictionary[Alphabet, WordEnds] = WeakKeyDictionary()
