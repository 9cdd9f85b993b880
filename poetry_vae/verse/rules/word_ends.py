"""Where words end, by jieba's dictionary: which two characters are one word, and how a line is cut
while one of its places is open."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from poetry_vae.text.keywords import dictionary
from poetry_vae.verse.rules.alphabet import Alphabet

_NONE = "　"  # stands for what is no character


class WordEnds:
    """The words of jieba's dictionary over an alphabet of V characters.

    It reads what an alphabet shows in simplified script, character by character.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        self.words = dictionary()
        self.size = len(alphabet)
        self.symbols = [symbol or _NONE for symbol in alphabet.simplified]
        self._ids: dict[str, list[int]] = {}
        for i, symbol in enumerate(self.symbols):
            if symbol != _NONE:
                self._ids.setdefault(symbol, []).append(i)
        frequency = np.array([self.words.frequency.get(s) or 0 for s in self.symbols], dtype=float)
        with np.errstate(divide="ignore"):
            self._alone = np.log(frequency) - self.words.log_total
        """How likely each character is as a word of its own, −∞ where it is none, [V]."""
        self._unknown = np.flatnonzero(frequency == 0)
        self._between: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {"": {}}
        self._joins: dict[tuple[int, bool], Tensor] = {}

    @classmethod
    def of(cls, alphabet: Alphabet) -> WordEnds:
        """Those of an alphabet; remembered."""
        if alphabet not in _KNOWN:
            _KNOWN[alphabet] = cls(alphabet)
        return _KNOWN[alphabet]

    def joining(self, ids: Sequence[int], *, is_behind: bool) -> Tensor:
        """The characters that make a word behind each of these characters, or before it: [N, V].
        None does beside −1."""
        none = torch.zeros(self.size, dtype=torch.bool)
        return torch.stack([none if i < 0 else self._join(i, is_behind=is_behind) for i in ids])

    def _join(self, i: int, *, is_behind: bool) -> Tensor:
        if (i, is_behind) not in self._joins:
            own, out = self.symbols[i], torch.zeros(self.size, dtype=torch.bool)
            for other, ids in self._ids.items():
                if self.words.frequency.get(own + other if is_behind else other + own):
                    out[ids] = True
            self._joins[i, is_behind] = out
        return self._joins[i, is_behind]

    def cut(self, ids: Sequence[int]) -> list[int]:
        """How long the word is that would begin at each place of a line: lengths."""
        return list(_cut("".join(self.symbols[i] for i in ids))[1][:-1])

    def cut_with(self, ids: Sequence[int], place: int) -> Iterator[np.ndarray]:
        """The same with each character in turn at one place of a line: lengths [V], at this place,
        at the one before it, and so on to the first."""
        line = "".join(_NONE if i < 0 else self.symbols[i] for i in ids)
        behind = line[place + 1 :]
        ends = _cut(behind)[0]
        scores: dict[int, np.ndarray] = {}  # by where a word begins
        for start in range(place, -1, -1):
            length = np.ones(self.size, dtype=np.int8)
            best = self._alone + ends[0] if start == place else np.full(self.size, -np.inf)
            for stop in range(start + 1, place + 1):  # words that end before the place
                if self.words.frequency.get(line[start:stop]):
                    found = self.words.log_share(line[start:stop]) + scores[stop]
                    better = found >= best
                    best[better], length[better] = found[better], stop - start
            for more in range(start == place, len(behind) + 1):
                some, shares = self._made(line[start:place], behind[:more])
                if len(some):
                    found = shares + ends[more]
                    better = found >= best[some]
                    best[some[better]] = found[better]
                    length[some[better]] = place - start + 1 + more
            # A character that is no word and begins none here still counts as a word by itself.
            if start == place:
                alone = self._unknown[np.isneginf(best[self._unknown])]
                best[alone] = ends[0] - self.words.log_total
            elif not self.words.frequency.get(line[start]):
                alone = np.flatnonzero(np.isneginf(best))
                best[alone] = scores[start + 1][alone] - self.words.log_total
            scores[start] = best
            yield length

    def of_three(self, behind: Sequence[int]) -> list[int]:
        """The characters that make a word of three or more with those behind them: ids."""
        line = "".join(self.symbols[i] for i in behind)
        made = [self._made("", line[:more])[0] for more in range(2, len(line) + 1)]
        return [int(i) for some in made for i in some]

    @cached_property
    def pairs(self) -> tuple[Tensor, Tensor]:
        """The words of two characters into which a line is cut: the ids of both, [N] and [N]."""
        firsts, seconds = [], []
        for symbol, ids in self._ids.items():
            some, shares = self._made("", symbol)
            is_cut = shares >= self._alone[some] + self._alone[ids[0]]
            for second in ids:
                firsts.append(some[is_cut])
                seconds.append(np.full(int(is_cut.sum()), second))
        return torch.from_numpy(np.concatenate(firsts)), torch.from_numpy(np.concatenate(seconds))

    def _made(self, prefix: str, tail: str) -> tuple[np.ndarray, np.ndarray]:
        """The characters that make a word between the two: ids, and how likely the words are."""
        if (made := self._between.setdefault(prefix, {}).get(tail)) is not None:
            return made
        if not prefix:
            self._between[""][tail] = self._found(self.words.ending.get(tail, ()), 0)
        elif "" not in self._between[prefix]:  # all words at once, once for each prefix
            at = len(prefix)
            tails: dict[str, list[str]] = {"": []}
            for word in self.words.beginning.get(prefix[0], ()):
                if word.startswith(prefix) and len(word) > at:
                    tails.setdefault(word[at + 1 :], []).append(word)
            self._between[prefix] = {t: self._found(words, at) for t, words in tails.items()}
        return self._between[prefix].get(tail, _NOTHING)

    def _found(self, words: Sequence[str], at: int) -> tuple[np.ndarray, np.ndarray]:
        found = [(i, self.words.log_share(w)) for w in words for i in self._ids.get(w[at], ())]
        if not found:
            return _NOTHING
        ids, shares = zip(*found, strict=True)
        return np.array(ids), np.array(shares)


_NOTHING = np.array([], dtype=int), np.array([])
_KNOWN: WeakKeyDictionary[Alphabet, WordEnds] = WeakKeyDictionary()


@lru_cache(maxsize=1 << 14)
def _cut(line: str) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """The best score from each place of a line on, and how long the word there is; behind the line
    the score is 0. As jieba reckons, to the last bit: ties go to the longer word."""
    words = dictionary()
    scores, lengths = [0.0], [0]
    for start in range(len(line) - 1, -1, -1):
        ways = [
            (words.log_share(line[start:stop]) + scores[-1 - (stop - start - 1)], stop - start)
            for stop in range(start + 1, len(line) + 1)
            if words.frequency.get(line[start:stop])
        ]
        score, length = max(ways, default=(words.log_share(line[start]) + scores[-1], 1))
        scores.append(score)
        lengths.append(length)
    return tuple(reversed(scores)), tuple(reversed(lengths))
