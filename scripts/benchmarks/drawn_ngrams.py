"""Sequences drawn from an n-gram model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.judges.kneser_ney import KneserNey, LanguageModelError, NGramOrder

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_ROWS = 256  # full distributions made at once: 256 times 6,000 symbols are 12 MB
_REDRAWS = 20


def sample(
    model: KneserNey,
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
        fixed: symbols by position that are set there without a draw.
        without: symbols that are never drawn elsewhere: p is conditioned on the rest.
        temperature: p to the power 1 / temperature is drawn from; 0 takes the likeliest symbol.
    """
    fixed = fixed or {}
    out = np.empty((n, length), np.int64)
    histories = _start(model, n)
    for t in range(length):
        if t in fixed:
            out[:, t] = fixed[t]
        elif temperature == 1:
            out[:, t] = _draw(model, histories, rng, without)
        else:
            out[:, t] = _draw_exactly(model, histories, rng, without, temperature)
        histories = _advance(model, histories, out[:, t])
    return out


def _start(model: KneserNey, n: int) -> list[Ints]:
    """The place of the history of each order, −1 where there is none: [n] for every order."""
    nothing = [np.zeros(n, np.int64)] + [np.full(n, -1)] * (len(model.orders) - 1)
    return _advance(model, nothing, np.full(n, model.vocabulary))


def _advance(model: KneserNey, histories: list[Ints], symbol: Ints) -> list[Ints]:
    longer = (
        order.places(history, symbol, model.vocabulary + 1)
        for order, history in zip(model.orders[:-1], histories, strict=False)
    )
    return [histories[0], *longer]


def _next(model: KneserNey, histories: list[Ints]) -> Floats:
    p = np.full((len(histories[0]), model.vocabulary), 1 / model.vocabulary)
    for order, history in zip(model.orders, histories, strict=True):
        rows = np.flatnonzero(history >= 0)
        known = history[rows]
        p[rows] *= order.backoff[known, None]
        begin, end = _continuations(order, known, model.vocabulary + 1)
        many = end - begin
        place = np.repeat(end - np.cumsum(many), many) + np.arange(many.sum())
        symbol = order.keys[place] % (model.vocabulary + 1)
        row, inside = np.repeat(rows, many), symbol < model.vocabulary
        p[row[inside], symbol[inside]] += order.mass[place[inside]]
    return p


def _draw(
    model: KneserNey, histories: list[Ints], rng: np.random.Generator, without: Sequence[int]
) -> Ints:
    """Draw from the mixture of the interpolation: first an order, then one of its continuations."""
    out = np.full(len(histories[0]), -1)
    rows = np.arange(len(out))
    for _ in range(_REDRAWS):
        out[rows] = _mixture(model, [history[rows] for history in histories], rng)
        rows = rows[np.isin(out[rows], without)]
        if not len(rows):
            return out
    out[rows] = _draw_exactly(model, [h[rows] for h in histories], rng, without, 1.0)
    return out


def _mixture(model: KneserNey, histories: list[Ints], rng: np.random.Generator) -> Ints:
    out = rng.integers(model.vocabulary, size=len(histories[0]))  # the uniform distribution
    rows = np.arange(len(out))
    for order, history in zip(reversed(model.orders), reversed(histories), strict=True):
        known = history[rows]
        stays = (known >= 0) & (rng.random(len(rows)) >= order.backoff[known])
        begin, end = _continuations(order, known[stays], model.vocabulary + 1)
        cumulative = np.concatenate([[0.0], np.cumsum(order.mass)])
        low, high = cumulative[begin], cumulative[end]
        below = low + rng.random(len(begin)) * (high - low)
        place = np.searchsorted(cumulative, below, side="right") - 1
        place = np.clip(place, begin, end - 1)  # rounding
        out[rows[stays]] = order.keys[place] % (model.vocabulary + 1)
        rows = rows[~stays]
    return out


def _draw_exactly(
    model: KneserNey,
    histories: list[Ints],
    rng: np.random.Generator,
    without: Sequence[int],
    temperature: float,
) -> Ints:
    """Draw from the whole distribution of every row."""
    if not 0 <= temperature < float("inf"):
        raise LanguageModelError(f"temperature is {temperature}: it must be a number >= 0")
    parts = []
    for start in range(0, len(histories[0]), _ROWS):
        p = _next(model, [history[start : start + _ROWS] for history in histories])
        p[:, list(without)] = 0
        if temperature == 0:
            parts.append(p.argmax(1))
            continue
        p /= p.max(1, keepdims=True)
        edges = np.cumsum(p ** (1 / temperature), axis=1)
        below = rng.random((len(p), 1)) * edges[:, -1:]
        parts.append(np.minimum((edges <= below).sum(1), model.vocabulary - 1))
    return np.concatenate([np.empty(0, np.int64), *parts])


def _continuations(order: NGramOrder, history: Ints, base: int) -> tuple[Ints, Ints]:
    """Where the n-grams that begin with these histories start and end."""
    begin = np.searchsorted(order.keys, history * base)
    end = np.searchsorted(order.keys, (history + 1) * base)
    return begin.astype(np.int64), end.astype(np.int64)
