"""Scansion: a poem measured by the template of regulated verse it comes nearest to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, NamedTuple

from poetry_vae.text.errors import FormError
from poetry_vae.text.faults import (
    RHYME_KINDS,
    Fault,
    Measured,
    couplet_fault,
    in_order,
    link_fault,
    tone_fault,
    unsaved_fault,
)
from poetry_vae.text.form import Form
from poetry_vae.text.metre import (
    LineType,
    MetreError,
    MetreTemplate,
    Rules,
    faults_of,
    pattern_of,
    templates,
)
from poetry_vae.text.old_style import oblique_rhyme
from poetry_vae.text.paths import (
    MISRHYME,
    Variants,
    cheapest,
    costs_of,
    is_break,
    paths_of,
    type_of,
)
from poetry_vae.text.prosody import PINGSHUI, RhymeBook, tone_of
from poetry_vae.text.rhyming import Borrowed, RhymeGroups, Rhyming
from poetry_vae.text.turned import Turned, turned_lines

Readings = Literal["lenient", "strict"]
Style = Literal["近体", "折腰体", "古绝", "古体"]

# What a character counts as (see metre.faults_of), by what is known of it.
_COUNTS_AS: dict[Readings, dict[int, int]] = {
    "lenient": str.maketrans("？", "中"),
    "strict": str.maketrans("？中", "××"),
}


@dataclass(frozen=True)
class MetreReport(Measured):
    """A poem measured by the template that it comes nearest to."""

    lines: tuple[str, ...]
    template: MetreTemplate
    types: tuple[LineType, ...]
    """What each line was measured by: the template, up to a fault of 对 or 粘."""
    tones: tuple[str, ...]
    """A letter a character: 平, 仄, 中 (it has both) or ？ (unknown)."""
    rhymes: frozenset[str]
    """The level groups that the even lines share, or the one that leaves the fewest faults; the
    oblique ones of old-style verse."""
    line_groups: tuple[frozenset[str], ...]
    """The groups in which each line's last character is heard: the poem's where it has one of
    them, else its own; empty where a line does not end in the tone that rhymes."""
    faults: tuple[Fault, ...]
    unknown: tuple[str, ...]
    """Characters the book does not know; lenient readings take them for either tone."""
    style: Style = "近体"
    """Regulated verse (近体); a quatrain that lacks the link between its couplets and nothing else
    (折腰体); verse that rhymes in oblique tones, which has no metre to keep (古绝, 古体)."""
    turned: tuple[Turned, ...] = ()
    """Lines that depart from their type and are regular all the same (拗救)."""
    borrowed: tuple[Borrowed, ...] = ()
    """Lines that borrow their rhyme from a neighbouring group (鄰韻)."""
    style_explanation: str = ""
    """For any style but 近体: what it is and where it shows, in words for a learner. For a quatrain
    that rhymes and breaks the metre: that it may be old-style verse."""

    @property
    def has_types(self) -> bool:
        """Whether there is a template that lines are held against: old-style verse has none."""
        return self.style in ("近体", "折腰体")

    @property
    def keeps_metre(self) -> bool:
        """Whether every line is of its type, couplets oppose and are linked."""
        return self.style == "近体" and super().keeps_metre


def check(
    lines: Sequence[str],
    *,
    rules: Rules = "strict",
    readings: Readings = "lenient",
    book: RhymeBook = PINGSHUI,
) -> MetreReport:
    """Measure a poem in traditional script.

    There are two kinds of strictness. Strict ``rules`` count 孤平 and 三平尾 as faults. Strict
    ``readings`` fail every character that has both tones or none known, and a line that borrows its
    rhyme from a neighbouring group (鄰韻); lenient ones accept both. 拗救 is regular under all.

    Raises:
        MetreError: the lines differ in length, or their form has no metre.
    """
    lines = tuple(lines)
    if len(set(map(len, lines))) != 1:
        raise MetreError(f"lines of different lengths have no metre: {' '.join(lines)!r}")
    try:
        known = templates(Form(tuple(map(len, lines))))
    except FormError as error:  # also for numbers of lines or characters that no form can have
        raise MetreError(str(error)) from error
    sounds = [[_sound(book, character) for character in line] for line in lines]
    tones = tuple("".join([sound.letter for sound in line]) for line in sounds)
    symbols = [line.translate(_COUNTS_AS[readings]) for line in tones]
    ends = [line[-1].level for line in sounds]
    if readings == "strict":
        ends = [groups or frozenset() for groups in ends]

    rhymes = {
        opens: Rhyming.of(ends, of_either.rhyming_lines, book, borrows=readings == "lenient")
        for opens, of_either in ((t.order[0].isupper(), t) for t in known[:2])
    }
    costs = [costs_of(line, rules) for line in symbols]
    by_first = paths_of(costs)
    paths = {template: cheapest(by_first, template.types[0]) for template in known}

    def nearness(template: MetreTemplate) -> tuple[int, int]:
        opens = template.order[0].isupper()
        faults = MISRHYME * len(rhymes[opens].wrong)
        return paths[template][0] + faults, _strain(rhymes[opens], ends[0], opens)

    nearest = min(known, key=nearness)
    rhyme, variants = rhymes[nearest.order[0].isupper()], paths[nearest][1]
    types = tuple(type_of(variant) for variant in variants)
    tone_faults = _tone_faults(lines, symbols, variants, rules)
    faults = [*tone_faults, *_order_faults(lines, types), *rhyme.faults(lines, ends)]
    report = MetreReport(
        lines=lines,
        template=nearest,
        types=types,
        tones=tones,
        rhymes=rhyme.wanted,
        line_groups=tuple(map(rhyme.groups_of, ends)),
        faults=in_order(faults),
        unknown=unknown_in("".join(lines), "".join(tones)),
        turned=tuple(turned_lines(lines, symbols, variants)),
        borrowed=tuple(rhyme.borrowed(lines, ends)),
    )
    if not faults:
        return report
    if len(lines) == 4 and [(f.kind, f.line) for f in faults] == [("粘", 3)]:
        why = f"{link_fault(3, lines).explanation}; regular in all else, it is a 折腰体"
        return replace(report, style="折腰体", faults=(), style_explanation=why)
    old = oblique_rhyme(lines, tones, [line[-1].oblique for line in sounds])
    if old is None:
        departs = any(fault.kind not in RHYME_KINDS for fault in faults)
        if len(lines) == 4 and departs and all(fault.kind != "韵" for fault in faults):
            why = "keeps the rhyme and not the tones: old-style verse (古绝) need not keep them"
            return replace(report, style_explanation=why)
        return report
    style: Style = "古绝" if len(lines) == 4 else "古体"
    return replace(
        report,
        style=style,
        style_explanation=f"rhymes in {'/'.join(sorted(old.groups))}, in oblique tones: old-style "
        f"verse ({style}) has no metre to keep",
        rhymes=old.groups,
        line_groups=old.of_lines,
        faults=old.faults,
        turned=(),
        borrowed=(),
    )


class _Sound(NamedTuple):
    """A character's letter in a report, and its groups by tone."""

    letter: str
    level: RhymeGroups
    oblique: frozenset[str]


@lru_cache(maxsize=1 << 16)
def _sound(book: RhymeBook, character: str) -> _Sound:
    found = book.readings(character)
    level = [reading.group for reading in found if reading.tone == "平"]
    known = None if not found or "" in level else frozenset(level)
    oblique = frozenset(r.group for r in found if r.tone == "仄" and r.group)
    return _Sound(tone_of(character, book), known, oblique)


def _strain(rhyme: Rhyming, first: RhymeGroups, opens: bool) -> int:
    """A penalty for line 1 to rhyme, or not to; it decides if the tones of the line do not."""
    if not opens:
        return 1
    if first is None or first & rhyme.wanted:
        return 0
    return 2 if 0 in rhyme.borrowing else 3


def _tone_faults(
    lines: tuple[str, ...], symbols: Sequence[str], variants: Variants, rules: Rules
) -> Iterator[Fault]:
    for i, name in enumerate(variants):
        for position, kind in faults_of(symbols[i], name, rules):
            chars = len(lines[i])
            answered = name == "a" and variants[i + 1 : i + 2] == ("B",) and chars != 6
            if kind == "平仄" and answered and position == chars - 1:
                yield unsaved_fault(i + 1, position, lines)
            else:
                yield tone_fault(kind, i + 1, position, lines[i], pattern_of(name, chars))


def _order_faults(lines: tuple[str, ...], types: Sequence[LineType]) -> Iterator[Fault]:
    for i in range(1, len(types)):
        if is_break(types[i - 1], types[i]):
            yield (couplet_fault if i % 2 else link_fault)(i + 1, lines)


def unknown_in(text: str, letters: str) -> tuple[str, ...]:
    """The characters whose tone letter is ？, each once."""
    if "？" not in letters:
        return ()
    pairs = zip(text, letters, strict=True)
    return tuple(dict.fromkeys(c for c, letter in pairs if letter == "？"))
