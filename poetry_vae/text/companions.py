"""Characters that rhyme with a given one, the commonest in verse first."""

from __future__ import annotations

from functools import cache

from poetry_vae.text.prosody import Reading, RhymeBook
from poetry_vae.text.shipped import rows


def companions(reading: Reading, book: RhymeBook, most: int = 12) -> str:
    """The commonest characters of a group that have this tone alone, at most so many."""
    found = (
        c
        for c in _by_frequency()
        if reading in (readings := book.readings(c))
        and {r.tone for r in readings} == {reading.tone}
    )
    return "".join(c for c, _ in zip(found, range(most), strict=False))


@cache
def _by_frequency() -> str:
    """Line ends of verse, commonest first; compiled by ``scripts/build_companions.py``."""
    return "".join(characters for (characters,) in rows("line_ends"))
