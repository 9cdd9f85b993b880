"""The rhyme books by name, for those who choose one, and the characters that rhyme in them."""

from __future__ import annotations

from functools import cache
from itertools import islice

from poetry_vae.text.cilin import CILIN
from poetry_vae.text.modern import modern
from poetry_vae.text.prosody import PINGSHUI, Reading, RhymeBook, tone_of
from poetry_vae.text.shipped import rows

RHYME_BOOKS = {
    "pingshui": "平水韵",
    "cilin": "词林正韵",
    "xinyun": "中华新韵",
    "tongyun": "中华通韵",
}
"""The names of the books, each with its Chinese name. The last two need pypinyin."""


def rhyme_book(name: str) -> RhymeBook:
    """The book of a name of :data:`RHYME_BOOKS`, or ``modern``, which is ``xinyun``.

    Raises:
        ModernReadingsError: the book is one of today's sounds and pypinyin is not installed.
        KeyError: there is no such book.
    """
    if name in ("modern", "xinyun", "tongyun"):
        return modern("tongyun" if name == "tongyun" else "xinyun")
    return {"pingshui": PINGSHUI, "cilin": CILIN}[name]


def companions(reading: Reading, book: RhymeBook, most: int = 12) -> str:
    """The commonest characters of a group that have this tone alone, at most so many."""
    alone = (c for c in _by_frequency() if tone_of(c, book) == reading.tone)
    return "".join(islice((c for c in alone if reading in book.readings(c)), most))


@cache
def _by_frequency() -> str:
    """Line ends of verse, commonest first; compiled by ``scripts/build_companions.py``."""
    return "".join(characters for (characters,) in rows("line_ends"))
