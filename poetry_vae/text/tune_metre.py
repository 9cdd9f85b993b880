"""Measure a 词 by the tones and rhymes that most poems of its tune have.

No handbook is followed here. ``tune_metre.tsv``, compiled by ``scripts/build_tune_metre.py``, gives
for each place its commonest tone and the share of poems that have it. A place on which nine poems
in ten agree is fixed, any other is free. Rhymes are those of 詞林正韻, or those of 平水韻 if a poet
kept to them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from poetry_vae.text.cilin import CILIN
from poetry_vae.text.faults import TONE_NAMES, Fault, Measured, in_order
from poetry_vae.text.form import tune_form, tunes
from poetry_vae.text.metre import MetreError
from poetry_vae.text.poem import Poem
from poetry_vae.text.prosody import PINGSHUI, RhymeBook, tone_of
from poetry_vae.text.scansion import check, unknown_in
from poetry_vae.text.shipped import rows

FIXED_FROM = 90
"""Percent of the poems that must agree on a place for its tone to be fixed."""
RHYMED_FROM = 75
"""Percent of the poems in which a line must rhyme for the rhyme to be asked for."""


@dataclass(frozen=True)
class TuneMetre:
    """The tones and rhymes of most poems of a tune."""

    name: str
    """In simplified script."""
    poems: int
    """How many poems it was read from."""
    tones: tuple[str, ...]
    """The commoner tone at each place, a letter a place."""
    shares: tuple[tuple[int, ...], ...]
    """The percentage of them that have it."""
    rhymes: tuple[str, ...]
    """A letter a line: lines with the same letter rhyme; empty where a line is free."""
    rhyme_shares: tuple[int, ...]

    @cached_property
    def pattern(self) -> tuple[str, ...]:
        """平 and 仄 where the tone is fixed, 中 where it is free."""
        return tuple(
            "".join(t if n >= FIXED_FROM else "中" for t, n in zip(tones, shares, strict=True))
            for tones, shares in zip(self.tones, self.shares, strict=True)
        )


@dataclass(frozen=True)
class TuneReport(Measured):
    """A poem measured by its tune."""

    lines: tuple[str, ...]
    metre: TuneMetre
    tones: tuple[str, ...]
    """A letter a character: 平, 仄, 中 (it has both) or ？ (unknown)."""
    line_groups: tuple[frozenset[str], ...]
    """The rhyme groups of each line that is to rhyme: those of its rhyme where it has one."""
    faults: tuple[Fault, ...]
    unknown: tuple[str, ...]


@cache
def tune_metres() -> dict[str, TuneMetre]:
    """The tunes by their names in simplified script."""
    return {row[0]: _read(*row) for row in rows("tune_metre")}


def _read(name: str, poems: str, places: str, rhymes: str) -> TuneMetre:
    lines = [re.findall(r"([平仄])(\d+)", line) for line in places.split(" ")]
    ends = [(written[:1], int(written[1:] or 0)) for written in rhymes.split(" ")]
    return TuneMetre(
        name,
        int(poems),
        tuple("".join(tone for tone, _ in line) for line in lines),
        tuple(tuple(int(share) for _, share in line) for line in lines),
        tuple(letter.strip("-") if share >= RHYMED_FROM else "" for letter, share in ends),
        tuple(share for _, share in ends),
    )


def tune_of(poem: Poem) -> str:
    """The tune a poem is to be held against, in simplified script; empty for a 诗.

    It is the tune that the source names. Otherwise it is the commonest tune with the same lengths,
    wherever its second stanza begins, in one of three cases: the lines differ in length; or no
    regulated verse has so many; or the poem rhymes as the tune does and not as regulated verse
    (玉樓春: eight lines of seven, in oblique rhymes).
    """
    lengths = tuple(map(len, poem.lines))
    form = tune_form(poem.tune) if poem.tune else None
    if form is not None and form.lengths == lengths and form.tune in tune_metres():
        return form.tune
    name = next((tune.name for tune in tunes() if tune.form.lengths == lengths), "")
    if not name or len(set(lengths)) > 1:
        return name
    try:
        report = check(poem.lines)
    except MetreError:
        return name
    return name if report.style == "古体" and check_tune(poem.lines, name).ok else ""


def check_tune(lines: Sequence[str], name: str, *, book: RhymeBook = CILIN) -> TuneReport:
    """Measure a poem in traditional script by a tune, named in either script.

    A character with both tones fits either, and so does an unknown one.

    Raises:
        MetreError: nothing is known of the tune, or the lines are not as long as its lines.
    """
    lines = tuple(lines)
    form = tune_form(name)
    metre = tune_metres().get(form.tune) if form is not None else None
    if form is None or metre is None:
        raise MetreError(
            f"no tune is called {name!r}: `poetry-vae forms` lists those that are known"
        )
    if form.lengths != tuple(map(len, lines)):
        raise MetreError(
            f"{form.tune} has {form.described} characters, and this poem lines of "
            f"{', '.join(str(len(line)) for line in lines)}"
        )
    tones = tuple("".join(tone_of(character, book) for character in line) for line in lines)
    books = (book, PINGSHUI) if book.name == CILIN.name else (book,)
    heard = [_ends(lines, metre, one) for one in books]
    groups: list[frozenset[str]] = [frozenset() for _ in lines]
    wrong: list[int] = []
    for letter in dict.fromkeys(filter(None, metre.rhymes)):
        places = [i for i, other in enumerate(metre.rhymes) if other == letter]
        tried = [_rhymed(places, ends) for ends in heard]
        found, off = min(tried, key=lambda outcome: len(outcome[1]))
        wrong += off
        for i in places:
            groups[i] = found[i]
    faults = [*_tone_faults(lines, tones, metre), *_rhyme_faults(lines, metre, groups, wrong)]
    unknown = unknown_in("".join(lines), "".join(tones))
    return TuneReport(lines, metre, tones, tuple(groups), in_order(faults), unknown)


def _ends(lines: Sequence[str], metre: TuneMetre, book: RhymeBook) -> list[frozenset[str]]:
    """The groups of each line's last character, by readings of the tone that is wanted there."""
    return [
        frozenset(
            reading.group
            for reading in book.readings(line[-1])
            if reading.group and pattern[-1] in (reading.tone, "中")
        )
        for line, pattern in zip(lines, metre.pattern, strict=True)
    ]


def _rhymed(
    places: Sequence[int], ends: Sequence[frozenset[str]]
) -> tuple[dict[int, frozenset[str]], list[int]]:
    """Of lines that are to rhyme: their groups, and those that do not rhyme with most others."""
    counts = Counter(group for i in places for group in sorted(ends[i]))
    most = max(counts.values(), default=0)
    wanted = frozenset(group for group, n in counts.items() if n == most)
    if most < len(places):
        wanted = frozenset(sorted(wanted)[:1])
    groups = {i: ends[i] & wanted or ends[i] for i in places}
    return groups, [i for i in places if not ends[i] & wanted or most == 1]


def _tone_faults(
    lines: tuple[str, ...], tones: tuple[str, ...], metre: TuneMetre
) -> Iterator[Fault]:
    for i, (line, heard, pattern) in enumerate(zip(lines, tones, metre.pattern, strict=True)):
        for j, (has, wanted) in enumerate(zip(heard, pattern, strict=True)):
            if {has, wanted} == {"平", "仄"}:
                why = (
                    f"{line[j]} is {TONE_NAMES[has]} where {metre.shares[i][j]}% of {metre.name} "
                    f"have {TONE_NAMES[wanted]}"
                )
                yield Fault.at("平仄", i + 1, j + 1, why)


def _rhyme_faults(
    lines: tuple[str, ...], metre: TuneMetre, ends: Sequence[frozenset[str]], wrong: Sequence[int]
) -> Iterator[Fault]:
    for i in wrong:
        others = [
            str(j + 1)
            for j, other in enumerate(metre.rhymes)
            if other == metre.rhymes[i] and j != i
        ]
        text, where = lines[i], f"{'line' if len(others) == 1 else 'lines'} {', '.join(others)}"
        groups = "/".join(sorted(ends[i])) or "no group of the tone that rhymes"
        why = (
            f"{text[-1]} ({groups}) does not rhyme with {where}, as {metre.rhyme_shares[i]}% of "
            f"{metre.name} do"
        )
        yield Fault.at("韵", i + 1, len(text), why)
