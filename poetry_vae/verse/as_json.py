"""A poem and what was asked for, as JSON: what the command prints and the interface answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from poetry_vae.text.poem import Poem
from poetry_vae.text.script import Script
from poetry_vae.verse.generate import in_script
from poetry_vae.verse.wishes import WISHES, Wish


def as_json(
    poem: Poem,
    *,
    script: Script,
    seed: int,
    index: int,
    asked: Mapping[str, Any] | None = None,
    known_lines: Sequence[bool] | None = None,
) -> dict[str, Any]:
    """A poem of the models' orthography as an entry.

    Args:
        seed, index: which poem of a seed it is.
        asked: the subject, the dynasty and the wishes of ``verse.wishes``, by name; empty ones are
            left out.
        known_lines: which of its lines were found elsewhere.
    """
    entry: dict[str, Any] = {
        "form": str(poem.form),
        "lines": in_script(poem, script).lines,
        "script": script,
        "seed": seed,
        "index": index,
    }
    said = dict(asked or {})
    entry |= {name: said[name] for name in ("about", "dynasty") if said.get(name)}
    rules = {wish.name: _plain(wish, said[wish.name]) for wish in WISHES if said.get(wish.name)}
    if rules:
        entry["rules"] = rules
    if known_lines is not None:
        entry["known_lines"] = list(known_lines)
    return entry


def _plain(wish: Wish, value: Any) -> Any:
    """A value as the interface takes it: a list only where a wish may be had several times."""
    if isinstance(value, (list, tuple)):
        return list(value) if wish.is_many else value[0]
    return value
