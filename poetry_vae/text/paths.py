"""The line types that a poem comes nearest to, by dynamic programming over its lines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from poetry_vae.text.metre import LineType, Rules, Variant, faults_of

# What is fewest counts first. Of explanations with as many faults one that keeps the line in all
# but a trap is taken, then one that keeps the tones, then one that keeps the template; and plain
# lines rather than 拗救.
TRAP, MISRHYME, MISFIT, BREAK, TURN = 9600, 9900, 10_000, 10_100, 1


@lru_cache(maxsize=1 << 16)
def costs_of(symbols: str, rules: Rules) -> dict[Variant, int]:
    """What a line, in letters as ``metre.faults_of`` takes them, costs under every type."""
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
    """The type that a line which departs or saves belongs to."""
    return "a" if variant == "a拗" else "B" if variant == "B救" else variant


Variants = tuple[Variant, ...]


def paths_of(costs: Sequence[dict[Variant, int]]) -> dict[Variant, tuple[int, Variants]]:
    """The cheapest types of lines by that of the first, and what they cost, by dynamic programming
    from the last line to the first.

    Every odd line is of type a or b and every even one of type A or B, but that line 1 may be any;
    a step that the order of a template does not have (``is_break``) is a fault of 对 or 粘. An a
    that departs is followed by the B that saves it.
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
    """Whether types may not follow one another: a couplet is aB or bA (对), the next starts with
    the same letter (粘)."""
    return (before.lower() == name.lower()) == name.isupper()


_ODD: Variants = ("a", "b", "a拗")
_EVEN: Variants = ("A", "B", "B救")
# What a line costs before another; 拗 and 救 stand together or not at all.
_STEPS: dict[tuple[Variant, Variant], int] = {
    (one, other): TURN * (one == "a拗") + BREAK * is_break(type_of(one), type_of(other))
    for one in (*_ODD, *_EVEN)
    for other in (*_ODD, *_EVEN)
    if (one == "a拗") == (other == "B救")
}
