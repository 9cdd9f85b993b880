"""What the couplets of a template admit, as disjoint products of tone classes.

A line may depart from its type if the line that answers it saves it (拗救, ``metre.COUPLETS``), so
a template admits pairs of lines, not single lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import chain, product

import torch
from torch import Tensor

from poetry_vae.text.metre import COUPLETS, LineType, Rules, Variant, legal_patterns
from poetry_vae.text.prosody import RhymeBook, tone_of

LEVEL, OBLIQUE, EITHER, UNREAD = range(4)
"""The tones of a character; ``UNREAD`` where no source knows them."""
CLASSES = (LEVEL, OBLIQUE, EITHER)
_TONES = {LEVEL: "平", OBLIQUE: "仄", EITHER: "平仄"}

Product = tuple[frozenset[int], ...]
"""A set of lines: a set of tone classes for every place."""

Couplets = tuple[tuple[tuple[Product, ...], ...], ...]
"""Disjoint alternatives, each a set of disjoint products for every line."""

Strings = frozenset[tuple[int, ...]]
"""Lines as strings of tone classes."""


@cache
def couplet_products(
    types: frozenset[tuple[LineType, LineType]], chars: int, rules: Rules
) -> Couplets:
    """The couplets that are of every one of these pairs of types, as disjoint pairs of sets of
    lines, each set as disjoint products of tone classes.

    A character of either tone may be read as suits the line.
    """
    pairs: list[tuple[Strings, ...]] = []
    for number, kinds in enumerate(sorted(types)):
        written = _couplets(kinds, chars, rules)
        both = ([a & b for a, b in zip(x, y, strict=True)] for x in pairs for y in written)
        pairs = list(map(tuple, both)) if number else written
    return tuple(tuple(map(tuple, map(_products, pair))) for pair in pairs if all(pair))


def _couplets(
    kinds: tuple[LineType, LineType], chars: int, rules: Rules
) -> list[tuple[Strings, ...]]:
    """Couplets of two types as disjoint pairs of sets of lines: a line that departs counts where
    it cannot be read as a plain one."""
    found: list[tuple[Strings, ...]] = []
    plain: Strings = frozenset()
    for first, second in COUPLETS[kinds]:
        firsts = _class_strings(first, chars, rules) - plain
        found.append((firsts, _class_strings(second, chars, rules)))
        plain |= firsts
    return found


@cache
def _class_strings(kind: Variant, chars: int, rules: Rules) -> Strings:
    of_tone = {tone: [c for c in CLASSES if tone in _TONES[c]] for tone in "平仄"}
    return frozenset(
        classes
        for pattern in legal_patterns(kind, chars, rules)
        for classes in product(*(of_tone[tone] for tone in pattern))
    )


def _products(strings: Strings) -> list[Product]:
    """Strings of equal length as disjoint products: first places with the same rest go together."""
    if strings == {()}:
        return [()]
    by_rest: dict[Strings, set[int]] = {}
    for first in CLASSES:
        if rest := frozenset(s[1:] for s in strings if s[0] == first):
            by_rest.setdefault(rest, set()).add(first)
    return [
        (frozenset(firsts), *tail) for rest, firsts in by_rest.items() for tail in _products(rest)
    ]


@cache
def joined(couplets: Couplets) -> tuple[Product, ...]:
    """The disjoint products of a whole couplet, its lines one after another."""
    return tuple(tuple(chain.from_iterable(lines)) for sets in couplets for lines in product(*sets))


@cache
def as_mask(products: tuple[Product, ...]) -> Tensor:
    """Products as [N, C, 4] of truth values."""
    return torch.tensor(
        [[[kind in place for kind in range(4)] for place in classes] for classes in products],
        dtype=torch.bool,
    )


def tone_classes(characters: Sequence[str], book: RhymeBook, *, strangers: int = 0) -> Tensor:
    """The tones of characters by a book, [V]. The last so many are strangers, which may have either
    tone where the book does not know them."""
    tones = torch.tensor(["平仄中？".index(tone_of(c, book)) for c in characters])
    shown = tones[len(characters) - strangers :]
    shown[shown == UNREAD] = EITHER
    return tones
