"""拗救: lines that depart from their type, and the characters that make up for it.

Four kinds, after Wang Li, 詩詞格律, with the positions of five-character lines (two more of seven):

- 大拗: position 4 of a is oblique; position 3 of the answering B, level, saves it.
- 小拗: position 3 of a is oblique; the same character may save it, and need not.
- 孤平拗救: position 1 of B is oblique; position 3 of the same line, level, saves it.
- 特拗: b as 平平仄平仄; position 4, level, makes up for position 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from poetry_vae.text.metre import Variant, faults_of

TurnedKind = Literal["大拗", "小拗", "孤平拗救", "特拗"]


@dataclass(frozen=True)
class Turned:
    """A line that departs from its type and is regular all the same; lines and positions from 1."""

    kind: TurnedKind
    line: int
    position: int
    saved_by: tuple[int, int] | None
    """The line and position of the character that makes up for it; None if none is needed."""
    explanation: str


def turned_lines(
    lines: Sequence[str], symbols: Sequence[str], variants: Sequence[Variant]
) -> Iterator[Turned]:
    """The 拗救 of a poem of lines of 5 or 7 characters.

    Args:
        symbols: a letter a character, as ``metre.faults_of`` takes them.
        variants: the type that each line was measured by; lines with faults are skipped.
    """
    for i, (line, heard, variant) in enumerate(zip(lines, symbols, variants, strict=True)):
        chars = len(line)
        if chars == 6 or faults_of(heard, variant, "loose"):
            continue
        if variant == "a拗":
            yield _turned("大拗", lines, (i, chars - 2), (i + 1, chars - 3))
        elif variant == "a" and heard[-3] == "仄":
            answers = variants[i + 1 : i + 2] in (("B",), ["B"]) and symbols[i + 1][-3] == "平"
            yield _turned("小拗", lines, (i, chars - 3), (i + 1, chars - 3) if answers else None)
        elif variant in ("B", "B救") and heard[-5] == "仄" and heard[-3] in "平中":
            yield _turned("孤平拗救", lines, (i, chars - 5), (i, chars - 3))
        elif variant == "b" and heard[-2] == "平":
            yield _turned("特拗", lines, (i, chars - 3), (i, chars - 2))


def _turned(
    kind: TurnedKind, lines: Sequence[str], place: tuple[int, int], saved: tuple[int, int] | None
) -> Turned:
    i, j = place
    why = f"line {i + 1}, character {j + 1}: {lines[i][j]} is oblique where the type is level (拗"
    why += f", {kind})"
    if saved is None:
        return Turned(kind, i + 1, j + 1, None, f"{why}; this one needs no saving")
    line, position = saved[0] + 1, saved[1] + 1
    where = "the same line" if saved[0] == i else f"line {line}"
    by = f"{lines[saved[0]][saved[1]]}, level, at {position} of {where} saves it (救)"
    return Turned(kind, i + 1, j + 1, (line, position), f"{why}; {by}")
