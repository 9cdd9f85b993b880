"""One reader for each source format, chosen by the content of a file.

A reader yields poems as a source has them (:mod:`poetry_vae.text.source_poem`): raw text with its
place, title, author and dynasty. Cleaning and counting are the business of
:mod:`poetry_vae.text.corpus`.
"""

from __future__ import annotations

from pathlib import Path

from poetry_vae.text.json_poems import looks_like_json, mentions_verse, read_json_poems
from poetry_vae.text.plain import read_plain, read_titled, title_line
from poetry_vae.text.source_poem import Reader
from poetry_vae.text.tables import find_table

KNOWN_FORMATS = (
    "JSON and JSON Lines with title, author and lines (or paragraphs, content, text, body), tables "
    "(CSV, TSV) with 题目,朝代,作者,内容, and plain text, each also as .gz, .xz or .zip"
)
_HEAD = 4000


def find_reader(path: Path, text: str) -> Reader | None:
    """The reader for a file's content, or None if it holds something other than poems."""
    is_named_json = path.suffix.lower() in (".json", ".jsonl")
    if looks_like_json(text) or (is_named_json and text.lstrip()[:1] in ("[", "{")):
        return read_json_poems if mentions_verse(text) else None
    if table := find_table(path, text):
        return table
    if is_named_json or path.suffix.lower() in (".csv", ".tsv"):
        return None
    head = text.lstrip()[:_HEAD].split("\n")
    return read_titled if any(map(title_line, head)) else read_plain
