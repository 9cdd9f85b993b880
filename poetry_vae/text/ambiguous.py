"""Choose the traditional character for a simplified one, by the characters beside it.

The table ``ambiguous.tsv`` is counted from Tang and Song poems by ``scripts/build_script.py``. Its
columns are: the simplified character, one of the traditional ones it may mean, a weight, and the
contexts that have this weight, ``_`` for the character itself (``白_`` is 白 before it). The first
row of a character names the commonest candidate, which always scores 0. Every other candidate
scores the sum of the weights of its contexts, in quarters of log odds. The highest score wins.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import NamedTuple

EDGE = "|"
"""Replaces everything but Chinese characters: the end of a line, or punctuation."""

_NOT_HAN = re.compile("[^\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


class Choice(NamedTuple):
    """The traditional characters that one simplified character may mean."""

    commonest: str
    others: tuple[tuple[str, dict[str, int]], ...]
    """Every other candidate with the weights of its contexts."""

    def best(self, seen: tuple[str, ...]) -> str:
        """The candidate that fits the contexts best."""
        best, highest = self.commonest, 0
        for candidate, weights in self.others:
            score = sum([weights[context] for context in seen if context in weights])
            if score > highest:
                best, highest = candidate, score
        return best


def framed(text: str) -> str:
    """The text with an edge in place of each sign but Chinese characters, and one at each end."""
    return f"{EDGE}{_NOT_HAN.sub(EDGE, text)}{EDGE}"


def contexts(text: str, i: int) -> tuple[str, ...]:
    """The contexts of the character at ``i`` of a framed text; nothing is seen past an edge."""
    before, after = text[i - 1], text[i + 1]
    second_before = text[i - 2] if before != EDGE else EDGE
    second_after = text[i + 2] if after != EDGE else EDGE
    left, right = f"{before}_", f"_{after}"
    return (
        "_",
        left,
        right,
        before + right,
        second_before + left,
        right + second_after,
        second_before + before + right,
        before + right + second_after,
        f"{second_before}?_",
        f"_?{second_after}",
    )


@cache
def choices() -> dict[str, Choice]:
    """The table, by simplified character."""
    table = resources.files("poetry_vae.text").joinpath("ambiguous.tsv")
    return parse(table.read_text(encoding="utf-8"))


def parse(table: str) -> dict[str, Choice]:
    """A table by simplified character, from its text."""
    found: dict[str, dict[str, dict[str, int]]] = {}
    for row in table.splitlines():
        character, candidate, weight, listed = row.split("\t")
        weights = found.setdefault(character, {}).setdefault(candidate, {})
        weights.update(dict.fromkeys(listed.split(), int(weight)))
    return {
        character: Choice(next(iter(candidates)), tuple(candidates.items())[1:])
        for character, candidates in found.items()
    }


@cache
def _any_of_them() -> re.Pattern[str]:
    return re.compile(f"[{''.join(choices())}]")


def choose(text: str) -> str:
    """Simplified text with every ambiguous character decided, all others left as they are."""
    frame, table = framed(text), choices()

    def decide(found: re.Match[str]) -> str:
        return table[found[0]].best(contexts(frame, found.start() + 1))

    return _any_of_them().sub(decide, text)
