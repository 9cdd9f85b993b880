"""The verse of a report's page: fresh samples, and what became of poems that were read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from poetry_vae.evaluation.report.html_table import percent

_LINE = re.compile(r"[^，。！？；、\s]+[，。！？；、]?")


def poem_html(text: str) -> str:
    """A poem on one line as a line of verse a line."""
    return "".join(f"<span>{escape(line)}</span>" for line in _LINE.findall(text))


def marked_html(text: str, other: str) -> str:
    """A poem a line of verse a line, with the characters marked in which ``other`` differs."""
    lines, others = _LINE.findall(text), _LINE.findall(other)
    if [*map(len, lines)] != [*map(len, others)]:
        return poem_html(text)
    return "".join(f"<span>{_marked(*pair)}</span>" for pair in zip(lines, others, strict=True))


def _marked(line: str, other: str) -> str:
    pieces = []
    for differs, pairs in groupby(zip(line, other, strict=True), lambda pair: pair[0] != pair[1]):
        run = escape("".join(character for character, _ in pairs))
        pieces.append(f"<mark>{run}</mark>" if differs else run)
    return "".join(pieces)


def samples_html(samples: Sequence[str], lang: str) -> str:
    """Poems side by side."""
    if not samples:
        return '<p class="absent">No samples were kept.</p>'
    items = "\n".join(f"<li>{poem_html(text)}</li>" for text in samples)
    return f'<ul class="poems" lang="{lang}">\n{items}\n</ul>'


def reconstructions_html(pairs: Sequence[Mapping[str, Any]], lang: str) -> str:
    """Poems, each above what was made of it."""
    if not pairs:
        return '<p class="absent">No reconstructions were kept.</p>'
    items = []
    for pair in pairs:
        poem, read = str(pair.get("poem", "")), str(pair.get("read", ""))
        items.append(
            f'<li><div lang="{lang}">{poem_html(poem)}</div>'
            f'<div lang="{lang}" class="read">{marked_html(read, poem)}</div>'
            f"<small>{percent('right', digits=0)(pair)} right</small></li>"
        )
    return '<ul class="poems pairs">\n' + "\n".join(items) + "\n</ul>"
