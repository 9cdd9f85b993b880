"""詞林正韻 (Ge Zai, 1821): the rhymes of 词, 19 parts into which the groups of 平水韻 are merged.

In 词 the rising and departing tones of a part rhyme together; five parts are of the entering tone.
"""

from __future__ import annotations

from functools import cache

from poetry_vae.text.prosody import Reading, RhymeBook, readings
from poetry_vae.text.shipped import rows

# The groups of each part, from the first to the nineteenth; a group may belong to two.
_PARTS = """
東冬董腫送宋 江陽講養絳漾 支微齊灰紙尾薺賄寘未霽泰隊 魚虞語麌御遇 佳灰蟹賄泰卦隊 真文元軫吻阮震問願
元寒刪先阮旱潸銑願翰諫霰 蕭肴豪篠巧皓嘯效號 歌哿箇 佳麻馬卦禡 庚青蒸梗迥敬徑 尤有宥 侵寢沁
覃鹽咸感儉豏勘艷陷 屋沃 覺藥 質陌錫職緝 物月曷黠屑葉 合洽
"""
_NUMBERS = "一 二 三 四 五 六 七 八 九 十 十一 十二 十三 十四 十五 十六 十七 十八 十九"
RHYME_PARTS = tuple(f"第{number}部" for number in _NUMBERS.split(" "))
"""The names of the 19 parts."""


@cache
def _readings(character: str) -> frozenset[Reading]:
    """The tones of a character, each with the part it rhymes in."""
    return frozenset(
        Reading(tone, part)
        for tone, group in readings(character)
        for part in (_parts_of(group, character) if group else [""])
    )


def _parts_of(group: str, character: str) -> list[str]:
    """The part of a group. A divided group has two: both, if the character's own is not known."""
    listed = [
        RHYME_PARTS[part - 1]
        for (of, part), characters in _parted().items()
        if of == group and character in characters
    ]
    return listed or [
        name for name, groups in zip(RHYME_PARTS, _PARTS.split(), strict=True) if group in groups
    ]


@cache
def _parted() -> dict[tuple[str, int], frozenset[str]]:
    """The characters of divided groups, by group and part; see ``scripts/build_cilin.py``."""
    return {(group, int(part)): frozenset(found) for group, part, found in rows("cilin")}


CILIN = RhymeBook("cilin", _readings)
"""The readings of classical verse, and the parts of 詞林正韻 for groups."""
