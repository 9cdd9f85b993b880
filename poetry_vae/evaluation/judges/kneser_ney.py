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

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poetry_vae.text.errors import PoetryVAEError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class LanguageModelError(PoetryVAEError):
    """Sequences a language model cannot be fitted to or asked about."""


@dataclass(frozen=True)
class NGramOrder:
    """The n-grams of one length."""

    keys: Ints
    """[G], sorted."""
    mass: Floats
    """[G]: (c(hw) − D) / c(h), what is left of the relative frequency."""
    backoff: Floats
    """[histories]: γ(h) by the place of h in the order below; 1 where no symbol ever follows h."""

    def places(self, history: Ints, symbol: Ints, base: int) -> Ints:
        """The places of n-grams in this order; −1 for those that are not here."""
        wanted = history * base + symbol
        place = np.searchsorted(self.keys, wanted)
        place[place == len(self.keys)] = 0
        return np.where((history >= 0) & (self.keys[place] == wanted), place, -1)


@dataclass(frozen=True)
class KneserNey:
    """p(sequence) = Π p(symbol | the ``order`` − 1 symbols before it), fewer at the beginning."""

    vocabulary: int
    """V: symbols are 0 to V − 1; V itself stands for the beginning of a sequence."""
    orders: tuple[NGramOrder, ...]

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


def _discounted(keys: Ints, counts: Ints, histories: int, base: int) -> NGramOrder:
    n = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
    y = n[1] / (n[1] + 2 * n[2]) if n[1] else 0.0
    discounts = [0.0]
    for c, usual in ((1, 0.5), (2, 1.0), (3, 1.5)):
        # Too few n-grams give no estimate; the usual values then stay below the counts.
        d = c - (c + 1) * y * n[c + 1] / n[c] if n[c] else -1.0
        discounts.append(d if n[1] and 0 <= d <= c else usual)
    discount = np.array(discounts)[np.minimum(counts, 3)]
    history = keys // base
    total = np.bincount(history, counts, histories)
    kept_back = np.bincount(history, discount, histories)
    continued = np.maximum(total, 1)
    return NGramOrder(
        keys,
        (counts - discount) / continued[history],
        np.where(total > 0, kept_back / continued, 1.0),
    )
