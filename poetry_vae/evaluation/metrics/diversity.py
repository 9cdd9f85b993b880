"""How much poems differ from each other, and whether a poem repeats itself.

All figures but ``repeats`` depend on how many poems are compared: distinct-2 falls with their
number and self-BLEU rises. Samples and real poems are measured with the same number of each.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.text.ngrams import Hashes, IntArray, Lengths, hashed, told_apart

# The hits that a precision of 0 hits counts as: method 1 of Chen & Cherry 2014, as Texygen uses it.
_NO_HIT = 0.1


def diversity(ids: IntArray, *, chars: Lengths) -> dict[str, float]:
    """All figures of this file for poems ids [N, T] with lines of ``chars`` characters.

    Keys: ``distinct_2``, ``unique_poems``, ``self_bleu_2``, ``repeats``; each from 0 to 1.

    Raises:
        MetricError: fewer than two poems.
    """
    return {
        "distinct_2": distinct(ids, 2, chars=chars),
        "unique_poems": unique_poems(ids),
        "self_bleu_2": self_bleu_2(ids, chars=chars),
        "repeats": repeats(ids),
    }


def distinct(ids: IntArray, n: int, *, chars: Lengths) -> float:
    """Different n-grams inside lines, as a share of all n-grams inside lines.

    Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models",
    section 5.1, with n-grams instead of characters in the denominator, so that 1 is the most.
    """
    grams = hashed(told_apart(ids), n, chars=chars)
    return len(np.unique(grams)) / grams.size


def unique_poems(ids: IntArray) -> float:
    """Different poems as a share of all: ids [N, T]."""
    poems = hashed(told_apart(ids), ids.shape[1], chars=ids.shape[1])
    return len(np.unique(poems)) / len(ids)


def repeats(ids: IntArray) -> float:
    """Share of poems ids [N, T] in which a character stands twice, wherever."""
    ordered = np.sort(told_apart(ids), axis=1)
    return float((ordered[:, 1:] == ordered[:, :-1]).any(axis=1).mean())


def self_bleu_2(ids: IntArray, *, chars: Lengths) -> float:
    """Mean over poems of BLEU-2 against all other poems as references: 0 all differ, 1 all alike.

    Zhu et al. 2018, "Texygen", section 3.2. With c_i(g) the count of n-gram g in poem i,

        p_n(i) = Σ_g min(c_i(g), max_{j≠i} c_j(g)) / Σ_g c_i(g),    BLEU-2(i) = √(p_1(i) · p_2(i)),

    the pairs inside lines only. All poems are of one length, so there is no brevity penalty. Where
    a poem shares no pair with any other, 0.1 stands for its 0 hits; where it shares no character,
    its BLEU is 0.

    Raises:
        MetricError: fewer than two poems.
    """
    if len(ids) < 2:
        raise MetricError(f"self-BLEU of {len(ids)} poem(s): it takes at least 2")
    if max([chars] if isinstance(chars, int) else chars) < 2:
        raise MetricError("self-BLEU-2 of lines of one character: there are no pairs")
    apart = told_apart(ids)
    characters, pairs = (hashed(apart, n, chars=chars) for n in (1, 2))
    hits_1, hits_2 = _clipped_hits(characters), _clipped_hits(pairs)
    p_1 = hits_1 / characters.shape[1]
    p_2 = np.where(hits_2 == 0, _NO_HIT, hits_2) / pairs.shape[1]
    return float(np.sqrt(p_1 * p_2).mean())


def _clipped_hits(grams: Hashes) -> npt.NDArray[np.int64]:
    """Σ_g min(c_i(g), max_{j≠i} c_j(g)) of every row i of grams [N, G]: [N].

    The maximum over all other rows is the largest count of g anywhere, or the second largest for
    the row that holds the largest.
    """
    rows = np.repeat(np.arange(len(grams)), grams.shape[1])
    _, numbers = np.unique(grams, return_inverse=True)
    keys, counts = np.unique(
        numbers.reshape(-1).astype(np.int64) * len(grams) + rows, return_counts=True
    )
    gram, row = np.divmod(keys, len(grams))
    order = np.lexsort((-counts, gram))
    gram, row, counts = gram[order], row[order], counts[order]
    first = np.flatnonzero(np.concatenate([[True], gram[1:] != gram[:-1]]))
    alone = np.diff(np.append(first, len(gram))) == 1
    largest = counts[first]
    second = np.where(alone, 0, counts[np.minimum(first + 1, len(counts) - 1)])
    others = largest[np.cumsum(np.isin(np.arange(len(gram)), first)) - 1]
    others[first] = second
    return np.bincount(row, weights=np.minimum(counts, others), minlength=len(grams)).astype(
        np.int64
    )
