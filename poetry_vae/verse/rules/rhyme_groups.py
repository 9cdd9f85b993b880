"""Which characters are in which rhyme groups, and what groups share.

Shape letters: V characters, G groups, S sets of groups that some character belongs to as a whole.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations

import torch
from torch import Tensor

from poetry_vae.text.prosody import RhymeBook

_NEVER = 30.0  # nats, after which a character is drawn only if there is no other


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
    ) -> RhymeGroups:
        """
        Args:
            characters: by id; special symbols, which never rhyme, as empty strings.
            is_level: whether only level readings count, as in metre.
        """
        index = {group: i for i, group in enumerate(groups)}
        of_any, of_level, unusual = ([set[int]() for _ in characters] for _ in range(3))
        for i, character in enumerate(characters):
            for tone, group in book.readings(character) if character else ():
                if group in index:
                    of_any[i].add(index[group])
                    if tone == "平":
                        of_level[i].add(index[group])
            if of_any[i]:
                unusual[i].update(index[group] for group in book.rare(character) if group in index)
        found = of_level if is_level else of_any
        member, level, seldom = (_table(each, len(groups)) for each in (found, of_level, unusual))
        shared = sorted({s for each in found for s in nonempty_subsets(sorted(each))}) or [(0,)]
        place = {s: i for i, s in enumerate(shared)}
        return cls(
            member,
            member & ~seldom,
            level & ~seldom,
            torch.stack([member[:, list(s)].all(1) for s in shared], 1).float(),
            torch.tensor([(-1.0) ** (len(s) + 1) for s in shared]),
            [place.get((g,), len(shared)) for g in range(len(groups))],
        )

    def fresh(self, group: Tensor, ends: Tensor) -> Tensor:
        """What rhymes in the group of each poem, [R], as poems have it, and does not end a line
        already: [R, V]. ``ends`` are the ids that do, [R, L], −1 for none."""
        out = self.usual[:, group].T.clone()
        rows, columns = (ends >= 0).nonzero(as_tuple=True)
        out[rows, ends[rows, columns]] = False
        return out

    def only(self, columns: Tensor) -> RhymeGroups:
        """The same over some of the characters, by their ids."""
        tables = ("member", "usual", "level", "shared")
        return replace(self, **{name: getattr(self, name)[columns] for name in tables})


def if_first_rhymes(log_weights: Tensor, group: Tensor, level: Tensor) -> Tensor:
    """Logarithms of weights of the first line's last character, [R, V], if the poem is known to
    rhyme in a group: the level characters of the group get the weight of all level ones.

    In free verse a first line that ends on a level tone rhymes, since the others follow it. If the
    rhyme is asked for, so that they cannot, the line shall still rhyme as often.

    Args:
        group: which characters are in the group with a level tone, [R, V] or [V].
        level: which have no other tone, [V].
    """
    within, all_level = (
        log_weights.masked_fill(~some, -torch.inf).logsumexp(-1, keepdim=True)
        for some in (group, group | level)
    )
    gain = (all_level - within).where(within.isfinite(), 0.0)
    changed = torch.where(group, log_weights + gain, log_weights - _NEVER * level)
    return changed.where(within.isfinite(), log_weights)


def _table(columns: Sequence[Collection[int]], width: int) -> Tensor:
    """Truth values [V, width] that are true in these columns of each row."""
    out = torch.zeros(len(columns), width, dtype=torch.bool)
    pairs = [(row, column) for row, each in enumerate(columns) for column in each]
    rows, places = torch.tensor(pairs, dtype=torch.long).view(-1, 2).T
    out[rows, places] = True
    return out
