"""Novelty against naive search and at its extremes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.novelty import Copies, longest_copies, novelty

poems = st.lists(st.lists(st.integers(1, 3), min_size=8, max_size=8), min_size=1, max_size=6).map(
    lambda rows: np.array(rows, dtype=np.int64)
)


def _naive_longest(row: list[int], training: list[list[int]]) -> int:
    text = ["".join(map(str, poem)) for poem in training]
    own = "".join(map(str, row))
    runs = (own[i:j] for i in range(8) for j in range(i + 1, 9))
    return max((len(run) for run in runs if any(run in poem for poem in text)), default=0)


@given(poems, poems)
def test_the_longest_copy_is_the_naive_one(ids: np.ndarray, training: np.ndarray) -> None:
    expected = [_naive_longest(row, training.tolist()) for row in ids.tolist()]
    assert longest_copies(ids, training).tolist() == expected


@given(poems, poems)
def test_known_lines_are_the_naive_ones(ids: np.ndarray, training: np.ndarray) -> None:
    lines = {tuple(line) for line in training.reshape(-1, 4).tolist()}
    expected = [tuple(line) in lines for line in ids.reshape(-1, 4).tolist()]
    found = Copies.fit(training, 4, ("lines",)).found(ids)["lines"]
    assert found.reshape(-1).tolist() == expected


@pytest.fixture
def training() -> np.ndarray:
    return np.random.default_rng(0).integers(2, 5000, (200, 10)).astype(np.uint16)


def test_copies_of_training_poems(training: np.ndarray) -> None:
    assert novelty(training[:20], training, chars=5) == {
        "known_lines": 1.0,
        "known_poems": 1.0,
        "longest_copy_mean": 10.0,
        "longest_copy": 10.0,
    }


def test_characters_that_no_training_poem_has(training: np.ndarray) -> None:
    assert novelty(training.astype(np.int64) + 5000, training, chars=5) == {
        "known_lines": 0.0,
        "known_poems": 0.0,
        "longest_copy_mean": 0.0,
        "longest_copy": 0.0,
    }


def test_a_poem_of_two_poems_lines_is_new_but_its_lines_are_not(training: np.ndarray) -> None:
    mixed = np.concatenate([training[:50, 5:], training[50:100, :5]], axis=1)
    figures = novelty(mixed, training, chars=5)
    assert (figures["known_lines"], figures["known_poems"]) == (1.0, 0.0)
    assert figures["longest_copy_mean"] == 5.0


def test_an_unknown_character_copies_no_other() -> None:
    poems = np.array([[2, 0, 3, 4]])
    assert novelty(poems, poems, chars=2) == {
        "known_lines": 0.5,
        "known_poems": 0.0,
        "longest_copy_mean": 2.0,
        "longest_copy": 2.0,
    }


def test_what_cannot_be_compared_is_refused(training: np.ndarray) -> None:
    for other in (training[:0], training[:, :5]):
        with pytest.raises(MetricError, match="same number of characters"):
            novelty(other, training, chars=5)
        with pytest.raises(MetricError, match="same number of characters"):
            novelty(training, other, chars=5)
