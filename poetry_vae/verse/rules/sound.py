"""Metre and rhyme, by the book that is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from poetry_vae.text.form import Form
from poetry_vae.text.metre import MetreTemplate, Rules, template_named, templates
from poetry_vae.text.prosody import GROUPS, PINGSHUI, Reading, RhymeBook
from poetry_vae.text.script import fold
from poetry_vae.verse.rules.alphabet import Alphabet
from poetry_vae.verse.rules.metrical import Metrical
from poetry_vae.verse.rules.rule import BoundRule, Ground, Rule, RuleError, only


@dataclass(frozen=True)
class Metre(Rule):
    """Tones by any legal template (平仄, 对, 粘), or by the one named; see ``text.metre``."""

    rules: Rules = "strict"
    template: str | None = None

    def __post_init__(self) -> None:
        if self.rules not in ("strict", "loose"):
            raise RuleError(f"{self.rules!r} are no rules of metre: strict and loose are")

    def told(self) -> str:
        return f"metre {self.template or self.rules}"


@dataclass(frozen=True)
class Rhyme(Rule):
    """Even lines end in one rhyme group: of this name, rhyming with this character, or any."""

    group: str | None = None

    def told(self) -> str:
        return f"rhyme {self.group or 'throughout'}"


@dataclass(frozen=True)
class Sounds(Rule):
    """The book that decides metre, rhyme and parallel couplets, if not that of 平水韻."""

    book: RhymeBook

    def told(self) -> str:
        return f"the rhyme book {self.book.name}"


def bind(parts: Sequence[Rule], ground: Ground) -> BoundRule | None:
    """Metre and rhyme, which share their line ends.

    Raises:
        RuleError: there is no such rhyme, or metre does not admit it.
        MetreError: metre was asked for and the form has none, or the named template is not there.
    """
    metre, rhyme, sounds = only(parts, Metre), only(parts, Rhyme), only(parts, Sounds)
    if metre is None and rhyme is None:
        return None
    book = sounds.book if sounds else PINGSHUI
    legal: tuple[MetreTemplate, ...] = ()
    if metre:
        legal = tuple(templates(ground.form))
        if metre.template is not None:
            legal = (template_named(ground.form, metre.template),)
    else:
        _check_lines(ground.form)
    everything = _groups_of(book, ground.alphabet, level=False)
    level = _groups_of(book, ground.alphabet, level=True)
    groups = level if metre else everything
    if rhyme is not None and rhyme.group is None and _rhymes_obliquely(ground.form):
        book = _oblique(book)
        groups = [group for group in everything if group not in level] or everything
    if rhyme is not None and rhyme.group is not None:
        asked = _groups_asked(rhyme.group, book, everything)
        groups = [group for group in asked if group in groups]
        if not groups:
            raise RuleError(
                f"{rhyme.group} is the oblique rhyme {'/'.join(asked)}, and metre asks for a level "
                f"one: leave out the metre, or take one of {''.join(level)}"
            )
    return _metrical(
        ground.form,
        ground.alphabet.symbols,
        templates=legal,
        groups=tuple(groups),
        rules=metre.rules if metre else "strict",
        book=book,
        strangers=len(ground.alphabet.strangers),
    )


def _check_lines(form: Form) -> None:
    """Refuse a form whose even lines are not those that rhyme.

    Raises:
        RuleError: its lines differ in length, or it is a tune that rhymes in other lines.
    """
    if not form.is_even:
        raise RuleError(
            f"the lines of a {form} differ in length, and a rhyme can be asked for only where they "
            "are alike: leave it out"
        )
    if not form.tune:
        return
    from poetry_vae.text.tune_metre import tune_metres  # with the books of tunes, which take time

    found = tune_metres().get(form.tune)
    if found and not all(letter == "A" for letter in found.rhymes[1::2]):
        rhymed = ", ".join(str(i) for i, letter in enumerate(found.rhymes, 1) if letter)
        raise RuleError(
            f"{form} rhymes in lines {rhymed}, and a rhyme can be asked for only in the even "
            "lines: leave it out"
        )


@lru_cache
def _oblique(book: RhymeBook) -> RhymeBook:
    """A book for rhymes on oblique tones: without characters that poems read with a level one, too,
    since 空 and 中 would rhyme in 送."""

    def readings(character: str) -> frozenset[Reading]:
        found = book.readings(character)
        return frozenset() if any(reading.tone == "平" for reading in found) else found

    return replace(book, readings=readings)


def _rhymes_obliquely(form: Form) -> bool:
    """Whether most poems of a tune end their even lines on oblique tones, as 生查子."""
    if not form.tune:
        return False
    from poetry_vae.text.tune_metre import tune_metres

    found = tune_metres().get(form.tune)
    return found is not None and {tones[-1] for tones in found.tones[1::2]} == {"仄"}


_metrical = lru_cache(maxsize=16)(Metrical)


def _groups_of(book: RhymeBook, alphabet: Alphabet, *, level: bool) -> list[str]:
    """The groups of a book: level ones, or all of them."""
    if book is PINGSHUI:
        return [group for group, tone in GROUPS.items() if tone == "平" or not level]
    readings = chain.from_iterable(map(book.readings, filter(None, alphabet.symbols)))
    return sorted({r.group for r in readings if r.group and (r.tone == "平" or not level)})


# 一東, 十三元, 上平十一真: the customary names of groups, with their numbers.
_NUMBERED = re.compile(r"[上下平去入声聲]*[一二三四五六七八九十廿卅]+(\S)韵?韻?")


def _groups_asked(name: str, book: RhymeBook, groups: Sequence[str]) -> list[str]:
    """The group of this name, else all groups of the character.

    Raises:
        RuleError: the book has neither.
    """
    name = name.strip()
    if name in groups:
        return [name]
    if numbered := _NUMBERED.fullmatch(name):
        name = numbered[1]
    if len(name) == 1:
        for spelling in (name, fold(name)):
            if spelling in groups:
                return [spelling]
        found = sorted({reading.group for reading in book.readings(fold(name)) if reading.group})
        if found:
            return found
    some = " ".join(groups[:15])
    raise RuleError(
        f"{name!r} is no rhyme: give a character to be rhymed with, or one of the {len(groups)} "
        f"groups of {book.name}, such as {some}"
    )
