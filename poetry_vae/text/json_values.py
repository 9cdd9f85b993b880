"""JSON that somebody else may have written: read so that nothing in it can do harm later."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.files import MOST_TEXT, read_text

_DEEPEST = 100
_MOST_BITS = 1023  # of whole numbers: with one more, a number may exceed every float
ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
SURROGATE = re.compile("[\ud800-\udfff]")


class JsonError(PoetryVAEError):
    """A text that is no JSON, or JSON that no program of this project writes."""


def parse_json(text: str) -> Any:
    """The value of a text in JSON.

    Raises:
        JsonError: it is not JSON, is nested more than a hundred deep, or holds a whole number
            beyond every float or half a character (a lone surrogate).
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise JsonError(f"not valid JSON: {error.msg} ({where})") from error
    except RecursionError as error:
        raise JsonError("not valid JSON here: nested too deeply") from error
    except ValueError as error:  # Python converts no number of thousands of digits
        raise JsonError("not valid JSON here: a number of too many digits") from error
    if fault := _fault(value, may_hold_halves=ESCAPED_SURROGATE.search(text) is not None):
        raise JsonError(f"not valid JSON here: {fault}")
    return value


def read_json(path: Path, *, most: int = MOST_TEXT, error: type[PoetryVAEError]) -> Any:
    """The value that a file in JSON holds.

    Raises:
        error: no regular file, or as :func:`parse_json`.
    """
    try:
        return parse_json(read_text(path, most=most, error=error))
    except JsonError as reason:
        raise error(f"{path}: {reason}") from reason


def _fault(value: Any, *, may_hold_halves: bool) -> str | None:
    level = [value]
    for _ in range(_DEEPEST):
        for one in level:
            if type(one) is int and one.bit_length() > _MOST_BITS:
                return "a number of too many digits"
            if may_hold_halves and isinstance(one, str) and SURROGATE.search(one):
                return "half a character (a lone surrogate)"
        level = [
            part
            for one in level
            if isinstance(one, dict | list)
            for part in (one if isinstance(one, list) else (*one, *one.values()))
        ]
        if not level:
            return None
    return "nested too deeply"
