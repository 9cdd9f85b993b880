"""The n-gram model against a naive one of dictionaries, its samples against its probabilities."""

from __future__ import annotations

import runpy
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poetry_vae.evaluation.judges.kneser_ney import KneserNey, LanguageModelError

START = "start"
SCRIPT = Path(__file__).parents[1] / "scripts" / "benchmarks" / "drawn_ngrams.py"
sample = runpy.run_path(str(SCRIPT))["sample"]


class Naive:
    """Modified Kneser–Ney from its definition, one n-gram at a time."""

    def __init__(self, sequences: np.ndarray, vocabulary: int, order: int) -> None:
        self.vocabulary = vocabulary
        raw = [Counter[tuple[object, ...]]() for _ in range(order + 1)]
        for sequence in sequences.tolist():
            padded = [START, *sequence]
            for n in range(1, order + 1):
                raw[n].update(tuple(padded[i : i + n]) for i in range(len(padded) - n + 1))
        self.counts: list[dict[tuple[object, ...], int]] = [{} for _ in range(order + 1)]
        for n in range(1, order + 1):
            for gram, count in raw[n].items():
                if gram == (START,):
                    continue
                if n == order or gram[0] == START:
                    self.counts[n][gram] = count
                else:
                    self.counts[n][gram] = sum(longer[1:] == gram for longer in raw[n + 1])
        self.discounts = [self._discounts(counts) for counts in self.counts]
        self.children: dict[tuple[object, ...], list[int]] = defaultdict(list)
        for counts in self.counts:
            for gram, count in counts.items():
                self.children[gram[:-1]].append(count)

    @staticmethod
    def _discounts(counts: dict[tuple[object, ...], int]) -> list[float]:
        n = Counter(counts.values())
        found = [0.0]
        for c, usual in ((1, 0.5), (2, 1.0), (3, 1.5)):
            d = -1.0
            if n[1] and n[c]:
                d = c - (c + 1) * n[1] / (n[1] + 2 * n[2]) * n[c + 1] / n[c]
            found.append(d if 0 <= d <= c else usual)
        return found

    def p(self, symbol: int, history: tuple[object, ...]) -> float:
        below = self.p(symbol, history[1:]) if history else 1 / self.vocabulary
        children = self.children[history]
        if not children:
            return below
        discounts = self.discounts[len(history) + 1]
        count = self.counts[len(history) + 1].get((*history, symbol), 0)
        kept_back = sum(discounts[min(c, 3)] for c in children)
        left = count - discounts[min(count, 3)]
        return (left + kept_back * below) / sum(children)

    def sequence(self, symbols: list[int], order: int) -> list[float]:
        padded: list[object] = [START, *symbols]
        return [
            self.p(symbol, tuple(padded[max(0, i + 2 - order) : i + 1]))
            for i, symbol in enumerate(symbols)
        ]


def _skewed(rng: np.random.Generator, n: int, length: int, vocabulary: int) -> np.ndarray:
    """Sequences in which the next symbol depends on the one before."""
    steps = np.minimum(rng.geometric(0.45, (n, length)) - 1, vocabulary - 1)
    return np.cumsum(steps, axis=1) % vocabulary


def _distribution(model: KneserNey, prefix: Sequence[int]) -> np.ndarray:
    """p(next symbol | all symbols so far), by the model's own probabilities of sequences."""
    whole = [[*prefix, symbol] for symbol in range(model.vocabulary)]
    return np.exp(model.log_prob(np.array(whole))[:, -1])


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    n=st.integers(1, 80),
    length=st.integers(1, 7),
    vocabulary=st.integers(1, 9),
    order=st.integers(1, 5),
)
def test_probabilities_are_those_of_the_definition(
    seed: int, n: int, length: int, vocabulary: int, order: int
) -> None:
    rng = np.random.default_rng(seed)
    seen, unseen = (_skewed(rng, m, length, vocabulary) for m in (n, 5))
    naive, fast = Naive(seen, vocabulary, order), KneserNey.fit(seen, vocabulary, order)
    for poems in (seen[:5], unseen):
        expected = np.log([naive.sequence(poem, order) for poem in poems.tolist()])
        np.testing.assert_allclose(fast.log_prob(poems), expected, rtol=1e-9, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    known=st.integers(0, 6),
    vocabulary=st.integers(1, 12),
    order=st.integers(1, 5),
)
def test_probabilities_sum_to_one_after_any_beginning(
    seed: int, known: int, vocabulary: int, order: int
) -> None:
    rng = np.random.default_rng(seed)
    model = KneserNey.fit(_skewed(rng, 60, 7, vocabulary), vocabulary, order)
    for prefix in rng.integers(vocabulary, size=(9, known)).tolist():
        p = _distribution(model, prefix)
        assert p.sum() == pytest.approx(1, rel=1e-12)
        assert (p > 0).all()


@pytest.mark.parametrize("temperature", [1.0, 0.6])
def test_samples_have_the_probabilities_of_the_model(temperature: float) -> None:
    rng = np.random.default_rng(0)
    model = KneserNey.fit(_skewed(rng, 100, 2, 4), 4, 3)
    n = 60_000
    samples = sample(model, n, rng, length=2, temperature=temperature)
    first = _distribution(model, []) ** (1 / temperature)
    second = np.stack([_distribution(model, [symbol]) for symbol in range(4)]) ** (1 / temperature)
    expected = (first / first.sum())[:, None] * second / second.sum(axis=1, keepdims=True)
    counted = np.bincount(samples[:, 0] * 4 + samples[:, 1], minlength=16).reshape(4, 4) / n
    error = np.sqrt(expected * (1 - expected) / n)
    assert (np.abs(counted - expected) < 4.5 * error).all()


def test_fixed_symbols_stand_where_they_are_and_nowhere_else() -> None:
    rng = np.random.default_rng(0)
    poems = _skewed(rng, 200, 5, 6)
    poems[:, 2] = 5
    model = KneserNey.fit(poems, 6, 3)
    for temperature in (1.0, 0.5):
        drawn = sample(
            model, 500, rng, length=5, fixed={2: 5}, without=[5], temperature=temperature
        )
        assert (drawn[:, 2] == 5).all()
        assert (np.delete(drawn, 2, axis=1) < 5).all()


def test_excluding_a_nearly_certain_symbol_still_ends() -> None:
    poems = np.zeros((5_000, 3), np.int64)
    poems[0] = 1
    drawn = sample(KneserNey.fit(poems, 2, 2), 50, np.random.default_rng(0), length=3, without=[0])
    assert (drawn == 1).all()


def test_temperature_zero_takes_the_likeliest_and_a_seed_decides_the_rest() -> None:
    model = KneserNey.fit(_skewed(np.random.default_rng(0), 300, 5, 6), 6, 3)
    greedy = sample(model, 3, np.random.default_rng(1), length=5, temperature=0)
    assert (greedy == greedy[0]).all()
    assert greedy[0, 0] == _distribution(model, []).argmax()
    once, again, other = (
        sample(model, 50, np.random.default_rng(seed), length=5) for seed in (1, 1, 2)
    )
    assert (once == again).all()
    assert (once != other).any()


def test_a_model_of_more_order_than_the_sequences_have_symbols() -> None:
    poems = _skewed(np.random.default_rng(0), 50, 2, 3)
    np.testing.assert_array_equal(
        KneserNey.fit(poems, 3, 9).log_prob(poems), KneserNey.fit(poems, 3, 3).log_prob(poems)
    )


@pytest.mark.parametrize(
    ("poems", "message"),
    [
        (np.zeros((0, 3), int), "0 sequences"),
        (np.array([[0, 7]]), "0 to 7: the vocabulary has 4"),
        (np.array([[-1, 2]]), "-1 to 2"),
        (np.array([0, 1]), r"shape \(2,\)"),
        (np.array([[0.5, 1.0]]), "float64"),
    ],
)
def test_what_cannot_be_counted_is_refused(poems: np.ndarray, message: str) -> None:
    with pytest.raises(LanguageModelError, match=message):
        KneserNey.fit(poems, 4, 3)


def test_a_temperature_below_zero_is_refused() -> None:
    model = KneserNey.fit(np.array([[0, 1]]), 2, 2)
    with pytest.raises(LanguageModelError, match="temperature is -1"):
        sample(model, 2, np.random.default_rng(0), length=2, temperature=-1)
