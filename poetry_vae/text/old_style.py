"""Old-style verse (古绝, 古体) that rhymes in oblique tones: known by its rhyme, free in its metre.

It rhymes more widely than regulated verse: neighbouring groups go together (通押). As near count
the groups that 詞林正韻 merges into one part.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from poetry_vae.text.faults import Fault, old_rhyme_fault

# The oblique groups of 平水韻 that rhyme together in old-style verse.
_NEAR = """
董腫送宋 講養絳漾 紙尾薺寘未霽 賄隊泰 語麌御遇 蟹賄泰卦隊 軫吻阮震問願 阮旱潸銑願翰諫霰 篠巧皓嘯效號
哿箇 馬禡卦 梗迥敬徑 有宥 寢沁 感儉豏勘艷陷 屋沃 覺藥 質陌錫職緝 物月曷黠屑葉 合洽
"""


class ObliqueRhyme(NamedTuple):
    """The oblique groups that the even lines share, those of each line, and what does not rhyme."""

    groups: frozenset[str]
    of_lines: tuple[frozenset[str], ...]
    faults: tuple[Fault, ...]


def oblique_rhyme(
    lines: tuple[str, ...], tones: Sequence[str], ends: Sequence[frozenset[str]]
) -> ObliqueRhyme | None:
    """How a poem rhymes in oblique tones; None if it does not intend to.

    Args:
        tones: a letter a character: 平, 仄, 中 or ？.
        ends: the oblique groups of every line's last character.
    """
    even = ends[1::2]
    shared = frozenset[str].intersection(*even)
    surely = all(line[-1] == "仄" for line in tones[1::2])
    if not all(even) or not (shared or surely):
        return None
    faults = [
        old_rhyme_fault(i + 1, lines, ends[i], ends[i - 2])
        for i in range(3, len(lines), 2)
        if not shared and not _go_together(ends[i], ends[i - 2])
    ]
    groups = shared or frozenset[str]().union(*even)
    rhyming = [i % 2 == 1 or (i == 0 and bool(groups & ends[0])) for i in range(len(lines))]
    of_lines = tuple(
        (end & shared or end) if rhymes else frozenset[str]()
        for rhymes, end in zip(rhyming, ends, strict=True)
    )
    return ObliqueRhyme(groups, of_lines, tuple(faults))


def _go_together(some: frozenset[str], others: frozenset[str]) -> bool:
    return bool(some & others) or any(
        some & set(part) and others & set(part) for part in _NEAR.split()
    )
