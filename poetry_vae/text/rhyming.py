"""The rhyme of a poem: the group that its lines share, or that the first or last line borrows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from poetry_vae.text.faults import Fault, rhyme_fault
from poetry_vae.text.prosody import RhymeBook

RhymeGroups = frozenset[str] | None
"""Rhyme groups of a character; None if they are not known, so that it may rhyme with anything."""

BorrowedKind = Literal["孤雁出群", "孤雁入群"]


@dataclass(frozen=True)
class Borrowed:
    """A line, counted from 1, that rhymes in a group near that of the poem (鄰韻)."""

    kind: BorrowedKind
    line: int
    groups: frozenset[str]
    explanation: str


@dataclass(frozen=True)
class Rhyming:
    """What the lines that rhyme have in common, under one template."""

    wanted: frozenset[str]
    """The groups that every even line stands in, else the one that leaves the fewest faults."""
    wrong: tuple[int, ...]
    """Lines, from 0, that should rhyme and do not."""
    borrowing: tuple[int, ...]

    @classmethod
    def of(
        cls, ends: Sequence[RhymeGroups], lines: Sequence[int], book: RhymeBook, *, borrows: bool
    ) -> Rhyming:
        """The reading of the rhyme with the fewest faults.

        Args:
            ends: the groups of every line's last character.
            lines: the lines that are to rhyme, from 0, the even ones among them.
            borrows: whether line 1 may borrow from a neighbouring group (孤雁出群), and the last
                line where two others have set the rhyme (孤雁入群).
        """

        def judged(wanted: frozenset[str]) -> Rhyming:
            near = frozenset[str]().union(*map(book.neighbours, wanted)) if borrows else frozenset()
            kept = [i for i in lines if (groups := ends[i]) is not None and groups & wanted]
            wrong: list[int] = []
            borrowing: list[int] = []
            for i in lines:
                groups = ends[i]
                # If no even line's group is known, no line can fail to rhyme.
                if groups is None or i in kept or (groups and not wanted):
                    continue
                is_last = i == len(ends) - 1 and len(kept) > 1
                (borrowing if groups & near and (i == 0 or is_last) else wrong).append(i)
            if len(borrowing) > 1:  # a goose alone
                wrong.append(borrowing.pop())
            return cls(wanted, tuple(wrong), tuple(borrowing))

        known = [groups for groups in ends[1::2] if groups is not None]
        shared = frozenset[str].intersection(*known) if known else frozenset[str]()
        counts = Counter(group for groups in known for group in sorted(groups))
        if shared or not counts:
            return judged(shared)
        tried = [judged(frozenset({group})) for group, _ in counts.most_common()]
        return min(tried, key=lambda found: (len(found.wrong), len(found.borrowing)))

    def groups_of(self, groups: RhymeGroups) -> frozenset[str]:
        """The rhyme groups of a line: those shared with the poem if there are any, else its own."""
        groups = groups or frozenset()
        return groups & self.wanted or groups

    def faults(self, lines: tuple[str, ...], ends: Sequence[RhymeGroups]) -> Iterator[Fault]:
        for i in self.wrong:
            kind: Literal["韵", "首句韵"] = "韵" if i else "首句韵"
            yield rhyme_fault(kind, i + 1, lines[i], ends[i] or (), self.wanted)

    def borrowed(self, lines: tuple[str, ...], ends: Sequence[RhymeGroups]) -> Iterator[Borrowed]:
        for i in self.borrowing:
            groups = ends[i] or frozenset()
            kind: BorrowedKind = "孤雁入群" if i else "孤雁出群"
            yield Borrowed(
                kind,
                i + 1,
                groups,
                f"line {i + 1}: {lines[i][-1]} is of {'/'.join(sorted(groups))}, and the poem "
                f"rhymes in {'/'.join(sorted(self.wanted))}: a neighbouring group (邻韵, {kind})",
            )
