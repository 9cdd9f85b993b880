"""Diversity against naive formulas and at its extremes."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.evaluation.metrics.diversity import (
    distinct,
    diversity,
    repeats,
    self_bleu_2,
    unique_poems,
)
from poetry_vae.evaluation.metrics.errors import MetricError

poems = st.lists(st.lists(st.integers(1, 6), min_size=6, max_size=6), min_size=2, max_size=12).map(
    lambda rows: np.array(rows, dtype=np.int64)
)


def _grams(row: list[int], n: int, chars: int) -> Counter[tuple[int, ...]]:
    lines = [row[i : i + chars] for i in range(0, len(row), chars)]
    return Counter(tuple(line[i : i + n]) for line in lines for i in range(len(line) - n + 1))


def _naive_self_bleu(ids: np.ndarray, chars: int) -> float:
    rows = ids.tolist()
    scores = []
    for i, row in enumerate(rows):
        precisions = []
        for n in (1, 2):
            own = _grams(row, n, chars)
            others = [_grams(other, n, chars) for j, other in enumerate(rows) if j != i]
            hits = sum(min(c, max(other[g] for other in others)) for g, c in own.items())
            if n == 2 and hits == 0:
                hits = 0.1
            precisions.append(hits / sum(own.values()))
        scores.append(math.sqrt(math.prod(precisions)))
    return sum(scores) / len(scores)


@given(poems)
def test_self_bleu_is_the_naive_formula(ids: np.ndarray) -> None:
    assert self_bleu_2(ids, chars=3) == pytest.approx(_naive_self_bleu(ids, 3))


@given(poems)
def test_the_rest_is_what_counting_gives(ids: np.ndarray) -> None:
    rows = ids.tolist()
    pairs = [gram for row in rows for gram in _grams(row, 2, 3).elements()]
    assert distinct(ids, 2, chars=3) == pytest.approx(len(set(pairs)) / len(pairs))
    assert unique_poems(ids) == pytest.approx(len(set(map(tuple, rows))) / len(rows))
    assert repeats(ids) == pytest.approx(sum(len(set(row)) < 6 for row in rows) / len(rows))


def test_poems_without_a_character_in_common() -> None:
    ids = np.arange(1, 1 + 50 * 10).reshape(50, 10)
    assert diversity(ids, chars=5) == {
        "distinct_2": 1.0,
        "unique_poems": 1.0,
        "self_bleu_2": 0.0,
        "repeats": 0.0,
    }


def test_one_poem_fifty_times() -> None:
    ids = np.tile(np.arange(1, 11), (50, 1))
    assert diversity(ids, chars=5) == {
        "distinct_2": 8 / 400,
        "unique_poems": 1 / 50,
        "self_bleu_2": 1.0,
        "repeats": 0.0,
    }


def test_pairs_across_the_end_of_a_line_do_not_count() -> None:
    ids = np.array([[1, 2, 3, 4], [5, 2, 3, 6]])  # 2 3 stands across the break
    assert distinct(ids, 2, chars=2) == 1.0
    assert distinct(ids, 2, chars=4) == 5 / 6


def test_two_unknown_characters_are_no_repetition() -> None:
    assert repeats(np.array([[0, 1, 0, 2], [1, 2, 3, 1]])) == 0.5
    assert unique_poems(np.array([[0, 1], [0, 1]])) == 1.0


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(MetricError, match="at least 2"):
        diversity(np.ones((1, 10), dtype=np.int64), chars=5)
    with pytest.raises(MetricError, match="one character"):
        self_bleu_2(np.ones((3, 4), dtype=np.int64), chars=1)
