"""Training, validation and test parts that share no line of verse.

One poem in seven of the large corpora shares a whole line with another, so parts drawn poem by
poem would leak. Poems connected by shared lines form a group, and a group goes to one part as a
whole, by a hash of its smallest line: the same on every machine, in any order of files. Groups
depend on which poems there are: a few files of a corpus can be split otherwise than the whole.
Lines such as 君不見 tie tens of thousands of poems into one group, which is for training, since no
other part would keep its size.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from poetry_vae.text.poem import Poem

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

_TRAIN, _VALIDATION = 0.85, 0.05
_TO_VALIDATE = 5
_LARGE, _LARGE_SHARE = 1000, 0.02  # a group of more poems, and of more of all, is for training


def groups_by_shared_lines(poems: Sequence[Poem]) -> list[int]:
    """A group number for every poem; poems that share a line, directly or in a chain, share it."""
    parent = list(range(len(poems)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    first_with: dict[str, int] = {}
    for i, poem in enumerate(poems):
        for line in poem.lines:
            parent[root(i)] = root(first_with.setdefault(line, i))
    return [root(i) for i in range(len(poems))]


def part_of_line(line: str) -> Part:
    """The part that a hash of the line decides: 85% training, 5% validation, 10% test."""
    digest = hashlib.sha256(line.encode("utf-8")).digest()
    share = int.from_bytes(digest[:8], "big") / 2**64
    if share < _TRAIN:
        return "train"
    return "validation" if share < _TRAIN + _VALIDATION else "test"


def rows_to_validate_on(train: int, validation: int) -> list[int]:
    """Rows of the training poems to validate on, if the split of few poems left fewer than five.
    They are spread over the training poems, and are one in five of them at most."""
    missing = min(_TO_VALIDATE, (train + validation) // 5) - validation
    return [round((train - 1) * (i + 1) / (missing + 1)) for i in range(missing)]


def split(poems: Sequence[Poem]) -> list[Part]:
    """The part of every poem."""
    groups = groups_by_shared_lines(poems)
    smallest: dict[int, str] = {}
    for group, poem in zip(groups, poems, strict=True):
        line = min(poem.lines)
        smallest[group] = min(line, smallest.get(group, line))
    parts = {group: part_of_line(line) for group, line in smallest.items()}
    for group, poems_in_it in Counter(groups).items():
        if poems_in_it > max(_LARGE, _LARGE_SHARE * len(poems)):
            parts[group] = "train"
    return [parts[group] for group in groups]
