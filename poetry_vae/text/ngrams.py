"""n-grams of characters as 64-bit numbers, so that millions can be sorted and looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from poetry_vae.text.tokenizer import CharTokenizer

IntArray = npt.NDArray[np.integer[Any]]
Hashes = npt.NDArray[np.uint64]

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that multiplying loses nothing


Lengths = int | Sequence[int]
"""The characters of every line, or of each line."""


def lines_of(positions: int, chars: Lengths) -> list[slice]:
    """The places of each line of poems of so many positions.

    Raises:
        ValueError: lines of such lengths do not make poems of so many positions.
    """
    lengths = [chars] * (positions // max(chars, 1)) if isinstance(chars, int) else list(chars)
    if sum(lengths) != positions or min(lengths, default=0) < 1:
        raise ValueError(f"lines of {chars} do not make poems of {positions} characters")
    ends = np.cumsum(lengths).tolist()
    return [slice(end - length, end) for end, length in zip(ends, lengths, strict=True)]


def hashed(ids: IntArray, n: int, *, chars: Lengths) -> Hashes:
    """Every n-gram inside the lines of poems ids [N, T] as a number: [N, Σ(C−n+1)].

    ``chars`` is C, the length of a line, or of each; with C = T the n-grams run on from line to
    line. Lines of fewer than n characters have none. The numbers are the same in every process:
    symbols are scattered over 64 bits and combined by a polynomial modulo 2^64. That two of a
    million different n-grams get the same number happens with a probability below one in a million.

    Raises:
        ValueError: such lines do not have T characters, or no line has n characters.
    """
    lines = lines_of(ids.shape[1], chars)
    starts = [s for line in lines for s in range(line.start, line.stop - n + 1)]
    if n < 1 or not starts:
        raise ValueError(f"{n}-grams in lines of {chars} of {ids.shape[1]} characters")
    symbols, first = _scattered(ids), np.array(starts)
    result = symbols[:, first]
    for j in range(1, n):
        result *= _MULTIPLIER
        result += symbols[:, first + j]
    return result


def hashed_lines(ids: IntArray, chars: Lengths) -> Hashes:
    """Every line of poems ids [N, T] as a number: [N, L]."""
    lines = lines_of(ids.shape[1], chars)
    each = [ids[:, line] for line in lines]
    return np.concatenate([hashed(x, x.shape[1], chars=x.shape[1]) for x in each], axis=1)


def among(wanted: Hashes, known: Hashes) -> npt.NDArray[np.bool_]:
    """Whether each of the numbers ``wanted`` (any shape) is in ``known`` [M], which is sorted."""
    if not len(known):
        return np.zeros(wanted.shape, dtype=bool)
    place = np.searchsorted(known, wanted)
    found: npt.NDArray[np.bool_] = known[np.minimum(place, len(known) - 1)] == wanted
    return found


def told_apart(ids: IntArray) -> npt.NDArray[np.int64]:
    """The ids with a number of its own for every unknown character: [N, T].

    The symbol may be any character outside the vocabulary. So two of them are not a repetition, and
    two lines that hold one are not copies of each other.
    """
    result = ids.astype(np.int64)
    where = result == CharTokenizer.UNKNOWN
    result[where] = -1 - np.arange(np.count_nonzero(where))
    return result


def _scattered(ids: IntArray) -> Hashes:
    """Each symbol as 64 well-mixed bits: the finaliser of SplitMix64 (Steele et al. 2014)."""
    x = ids.astype(np.int64).view(np.uint64) * _MULTIPLIER
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
