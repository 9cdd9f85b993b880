"""How well two characters go together: pointwise mutual information of low rank.

Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization": the positive part of

    log p(a, b) / (p(a) · p′(b)) − log k,   p′(b) in proportion to count(b)^0.75,

factored by a truncated singular value decomposition. The product of two vectors is then also an
estimate for pairs that were never seen together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.judges.alphabet import Ints
from poetry_vae.text.form import Form

Vectors = npt.NDArray[np.float32]

RANK = 48
_CONTEXT_EXPONENT = 0.75
_SHIFT = 5.0  # k
_PAIRS_AT_ONCE = 8_000_000


def neighbours(form: Form) -> Ints:
    """Pairs of positions [P, 2] that follow each other within a line."""
    pairs = [(place, place + 1) for place in range(form.positions) if form.from_end[place]]
    return np.array(pairs, np.int64).reshape(-1, 2)


def aligned(form: Form) -> Ints:
    """Pairs of positions [P, 2] of adjacent lines, at the same distance from the ends of their
    lines."""
    pairs = [
        (place, form.ends[line + 1] - form.from_end[place])
        for place, line in enumerate(form.line_of)
        if line + 1 < form.lines and form.from_end[place] < form.lengths[line + 1]
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)


def across(form: Form) -> Ints:
    """All pairs of positions [P, 2] in two different lines, by pair of lines."""
    lines = [range(form.positions)[form.span(line)] for line in range(form.lines)]
    pairs = [pair for two in combinations(lines, 2) for pair in product(*two)]
    return np.array(pairs, np.int64).reshape(-1, 2)


@dataclass(frozen=True)
class Affinity:
    """A vector for every symbol as the first and as the second of a pair."""

    first: Vectors
    """[V, rank]."""
    second: Vectors
    """[V, rank]."""

    @classmethod
    def fit(
        cls, poems: Ints, pairs: Ints, vocabulary: int, *, seed: int, rank: int = RANK
    ) -> Affinity:
        """Learn from the symbols that poems [N, T] have at pairs of positions [P, 2]."""
        from scipy.sparse import csr_array
        from sklearn.utils.extmath import randomized_svd

        counts = _pair_counts(poems, pairs, vocabulary)
        rows, columns = np.nonzero(counts)
        if not len(rows):
            nothing = np.zeros((vocabulary, rank), np.float32)
            return cls(nothing, nothing)
        context = counts.sum(0) ** _CONTEXT_EXPONENT
        expected = counts.sum(1)[rows] * (context / context.sum())[columns]
        information = np.log(counts[rows, columns] / expected) - np.log(_SHIFT)
        positive = information > 0
        matrix = csr_array(
            (information[positive].astype(np.float32), (rows[positive], columns[positive])),
            shape=counts.shape,
        )
        u, s, v = randomized_svd(matrix, min(rank, vocabulary), n_iter=3, random_state=seed % 2**32)
        root = np.sqrt(s).astype(np.float32)
        return cls(u * root, v.T * root)

    def of_pairs(self, poems: Ints, pairs: Ints) -> Vectors:
        """The affinity of each pair of positions: poems [N, T], pairs [P, 2] → [N, P]."""
        columns = [
            np.einsum("nr,nr->n", self.first[poems[:, i]], self.second[poems[:, j]])
            for i, j in pairs
        ]
        return np.stack(columns, axis=1) if columns else np.empty((len(poems), 0), np.float32)

    def of_lines(self, poems: Ints, form: Form) -> Vectors:
        """The mean affinity of the characters of two lines, for all pairs: [N, L(L − 1)/2].

        A product of means is the mean of products.
        """
        lines = [poems[:, form.span(line)] for line in range(form.lines)]
        first = np.stack([self.first[line].mean(1) for line in lines])
        second = np.stack([self.second[line].mean(1) for line in lines])
        i, j = np.triu_indices(form.lines, k=1)
        means: Vectors = np.einsum("pnr,pnr->np", first[i], second[j])
        return means


def _pair_counts(poems: Ints, pairs: Ints, vocabulary: int) -> Ints:
    """How often symbol b stands in the second position where a stands in the first: [V, V]."""
    counts = np.zeros(vocabulary**2, np.int64)
    many = max(1, _PAIRS_AT_ONCE // max(1, len(pairs)))
    for start in range(0, len(poems), many):
        block = poems[start : start + many]
        keys = block[:, pairs[:, 0]] * vocabulary + block[:, pairs[:, 1]]
        counts += np.bincount(keys.ravel(), minlength=len(counts))
    return counts.reshape(vocabulary, vocabulary)
