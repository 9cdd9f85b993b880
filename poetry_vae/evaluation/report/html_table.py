"""Tables of figures in HTML, and how a figure is written where it may be missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

NOTHING = "–"

Part = Mapping[str, Any]
"""What a column of a table is about: a model of a report, or a row of its verse."""
Cell = Callable[[Part], str]


class Line(NamedTuple):
    """A row of a table."""

    label: str
    note: str
    cell: Cell


def table(columns: Sequence[Part], groups: Sequence[tuple[str, Sequence[Line]]]) -> str:
    """A table with a column for each part, under its name, and rows in groups with a heading.

    Rows and groups without a single figure are left out.
    """
    rows: list[str] = []
    for heading, lines in groups:
        cells = [[line.cell(part) for part in columns] for line in lines]
        there = [pair for pair in zip(lines, cells, strict=True) if set(pair[1]) - {NOTHING}]
        if there and heading:
            rows.append(f'<th class="group" colspan="{len(columns) + 1}">{escape(heading)}</th>')
        for line, shown in there:
            note = f" <small>{escape(line.note)}</small>" if line.note else ""
            row = "".join(f"<td>{escape(cell)}</td>" for cell in shown)
            rows.append(f'<th scope="row">{escape(line.label)}{note}</th>{row}')
    if not rows:
        return '<p class="absent">Not one of these figures was taken.</p>'
    names = (str(part.get("name", NOTHING)) for part in columns)
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    return (
        f'<div class="wide"><table>\n<thead><tr><td></td>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def at(part: Any, *keys: str) -> Any:
    """What stands under the keys, one inside the other; None where one of them is missing."""
    for key in keys:
        part = part.get(key) if isinstance(part, Mapping) else None
    return part


def number(value: Any, digits: int) -> str:
    """A figure with so many digits after the point; a dash for none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    return f"{value:,.{digits}f}".replace("-", "−")


def figure(*keys: str, digits: int) -> Cell:
    """The figure under these keys."""
    return lambda part: number(at(part, *keys), digits)


def percent(*keys: str, digits: int = 1) -> Cell:
    """A share of one, in per cent."""

    def cell(part: Part) -> str:
        value = at(part, *keys)
        is_there = number(value, digits) != NOTHING
        return f"{number(100 * value, digits)}%" if is_there else NOTHING

    return cell


def estimate(*keys: str, digits: int, mean: str = "mean", error: str = "error") -> Cell:
    """A figure with its standard error, where it has one."""

    def cell(part: Part) -> str:
        value, spread = (number(at(part, *keys, key), digits) for key in (mean, error))
        return value if NOTHING in (value, spread) else f"{value} ± {spread}"

    return cell
