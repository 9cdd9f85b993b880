"""Tones and rhymes: how classical verse reads a character.

Regulated verse knows two tones, level (平) and oblique (仄). The entering tone is oblique and has
vanished from modern Mandarin, so tones come from a rhyme book: ``readings.tsv``, compiled by
``scripts/build_prosody.py``. Words rhyme if they are in one group of 平水韻, the 106 groups into
which the rhymes of 廣韻 (1008) were merged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from poetry_vae.text.script import fold
from poetry_vae.text.shipped import rows

Tone = Literal["平", "仄"]


class Reading(NamedTuple):
    """One way to read a character; the group is empty where only the tone is known."""

    tone: Tone
    group: str


_GROUP_NAMES = {
    "平": "東冬江支微魚虞齊佳灰真文元寒刪先蕭肴豪歌麻陽庚青蒸尤侵覃鹽咸",
    "上": "董腫講紙尾語麌薺蟹賄軫吻阮旱潸銑篠巧皓哿馬養梗迥有寢感儉豏",
    "去": "送宋絳寘未御遇霽泰卦隊震問願翰諫霰嘯效號箇禡漾敬徑宥沁勘艷陷",
    "入": "屋沃覺質物月曷黠屑藥陌錫職緝合葉洽",
}
GROUPS: dict[str, str] = {name: tone for tone, names in _GROUP_NAMES.items() for name in names}
"""The 106 groups of 平水韻, named as is customary, each with its tone: 平, 上, 去 or 入."""

# Groups near enough for the first line of a poem (鄰韻), as is customary; 元 links 真文 to 寒刪先.
# First lines in chinese-poetry borrow from these, 江陽 and 佳麻 included; they also pair 真 with 庚
# and 侵, a tenth as often as 支 with 微, which is left to dialect.
_NEIGHBOURS = "東冬 江陽 支微齊 魚虞 佳灰 佳麻 真文元 元寒刪先 蕭肴豪 庚青蒸 覃鹽咸"


@dataclass(frozen=True, eq=False)
class RhymeBook:
    """A source of readings."""

    name: str
    readings: Callable[[str], frozenset[Reading]]
    """Every reading of a character in traditional script; none if the book lacks it."""
    rare: Callable[[str], frozenset[str]] = lambda character: frozenset()
    """Groups that a character could rhyme in by its readings, and hardly ever does."""
    near: str = ""
    """Level groups that stand together here lend each other the rhyme of a poem's first line; a
    book of wide groups needs no such loans."""

    def neighbours(self, group: str) -> frozenset[str]:
        """The level groups that a poem's first line may borrow its rhyme from, but ``group``."""
        return frozenset("".join(row for row in self.near.split() if group in row)) - {group}


def readings(character: str) -> frozenset[Reading]:
    """Every reading of a character in classical verse; the empty set if it is unknown.

    A variant is read as the character it is folded to. A character that only simplified script has
    gets the readings of all it stands for (发: 發 and 髮); one that traditional script has too is
    taken for traditional (云 is "to say"), so convert simplified poems first
    (``script.understand``).
    """
    found = _table().get(character)
    return _table().get(fold(character), frozenset()) if found is None else found


def rare_rhymes(character: str) -> frozenset[str]:
    """Level groups that a character could rhyme in by its readings, and hardly ever does: 真 of 論,
    which verse rhymes with 元."""
    return _rare_rhymes().get(fold(character), frozenset())


PINGSHUI = RhymeBook("pingshui", readings, rare_rhymes, _NEIGHBOURS)
"""The readings of classical verse and the groups of 平水韻, with their customary 鄰韻."""


@lru_cache(maxsize=1 << 16)
def tone_of(character: str, book: RhymeBook = PINGSHUI) -> str:
    """平 or 仄; 中 if a character can have both tones, ？ if the book does not know it."""
    tones = {reading.tone for reading in book.readings(character)}
    return "中" if len(tones) == 2 else next(iter(tones), "？")


@cache
def _rare_rhymes() -> dict[str, frozenset[str]]:
    pairs = [(group, character) for group, row in rows("rare_rhymes") for character in row]
    return {c: frozenset(group for group, other in pairs if other == c) for _, c in pairs}


@cache
def _table() -> dict[str, frozenset[Reading]]:
    """The compiled table.

    A row is a character, a tab and its readings (``平東 仄送``, or ``平`` where the group is not
    known), or ``=`` and the characters whose readings it has. Rows with # are comments.
    """
    table = dict(rows("readings"))
    parsed = {row: _parsed(row) for row in set(table.values()) if not row.startswith("=")}
    return {
        character: frozenset().union(*(parsed[table[other]] for other in row[1:]))
        if row.startswith("=")
        else parsed[row]
        for character, row in table.items()
    }


def _parsed(row: str) -> frozenset[Reading]:
    return frozenset(
        Reading("平" if word[0] == "平" else "仄", word[1:]) for word in row.split(" ")
    )
