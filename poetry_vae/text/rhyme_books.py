"""The rhyme books by name, for those who choose one."""

from __future__ import annotations

from poetry_vae.text.cilin import CILIN
from poetry_vae.text.modern import modern
from poetry_vae.text.prosody import PINGSHUI, RhymeBook

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
