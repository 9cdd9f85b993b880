"""Word validity: known answers, a naive count, and chance."""

import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.words import (
    KnownPairs,
    dictionary_words,
    word_validity,
)
from poetry_vae.text.tokenizer import CharTokenizer

TOKENIZER = CharTokenizer(list("明月無風不人山雲縷罅"))


def ids(*lines: str) -> np.ndarray:
    return np.stack([TOKENIZER.encode_folded(line) for line in lines])


def none_known() -> KnownPairs:
    return KnownPairs.of(ids("明月")[:0], TOKENIZER, chars=2, min_count=1)


def test_the_dictionary_is_asked_in_simplified_script() -> None:
    assert "无风" in dictionary_words()
    assert all(len(word) == 2 for word in dictionary_words())
    poems = ids("明月無風", "罅縷縷罅")  # within four, 縷縷 is a word too
    figures = word_validity(poems, none_known(), chars=2)
    assert figures == {"corpus": 0.0, "dictionary": 0.5, "words": 0.5}
    assert word_validity(poems, none_known(), chars=4)["dictionary"] == 0.5


def test_the_corpus_knows_what_it_has_often_enough() -> None:
    training = ids("罅縷不人", "罅縷山雲", "人罅縷不")
    poems = ids("罅縷雲罅")  # across the middle it is no pair
    for min_count, share in ((1, 0.5), (2, 0.5), (3, 0.0)):  # the third 罅縷 stands across a break
        known = KnownPairs.of(training, TOKENIZER, chars=2, min_count=min_count)
        assert word_validity(poems, known, chars=2)["corpus"] == share


def test_the_shares_are_what_counting_gives() -> None:
    rng = np.random.default_rng(0)
    training, poems = rng.integers(2, 12, (2, 30, 6))

    def pairs(of: np.ndarray) -> list[tuple[int, int]]:
        return [(a, b) for x in of.reshape(-1, 3).tolist() for a, b in pairwise(x)]

    counted = pairs(training)
    expected = sum(counted.count(pair) >= 2 for pair in pairs(poems)) / len(pairs(poems))
    known = KnownPairs.of(training, TOKENIZER, chars=3, min_count=2)
    figures = word_validity(poems, known, chars=3)
    assert figures["corpus"] == pytest.approx(expected)
    assert 0 < expected < 1
    both = figures["corpus"] + figures["dictionary"]
    assert max(figures["corpus"], figures["dictionary"]) <= figures["words"] <= both


def test_unknown_characters_are_left_out() -> None:
    assert word_validity(np.array([[0, 2, 3]]), none_known(), chars=3)["dictionary"] == 1.0
    with pytest.raises(MetricError, match="not one pair"):
        word_validity(np.array([[0, 2]]), none_known(), chars=2)


def test_nothing_is_left_in_the_shared_temporary_folder() -> None:
    dictionary_words.cache_clear()
    cache = Path(tempfile.gettempdir()) / "jieba.cache"
    before = cache.stat().st_mtime if cache.exists() else None
    dictionary_words()
    assert (cache.stat().st_mtime if cache.exists() else None) == before
