"""Poems in plain text, with or without title and author above them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from poetry_vae.text.headings import (
    Headed,
    headed,
    headed_by_length,
    headed_run,
    headed_surely,
    is_heading_alone,
)
from poetry_vae.text.lines import split_lines
from poetry_vae.text.names import DYNASTY, read_heading
from poetry_vae.text.source_poem import SourcePoem

_SPACE = " \t　\r"
_AGREEING = 2  # guesses count if at least one poem in so many has a title


def title_line(row: str) -> tuple[str, str] | None:
    """Title and author of a title line of the 全唐诗 text that circulates, or None.

    As in 卷1_1 【帝京篇十首】李世民; 【唐】李白 is no title line but names an author.
    """
    number, opening, rest = row.strip(_SPACE).partition("【")
    title, closing, author = rest.rpartition("】")
    author = author.strip(_SPACE)
    if not opening or not closing or not title or len(author.split()) > 1:
        return None
    if not _is_number(number.strip(_SPACE)) or (author and DYNASTY.fullmatch(title)):
        return None
    return title, author


def _is_number(text: str) -> bool:
    """Nothing, or volume and number as in 卷1_1 and 1-1."""
    volume, sign, number = text.lstrip("卷第").replace("-", "_").partition("_")
    return not text or bool(sign and volume.isdecimal() and number.isdecimal())


def read_titled(path: Path, text: str) -> Iterator[SourcePoem]:
    """A title line 【…】author, then verse until the next title; text before it has none."""
    title, author, start = "", "", 0
    verse: list[str] = []
    for number, row in enumerate(text.split("\n"), start=1):
        if found := title_line(row):
            if start:
                yield SourcePoem("\n".join(verse).strip(), title, author, "", start)
            (title, author), verse, start = found, [], number
        elif verse or row.strip():
            verse.append(row)
            start = start or number
    if start:
        yield SourcePoem("\n".join(verse).strip(), title, author, "", start)


@dataclass(frozen=True)
class _Block:
    """Rows between blank lines, and the line of the file where each stands."""

    rows: tuple[str, ...]
    lines: tuple[int, ...]

    def __add__(self, other: _Block) -> _Block:
        return _Block(self.rows + other.rows, self.lines + other.lines)


def read_plain(path: Path, text: str) -> Iterator[SourcePoem]:
    """Poems separated by blank lines, or each under its title.

    Without titles and blank lines, every line is a poem. But if no line holds more than one verse,
    every line is a verse, and the file is one poem.
    """
    blocks = _joined(_blocks(text))
    has_long_blocks = any(len(block.rows) > 1 for block in blocks)
    if len(blocks) == 1 and (run := headed_run(blocks[0].rows)):
        yield from _records(blocks[0], run)
        return
    is_one_poem = all(len(split_lines(row)) == 1 for block in blocks for row in block.rows)
    if has_long_blocks and (len(blocks) > 1 or is_one_poem):
        for block, poems in zip(blocks, _with_titles(blocks), strict=True):
            yield from _records(block, poems or [Headed((), block.rows)])
    else:
        for block in blocks:
            for line, row in zip(block.lines, block.rows, strict=True):
                yield SourcePoem(row, "", "", "", line)


def _records(block: _Block, poems: list[Headed]) -> Iterator[SourcePoem]:
    for poem in poems:
        title, author, dynasty = read_heading(poem.heading)
        yield SourcePoem("\n".join(poem.verse), title, author, dynasty, block.lines[poem.row])


def _blocks(text: str) -> list[_Block]:
    blocks = []
    numbered = enumerate(map(str.strip, text.splitlines()), start=1)
    for is_verse, run in groupby(numbered, key=lambda row: row[1] != ""):
        if is_verse:
            lines, rows = zip(*run, strict=True)
            blocks.append(_Block(rows, lines))
    return blocks


def _with_titles(blocks: list[_Block]) -> list[list[Headed]]:
    """For each block, its poems that have a title above them; empty if there is none."""
    found: list[list[Headed]] = []
    guessed: dict[int, list[Headed]] = {}
    for i, block in enumerate(blocks):
        sure = headed_surely(block.rows)
        found.append([sure] if sure else [])
        if not sure and (guess := _guess(block.rows)):
            guessed[i] = guess
    long = sum(len(block.rows) > 1 for block in blocks)
    # Punctuation and lengths mislead in a few poems of uneven lines. A file that has titles has
    # them above most of its poems.
    if _AGREEING * (sum(map(bool, found)) + len(guessed)) >= long:
        for i, guess in guessed.items():
            found[i] = guess
    return found


def _guess(rows: Sequence[str]) -> list[Headed]:
    if poem := headed(rows) or headed_by_length(rows):
        return [poem]
    run = headed_run(rows)
    return run if len(run) > 1 else []


def _joined(blocks: list[_Block]) -> list[_Block]:
    """Blocks of a title, or of title and author, joined with the verse that follows them.

    They are joined only if most of the file is like that: a lone short block may be a fragment.
    """
    joined: list[_Block] = []
    above: list[_Block] = []
    pairs = singles = 0
    for block in blocks:
        if is_heading_alone(block.rows) and len(above) < 3 and not _is_verse_alone(block):
            above.append(block)
            continue
        whole = block
        for part in reversed(above):
            whole = part + whole
        if above and headed(whole.rows) is not None:
            joined.append(whole)
            pairs += 1
        else:
            joined.extend([*above, block])
            singles += 1
        above = []
    joined.extend(above)
    return joined if pairs > singles + len(above) else blocks


def _is_verse_alone(block: _Block) -> bool:
    """Whether rows without punctuation are lines of one length, as verse and no title has them."""
    lengths = [len(line) for row in block.rows for line in split_lines(row)]
    return len(lengths) > 1 and len(set(lengths)) == 1 and lengths[0] > 3
