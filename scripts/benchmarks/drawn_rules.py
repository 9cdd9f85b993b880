"""Random constraints that can be kept: each combination is drawn from a real poem that keeps it."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import naive_rules as naive

from poetry_vae import (
    Avoid,
    Metre,
    NoRepeat,
    Parallel,
    Pin,
    Rhyme,
    Rule,
    Template,
    Words,
    acrostic,
    first_line,
)
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.metre import Rules
from poetry_vae.verse.rules.pins import FREE
from poetry_vae.verse.rules.rule import Together, together

Lines = tuple[str, ...]


@dataclass(frozen=True)
class Subject:
    """A model, and unseen real poems of its form that have no character unknown to it."""

    name: str
    model: PoetryVAE
    poems: list[Lines]

    @classmethod
    def of(cls, name: str, model: PoetryVAE, corpus: EncodedCorpus) -> Subject:
        ids = corpus.in_vocabulary(model.tokenizer).parts["test"]
        rows = ids[(ids != model.tokenizer.UNKNOWN).all(1)].tolist()
        return cls(name, model, [model.form.cut(model.tokenizer.decode(row)) for row in rows])


@dataclass
class Sheet:
    """A combination that is being drawn from a poem; ``typed`` is the poem as a user would type
    it."""

    lines: Lines
    typed: Lines
    subject: Subject
    rng: random.Random
    parts: list[Rule]


def satisfiable(subject: Subject, rng: random.Random) -> tuple[Together, Lines]:
    """A random combination of rules, every rule equally often, and a real poem that keeps it.

    Parallel couplets are the exception: hardly any poem has them, but they are asked for too.
    """
    lines = rng.choice(subject.poems)
    typed = lines
    if rng.random() < 0.5:  # by someone who reads the poem in simplified script
        typed = tuple("".join(map(naive.simplified, line)) for line in lines)
    sheet = Sheet(lines, typed, subject, rng, [])
    while not sheet.parts:
        for draw in _RULES:
            if rng.random() < _CHANCE:
                sheet.parts += draw(sheet)
    if wrong := naive.broken(sheet.parts, lines):
        raise AssertionError(f"{lines} does not keep {wrong} of {sheet.parts}")
    if rng.random() < _CHANCE:
        sheet.parts.append(Parallel())
    return together(sheet.parts), lines


def _pins(sheet: Sheet) -> list[Rule]:
    L, C, rng = len(sheet.lines), len(sheet.lines[0]), sheet.rng
    places = [(i, j) for i in range(L) for j in range(C)]
    return [
        Pin(
            i + 1 - (L + 1) * (rng.random() < 0.3),  # some counted from the end
            j + 1 - (C + 1) * (rng.random() < 0.3),
            sheet.typed[i][j],
        )
        for i, j in rng.sample(places, rng.randint(1, 6))
    ]


def _acrostic(sheet: Sheet) -> list[Rule]:
    rng = sheet.rng
    tail = rng.random() < 0.3
    ends = [FREE if rng.random() < 0.2 else line[-1 if tail else 0] for line in sheet.typed]
    return list(acrostic("".join(ends[: rng.randint(1, len(ends))]), tail=tail).parts)


def _template(sheet: Sheet) -> list[Rule]:
    rng = sheet.rng
    share, free = rng.choice((0.1, 0.3, 0.6)), rng.choice("□＿_○◯*")
    drawn = ["".join(c if rng.random() < share else free for c in line) for line in sheet.typed]
    if rng.random() < 0.3:
        return [Template("".join(drawn))]
    return [Template("，".join(drawn[: rng.randint(1, len(drawn))]))]


def _first(sheet: Sheet) -> list[Rule]:
    return [first_line(sheet.typed[0])]


def _avoid(sheet: Sheet) -> list[Rule]:
    text, rng = "".join(sheet.lines), sheet.rng
    some = rng.sample(sheet.subject.model.tokenizer.characters, rng.choice((1, 5, 50, 500)))
    if rng.random() < 0.5:
        some = list(map(naive.simplified, some))
    lacks = [c for c in some if not any(naive.is_meant(c, here) for here in text)]
    return [Avoid("".join(lacks))] if lacks else []


def _metre(sheet: Sheet) -> list[Rule]:
    found: list[Rule] = []
    names = {first: name for name, first in naive.NAMES[len(sheet.lines[0])].items()}
    rules: Rules
    for rules in ("strict", "loose"):
        for order in naive.orders_kept(sheet.lines, rules, "writer"):
            found += [Metre(rules, name) for name in (None, None, None, order, names[order[0]])]
    return _one_kept(sheet, found)


def _rhyme(sheet: Sheet) -> list[Rule]:
    end = sheet.lines[-1][-1]
    named = (None, end, *sorted(naive.groups(end, level=False) - {""}))
    return _one_kept(sheet, list(map(Rhyme, named)))


def _no_repeat(sheet: Sheet) -> list[Rule]:
    return _one_kept(sheet, [NoRepeat(), NoRepeat(doublings=True)])


def _one_kept(sheet: Sheet, asked: Sequence[Rule]) -> list[Rule]:
    """One of these that the poem keeps beside what was drawn before."""
    kept = [one for one in asked if not naive.broken([*sheet.parts, one], sheet.lines)]
    return [sheet.rng.choice(kept)] if kept else []


def _words(sheet: Sheet) -> list[Rule]:
    L, C, rng = len(sheet.lines), len(sheet.lines[0]), sheet.rng
    chosen: list[tuple[int, int]] = []
    for i, j in rng.sample([(i, j) for i in range(L) for j in range(C - 1)], rng.randint(1, 3)):
        if all(i != k or abs(j - m) > 1 for k, m in chosen):
            chosen.append((i, j))
    return [Words(tuple(sheet.typed[i][j : j + 2] for i, j in chosen))]


_CHANCE = 0.25
_RULES: tuple[Callable[[Sheet], list[Rule]], ...] = (
    _pins,
    _acrostic,
    _template,
    _first,
    _avoid,
    _metre,
    _rhyme,
    _words,
    _no_repeat,
)
