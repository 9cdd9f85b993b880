"""How much of the samples stands in the training poems already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.text.ngrams import IntArray, Lengths, among, hashed, hashed_lines, told_apart
from poetry_vae.text.tokenizer import CharTokenizer


def novelty(ids: IntArray, training: IntArray, *, chars: Lengths) -> dict[str, float]:
    """Figures of samples ids [N, T] against training poems [M, T], lines of ``chars`` each.

    Keys: ``known_lines`` and ``known_poems``, shares of what stands in the training poems, and of
    the longest run of characters copied from them, ``longest_copy_mean`` over the samples and
    ``longest_copy`` of the worst.

    Raises:
        MetricError: no samples, no training poems, or poems of different lengths.
    """
    longest = longest_copies(ids, training)
    return {
        "known_lines": float(known(ids, training, chars=chars).mean()),
        "known_poems": float(known(ids, training, chars=ids.shape[1]).mean()),
        "longest_copy_mean": float(longest.mean()),
        "longest_copy": float(longest.max()),
    }


def known(ids: IntArray, training: IntArray, *, chars: Lengths) -> npt.NDArray[np.bool_]:
    """Which lines of samples ids [N, T] are lines of training poems [M, T], anywhere: [N, L].

    With ``chars`` = T, which whole poems: [N, 1].

    Raises:
        MetricError: as :func:`novelty`.
    """
    _check(ids, training)
    lines = np.sort(hashed_lines(training, chars), axis=None)
    return among(hashed_lines(_apart(ids), chars), lines)


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
    _check(ids, training)
    ids, T = _apart(ids), ids.shape[1]
    shortest = np.zeros(len(ids), dtype=np.int64)  # this much is copied
    longest = np.full(len(ids), T, dtype=np.int64)  # and no more than this
    # Hardly a sample is copied at length: the first guess is short, and halving begins there.
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


def _check(ids: IntArray, training: IntArray) -> None:
    if not len(ids) or not len(training) or ids.shape[1] != training.shape[1]:
        raise MetricError(
            f"samples {ids.shape} against training poems {training.shape}: both must be there, "
            "with the same number of characters"
        )


def _apart(ids: IntArray) -> npt.NDArray[np.int64]:
    return told_apart(ids, CharTokenizer.UNKNOWN)
