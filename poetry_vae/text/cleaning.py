"""From the text of an edition to lines of verse: editors' marks out, damaged poems rejected."""

from __future__ import annotations

import re

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.poem import split_lines
from poetry_vae.text.script import fold


class RejectedTextError(PoetryVAEError):
    """A text that is no clean poem; its message is the reason, one of a small fixed set."""


# Notes on readings, footnote numbers and tune labels: the mark goes, and what it encloses.
_NOTES = re.compile(r"（[^（）]*）|\([^()]*\)|〖[^〖〗]*〗|〔[^〔〕]*〕|【[^【】]*】")
# A character supplied by the editor, and quotation: the mark goes, what it encloses is verse.
_QUOTES = re.compile(r"[\[\]《》〈〉「」『』“”‘’\"']")
_HALF_A_PAIR = re.compile(r"[（）()〖〗〔〕【】]")
# A lost character (□ ○ ●), or one given by its parts ({山/淪}, ⿰木養) for want of a code point.
_LOST = re.compile(r"[□○●〇◇■?{}⿰-⿻=�\ue000-\uf8ff]")
_NOT_HAN = re.compile("[^\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def clean_lines(text: str) -> tuple[str, ...]:
    """The lines of a poem, in the models' orthography and without punctuation.

    Notes in （）, 〖〗, 〔〕 are dropped whole; of [], 《》 and quotes only the marks are.

    Raises:
        RejectedTextError: characters are lost, a bracket has no partner, something other than
            Chinese characters remains, or nothing does.
    """
    if _HALF_A_PAIR.search(text):
        previous = ""
        while previous != text:  # notes stand within notes
            previous, text = text, _NOTES.sub("", text)
        if _HALF_A_PAIR.search(text):
            raise RejectedTextError("a bracket without its partner")
    text = _QUOTES.sub("", text)
    if _LOST.search(text):
        raise RejectedTextError("lost characters")
    lines = split_lines(fold(text))
    if not lines:
        raise RejectedTextError("no text")
    if any(_NOT_HAN.search(line) for line in lines):
        raise RejectedTextError("other than Chinese characters")
    return tuple(lines)
