"""Which characters are in which rhyme groups, and what groups share.

Shape letters: V characters, G groups, S sets of groups that some character belongs to as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations

import torch
from torch import Tensor

from poetry_vae.text.prosody import RhymeBook


def nonempty_subsets(items: Sequence[int]) -> list[tuple[int, ...]]:
    """All of them, the smallest first."""
    sizes = range(1, len(items) + 1)
    return list(chain.from_iterable(combinations(items, size) for size in sizes))


@dataclass(frozen=True)
class RhymeGroups:
    """Some rhyme groups over some characters."""

    member: Tensor
    """Whether a character is in a group, [V, G]."""
    usual: Tensor
    """The same without what poems hardly ever rhyme so, [V, G]."""
    level: Tensor
    """What is usual and read with a level tone in the group, [V, G]."""
    shared: Tensor
    """Whether a character is in all groups of a set, [V, S]."""
    sign: Tensor
    """The sign of each set in inclusion and exclusion, [S]."""
    single: list[int]
    """The set of each group alone; S for a group that no character is in."""

    @classmethod
    def of(
        cls,
        characters: Sequence[str],
        groups: Sequence[str],
        book: RhymeBook,
        *,
        is_level: bool,
        rare: Callable[[str], Collection[str]],
    ) -> RhymeGroups:
        """
        Args:
            characters: by id; special symbols, which never rhyme, as empty strings.
            is_level: whether only level readings count, as in metre.
            rare: groups of a character that poems hardly ever rhyme it in.
        """
        index = {group: i for i, group in enumerate(groups)}
        member, unusual, level = torch.zeros(3, len(characters), len(groups), dtype=torch.bool)
        found = []
        for i, character in enumerate(characters):
            readings = book.readings(character) if character else ()
            of_level = {index[r.group] for r in readings if r.group in index and r.tone == "平"}
            of_any = {index[r.group] for r in readings if r.group in index}
            found.append(sorted(of_level if is_level else of_any))
            member[i, found[-1]] = level[i, list(of_level)] = True
            unusual[i, [index[group] for group in rare(character) if group in index]] = True
        shared = sorted({s for each in found for s in nonempty_subsets(each)}) or [(0,)]
        place = {s: i for i, s in enumerate(shared)}
        return cls(
            member,
            member & ~unusual,
            level & ~unusual,
            torch.stack([member[:, list(s)].all(1) for s in shared], 1).float(),
            torch.tensor([(-1.0) ** (len(s) + 1) for s in shared]),
            [place.get((g,), len(shared)) for g in range(len(groups))],
        )

    def only(self, columns: Tensor) -> RhymeGroups:
        """The same over some of the characters, by their ids."""
        tables = ("member", "usual", "level", "shared")
        return replace(self, **{name: getattr(self, name)[columns] for name in tables})
