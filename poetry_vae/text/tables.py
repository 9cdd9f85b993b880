"""Poems in tables: columns by comma, semicolon or tab, with a header or told by their looks.

Werneror/Poetry has 题目,朝代,作者,内容.
"""

from __future__ import annotations

import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path

from poetry_vae.text.errors import CorpusError
from poetry_vae.text.lines import split_lines
from poetry_vae.text.names import DYNASTY, FIELD_OF_NAME, PoemField
from poetry_vae.text.source_poem import Reader, SourcePoem

_DELIMITERS = ",;\t"
_LONGEST_CELL = 131_072
_LOOKED_AT = 50  # rows from which columns without a header are recognised
_MOST = 0.7  # share of these rows that must agree
_HEADER_OF_ONE = ("内容", "內容", "content")  # a table of verse alone
_WRITTEN_AS_ONE = (10, 14, 20, 28, 40, 56)

_PARTS: tuple[PoemField, ...] = ("verse", "title", "author", "dynasty")
_Columns = dict[PoemField, int]


def find_table(path: Path, text: str) -> Reader | None:
    """The reader for a table, or None if the text is not a table with poems."""
    head = [row for row in islice(io.StringIO(text), 4 * _LOOKED_AT) if row.strip()][:_LOOKED_AT]
    for delimiter in _DELIMITERS:
        rows = _parsed(head, delimiter)
        if not rows:
            continue
        columns = _of_header(rows[0])
        if columns and "verse" not in columns:
            columns = {**columns, **_verse_by_looks(rows[1:], taken=columns.values())}
        if "verse" in columns:
            return partial(_read, delimiter=delimiter, columns=columns, width=len(rows[0]))
    for delimiter in _DELIMITERS:
        if columns := _by_looks(_parsed(head, delimiter)):
            return partial(_read, delimiter=delimiter, columns=columns, width=0)
    return None


def _parsed(head: Sequence[str], delimiter: str) -> list[list[str]]:
    """The rows of a table's beginning; faults are reported when the whole is read."""
    if not head or not any(delimiter in row for row in (head[0], head[-1])):
        return [[head[0].strip().strip('"')]] if head and delimiter == "," else []
    rows: list[list[str]] = []
    with suppress(csv.Error):  # a long cell; the rows before it tell enough
        for row in filter(None, csv.reader(head, delimiter=delimiter)):
            rows.append(row)
    return rows


def _of_header(row: Sequence[str]) -> _Columns:
    """Which part stands in which column, if the row names columns; else nothing."""
    columns: _Columns = {}
    ranks: dict[PoemField, int] = {}
    for i, cell in enumerate(row):
        part, rank = FIELD_OF_NAME.get(cell.strip().strip('"').casefold(), (None, 0))
        if part is not None and (part not in ranks or rank < ranks[part]):
            columns[part], ranks[part] = i, rank
    enough = len(columns) > 1 or (len(row) > 1 and "verse" in columns)
    alone = len(row) == 1 and row[0].strip() in _HEADER_OF_ONE
    return columns if enough or alone else {}


def _by_looks(rows: Sequence[Sequence[str]]) -> _Columns:
    """The columns of a table without header: one holds verse, the others title, author, dynasty."""
    columns = _verse_by_looks(rows, taken=())
    if not columns:
        return {}
    width = len(rows[0])
    names: list[tuple[int, float, int]] = []
    for i in range(width):
        cells = [row[i].strip() for row in rows if len(row) == width]
        filled = [cell for cell in cells if cell and not cell.isdecimal()]
        if i == columns["verse"] or not filled:
            continue
        if _share(bool(DYNASTY.fullmatch(cell.strip("[]【】（）()"))) for cell in filled) >= _MOST:
            columns["dynasty"] = i
        else:  # authors come again and have short names
            names.append((len(set(filled)), sum(map(len, filled)) / len(filled), i))
    if len(names) > 1:
        columns["author"] = min(names)[2]
        columns["title"] = next(i for _, _, i in names if i != columns["author"])
    elif names:
        columns["title"] = names[0][2]
    return columns


def _verse_by_looks(rows: Sequence[Sequence[str]], *, taken: object) -> _Columns:
    width = len(rows[0]) if rows else 0
    even = [row for row in rows if len(row) == width]
    if width < 2 or len(even) < _MOST * len(rows):
        return {}
    shares = [_share(_is_verse(row[i]) for row in even) for i in range(width)]
    verse = [i for i, share in enumerate(shares) if share >= _MOST]
    others = [share for share in shares if share < _MOST]
    # If the delimiter also occurs in verse, several columns look like verse.
    if len(verse) != 1 or any(share > 1 - _MOST for share in others):
        return {}
    return {"verse": verse[0]}


def _share(which: Iterator[bool]) -> float:
    marks = list(which)
    return sum(marks) / len(marks) if marks else 0.0


def _is_verse(cell: str) -> bool:
    lines = split_lines(cell)
    if len(lines) == 1:
        return len(lines[0]) in _WRITTEN_AS_ONE
    return len(lines) > 3 or (len(lines) > 1 and re.search(r"[，。？！；]", cell) is not None)


def _read(
    path: Path, text: str, *, delimiter: str, columns: _Columns, width: int
) -> Iterator[SourcePoem]:
    """The rows of a table; ``width`` is that of its header, 0 where it has none."""

    places = [columns.get(part, sys.maxsize) for part in _PARTS]
    header = 1 if width else 0
    for line, row in islice(_rows(path, text, delimiter), header, None):
        width = width or len(row)
        fault = ""
        if any(len(content) > _LONGEST_CELL for content in row):
            fault = f"a cell of more than {_LONGEST_CELL:,} characters"
        elif any(content.strip() for content in row[width:]):
            fault = "more cells than the table has columns"
        verse, title, author, dynasty = (row[i] if i < len(row) else "" for i in places)
        yield SourcePoem(verse, title, author, dynasty, line, fault)


def _rows(path: Path, text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that holds something, with the line where it begins."""
    # Strict: a quote that nobody closes is an error, not one poem that swallows the rest.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    before = 0
    while True:
        limit = csv.field_size_limit(max(csv.field_size_limit(), len(text)))
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise CorpusError(f"{path}, line {before + 1}: not valid CSV ({error})") from error
        finally:
            csv.field_size_limit(limit)  # it is the whole process's
        if row is None:
            return
        if row:
            yield before + 1, row
        before = rows.line_num
