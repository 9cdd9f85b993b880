"""Find and read title and author in the rows above a poem of plain text.

Most files do not mark these rows. Rows of verse end in punctuation, and the rows above do not. If
no row has punctuation, verse has lines of one length, and the rows above have other lengths.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from poetry_vae.text.lines import split_lines
from poetry_vae.text.names import DYNASTY, says_who, says_who_or_what

_SENTENCE = re.compile(r"[，。；？！,;?!]")
_ASIDE = re.compile(r"（[^（）]*）|\([^()]*\)|【[^【】]*】|\[[^\[\]]*\]|〔[^〔〕]*〕|〖[^〖〗]*〗")
_MARKS = re.compile(r"[\[\]《》〈〉「」『』“”‘’\"']")
# A row above a poem may consist of characters, and of signs between title, author and dynasty.
_TITLE_LIKE = re.compile(
    r"[〇㐀-鿿\uf900-\ufaff\U00020000-\U0003ffff\s\d_.．、·・•‧—\-/／|｜:：#"
    r"（）()【】\[\]〔〕〖〗《》〈〉「」『』“”‘’□]+"
)
_HAN = re.compile(r"[㐀-鿿\U00020000-\U0003ffff]")
_MOST_ROWS, _LONGEST = 3, 60
_SHORTEST_VERSE = 4  # shorter lines cannot be told from a title by their length
# Alone in a row above lines of seven, these begin the verse.
_BEGIN_VERSE = ("君不見", "君不见", "君不聞", "君不闻")
_WRITTEN_AS_ONE = (5, 7, 10, 14, 20, 28, 40, 56)
_TITLE_BEFORE = re.compile(r"[^\s《》，。；？！,;?!]{0,10}\s*《([^《》]+)》")


@dataclass(frozen=True)
class Headed:
    """A poem in plain text: the rows above it, its own, and in which row, from 0, it begins."""

    heading: tuple[str, ...]
    verse: tuple[str, ...]
    row: int = 0


def headed(rows: Sequence[str]) -> Headed | None:
    """The poem if its first rows are title, and perhaps author; else None.

    These rows can only be title or author, or else all other rows have punctuation. If only
    couplets end in punctuation, rows above the first punctuation may be verse too.
    """
    return headed_surely(rows) or _headed_by(rows)


def headed_surely(rows: Sequence[str]) -> Headed | None:
    """The poem if its first rows can, by their words, only be title or author; else None."""
    said = _rows_that_say(rows)
    if not 0 < said < len(rows):
        return None
    # A name alone may follow: 《靜夜思》 and below it 李白.
    found = _headed_by(rows) or headed_by_length(rows)
    if found and len(found.heading) > said:
        return found
    return Headed(tuple(rows[:said]), tuple(rows[said:]))


def headed_by_length(rows: Sequence[str]) -> Headed | None:
    """The poem if its first rows have another length than all others; else None.

    This is a guess, since verse of uneven lines may look the same. If a whole file looks so, the
    guess is right.
    """
    return _headed_by(rows, by_length=True)


def _headed_by(rows: Sequence[str], *, by_length: bool = False) -> Headed | None:
    is_verse, first = _look_like_verse(rows, by_length=by_length), len(rows)
    while first and is_verse[first - 1]:
        first -= 1
    found = Headed(tuple(rows[:first]), tuple(rows[first:]))
    return found if _is_sound(found, by_length=by_length) else None


def headed_run(rows: Sequence[str]) -> list[Headed]:
    """Poems with headings that follow each other without a blank line; else an empty list."""
    for by_length in (False, True):
        is_verse = _look_like_verse(rows, by_length=by_length)
        kinds = "".join("V" if mark else "H" for mark in is_verse)
        if re.fullmatch(r"(?:H{1,3}V+)+", kinds):
            found = []
            for run in re.finditer(r"(H+)(V+)", kinds):
                cut = run.end(1)
                above, verse = tuple(rows[run.start() : cut]), tuple(rows[cut : run.end()])
                found.append(Headed(above, verse, run.start()))
            alone = len(found) == 1
            # Under one heading, a row with a whole poem in it is a poem of its own.
            lengths = [len(split_lines(_bare(row))) for row in found[0].verse]
            whole = all(n > 3 and n % 2 == 0 for n in lengths)
            if all(_is_sound(poem, by_length=by_length) for poem in found) and not (
                alone and whole and len(lengths) > 1
            ):
                return found
    return []


def is_heading_alone(rows: Sequence[str]) -> bool:
    """Whether a block may be the title, and perhaps author, of the verse in the next block."""
    return len(rows) <= _MOST_ROWS and all(map(_may_be_above, rows))


def without_heading(text: str) -> str:
    """Typed text without the title and author before or above the verse."""
    text = text.strip()
    if (before := _TITLE_BEFORE.match(text)) and _is_title(before[1], text[before.end() :]):
        return without_heading(text[before.end() :].lstrip(" \t　:："))
    rows = [row.strip() for row in text.splitlines() if row.strip()]
    if len(rows) > 1:
        found = headed(rows) or headed_by_length(rows)
        return "\n".join(found.verse) if found else text
    words = text.split()
    found = headed(words) if len(words) > 1 else None
    even = found is not None and sum(len(split_lines(_bare(row))) for row in found.verse) % 2 == 0
    return " ".join(found.verse) if found and even else text


def _is_title(title: str, rest: str) -> bool:
    """Whether 《…》 at the very start names the poem rather than being its first words."""
    lines = split_lines(_bare(rest))
    if not lines or rest[:1].isspace() or rest[:1] in ":：":
        return bool(lines)
    if len(lines) > 1:
        return len(lines[0]) == len(lines[1])
    return len(title) + len(lines[0]) not in _WRITTEN_AS_ONE


def _bare(row: str) -> str:
    """A row without notes and quotation marks, to be measured."""
    return _MARKS.sub("", _ASIDE.sub("", row))


def _is_sentence(row: str) -> bool:
    return _SENTENCE.search(_bare(row)) is not None


def _may_be_above(row: str) -> bool:
    return (
        len(row) <= _LONGEST
        and not _is_sentence(row)
        and _TITLE_LIKE.fullmatch(row) is not None
        and _HAN.search(row) is not None
    )


def _look_like_verse(rows: Sequence[str], *, by_length: bool) -> list[bool]:
    """For each row, whether it has punctuation; or by length, whether all its lines have the
    commonest length of lines in all rows."""
    if not by_length:
        return [_is_sentence(row) for row in rows]
    lengths = [[len(line) for line in split_lines(_bare(row))] for row in rows]
    counts = Counter(n for row in lengths for n in row if n >= _SHORTEST_VERSE)
    if not counts:
        return [False] * len(rows)
    common = counts.most_common(1)[0][0]
    return [bool(row) and set(row) == {common} for row in lengths]


def _is_sound(poem: Headed, *, by_length: bool = False) -> bool:
    above, lines = poem.heading, split_lines(_bare("\n".join(poem.verse)))
    if not 1 <= len(above) <= _MOST_ROWS or len(lines) < 2 or not all(map(_may_be_above, above)):
        return False
    if above[-1] in _BEGIN_VERSE:
        return False
    verse_length = len(lines[0]) if len(lines[0]) >= _SHORTEST_VERSE else 0
    like_verse = [
        all(len(line) == verse_length for line in split_lines(_bare(row))) for row in above
    ]
    if len(above) > 1 and all(like_verse):
        return False
    if like_verse[-1] and len(split_lines(_bare(above[-1]))) > 1:
        return False
    if by_length and len(above) > 1 and len(set(map(len, above))) == 1 and len(above[0]) > 3:
        return False  # it is more likely verse of other lengths, or with characters missing
    # A title as long as a line of verse is a title only where the verse is whole without it.
    return len(lines) % 2 == 0 or not (by_length or all(like_verse))


def _rows_that_say(rows: Sequence[str]) -> int:
    """How many rows at the top are, by their words, not verse: 《…》, 作者：…, [唐] …"""
    top = [row if _may_be_above(row) else "" for row in rows[:_MOST_ROWS]]
    said = [bool(row) and says_who_or_what(row) for row in top]
    # A bare title may stand above an author who is marked as one.
    if len(top) > 1 and top[0] and says_who(top[1]) and not DYNASTY.fullmatch(top[0]):
        said[0] = True
    return [*said, False].index(False)
