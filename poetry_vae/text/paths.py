"""The line types that a poem comes nearest to, by dynamic programming over its lines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from poetry_vae.text.metre import LineType, Rules, Variant, faults_of

# The fewest faults count first. Of explanations with as many faults, the first choice keeps the
# line in all but a trap, the next keeps the tones, the next keeps the template; and plain lines
# are preferred to 拗救.
TRAP, MISRHYME, MISFIT, BREAK, TURN = 9600, 9900, 10_000, 10_100, 1


@lru_cache(maxsize=1 << 16)
def costs_of(symbols: str, rules: Rules) -> dict[Variant, int]:
    """The cost of a line, in letters as ``metre.faults_of`` takes them, under every type."""
    names: tuple[Variant, ...] = ("a", "A", "b", "B")
    if len(symbols) != 6:
        names = (*names, "a拗", "B救")
    return {
        name: sum(
            MISFIT if fault.kind in ("平仄", "字音") else TRAP
            for fault in faults_of(symbols, name, rules)
        )
        for name in names
    }


def type_of(variant: Variant) -> LineType:
    """The type of a line, also of one that departs from it or saves another."""
    return "a" if variant == "a拗" else "B" if variant == "B救" else variant


Variants = tuple[Variant, ...]


def paths_of(costs: Sequence[dict[Variant, int]]) -> dict[Variant, tuple[int, Variants]]:
    """The cheapest types of all lines, for each type of the first line, and their cost, by dynamic
    programming from the last line to the first.

    Every odd line is of type a or b and every even one of type A or B, except that line 1 may be of
    any type. A step that the order of a template does not have (``is_break``) is a fault of 对 or
    粘. An a that departs is followed by the B that saves it.
    """
    last = len(costs) - 1
    best: dict[Variant, tuple[int, Variants]] = {
        name: (cost, (name,)) for name, cost in costs[last].items() if name in _EVEN
    }
    for i in range(last - 1, -1, -1):
        cost = costs[i]
        best = {
            name: min(
                (cost[name] + step + after, (name, *path))
                for following, (after, path) in best.items()
                if (step := _STEPS.get((name, following))) is not None
            )
            for name in (_EVEN if i % 2 else _ODD if i else cost)
            if name in cost and (i or name != "B救")
        }
    return best


def cheapest(paths: dict[Variant, tuple[int, Variants]], first: LineType) -> tuple[int, Variants]:
    """The cheapest path whose first line is of this type, plain or departing."""
    plain = paths[first]
    return min(plain, paths["a拗"]) if first == "a" and "a拗" in paths else plain


def is_break(before: str, name: str) -> bool:
    """Whether one type must not follow another. A couplet is aB or bA (对), and the next couplet
    starts with the same letter (粘)."""
    return (before.lower() == name.lower()) == name.isupper()


_ODD: Variants = ("a", "b", "a拗")
_EVEN: Variants = ("A", "B", "B救")
# The cost of a line before another; 拗 and 救 occur together or not at all.
_STEPS: dict[tuple[Variant, Variant], int] = {
    (one, other): TURN * (one == "a拗") + BREAK * is_break(type_of(one), type_of(other))
    for one in (*_ODD, *_EVEN)
    for other in (*_ODD, *_EVEN)
    if (one == "a拗") == (other == "B救")
}
