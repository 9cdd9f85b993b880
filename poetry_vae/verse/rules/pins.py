"""Characters at their places: pins, acrostics, first lines and drawn templates."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

from poetry_vae.text.cleaning import clean_typed
from poetry_vae.text.form import Form
from poetry_vae.text.poem import split_lines
from poetry_vae.text.script import to_traditional
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.rules.rule import Allowed, BoundRule, Ground, Rule, RuleError, Together, of

FREE = "□"
"""The sign for a free position in a drawn template."""
_FREE_SIGNS = "□＿_○◯*?-xX"
_ALSO_FREE = str.maketrans(dict.fromkeys(_FREE_SIGNS, FREE))


@dataclass(frozen=True)
class Pin(Rule):
    """One character at one place, in either script: a simplified character stands for all its
    traditional variants, or for the one that is ``meant``, where those typed beside it tell (發 in
    恭喜发财). Lines and places count from 1, and from the end where they are negative.
    """

    line: int
    place: int
    character: str
    meant: str = field(default="", compare=False)
    """In the models' orthography; "" for a character that was pinned by itself."""

    def __post_init__(self) -> None:
        if len(self.character) != 1:
            raise RuleError(f"{self.character!r} is not one character: one place holds one")
        if not self.line or not self.place:
            raise RuleError(f"{self}: lines and places count from 1 (or from -1, the last)")

    @property
    def characters(self) -> str:
        return self.character

    def told(self) -> str:
        if not self.meant:
            return f"{self.line},{self.place}={self.character}"
        ends = {1: "head", -1: "tail"}
        end = ends.get(self.place, f"place {self.place} of line")
        return f"{end} {self.line} ({self.character})"

    __str__ = told

    @classmethod
    def parse(cls, text: str) -> Pin:
        """Read ``LINE,PLACE=CHARACTER`` as in ``2,3=月``.

        Raises:
            RuleError: the text is nothing of the kind.
        """
        match = re.fullmatch(r"\s*(-?\d{1,3})\s*[,，]\s*(-?\d{1,3})\s*[=＝]\s*(\S)\s*", text)
        if match is None:
            raise RuleError(f"{text!r} is no pin: write LINE,PLACE=CHARACTER, as in 2,3=月")
        return cls(int(match[1]), int(match[2]), match[3])


@dataclass(frozen=True)
class Template(Rule):
    """A drawn poem, or its first lines, with □ where the model is free: ``□□□月□，□□□□□``.

    Lines are parted as poems are, by punctuation or line breaks, or not at all where the whole
    poem is drawn.
    """

    text: str
    name: str = "the template"
    """What messages call it."""

    @property
    def lines(self) -> list[str]:
        return drawn_lines(self.text)

    @property
    def characters(self) -> str:
        return "".join(self.lines).replace(FREE, "")

    def told(self) -> str:
        return f"{self.name} {'/'.join(self.lines)}"


def acrostic(text: str, *, tail: bool = False) -> Together:
    """The characters of ``text`` at the heads (or tails) of the lines, from the first line on."""
    place = -1 if tail else 1
    heads = _with_meanings("".join(drawn_lines(text)))
    return Together(tuple(Pin(i, place, c, meant) for i, c, meant in heads))


def heads_of(rule: Rule, *, tail: bool = False) -> str:
    """The characters that are pinned at the heads (or tails) of lines, in their order."""
    pins = sorted(of(rule.parts, Pin), key=lambda pin: pin.line)
    return "".join(pin.character for pin in pins if pin.place == (-1 if tail else 1))


def first_line(text: str) -> Template:
    """``text`` as the first line.

    Raises:
        RuleError: it is not one line.
    """
    lines = drawn_lines(text)
    if len(lines) != 1:
        raise RuleError(f"{text!r} is {len(lines)} lines: give the first line alone")
    return Template(lines[0])


def drawn_lines(text: str) -> list[str]:
    """The lines of a drawn poem, in which □ stands for every sign of a free place."""
    return split_lines(clean_typed(text, free=_FREE_SIGNS).translate(_ALSO_FREE))


def _with_meanings(text: str) -> Iterator[tuple[int, str, str]]:
    """The drawn characters with their places from 1 and what they mean, in the models'
    orthography, as those beside them tell."""
    for i, (character, meant) in enumerate(zip(text, to_traditional(text), strict=True), start=1):
        if character != FREE:
            yield i, character, meant


def bind(parts: Sequence[Rule], ground: Ground) -> BoundRule | None:
    """Pins and templates.

    Raises:
        RuleError: a pin lies outside, or two pins exclude each other.
    """
    pins = of(parts, Pin)
    for template in of(parts, Template):
        pins += _pins_of(template, ground.form)
    if not pins:
        return None
    allowed = torch.ones(ground.form.positions, len(ground.alphabet), dtype=torch.bool)
    at: dict[int, Pin] = {}
    for pin in pins:
        position = place_of(pin.line, pin.place, ground.form, str(pin))
        ids = ground.alphabet.ids(pin.character)
        meant = [i for i in ids if ground.alphabet.symbols[i] == pin.meant]
        both = torch.zeros_like(allowed[position])
        both[meant or ids] = True
        both &= allowed[position]
        if not both.any():
            raise RuleError(
                f"{pin} cannot be kept, since {at[position]} holds the same place: leave one of "
                "them out"
            )
        allowed[position], at[position] = both, pin
    allowed[:, : len(CharTokenizer.SPECIAL)] = False
    return Allowed(allowed)


def place_of(line: int, place: int, form: Form, told: str) -> int:
    """The position of a place, both counted from 1, or from the end where negative.

    Raises:
        RuleError: the form has no such place; ``told`` is how the message calls it.
    """
    if not 1 <= abs(line) <= form.lines:
        raise RuleError(f"{told} lies outside: a {form} has {form.lines} lines")
    number = line - 1 if line > 0 else form.lines + line
    length = form.lengths[number]
    if not 1 <= abs(place) <= length:
        where = "in a line" if form.is_even else f"in line {number + 1}"
        raise RuleError(f"{told} lies outside: a {form} has {length} characters {where}")
    return form.place(number, place - 1 if place > 0 else place)


def _pins_of(template: Template, form: Form) -> list[Pin]:
    lines = template.lines
    if len(lines) == 1 and len(lines[0]) == form.positions:
        lines = list(form.cut(lines[0]))
    if len(lines) > form.lines:
        raise RuleError(f"{template.text!r} has {len(lines)} lines, and a {form} has {form.lines}")
    pins = []
    for i, (line, length) in enumerate(zip(lines, form.lengths, strict=False), start=1):
        if len(line) != length:
            which = "a" if form.is_even else "this"
            raise RuleError(
                f"line {i} ({line}) has {len(line)} characters, and {which} line of {form} has "
                f"{length}: draw free places as {FREE}"
            )
        pins += [Pin(i, j, c, meant) for j, c, meant in _with_meanings(line)]
    return pins
