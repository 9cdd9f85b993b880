"""Clean verse from the text of an edition or from typed text: marks are removed, damage is named.

Files and typed text go through the same steps, and only end differently. A damaged poem of a file
is left out, for one of a few reasons that can be counted. Damaged typed text is refused by an error
that quotes the fault.
"""

from __future__ import annotations

import re
import unicodedata

from poetry_vae.text.errors import FormError, PoetryVAEError
from poetry_vae.text.headings import without_heading
from poetry_vae.text.lines import split_lines
from poetry_vae.text.script import fold


class RejectedTextError(PoetryVAEError):
    """A text that is not a clean poem; its message is the reason, one of a small fixed set."""


class TypedTextError(FormError):
    """Typed text that cannot become a poem; the message quotes the fault and says why."""


# Verse with nothing to clean, as most verse in any corpus: one look, and it passes.
_PLAIN = re.compile("[一-鿿 \t\r\n　，。、；：？！]*")
# Marks of no width: joiners, direction marks, byte order marks, selectors of a glyph's variant.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]"
)


def _compatible(first: int, last: int) -> dict[int, str]:
    pairs = ((code, unicodedata.normalize("NFKC", chr(code))) for code in range(first, last + 1))
    return {code: plain for code, plain in pairs if plain != chr(code)}


# Only other ways of writing the same sign. NFKC of everything would turn ？, the end of a line,
# into ?, a lost character, and ① into a 1. Compatibility ideographs are left to `fold`.
_SAME_SIGN: dict[int, str] = {
    **_compatible(0x2E80, 0x2FD5),  # radicals: Kangxi's and the supplement's
    **_compatible(0xFE10, 0xFE19),  # punctuation of vertical text
    **_compatible(0xFE30, 0xFE6B),
    **_compatible(0xFF01, 0xFF65),  # full-width ASCII, half-width CJK punctuation
    **dict.fromkeys(map(ord, "︖﹖"), "？"),
    **dict.fromkeys(map(ord, "︙⋯"), "…"),
    ord("︰"): "：",
    ord("〻"): "々",
}
for _sign in "，？！；：（）":  # these are the usual form
    del _SAME_SIGN[ord(_sign)]
_HAS_OTHER_FORM = re.compile(f"[{re.escape(''.join(map(chr, _SAME_SIGN)))}]")

# Notes on readings, footnote numbers and tune labels: marks and contents are removed.
_NOTES = re.compile(r"（[^（）]*）|\([^()]*\)|〖[^〖〗]*〗|〔[^〔〕]*〕|【[^【】]*】")
_DEEPEST_NOTE = 20
# Square brackets enclose a character that the editor supplied, unless it can only be a note.
_SQUARE_NOTE = re.compile(
    r"\[ ?(?:[注註校]? ?\d{1,3}|(?:[一又或亦原本集疑當当應应](?:本)?[作云]|一本)[^\[\]]*) ?\]"
)
_FOOTNOTE = re.compile(r"[¹²³⁰-⁹①-⒇⓪-⓿❶-➓㈠-㈩㊀-㊉]")
# A character supplied by the editor, and quotation: marks are removed, their contents are verse.
_QUOTES = re.compile(r"[\[\]《》〈〉「」『』“”‘’\"'〝〞〟＂＇]")
_HALF_A_PAIR = re.compile(r"[（）()〖〗〔〕【】]")
# A lost character (□ ○ ● …), or one given by its parts ({山/淪}, ⿰木養) for want of a code point.
_LOST = re.compile(r"[□○●〇◇■?{}⿰-⿻=�…\ue000-\uf8ff]|\.{3,}")
_LOST_IF_TYPED = re.compile(_LOST.pattern.replace("?", "", 1))  # ? is a keyboard's ？
_REPEATS = re.compile("(々+)")
_NOT_HAN = re.compile("[^\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def clean_lines(text: str) -> tuple[str, ...]:
    """The lines of a poem, in the models' orthography and without punctuation.

    Notes in （）, 〖〗, 〔〕 are dropped whole. Of [], 《》 and quotes only the marks are dropped.
    々 becomes the character it repeats.

    Raises:
        RejectedTextError: characters are lost, a bracket has no partner, something other than
            Chinese characters remains, or nothing remains.
    """
    if _PLAIN.fullmatch(text):
        lines = split_lines(fold(text))
    else:
        text = _without_marks(text)
        if _HALF_A_PAIR.search(text):
            raise RejectedTextError("a bracket without its partner")
        text = _repeated(_QUOTES.sub("", text))
        if _LOST.search(text) or "々" in text:
            raise RejectedTextError("lost characters")
        lines = split_lines(fold(text))
        if any(_NOT_HAN.search(line) for line in lines):
            raise RejectedTextError("other than Chinese characters")
    if not lines:
        raise RejectedTextError("no text")
    return tuple(lines)


def refuse_foreign(verse: str, *, error: type[PoetryVAEError]) -> None:
    """
    Raises:
        error: a sign of the verse, which has no punctuation, is no Chinese character.
    """
    if foreign := _NOT_HAN.search(verse):
        raise error(f"{foreign[0]!r} is no Chinese character: poems hold no other signs")


def clean_typed(text: str, *, free: str = "") -> str:
    """Typed or pasted text as verse alone, its punctuation and its script as they were typed.

    It is cleaned as in :func:`clean_lines`; title and author above or before the verse are removed
    too. ``free`` are signs that the caller understands (□ for a place left open); they are kept.

    Signs that no model knows, such as Latin letters, are kept too, for the caller to name.

    Raises:
        TypedTextError: a character is lost, a bracket has no partner, or 々 has nothing to repeat;
            the message quotes it.
    """
    shown = " ".join(text.split())[:40]
    text = _without_marks(unicodedata.normalize("NFC", text), keep_titles=True)
    text = _without_marks(without_heading(text))
    if half := _HALF_A_PAIR.search(text):
        raise TypedTextError(f"{shown!r}: the bracket {half[0]} has no partner")
    text = _repeated(_QUOTES.sub("", text))
    if "々" in text:
        raise TypedTextError(f"{shown!r}: nothing stands before 々 that it could repeat")
    without_free = text.translate(dict.fromkeys(map(ord, free)))
    if lost := _LOST_IF_TYPED.search(without_free):
        raise TypedTextError(
            f"{shown!r}: {lost[0]} stands for a lost character; write the character in its place"
        )
    return text


def _without_marks(text: str, *, keep_titles: bool = False) -> str:
    """The text without invisible signs, notes and footnotes, each sign in its usual form."""
    text = _INVISIBLE.sub("", text)
    if _HAS_OTHER_FORM.search(text):
        text = text.translate(_SAME_SIGN)
    text = _FOOTNOTE.sub("", _SQUARE_NOTE.sub("", text))
    if keep_titles:  # 【唐】 and （唐·李白） tell author and dynasty: headings need them
        return text
    for _ in range(_DEEPEST_NOTE):  # notes stand within notes
        shorter = _NOTES.sub("", text)
        if shorter == text:
            break
        text = shorter
    return text


def _repeated(text: str) -> str:
    """With 々 written out: each of a run of n repeats the character n places before it."""
    written: list[str] = []
    verse: list[str] = []  # the characters alone: 知否，々々 repeats across the comma
    for part in _REPEATS.split(text):
        if part.startswith("々"):
            if not verse:
                return text
            n = len(part)
            part = "".join(verse[-n:]) if len(verse) >= n else verse[-1] * n
        written.append(part)
        verse.extend("".join(split_lines(part)))
    return "".join(written)
