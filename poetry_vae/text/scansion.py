"""Scansion: a poem measured by the template of regulated verse it comes nearest to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from poetry_vae.text.errors import FormError
from poetry_vae.text.faults import (
    RHYME_KINDS,
    Fault,
    couplet_fault,
    link_fault,
    rhyme_fault,
    tone_fault,
)
from poetry_vae.text.form import Form
from poetry_vae.text.metre import (
    LINE_TYPES,
    LineType,
    MetreError,
    Rules,
    Template,
    faults_of,
    templates,
)
from poetry_vae.text.prosody import PINGSHUI, RhymeBook

Readings = Literal["lenient", "strict"]

# What a character counts as (see metre.faults_of), by what is known of it.
_COUNTS_AS: dict[Readings, dict[int, int]] = {
    "lenient": str.maketrans("？", "中"),
    "strict": str.maketrans("？中", "××"),
}


@dataclass(frozen=True)
class MetreReport:
    """How a poem stands to the template it comes nearest to."""

    lines: tuple[str, ...]
    template: Template
    types: tuple[LineType, ...]
    """What each line was measured by: the template, up to a fault of 对 or 粘."""
    tones: tuple[str, ...]
    """A letter a character: 平, 仄, 中 (it has both) or ？ (unknown)."""
    rhymes: frozenset[str]
    """The level groups that the even lines share, or the one that most of them have."""
    faults: tuple[Fault, ...]
    unknown: tuple[str, ...]
    """Characters the book does not know; lenient readings take them for either tone."""

    @property
    def keeps_metre(self) -> bool:
        """Whether every line is of its type, couplets oppose and are linked."""
        return all(fault.kind in RHYME_KINDS for fault in self.faults)

    @property
    def keeps_rhyme(self) -> bool:
        """Whether the lines rhyme that the template says rhyme."""
        return all(fault.kind not in RHYME_KINDS for fault in self.faults)

    @property
    def ok(self) -> bool:
        return not self.faults


def check(
    lines: Sequence[str],
    *,
    rules: Rules = "strict",
    readings: Readings = "lenient",
    book: RhymeBook = PINGSHUI,
) -> MetreReport:
    """Measure a poem in traditional script.

    There are two kinds of strictness. Strict ``rules`` count 孤平 and 三平尾 as faults. Strict
    ``readings`` fail every character that has both tones or none known, and a first line that
    borrows its rhyme from a neighbouring group (鄰韻); lenient ones accept both.

    Raises:
        MetreError: the lines differ in length, or their form has no metre.
    """
    lines = tuple(lines)
    if len(set(map(len, lines))) != 1:
        raise MetreError(f"lines of different lengths have no metre: {' '.join(lines)!r}")
    try:
        known = templates(Form(tuple(map(len, lines))))
    except FormError as error:  # as well of lines or characters that no form can have
        raise MetreError(str(error)) from error
    sounds = [[_sound(book, character) for character in line] for line in lines]
    tones = tuple("".join([letter for letter, _ in line]) for line in sounds)
    symbols = [line.translate(_COUNTS_AS[readings]) for line in tones]
    rhyme = _Rhyme.of([line[-1][1] for line in sounds], readings, book)

    costs = [_costs(line, rules) for line in symbols]
    paths = {template: _path(costs, template.types[0]) for template in known}
    nearest = min(known, key=lambda t: (paths[t][0], rhyme.strain(t.order[0].isupper())))
    types = paths[nearest][1]
    faults = [
        *_tone_faults(lines, symbols, types, rules),
        *_order_faults(lines, types),
        *rhyme.faults(lines, nearest),
    ]
    return MetreReport(
        lines=lines,
        template=nearest,
        types=types,
        tones=tones,
        rhymes=rhyme.wanted,
        faults=tuple(sorted(faults, key=lambda fault: (fault.line, fault.position))),
        unknown=_unknown("".join(lines), "".join(tones)),
    )


Types = tuple[LineType, ...]
_Groups = frozenset[str] | None
"""Level groups; None where a character may rhyme with anything, for all that is known."""


@lru_cache(maxsize=1 << 16)
def _sound(book: RhymeBook, character: str) -> tuple[str, _Groups]:
    """A character's letter in a report, and its level groups."""
    found = book.readings(character)
    level = [reading.group for reading in found if reading.tone == "平"]
    letter = (
        "？" if not found else "仄" if not level else "平" if len(level) == len(found) else "中"
    )
    return letter, None if not found or "" in level else frozenset(level)


# A fault of 对 or 粘 weighs a little more than one of tone: of two explanations with as many faults
# the one that keeps the template is taken.
_MISFIT, _BREAK = 100, 101


@lru_cache(maxsize=1 << 16)
def _costs(symbols: str, rules: Rules) -> dict[LineType, int]:
    return {name: _MISFIT * len(faults_of(symbols, name, rules)) for name in LINE_TYPES[5]}


# Odd lines end oblique and even ones level; the first line may do either.
_TYPES_OF: tuple[Types, Types] = (("a", "b"), ("A", "B"))


def _path(costs: Sequence[dict[LineType, int]], first: LineType) -> tuple[int, Types]:
    """The cheapest types of lines after this first one, and what they cost, by dynamic programming.

    Every odd line is of type a or b and every even one of type A or B; a step that the order of a
    template does not have (``_is_break``) is a fault of 对 or 粘.
    """
    best: list[tuple[int, Types]] = [(costs[0][first], (first,))]
    for i, cost in enumerate(costs[1:], start=1):
        best = [
            min(
                (before + cost[name] + _BREAK * _is_break(path[-1], name), (*path, name))
                for before, path in best
            )
            for name in _TYPES_OF[i % 2]
        ]
    return min(best)


def _is_break(before: str, name: str) -> bool:
    """Whether types may not follow one another: a couplet is aB or bA (对), the next starts with
    the same letter (粘)."""
    return (before.lower() == name.lower()) == name.isupper()


def _tone_faults(
    lines: tuple[str, ...], symbols: Sequence[str], types: Types, rules: Rules
) -> Iterator[Fault]:
    for i, name in enumerate(types):
        for position, kind in faults_of(symbols[i], name, rules):
            pattern = LINE_TYPES[len(lines[i])][name]
            yield tone_fault(kind, i + 1, position, lines[i], pattern)


def _order_faults(lines: tuple[str, ...], types: Types) -> Iterator[Fault]:
    for i in range(1, len(types)):
        if _is_break(types[i - 1], types[i]):
            yield (couplet_fault if i % 2 else link_fault)(i + 1, lines)


def _unknown(text: str, letters: str) -> tuple[str, ...]:
    if "？" not in letters:
        return ()
    return tuple(
        dict.fromkeys(c for c, letter in zip(text, letters, strict=True) if letter == "？")
    )


@dataclass(frozen=True)
class _Rhyme:
    """What the ends of a poem's lines have in common."""

    ends: tuple[_Groups, ...]
    wanted: frozenset[str]
    """The groups that every even line stands in, else the one that most do; empty if none does."""
    neighbours: frozenset[str]
    """Groups that the first line may borrow from."""

    @classmethod
    def of(cls, ends: Sequence[_Groups], readings: Readings, book: RhymeBook) -> _Rhyme:
        if readings == "strict":
            ends = [groups or frozenset() for groups in ends]
        known = [groups for groups in ends[1::2] if groups is not None]
        wanted = frozenset.intersection(*known) if known else frozenset()
        if not wanted:
            counts = Counter(group for groups in known for group in sorted(groups))
            wanted = frozenset(group for group, _ in counts.most_common(1))
        lenient = readings == "lenient"
        near = frozenset[str]().union(*map(book.neighbours, wanted)) if lenient else frozenset()
        return cls(tuple(ends), wanted, near)

    def strain(self, rhymes: bool) -> int:
        """How ill it suits line 1 to rhyme, or not to; decides where its tones leave it open."""
        first = self.ends[0]
        if not rhymes:
            return 1
        if first is None or first & self.wanted:
            return 0
        return 2 if first & self.neighbours else 3

    def faults(self, lines: tuple[str, ...], template: Template) -> Iterator[Fault]:
        for i in template.rhyming_lines:
            groups, allowed = self.ends[i], self.wanted | (frozenset() if i else self.neighbours)
            # Where no even line's group is known, there is nothing to fail to rhyme with.
            if groups is None or groups & allowed or (groups and not self.wanted):
                continue
            yield rhyme_fault("韵" if i else "首句韵", i + 1, lines[i], groups, self.wanted)
