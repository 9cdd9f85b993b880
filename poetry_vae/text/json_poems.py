"""Poems in JSON: one object, an array, a line each, or nested in objects that hold them.

chinese-poetry has [{"title", "author", "paragraphs": [...]}, ...], and for some books an object
whose chapters hold the poems.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from poetry_vae.text.errors import CorpusError
from poetry_vae.text.json_values import ESCAPED_SURROGATE, SURROGATE
from poetry_vae.text.names import FIELD_OF_NAME, PoemField
from poetry_vae.text.source_poem import SourcePoem

_GAP = re.compile(r"\s*")
_GAP_OR_COMMA = re.compile(r"[\s,]*")
_BEGINS = re.compile(r'\s*(?:\[\s*[\[{"\]]|\{\s*["\'}])')
_KEY = re.compile(r'("(?:[^"\\\s]|\\u[0-9a-fA-F]{4}){1,20}")\s*:')
_WITH_HAN = re.compile(r"[㐀-鿿]|\\u[3-9a-fA-F]")

_Known = dict[PoemField, str]


def looks_like_json(text: str) -> bool:
    """Whether the text begins as JSON does, and not as a plain text with a [note] or {note}."""
    return _BEGINS.match(text) is not None


def mentions_verse(text: str) -> bool:
    """Whether a key anywhere in the JSON text is a name for verse, and the text has Chinese."""
    if _WITH_HAN.search(text) is None:
        return False
    return any(_part(json.loads(key[1]))[0] == "verse" for key in _KEY.finditer(text))


def read_json_poems(path: Path, text: str) -> Iterator[SourcePoem]:
    """Every poem of every value in the text."""
    known: _Known = {"dynasty": _dynasty_of_file(path)}
    check = ESCAPED_SURROGATE.search(text) is not None
    for item, line, start in _values(path, text):
        if not isinstance(item, dict | list):
            raise CorpusError(
                f"{path}, line {line}: expected a poem {{...}}, found {str(item)[:40]!r}"
            )
        is_empty = True
        # Nearly every object of a corpus is a poem itself; only others are looked into.
        parts = _parts(item) if isinstance(item, dict) else {}
        whole = "verse" in parts
        records = [_record(parts, known, line)] if whole else _poems(item, known, line, text, start)
        for record in records:
            is_empty = False
            if check and SURROGATE.search("".join((record.text, record.title, record.author))):
                raise CorpusError(
                    f"{path}, line {record.line}: half a character (a lone surrogate, \\ud800 to "
                    "\\udfff); write the whole character in its place"
                )
            yield record
        if is_empty and item:
            yield SourcePoem("", "", "", "", line)


def _values(path: Path, text: str) -> Iterator[tuple[Any, int, int]]:
    """Each value of the text with its line and place; of an array, its items."""
    decoder = json.JSONDecoder()
    position, line, counted = 0, 1, 0
    in_array = False
    while True:
        gap = (_GAP_OR_COMMA if in_array else _GAP).match(text, position)
        position = gap.end() if gap else position
        if not in_array and position == len(text):
            return
        if text.startswith("]" if in_array else "[", position):
            in_array = not in_array
            position += 1
            continue
        line += text.count("\n", counted, position)
        counted = position
        try:
            item, end = decoder.raw_decode(text, position)
        except json.JSONDecodeError as error:
            raise _broken(path, error.lineno, error.msg) from error
        except RecursionError as error:
            raise _broken(path, line, "nested too deeply to be poems") from error
        except ValueError as error:  # Python converts no number of thousands of digits
            raise _broken(path, line, "a number of too many digits") from error
        yield item, line, position
        position = end


def _broken(path: Path, line: int, why: str) -> CorpusError:
    return CorpusError(f"{path}, line {line}: not valid JSON ({why})")


def _poems(
    item: dict[str, Any] | list[Any], known: _Known, line: int, text: str, start: int
) -> Iterator[SourcePoem]:
    """The poems in one value, in order. Title, author and the like of an object that holds poems
    apply to them all."""
    waiting: list[tuple[Any, _Known]] = [(item, known)]
    while waiting:
        value, above = waiting.pop()
        if isinstance(value, list):
            waiting.extend((part, above) for part in reversed(value))
            continue
        if not isinstance(value, dict):
            continue
        parts = _parts(value)
        if "verse" in parts:
            if start >= 0:  # its own line, where it is found
                line, start = _line_of(parts["verse"], text, line, start)
            yield _record(parts, above, line)
        else:
            said: _Known = {
                part: _text(parts[part]) for part in ("author", "dynasty") if parts.get(part)
            }
            held = (part for part in value.values() if isinstance(part, dict | list))
            waiting.extend((part, {**above, **said}) for part in reversed(list(held)))


def _record(parts: dict[PoemField, Any], above: _Known, line: int) -> SourcePoem:
    return SourcePoem(
        _joined(parts["verse"]),
        _text(parts.get("title")),
        _text(parts.get("author")) or above.get("author", ""),
        _text(parts.get("dynasty")) or above.get("dynasty", ""),
        line,
    )


def _parts(item: dict[str, Any]) -> dict[PoemField, Any]:
    """The parts of a poem that an object gives. If several keys name one part, the first that is
    not empty is taken. Objects under a key for verse are not verse."""
    found: dict[PoemField, Any] = {}
    ranks: dict[PoemField, int] = {}
    for key, value in item.items():
        part, rank = FIELD_OF_NAME.get(key) or _part(key)
        if part is None or isinstance(value, dict) or _holds_objects(value):
            continue
        if part not in found or (value and (not found[part] or rank < ranks[part])):
            found[part], ranks[part] = value, rank
    return found


def _part(key: str) -> tuple[PoemField | None, int]:
    return FIELD_OF_NAME.get(key.strip().casefold(), (None, 0))


def _holds_objects(value: Any) -> bool:
    if not isinstance(value, list) or not value or isinstance(value[0], str):
        return False
    return any(
        isinstance(part, dict)
        or (isinstance(part, list) and any(isinstance(p, dict) for p in part))
        for part in value
    )


def _joined(verse: Any) -> str:
    if not isinstance(verse, list):
        return _text(verse)
    try:
        return "\n".join(verse)
    except TypeError:  # not all of them are strings
        stanzas = (part if isinstance(part, list) else [part] for part in verse)
        return "\n".join("\n".join(map(_text, stanza)) for stanza in stanzas)


def _text(value: Any) -> str:
    if isinstance(value, dict | list):  # as deep as it may be
        return ""
    return "" if value is None else str(value)


def _line_of(verse: Any, text: str, line: int, start: int) -> tuple[int, int]:
    """The line of the file where a verse is found further on; if it is not found, the last one."""
    first = verse[0] if isinstance(verse, list) and verse else verse
    place = text.find(json.dumps(first, ensure_ascii=False), start) if first else start
    return (line + text.count("\n", start, place), place) if place >= 0 else (line, -1)


def _dynasty_of_file(path: Path) -> str:
    """chinese-poetry says the dynasty in the file's name alone."""
    match = re.match(r"poet\.(tang|song)\.", path.name)
    return {"tang": "唐", "song": "宋"}[match[1]] if match else ""
