"""Constraints that no poem can keep, of every known kind, and the words that a refusal must
have."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import naive_rules as naive
from drawn_rules import Subject

from poetry_vae import (
    Avoid,
    Favour,
    Metre,
    NoRepeat,
    Pin,
    Rhyme,
    Rule,
    Template,
    Words,
    acrostic,
    first_line,
)
from poetry_vae.text.form import Form
from poetry_vae.text.prosody import GROUPS, readings
from poetry_vae.text.script import fold
from poetry_vae.verse.rules.pins import FREE
from poetry_vae.verse.rules.rule import together


@dataclass(frozen=True)
class Impossible:
    """A constraint that no poem keeps, and the words that its refusal must all name."""

    constraint: Rule
    form: Form
    culprits: tuple[str, ...]


def unsatisfiable(subject: Subject, kind: str, rng: random.Random) -> Impossible:
    """One of ``KINDS``, with other constraints that are harmless."""
    form = subject.model.form
    parts, culprits = KINDS[kind](subject, rng)
    if kind == "a form without metre":
        form = Form.of(3, form.chars)
        culprits = (str(form),)
    told = "".join(culprits) + "".join(map(str, parts))
    spare = [c for c in _some(subject, 3, rng) if c not in told]
    beside: list[Rule] = [Avoid("".join(spare)), Favour("月")]
    mixed = [*parts, *rng.sample(beside, rng.randint(0, 2))]
    return Impossible(together(rng.sample(mixed, len(mixed))), form, culprits)


Made = tuple[Sequence[Rule], tuple[str, ...]]


def _place(subject: Subject, rng: random.Random) -> tuple[int, int]:
    return rng.randint(1, subject.model.form.lines), rng.randint(1, subject.model.form.chars)


def _plain(subject: Subject, tone: str) -> list[str]:
    """Characters with only this tone, the same look in both scripts, and a known rhyme."""
    return _plain_of(subject.model.tokenizer.characters, tone)


@cache
def _plain_of(characters: tuple[str, ...], tone: str) -> list[str]:
    return [
        c
        for c in characters
        if naive.tone(c, "strict") == tone
        and naive.simplified(c) == c
        and all(reading.group for reading in readings(c))
    ]


def _some(subject: Subject, n: int, rng: random.Random) -> list[str]:
    return rng.sample(_plain(subject, "平") + _plain(subject, "仄"), n)


def _unknown(subject: Subject, rng: random.Random) -> str:
    known = {*subject.model.tokenizer.characters}
    known |= set(map(naive.simplified, known))
    while True:
        c = chr(rng.randint(0x4E00, 0x9FA5))
        if not any(form in known for form in (c, fold(c))):
            return c


def _two_pins(s: Subject, rng: random.Random) -> Made:
    place = _place(s, rng)
    pins = [Pin(*place, c) for c in _some(s, 2, rng)]
    return pins, tuple(map(str, pins))


def _oblique_rhyme_place(s: Subject, rng: random.Random) -> Made:
    pin = Pin(2 * rng.randint(1, s.model.form.lines // 2), -1, rng.choice(_plain(s, "仄")))
    return [pin, Metre(rng.choice(("strict", "loose")))], (str(pin),)


def _tones_of_no_type(s: Subject, rng: random.Random) -> Made:
    # A line that does not rhyme may have oblique tones at both, if the next one makes up for it.
    line = 2 * rng.randint(1, s.model.form.lines // 2)
    pins = [Pin(line, place, rng.choice(_plain(s, "仄"))) for place in (2, 4)]
    return [*pins, Metre("loose")], tuple(map(str, pins))


def _two_groups(s: Subject, rng: random.Random) -> Made:
    chars, lines = s.model.form.chars, s.model.form.lines
    a, b = rng.sample(_plain(s, "平"), 2)
    while naive.groups(a, level=False) & naive.groups(b, level=False):
        a, b = rng.sample(_plain(s, "平"), 2)
    name = next(name for name, first in naive.NAMES[chars].items() if first == "A")
    rule = Metre(template=name) if lines == 2 else rng.choice((Rhyme(), Metre()))
    pins = [Pin(1 if lines == 2 else 2, -1, a), Pin(-1, -1, b)]
    return [*pins, rule], tuple(map(str, pins))


def _wrong_group(s: Subject, rng: random.Random) -> Made:
    c = rng.choice(_plain(s, "平"))
    group = rng.choice([g for g in GROUPS if g not in naive.groups(c, level=False)])
    pin = Pin(-1, -1, c)
    return [pin, Rhyme(group)], (str(pin), group)


def _repeated_pins(s: Subject, rng: random.Random) -> Made:
    (c,) = _some(s, 1, rng)
    pins = [Pin(1, rng.randint(1, 5), c), Pin(2, rng.randint(1, 5), c)]
    return [*pins, NoRepeat(rng.random() < 0.5)], tuple(map(str, pins))


def _pinned_and_avoided(s: Subject, rng: random.Random) -> Made:
    pin = Pin(*_place(s, rng), *_some(s, 1, rng))
    return [pin, Avoid("風" + pin.character)], (str(pin),)


def _outside(s: Subject, rng: random.Random) -> Made:
    L, C = s.model.form.lines, s.model.form.chars
    pin = Pin(*rng.choice(((L + 1, 1), (1, C + 1), (-L - 1, 1), (1, -C - 1))), *_some(s, 1, rng))
    return [pin], (str(pin),)


def _long_word(s: Subject, rng: random.Random) -> Made:
    word = "".join(_some(s, s.model.form.chars + rng.randint(1, 3), rng))
    return [Words((word,))], (word,)


def _wrong_length(s: Subject, rng: random.Random) -> Made:
    line = "".join(_some(s, s.model.form.chars + rng.choice((-1, 1, 2)), rng))
    below = Template(f"{FREE * s.model.form.chars}，{line}")
    return [rng.choice((first_line(line), below))], (line,)


def _words_sharing(s: Subject, rng: random.Random) -> Made:
    a, b, c = _some(s, 3, rng)
    return [Words((a + b, a + c)), NoRepeat(rng.random() < 0.5)], (a + b, a + c)


def _word_of_one(s: Subject, rng: random.Random) -> Made:
    (c,) = _some(s, 1, rng)
    return [Words((c + c,)), NoRepeat()], (c + c,)


def _word_beside_pin(s: Subject, rng: random.Random) -> Made:
    a, b = _some(s, 2, rng)
    return [Words((a + b,)), Pin(*(1, -1), a), NoRepeat()], (a + b,)


def _word_avoided(s: Subject, rng: random.Random) -> Made:
    a, b = _some(s, 2, rng)
    return [Words((a + b,)), Avoid(b)], (a + b,)


def _no_room(s: Subject, rng: random.Random) -> Made:
    a, b, *others = _some(s, 2 + s.model.form.positions // 2, rng)
    drawn = "".join(c + FREE for c in others).ljust(s.model.form.positions, others[0])
    return [Words((a + b,)), Template(drawn)], (a + b,)


def _oblique_group(s: Subject, rng: random.Random) -> Made:
    group = rng.choice([name for name, tone in GROUPS.items() if tone != "平"])
    return [Rhyme(group), Metre()], (group,)


def _no_rhyme(s: Subject, rng: random.Random) -> Made:
    name = rng.choice(("x", "東冬", "？", "1", ""))
    return [Rhyme(name)], (repr(name),)


def _two_rhymes(s: Subject, rng: random.Random) -> Made:
    pair = rng.sample([*GROUPS], 2)
    return list(map(Rhyme, pair)), tuple(pair)


def _no_template(s: Subject, rng: random.Random) -> Made:
    name = rng.choice(("平起", "aBaB", "xyz", "仄起首句"))
    return [Metre(template=name)], (name,)


def _long_acrostic(s: Subject, rng: random.Random) -> Made:
    text = _some(s, s.model.form.lines + 1, rng)
    return [acrostic("".join(text))], (f"{len(text)},1={text[-1]}",)


def _too_few(s: Subject, rng: random.Random) -> Made:
    left = set(_some(s, s.model.form.positions - 1, rng))
    others = (c for c in s.model.tokenizer.characters if c not in left)
    return [Avoid("".join(others)), NoRepeat()], ()


KINDS: dict[str, Callable[[Subject, random.Random], Made]] = {
    "two pins for one place": _two_pins,
    "pin outside the form": _outside,
    "pin of an avoided character": _pinned_and_avoided,
    "pins alike, no-repeat": _repeated_pins,
    "oblique pin where metre rhymes": _oblique_rhyme_place,
    "pins whose tones suit no line type": _tones_of_no_type,
    "pins at rhymes of two groups": _two_groups,
    "pin outside the rhyme asked for": _wrong_group,
    "line of another length": _wrong_length,
    "acrostic longer than the poem": _long_acrostic,
    "word longer than a line": _long_word,
    "word with an avoided character": _word_avoided,
    "word without room": _no_room,
    "words that share a character, no-repeat": _words_sharing,
    "word of one character twice, no-repeat": _word_of_one,
    "word and pin alike, no-repeat": _word_beside_pin,
    "oblique rhyme with metre": _oblique_group,
    "rhyme that is none": _no_rhyme,
    "two rhymes": _two_rhymes,
    "template that is none": _no_template,
    "a form without metre": lambda s, rng: ([Metre()], ()),
    "fewer characters than places, no-repeat": _too_few,
}
