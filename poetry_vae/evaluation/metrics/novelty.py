"""How much poems copy from others word for word: is this line known?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.text.ngrams import (
    Hashes,
    IntArray,
    Lengths,
    among,
    hashed,
    hashed_lines,
    told_apart,
)

STRINGS = ("3-grams", "4-grams", "lines", "poems")


@dataclass(frozen=True)
class Copies:
    """Strings of a set of poems of any symbols; n-grams run on from line to line."""

    chars: Lengths
    known: Mapping[str, Hashes]
    """By name of :data:`STRINGS`, sorted."""

    @classmethod
    def fit(cls, poems: IntArray, chars: Lengths, strings: Sequence[str] = STRINGS) -> Copies:
        """Collect these strings from poems [M, T] with lines of ``chars`` characters."""
        return cls(chars, {name: np.unique(_strings(poems, chars, name)) for name in strings})

    def found(self, poems: IntArray) -> dict[str, npt.NDArray[np.bool_]]:
        """Which strings of poems [N, T] are known, by name: [N, how many a poem has]."""
        return {
            name: among(_strings(poems, self.chars, name), known)
            for name, known in self.known.items()
        }


def _strings(poems: IntArray, chars: Lengths, name: str) -> Hashes:
    """The n-grams, lines or the whole of each poem, as numbers: [N, how many a poem has]."""
    if name == "lines":
        return hashed_lines(poems, chars)
    T = poems.shape[1]
    size = {"3-grams": 3, "4-grams": 4, "poems": T}[name]
    if size > T:
        return np.empty((len(poems), 0), np.uint64)
    return hashed(poems, size, chars=T)


def novelty(ids: IntArray, training: IntArray, *, chars: Lengths) -> dict[str, float]:
    """Figures of samples ids [N, T] against training poems [M, T], lines of ``chars`` each.

    Keys: ``known_lines`` and ``known_poems``, the shares that occur in the training poems; and for
    the longest run of characters copied from them, ``longest_copy_mean`` over the samples and
    ``longest_copy`` of the worst one.

    Raises:
        MetricError: no samples, no training poems, or poems of different lengths.
    """
    longest = longest_copies(ids, training)
    found = Copies.fit(training, chars, ("lines", "poems")).found(told_apart(ids))
    return {
        "known_lines": float(found["lines"].mean()),
        "known_poems": float(found["poems"].mean()),
        "longest_copy_mean": float(longest.mean()),
        "longest_copy": float(longest.max()),
    }


def longest_copies(ids: IntArray, training: IntArray) -> npt.NDArray[np.int64]:
    """Length of the longest run of characters that a sample shares with a training poem: [N].

    The run may stand anywhere in either poem and cross the ends of lines. Every part of a run that
    was copied was copied too, so the length is found by binary search, for all samples together:
    each round sorts the training poems' n-grams of the few lengths that are asked about.

    Args:
        ids: samples [N, T].
        training: [M, T].

    Raises:
        MetricError: as :func:`novelty`.
    """
    if not len(ids) or not len(training) or ids.shape[1] != training.shape[1]:
        raise MetricError(
            f"samples {ids.shape} against training poems {training.shape}: both must be there, "
            "with the same number of characters"
        )
    ids, T = told_apart(ids), ids.shape[1]
    shortest = np.zeros(len(ids), dtype=np.int64)  # this much is copied
    longest = np.full(len(ids), T, dtype=np.int64)  # and no more than this
    # Few samples copy long runs, so the first guess is short, and halving begins there.
    guess = np.full(len(ids), min(4, T), dtype=np.int64)
    while (open_ := shortest < longest).any():
        for n in np.unique(guess[open_]):
            rows = np.flatnonzero(open_ & (guess == n))
            there = np.sort(hashed(training, int(n), chars=T), axis=None)
            is_copied = among(hashed(ids[rows], int(n), chars=T), there).any(axis=1)
            shortest[rows[is_copied]] = n
            longest[rows[~is_copied]] = n - 1
        guess = (shortest + longest + 1) // 2
    return shortest
