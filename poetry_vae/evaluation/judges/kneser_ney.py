"""An n-gram language model: interpolated modified Kneser–Ney, in sorted arrays.

Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 3:

    p_k(w | h) = max(c(hw) − D(c(hw)), 0) / c(h) + γ(h) p_{k−1}(w | h without its first symbol)

with one discount for counts of 1, of 2, and of 3 or more in each order, and the uniform
distribution below order 1. In the highest order c counts occurrences; below, it counts the
different symbols that stand before the n-gram, except where the n-gram begins with the poem:
nothing can stand before it.

The n-grams of an order are one sorted array, and an n-gram is found by the place of its first n − 1
symbols in the array of the order below: key = place · (V + 1) + last symbol. So no order is too
high for 64 bits, and the continuations of a history are neighbours in the array.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poetry_vae.text.errors import PoetryVAEError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ROWS = 256  # full distributions made at once: 256 times 6,000 symbols are 12 MB
_REDRAWS = 20


class LanguageModelError(PoetryVAEError):
    """Sequences a language model cannot be fitted to or asked about."""


@dataclass(frozen=True)
class Order:
    """The n-grams of one length."""

    keys: Ints
    """[G], sorted."""
    mass: Floats
    """[G]: (c(hw) − D) / c(h), what is left of the relative frequency."""
    backoff: Floats
    """[histories]: γ(h), by the place of h in the order below; 1 where h was never continued."""

    def places(self, history: Ints, symbol: Ints, base: int) -> Ints:
        """The places of n-grams in this order; −1 for those that are not here."""
        wanted = history * base + symbol
        place = np.searchsorted(self.keys, wanted)
        place[place == len(self.keys)] = 0
        return np.where((history >= 0) & (self.keys[place] == wanted), place, -1)

    @cached_property
    def cumulative(self) -> Floats:
        """[G + 1]: the mass of all n-grams before each one."""
        return np.concatenate([[0.0], np.cumsum(self.mass)])

    def continuations(self, history: Ints, base: int) -> tuple[Ints, Ints]:
        """Where the n-grams that begin with these histories start and end."""
        begin = np.searchsorted(self.keys, history * base)
        end = np.searchsorted(self.keys, (history + 1) * base)
        return begin.astype(np.int64), end.astype(np.int64)


@dataclass(frozen=True)
class KneserNey:
    """p(sequence) = Π p(symbol | the ``order`` − 1 symbols before it), fewer at the beginning."""

    vocabulary: int
    """V: symbols are 0 to V − 1; V itself stands for the beginning of a sequence."""
    orders: tuple[Order, ...]

    @classmethod
    def fit(cls, sequences: npt.ArrayLike, vocabulary: int, order: int) -> KneserNey:
        """Count the n-grams of sequences [N, T'] of symbols 0 to ``vocabulary`` − 1.

        Raises:
            LanguageModelError: no sequence, a symbol outside the vocabulary, an order below 1.
        """
        padded = _padded(sequences, vocabulary)
        if order < 1 or not len(padded):
            raise LanguageModelError(
                f"order {order} on {len(padded)} sequences: a language model needs at least 1 each"
            )
        base = vocabulary + 1
        before = np.zeros((len(padded), padded.shape[1] + 1), np.int64)  # the one n-gram of order 0
        found: list[tuple[Ints, Ints]] = []  # keys and counts
        at_start = np.zeros(1, bool)
        for n in range(1, min(order, padded.shape[1]) + 1):
            width = padded.shape[1] - n + 1
            key = before[:, :width] * base + padded[:, n - 1 :]
            keys, first, here, counts = np.unique(
                key.ravel(), return_index=True, return_inverse=True, return_counts=True
            )
            if n > 1:
                # Every n-gram is one more symbol before its last n − 1 symbols.
                suffix = before[:, 1 : width + 1].ravel()[first]
                different = np.bincount(suffix, minlength=len(at_start))
                lower_keys, occurrences = found[-1]
                found[-1] = lower_keys, np.where(at_start, occurrences, different)
            at_start = first % width == 0
            found.append((keys, counts))
            before = here.reshape(len(padded), width)
        keys, counts = found[0]
        found[0] = keys, np.where(keys == vocabulary, 0, counts)  # the beginning is never predicted
        histories = [1, *(len(keys) for keys, _ in found)]
        return cls(
            vocabulary,
            tuple(_discounted(k, c, n, base) for (k, c), n in zip(found, histories, strict=False)),
        )

    def log_prob(self, sequences: npt.ArrayLike) -> Floats:
        """log p of every symbol given those before it, in nats: sequences [N, T'] → [N, T'].

        Raises:
            LanguageModelError: a symbol outside the vocabulary.
        """
        padded = _padded(sequences, self.vocabulary)
        p = np.full((len(padded), padded.shape[1] - 1), 1 / self.vocabulary)
        history = np.zeros_like(padded)
        for n, order in enumerate(self.orders[: padded.shape[1]], start=1):
            history = history[:, : padded.shape[1] - n + 1]
            place = order.places(history, padded[:, n - 1 :], self.vocabulary + 1)
            skip = 1 if n == 1 else 0  # the first 1-gram is the beginning itself
            seen, known = place[:, skip:] >= 0, history[:, skip:] >= 0
            here = p[:, max(0, n - 2) :]
            here *= np.where(known, order.backoff[history[:, skip:]], 1.0)
            here += np.where(seen, order.mass[place[:, skip:]], 0.0)
            history = place
        logs: Floats = np.log(p)
        return logs

    def distribution(self, prefixes: npt.ArrayLike) -> Floats:
        """p(next symbol | all symbols so far): prefixes [N, t], t >= 0 → [N, V]."""
        padded = _padded(prefixes, self.vocabulary)
        histories = self._start(len(padded))
        for t in range(1, padded.shape[1]):
            histories = self._advance(histories, padded[:, t])
        return self._next(histories)

    def sample(
        self,
        n: int,
        rng: np.random.Generator,
        *,
        length: int,
        fixed: Mapping[int, int] | None = None,
        without: Sequence[int] = (),
        temperature: float = 1.0,
    ) -> Ints:
        """Draw sequences symbol by symbol: [n, length].

        Args:
            fixed: symbols by position, which stand there without being drawn.
            without: symbols that are never drawn elsewhere: p is conditioned on the rest.
            temperature: p to the power 1 / temperature is drawn from; 0 takes the likeliest symbol.
        """
        fixed = fixed or {}
        out = np.empty((n, length), np.int64)
        histories = self._start(n)
        for t in range(length):
            if t in fixed:
                out[:, t] = fixed[t]
            elif temperature == 1:
                out[:, t] = self._draw(histories, rng, without)
            else:
                out[:, t] = self._draw_exactly(histories, rng, without, temperature)
            histories = self._advance(histories, out[:, t])
        return out

    def _start(self, n: int) -> list[Ints]:
        """The place of the history of each order, −1 where there is none: [n] for every order."""
        nothing = [np.zeros(n, np.int64)] + [np.full(n, -1)] * (len(self.orders) - 1)
        return self._advance(nothing, np.full(n, self.vocabulary))

    def _advance(self, histories: list[Ints], symbol: Ints) -> list[Ints]:
        longer = (
            order.places(history, symbol, self.vocabulary + 1)
            for order, history in zip(self.orders[:-1], histories, strict=False)
        )
        return [histories[0], *longer]

    def _next(self, histories: list[Ints]) -> Floats:
        p = np.full((len(histories[0]), self.vocabulary), 1 / self.vocabulary)
        for order, history in zip(self.orders, histories, strict=True):
            rows = np.flatnonzero(history >= 0)
            known = history[rows]
            p[rows] *= order.backoff[known, None]
            begin, end = order.continuations(known, self.vocabulary + 1)
            many = end - begin
            place = np.repeat(end - np.cumsum(many), many) + np.arange(many.sum())
            symbol = order.keys[place] % (self.vocabulary + 1)
            row, inside = np.repeat(rows, many), symbol < self.vocabulary
            p[row[inside], symbol[inside]] += order.mass[place[inside]]
        return p

    def _draw(
        self, histories: list[Ints], rng: np.random.Generator, without: Sequence[int]
    ) -> Ints:
        """By the mixture that interpolation is: which order, then which of its continuations."""
        out = np.full(len(histories[0]), -1)
        rows = np.arange(len(out))
        for _ in range(_REDRAWS):
            out[rows] = self._mixture([history[rows] for history in histories], rng)
            rows = rows[np.isin(out[rows], without)]
            if not len(rows):
                return out
        out[rows] = self._draw_exactly([h[rows] for h in histories], rng, without, 1.0)
        return out

    def _mixture(self, histories: list[Ints], rng: np.random.Generator) -> Ints:
        out = rng.integers(self.vocabulary, size=len(histories[0]))  # the uniform distribution
        rows = np.arange(len(out))
        for order, history in zip(reversed(self.orders), reversed(histories), strict=True):
            known = history[rows]
            stays = (known >= 0) & (rng.random(len(rows)) >= order.backoff[known])
            begin, end = order.continuations(known[stays], self.vocabulary + 1)
            low, high = order.cumulative[begin], order.cumulative[end]
            below = low + rng.random(len(begin)) * (high - low)
            place = np.searchsorted(order.cumulative, below, side="right") - 1
            place = np.clip(place, begin, end - 1)  # rounding
            out[rows[stays]] = order.keys[place] % (self.vocabulary + 1)
            rows = rows[~stays]
        return out

    def _draw_exactly(
        self,
        histories: list[Ints],
        rng: np.random.Generator,
        without: Sequence[int],
        temperature: float,
    ) -> Ints:
        """By the whole distribution of every row."""
        if not 0 <= temperature < float("inf"):
            raise LanguageModelError(f"temperature is {temperature}: it must be a number >= 0")
        parts = []
        for start in range(0, len(histories[0]), _ROWS):
            p = self._next([history[start : start + _ROWS] for history in histories])
            p[:, list(without)] = 0
            if temperature == 0:
                parts.append(p.argmax(1))
                continue
            p /= p.max(1, keepdims=True)
            edges = np.cumsum(p ** (1 / temperature), axis=1)
            below = rng.random((len(p), 1)) * edges[:, -1:]
            parts.append(np.minimum((edges <= below).sum(1), self.vocabulary - 1))
        return np.concatenate([np.empty(0, np.int64), *parts])


def _padded(sequences: npt.ArrayLike, vocabulary: int) -> Ints:
    """The sequences with their beginning, [N, T' + 1]."""
    symbols = np.asarray(sequences)
    if symbols.ndim != 2 or not (np.issubdtype(symbols.dtype, np.integer) or not symbols.size):
        raise LanguageModelError(f"sequences of shape {symbols.shape}, {symbols.dtype}: not [N, T]")
    if symbols.size and not 0 <= symbols.min() <= symbols.max() < vocabulary:
        raise LanguageModelError(
            f"symbols from {symbols.min()} to {symbols.max()}: the vocabulary has {vocabulary}"
        )
    beginning = np.full((len(symbols), 1), vocabulary, np.int64)
    return np.concatenate([beginning, symbols.astype(np.int64)], axis=1)


def _discounted(keys: Ints, counts: Ints, histories: int, base: int) -> Order:
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
    y = n[1] / (n[1] + 2 * n[2]) if n[1] else 0.0
    discounts = [0.0]
    for c, usual in ((1, 0.5), (2, 1.0), (3, 1.5)):
        # Few n-grams make no estimate: then the usual values, which stay below the counts.
        d = c - (c + 1) * y * n[c + 1] / n[c] if n[c] else -1.0
        discounts.append(d if n[1] and 0 <= d <= c else usual)
    discount = np.array(discounts)[np.minimum(counts, 3)]
    history = keys // base
    total = np.bincount(history, counts, histories)
    kept_back = np.bincount(history, discount, histories)
    continued = np.maximum(total, 1)
    return Order(
        keys,
        (counts - discount) / continued[history],
        np.where(total > 0, kept_back / continued, 1.0),
    )
