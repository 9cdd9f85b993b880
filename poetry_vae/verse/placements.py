"""Where words may stand: every way to place the words of a theme in a poem."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from poetry_vae.text.form import Form
from poetry_vae.verse.constraints import ConstraintError
from poetry_vae.verse.shares import Shares

# Placements that are kept to choose among, a random choice where there are more.
_MOST = 512
_TRIES = 4096
# Where a word cannot stand its score is a large negative number, and not −∞.
_TINY = 1e-35


class Placements:
    """The ways to place words so that none leaves its line or touches another's characters.

    ``forms`` are the characters that may stand for each of a word's characters, a [length, V] of
    truth values a word (a simplified character stands for several), ``starts`` [A, W] the positions
    of the words' first characters in A ways to place W words, ``allowed`` [T, V] what a position
    may hold.
    """

    def __init__(self, forms: Sequence[Tensor], starts: Tensor, allowed: Tensor) -> None:
        self.forms, self.starts, self.allowed = tuple(forms), starts, allowed

    @classmethod
    def find(
        cls,
        form: Form,
        words: Sequence[str],
        forms: Sequence[Tensor],
        allowed: Tensor,
        *,
        settled: Sequence[Tensor],
        can_stand: Callable[[Tensor, Tensor], Tensor],
        generator: torch.Generator,
    ) -> Placements:
        """All ways, or many, that ``allowed`` [T, V] and all other rules admit.

        Args:
            settled: the one id that a character of a word can have, [length] a word, −1 where it
                has several.
            can_stand: tells of possibilities [A, T, V], and of what the words settle [A, T] (−1
                elsewhere), which of them some poem can meet, [A].

        Raises:
            ConstraintError: a word is longer than a line, or there is no place for the words.
        """
        slots = []
        for word, symbols in zip(words, forms, strict=True):
            if len(word) > max(form.lengths):
                raise ConstraintError(
                    f"the word {word} has {len(word)} characters, and a line of {form} only "
                    f"{max(form.lengths)}"
                )
            found = [
                start
                for start in range(form.positions)
                if len(word) <= form.from_end[start] + 1
                and bool((allowed[start : start + len(word)] & symbols).any(1).all())
            ]
            if not found:
                raise ConstraintError(
                    f"no line has room for the word {word} beside the characters given: leave one "
                    "of them out"
                )
            slots.append(found)
        lengths = list(map(len, words))
        ways = _ways(slots, lengths, generator)
        kept: list[Tensor] = []
        for some in torch.split(torch.tensor(ways, dtype=torch.long).view(-1, len(words)), 64):
            placed = cls(forms, some, allowed)
            fixed = torch.full((len(some), form.positions), -1)
            for number, ids in enumerate(settled):
                for offset, symbol in enumerate(ids):
                    fixed[torch.arange(len(some)), some[:, number] + offset] = symbol
            kept.append(some[can_stand(placed.possible(), fixed)])
            if sum(map(len, kept)) >= _MOST:
                break
        starts = torch.cat(kept)[:_MOST] if kept else torch.empty(0, len(words), dtype=torch.long)
        if not len(starts):
            raise ConstraintError(
                f"no place was found for the words {' '.join(words)} that keeps all the rest: ask "
                "for fewer words, or loosen metre and rhyme"
            )
        return cls(forms, starts, allowed)

    def first(self, ways: int) -> Placements:
        """Only some of the ways; they are in random order."""
        return Placements(self.forms, self.starts[:ways], self.allowed)

    def possible(self) -> Tensor:
        """What positions may hold under every way, [A, T, V] of truth values."""
        out = self.allowed.repeat(len(self.starts), 1, 1)
        for way, at, forms in self._places(torch.arange(len(self.starts))):
            out[way, at] &= forms
        return out

    def log_scores(self, shares: Shares) -> Tensor:
        """log p(the words stand so | z), beside what else is allowed, for every way: [R, A]."""
        total = shares.probs.new_zeros(len(shares.probs), len(self.starts))
        for word, symbols in enumerate(self.forms):
            for offset, forms in enumerate(symbols):
                at = shares.probs[:, :, forms].sum(-1).clamp_min(_TINY).log()  # [R, T]
                total = total + at[:, self.starts[:, word] + offset]
        return total

    def restrict(self, shares: Shares, way: Tensor) -> Shares:
        """Shares of R rows with the words of ``way`` [R] put in."""
        for rows, at, forms in self._places(way):
            shares = shares.within(rows, at, self.allowed[at] & forms)
        return shares

    def holds(self, way: Tensor) -> Tensor:
        """The positions that words take under ``way`` [R]: [R, T]."""
        taken = torch.zeros(len(way), len(self.allowed), dtype=torch.bool)
        for rows, at, _ in self._places(way):
            taken[rows, at] = True
        return taken

    def _places(self, way: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """For every character of every word: rows, its positions [R] and what may stand there."""
        rows = torch.arange(len(way))
        for word, symbols in enumerate(self.forms):
            for offset, forms in enumerate(symbols):
                yield rows, self.starts[way, word] + offset, forms


def _ways(
    slots: Sequence[Sequence[int]], lengths: Sequence[int], generator: torch.Generator
) -> list[tuple[int, ...]]:
    """Ways to choose a slot a word without overlap, in random order; all where they are few."""
    total = 1
    for found in slots:
        total *= len(found)
    if total <= _TRIES:
        ways: list[tuple[int, ...]] = [()]
        for found, length in zip(slots, lengths, strict=True):
            ways = [
                (*way, start)
                for way in ways
                for start in found
                if _is_free(way, lengths, start, length)
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
