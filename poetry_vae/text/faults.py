"""Faults in the metre or the rhyme of a poem: their places and reasons, in words for a learner."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal["平仄", "孤平", "三平尾", "字音", "对", "粘", "韵", "首句韵"]
RHYME_KINDS: tuple[FaultKind, ...] = ("韵", "首句韵")

TONE_NAMES = {"平": "level (平)", "仄": "oblique (仄)"}


@dataclass(frozen=True)
class Fault:
    """One fault; line and position count from 1."""

    kind: FaultKind
    line: int
    position: int
    explanation: str

    @classmethod
    def at(cls, kind: FaultKind, line: int, position: int, why: str) -> Fault:
        """A fault whose explanation begins with its place."""
        return cls(kind, line, position, f"line {line}, character {position}: {why}")


class Measured:
    """What every report says of the faults of a poem."""

    faults: tuple[Fault, ...]

    @property
    def keeps_metre(self) -> bool:
        """Whether every tone is as the metre wants it, and lines follow each other as they may."""
        return all(fault.kind in RHYME_KINDS for fault in self.faults)

    @property
    def keeps_rhyme(self) -> bool:
        """Whether the lines rhyme that are to rhyme; of old-style verse, the even ones."""
        return all(fault.kind not in RHYME_KINDS for fault in self.faults)

    @property
    def ok(self) -> bool:
        """Whether the poem keeps metre and rhyme."""
        return self.keeps_metre and self.keeps_rhyme


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Faults as they come in the poem."""
    return tuple(sorted(faults, key=lambda fault: (fault.line, fault.position)))


def tone_fault(kind: FaultKind, line: int, position: int, text: str, pattern: str) -> Fault:
    """A character of ``text`` that does not fit the pattern of its line."""
    character, wanted = text[position - 1], pattern[position - 1]
    if kind == "孤平":
        why = (
            f"{character} is oblique, so the level character after it stands alone between oblique "
            f"ones (孤平) in {text}"
        )
    elif kind == "三平尾":
        why = f"{character} is level, so {text} ends in three level characters (三平尾)"
    elif kind == "字音":
        why = f"{character} has no reading or both tones (字音), and strict readings want one tone"
    else:
        has = "仄" if wanted == "平" else "平"
        why = f"{character} is {TONE_NAMES[has]} where {pattern} wants {TONE_NAMES[wanted]}"
    return Fault.at(kind, line, position, why)


def unsaved_fault(line: int, position: int, lines: tuple[str, ...]) -> Fault:
    """A character that would be regular if the answering line saved it (大拗)."""
    character, answer = lines[line - 1][position - 1], lines[line]
    why = (
        f"{character} is oblique (仄) where the type wants level (平), and {answer[position - 2]} "
        f"in line {line + 1}, oblique, does not save it (大拗)"
    )
    return Fault.at("平仄", line, position, why)


def old_rhyme_fault(
    line: int, lines: tuple[str, ...], groups: Iterable[str], other: Iterable[str]
) -> Fault:
    """An even line of old-style verse that does not rhyme with the one before."""
    text = lines[line - 1]
    why = (
        f"{text[-1]} ({'/'.join(sorted(groups))}) does not rhyme with {lines[line - 3][-1]} "
        f"({'/'.join(sorted(other))})"
    )
    return Fault.at("韵", line, len(text), why)


def couplet_fault(line: int, lines: tuple[str, ...]) -> Fault:
    """The second line of a couplet that repeats the first one's tones."""
    why = (
        f"line {line}: the even characters of {lines[line - 1]} have the tones of those of line "
        f"{line - 1}, and the lines of a couplet must oppose each other (对)"
    )
    return Fault("对", line, 2, why)


def link_fault(line: int, lines: tuple[str, ...]) -> Fault:
    """The first line of a couplet that is not linked to the couplet before."""
    why = (
        f"line {line}: {lines[line - 1][1]}, its second character, must have the tone of "
        f"{lines[line - 2][1]} in line {line - 1}, so that the couplets are linked (粘)"
    )
    return Fault("粘", line, 2, why)


def rhyme_fault(
    kind: FaultKind, line: int, text: str, groups: Iterable[str], wanted: Iterable[str]
) -> Fault:
    """A line whose last character is not in the group the poem rhymes in."""
    group = "/".join(sorted(groups))
    if group:
        why = f"{text[-1]} ({group}) does not rhyme with the group {'/'.join(sorted(wanted))}"
    else:
        why = f"{text[-1]} has no level reading to rhyme with (韵)"
    if kind == "首句韵":
        why += "; a first line that ends level must rhyme (首句韵)"
    return Fault.at(kind, line, len(text), why)
