"""One reader a source format, each found by what a file contains.

A reader yields :class:`Record` objects: raw text with what the source says about it, and where it
stood. Cleaning and counting are the business of :mod:`poetry_vae.text.corpus`.
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poetry_vae.text.errors import CorpusError
from poetry_vae.text.poem import split_lines


@dataclass(frozen=True)
class Record:
    """A poem as a source file has it."""

    text: str
    title: str
    author: str
    dynasty: str
    line: int


Reader = Callable[[Path, str], Iterator[Record]]


def load_text(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file.

    Raises:
        CorpusError: the file is missing, unreadable, binary or in another encoding; the message
            names the byte, and the encoding that fits where one does.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read ({error.strerror})") from error
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in data and not encoding.lower().startswith(("utf-16", "utf16", "utf-32", "utf32")):
        raise CorpusError(f"{path}: a binary file (byte {data.index(0)} is zero), not text")
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise CorpusError(f"no text encoding is called {encoding!r}; try gb18030") from error
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: byte {error.start} (0x{data[error.start]:02x}) is not {encoding}"
            + _encoding_hint(data, encoding)
        ) from error
    except UnicodeError as error:
        raise CorpusError(f"{path}: cannot be read as {encoding} ({error})") from error


def _encoding_hint(data: bytes, tried: str) -> str:
    for other in ("gb18030", "big5"):
        if other != tried.lower():
            try:
                data.decode(other)
            except UnicodeDecodeError:
                continue
            return f"; the file reads as {other}: give --encoding {other}"
    return "; give the right one with --encoding"


def find_reader(path: Path, text: str) -> Reader | None:
    """The reader for a file's content, or None if it holds something other than poems."""
    head = text.lstrip()[:4000]
    if head.startswith("["):
        return _read_json if _mentions_verse(head) else None
    if head.startswith("{"):
        first = head.split("\n", 1)[0].rstrip()
        return _read_json_lines if _mentions_verse(first) else None
    first_row = [cell.strip().strip('"') for cell in head.split("\n", 1)[0].split(",")]
    if any(cell in _CSV_VERSE for cell in first_row):
        return _read_csv
    if path.suffix.lower() in (".json", ".jsonl", ".csv"):
        return None
    return _read_titled if _TITLE_LINE.search(head) else _read_plain


# --- JSON, as chinese-poetry has it: [{"title", "author", "paragraphs": [...]}, ...]

_VERSE_KEYS = ("lines", "paragraphs", "content", "内容")


def _mentions_verse(text: str) -> bool:
    return any(f'"{key}"' in text for key in _VERSE_KEYS)


def _read_json(path: Path, text: str) -> Iterator[Record]:
    decoder = json.JSONDecoder()
    position, line = text.index("[") + 1, 1
    counted = 0
    gap = re.compile(r"[\s,]*")
    while True:
        match = gap.match(text, position)
        position = match.end() if match else position
        if text.startswith("]", position):
            return
        line += text.count("\n", counted, position)
        counted = position
        try:
            item, position = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise _broken_json(path, error.lineno, error) from error
        yield _record_from_json(item, path, line)


def _read_json_lines(path: Path, text: str) -> Iterator[Record]:
    for number, row in enumerate(text.split("\n"), start=1):
        if row.strip():
            try:
                item = json.loads(row)
            except json.JSONDecodeError as error:
                raise _broken_json(path, number, error) from error
            yield _record_from_json(item, path, number)


def _broken_json(path: Path, line: int, error: json.JSONDecodeError) -> CorpusError:
    return CorpusError(f"{path}, line {line}: not valid JSON ({error.msg})")


def _record_from_json(item: Any, path: Path, line: int) -> Record:
    if not isinstance(item, dict):
        raise CorpusError(f"{path}, line {line}: expected a poem {{...}}, found {str(item)[:40]!r}")
    verse = next((item[key] for key in _VERSE_KEYS if key in item), "")
    if isinstance(verse, list):
        verse = "\n".join(str(part) for part in verse)
    return Record(
        text=str(verse),
        title=str(item.get("title") or item.get("题目") or ""),
        author=str(item.get("author") or item.get("作者") or ""),
        dynasty=str(item.get("dynasty") or item.get("朝代") or _dynasty_of_file(path)),
        line=line,
    )


def _dynasty_of_file(path: Path) -> str:
    """chinese-poetry says the dynasty in the file's name alone."""
    match = re.match(r"poet\.(tang|song)\.", path.name)
    return {"tang": "唐", "song": "宋"}[match[1]] if match else ""


# --- CSV, as Werneror/Poetry has it: 题目, 朝代, 作者, 内容

_CSV_VERSE = ("内容", "內容", "content")


def _read_csv(path: Path, text: str) -> Iterator[Record]:
    # Strict: a quote that nobody closes is an error, not one poem that swallows the rest.
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    column: dict[str, int] = {}

    def cell(row: list[str], *names: str) -> str:
        return next((row[column[n]] for n in names if n in column and column[n] < len(row)), "")

    before = 0
    try:
        for row in rows:
            if row and not column:
                column = {name.strip(): i for i, name in enumerate(row)}
            elif row:
                yield Record(
                    text=cell(row, *_CSV_VERSE),
                    title=cell(row, "题目", "題目", "title"),
                    author=cell(row, "作者", "author"),
                    dynasty=cell(row, "朝代", "dynasty"),
                    line=before + 1,
                )
            before = rows.line_num
    except csv.Error as error:
        raise CorpusError(f"{path}, line {before + 1}: not valid CSV ({error})") from error


# --- plain text

# 卷1_1 【帝京篇十首】李世民 — the title lines of the 全唐诗 text that circulates.
_TITLE_LINE = re.compile(
    r"^[ \t　]*(?:[卷第]?\d+[_-]\d+[ \t　]*)?【(.+)】[ \t　]*(\S*)[ \t　\r]*$", re.MULTILINE
)


def _read_titled(path: Path, text: str) -> Iterator[Record]:
    """A title line 【…】author, then verse until the next title; text before it has none."""
    titles = list(_TITLE_LINE.finditer(text))
    if before := text[: titles[0].start() if titles else None].strip():
        yield Record(before, "", "", "", 1 + text[: text.index(before)].count("\n"))
    line, counted = 1, 0
    for match, following in zip(titles, [*titles[1:], None], strict=False):
        verse = text[match.end() : following.start() if following else len(text)]
        line += text.count("\n", counted, match.start())
        counted = match.start()
        yield Record(verse.strip(), match[1], match[2], "", line)


def _read_plain(path: Path, text: str) -> Iterator[Record]:
    """Poems separated by blank lines.

    Without a blank line between any two, a poem a line; or, where no line holds more than one
    verse, a verse a line and the file one poem.
    """
    block: list[str] = []
    start = 1
    blocks: list[tuple[int, list[str]]] = []
    for number, row in enumerate([*text.splitlines(), ""], start=1):
        if row.strip():
            start = start if block else number
            block.append(row.strip())
        elif block:
            blocks.append((start, block))
            block = []
    has_long_blocks = any(len(block) > 1 for _, block in blocks)
    is_one_poem = all(len(split_lines(row)) == 1 for _, block in blocks for row in block)
    if has_long_blocks and (len(blocks) > 1 or is_one_poem):
        for start, block in blocks:
            yield Record("\n".join(block), "", "", "", start)
    else:
        for start, block in blocks:
            for offset, row in enumerate(block):
                yield Record(row, "", "", "", start + offset)
