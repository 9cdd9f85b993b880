"""rich consoles: what is for people about the work goes to standard error, results do not."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn
    from rich.table import Column, Table

_ANY_WIDTH = 100_000


def is_plain() -> bool:
    """Whether nothing may be styled: by NO_COLOR (no-color.org), or a terminal that knows none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


@cache
def stderr_console() -> Console:
    """The console for progress bars and notes."""
    return _console(stderr=True)


def stdout_console() -> Console:
    """The console for results."""
    return _console(stderr=False)


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar that is gone when it is done, and is not there where nobody watches it."""
    from rich.progress import Progress

    console = stderr_console()
    is_shown = console.is_terminal and not console.is_dumb_terminal
    return Progress(*columns, console=console, transient=True, disable=not is_shown)


def print_table(table: Table) -> None:
    """Print a table to standard output, in as many parts below each other as its width takes.

    The first column begins every part. What is narrowed is text, never a figure.
    """
    console = stdout_console()
    if not (console.is_terminal or "COLUMNS" in os.environ):
        console.width = _ANY_WIDTH
    for part in _parts(table, console):
        console.print(part, crop=False, soft_wrap=False)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(
        stderr=stderr,
        highlight=False,
        soft_wrap=True,
        color_system=None if is_plain() else "auto",
    )


def _parts(table: Table, console: Console) -> Iterator[Table]:
    first, *others = table.columns
    part = [first]
    for column in others:
        wider = _part(table, [*part, column])
        if len(part) > 1 and _natural_width(wider, console) > console.width:
            yield _part(table, part)
            part = [first]
        part.append(column)
    yield _part(table, part)


def _natural_width(table: Table, console: Console) -> int:
    without_end = console.options.update(width=_ANY_WIDTH)
    return console.measure(table, options=without_end).maximum


def _part(table: Table, columns: list[Column]) -> Table:
    """The table with these columns alone, each at least as wide as its widest figure or word."""
    from rich.cells import cell_len

    part = copy.copy(table)
    part.columns = []
    for i, column in enumerate(columns):
        texts = [text for cell in column.cells for text in (str(cell).split() if not i else [cell])]
        widest = max((cell_len(str(text)) for text in texts), default=0)
        shown = replace(column, _index=i, min_width=widest, no_wrap=False, overflow="fold")
        part.columns.append(shown)
    return part
