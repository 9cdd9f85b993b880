"""Characters that rhyme with a given one, the commonest in verse first."""

from __future__ import annotations

from functools import cache
from importlib import resources

from poetry_vae.text.prosody import Reading, RhymeBook


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
    file = resources.files("poetry_vae.text").joinpath("line_ends.tsv")
    rows = file.read_text(encoding="utf-8").splitlines()
    return "".join(row for row in rows if not row.startswith("#"))
