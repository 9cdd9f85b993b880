"""Where words may stand: every way to place the words of a theme in a poem."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod

import torch
from torch import Tensor

from poetry_vae.text.form import Form
from poetry_vae.verse.masked_probabilities import MaskedProbabilities
from poetry_vae.verse.rules.rule import RuleError

_TRIES = 4096
# Where a word cannot stand its score is a large negative number, and not −∞.
_TINY = 1e-35


class Placements:
    """The ways to place words so that none leaves its line or touches another's characters.

    ``symbols`` are the characters that may stand for each of a word's characters, a [length, V] of
    truth values a word (a simplified character stands for several), ``starts`` [A, W] the positions
    of the words' first characters in A ways to place W words, ``allowed`` [T, V] what a position
    may hold.
    """

    def __init__(self, symbols: Sequence[Tensor], starts: Tensor, allowed: Tensor) -> None:
        self.symbols, self.starts, self.allowed = tuple(symbols), starts, allowed

    def __len__(self) -> int:
        """A, the number of ways."""
        return len(self.starts)

    def __getitem__(self, ways: Tensor) -> Placements:
        """Some of the ways."""
        return Placements(self.symbols, self.starts[ways], self.allowed)

    def only(self, columns: Tensor) -> Placements:
        """The same over some of the characters."""
        symbols = [word[:, columns] for word in self.symbols]
        return Placements(symbols, self.starts, self.allowed[:, columns])

    def possible(self) -> Tensor:
        """What positions may hold under every way, [A, T, V] of truth values."""
        out = self.allowed.repeat(len(self), 1, 1)
        for way, at, variants in self._places(torch.arange(len(self))):
            out[way, at] &= variants
        return out

    def fixed(self, same: Tensor) -> Tensor:
        """The character that a word puts at a place, or one of its like, −1 elsewhere: [A, T].

        Args:
            same: numbers that characters of one look share, [V].
        """
        out = torch.full((len(self), len(self.allowed)), -1)
        for way, at, variants in self._places(torch.arange(len(self))):
            if len(torch.unique(same[variants])) == 1:
                out[way, at] = int(variants.nonzero()[0, 0])
        return out

    def log_scores(self, masked: MaskedProbabilities) -> Tensor:
        """log p(the words are placed so | z), among all allowed characters, for every way:
        [R, A]."""
        total = masked.probs.new_zeros(len(masked.probs), len(self.starts))
        for word, symbols in enumerate(self.symbols):
            for offset, variants in enumerate(symbols):
                at = masked.probs[:, :, variants].sum(-1).clamp_min(_TINY).log()  # [R, T]
                total = total + at[:, self.starts[:, word] + offset]
        return total

    def restrict(self, masked: MaskedProbabilities, way: Tensor) -> MaskedProbabilities:
        """The masked probabilities of R rows with the words of ``way`` [R] put in."""
        for rows, at, variants in self._places(way):
            masked = masked.within(rows, at, self.allowed[at] & variants)
        return masked

    def edges(self, way: Tensor) -> tuple[Tensor, Tensor]:
        """Where words begin and where they end under ``way`` [R]: twice [R, T]."""
        begins = torch.zeros(len(way), len(self.allowed), dtype=torch.bool)
        ends = begins.clone()
        rows = torch.arange(len(way))
        for word, symbols in enumerate(self.symbols):
            begins[rows, self.starts[way, word]] = True
            ends[rows, self.starts[way, word] + len(symbols) - 1] = True
        return begins, ends

    def _places(self, way: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """For every character of every word: rows, its positions [R] and what may stand there."""
        rows = torch.arange(len(way))
        for word, symbols in enumerate(self.symbols):
            for offset, variants in enumerate(symbols):
                yield rows, self.starts[way, word] + offset, variants


def ways_to_place(
    form: Form,
    words: Sequence[str],
    symbols: Sequence[Tensor],
    allowed: Tensor,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Ways to place words where ``allowed`` [T, V] has room for their ``symbols``: starts [A, W].

    In random order; all of them where they are few.

    Raises:
        RuleError: a word is longer than a line, or there is no place for it.
    """
    slots = []
    for word, rows in zip(words, symbols, strict=True):
        if len(word) > max(form.lengths):
            raise RuleError(
                f"the word {word} has {len(word)} characters, and a line of {form} only "
                f"{max(form.lengths)}"
            )
        found = [
            start
            for start in range(form.positions)
            if len(word) <= form.from_end[start] + 1
            and bool((allowed[start : start + len(word)] & rows).any(1).all())
        ]
        if not found:
            raise RuleError(
                f"no line has room for the word {word} beside all else that is asked for: leave "
                "something out"
            )
        slots.append(found)
    ways = _ways(slots, list(map(len, words)), generator)
    return torch.tensor(ways, dtype=torch.long).view(-1, len(words))


def _ways(
    slots: Sequence[Sequence[int]], lengths: Sequence[int], generator: torch.Generator
) -> list[tuple[int, ...]]:
    """Ways to choose a slot a word without overlap, in random order; all where they are few."""
    if prod(map(len, slots)) <= _TRIES:
        numbers = range(len(slots))
        ways = [
            way
            for way in product(*slots)
            if all(_is_free(way[:i], lengths, way[i], lengths[i]) for i in numbers)
        ]
        order = torch.randperm(len(ways), generator=generator).tolist()
        return [ways[i] for i in order]
    tried: dict[tuple[int, ...], None] = {}
    for _ in range(_TRIES):
        way: tuple[int, ...] = ()
        for found, length in zip(slots, lengths, strict=True):
            free = [s for s in found if _is_free(way, lengths, s, length)]
            if not free:
                break
            way = (*way, free[int(torch.randint(len(free), (1,), generator=generator))])
        else:
            tried[way] = None
    return list(tried)


def _is_free(way: Sequence[int], lengths: Sequence[int], start: int, length: int) -> bool:
    return all(
        start + length <= other or other + taken <= start
        for other, taken in zip(way, lengths, strict=False)
    )
