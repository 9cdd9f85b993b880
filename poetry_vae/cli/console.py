"""rich consoles: what is for people about the work goes to standard error, results do not."""

from __future__ import annotations

import copy
import logging
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn, Task
    from rich.table import Column, Table

_ANY_WIDTH = 100_000
_NARROW = 80


def is_plain() -> bool:
    """Whether nothing may be styled: by NO_COLOR (no-color.org), or a terminal that knows none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


Told = Callable[..., None]
"""Told what is done now, and how much of it: ``told("reading", 3, 10)``, or the first alone."""
_Item = TypeVar("_Item")

COPIED = "※"
"""Behind a line of verse that stands in the training poems."""


_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def counted(number: int) -> str:
    """So many poems, in words that suit one as well."""
    return f"{number:,} poem" if number == 1 else f"{number:,} poems"


def plain(text: object) -> str:
    """What came from outside (a name, a path, a line of a corpus), for one line of a terminal.

    Control codes, marks that turn the direction of writing, breaks of lines and bytes that are no
    characters are written as escapes.
    """
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _UNSAFE else c
        for c in str(text)
    )


class _Told(logging.Handler):
    """What the library logs, as notes on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(plain(record.getMessage()), err=True)


def tell_sources() -> None:
    """Say which model was fetched from the hub, whatever command asks for it."""
    log = logging.getLogger("poetry_vae.model.hub")
    log.setLevel(logging.INFO)
    if not any(isinstance(handler, _Told) for handler in log.handlers):
        log.addHandler(_Told())


@cache
def stderr_console() -> Console:
    """The console for progress bars and notes; brackets in them are brackets, and no markup."""
    return _console(stderr=True)


def stdout_console() -> Console:
    """The console for results."""
    return _console(stderr=False)


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar that is gone when it is done, and is not there where nobody watches it.

    In a narrow terminal there are figures alone, and words go on in further lines: none is cut.
    """
    from rich.progress import BarColumn, Progress, TextColumn

    class Bar(Progress):
        def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
            table = super().make_tasks_table(tasks)
            for column, made in zip(self.columns, table.columns, strict=True):
                made.no_wrap, made.overflow = not isinstance(column, TextColumn), "fold"
            return table

    console = stderr_console()
    if console.width < _NARROW:
        columns = tuple(column for column in columns if not isinstance(column, BarColumn))
    is_shown = console.is_terminal and not console.is_dumb_terminal
    return Bar(*columns, console=console, transient=True, disable=not is_shown)


@contextmanager
def work_bar(what: str) -> Iterator[Told]:
    """A bar of long work with the time it has taken and has left, on a terminal alone."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with progress_bar(*columns, TextColumn("left"), TimeRemainingColumn()) as bar:
        task = bar.add_task(what, total=None)

        def told(what: str, done: int = 0, total: int = 0) -> None:
            if what != bar.tasks[0].description:  # other work takes another time
                bar.reset(task, description=what, total=total or None)
            bar.update(task, completed=done, total=total or None)

        yield told


def watched(items: Iterable[_Item], total: int, what: str, *, first: bool) -> Iterator[_Item]:
    """The items behind a bar of how many there are, or until the ``first`` one is there."""
    found = iter(items)
    with work_bar(what) as told:
        if first:
            found = chain(list(islice(found, 1)), found)
        else:
            for done, item in enumerate(found, start=1):
                told(what, done, total)
                yield item
    yield from found


def print_fitted(
    console: Console, parts: Iterable[str], *, between: str = "  ", style: str = ""
) -> None:
    """Print parts of one line, in as many lines as a terminal takes, none broken within a part
    that fits; the further ones are indented."""
    from rich.cells import cell_len

    width = console.width if console.is_terminal else _ANY_WIDTH
    lines: list[str] = []
    for part in parts:
        longer = lines[-1] + between + part if lines else part
        if not lines or cell_len(longer.rstrip()) <= width:
            lines[-1:] = [longer]
        else:
            lines.append("  " + part)
    for line in lines:
        console.print(line.rstrip(), style=style)


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
        markup=False,
        soft_wrap=True,
        color_system=None if is_plain() else "auto",
    )


def _parts(table: Table, console: Console) -> Iterator[Table]:
    without_end = console.options.update(width=_ANY_WIDTH)
    first, *others = table.columns
    part = [first]
    for column in others:
        wider = _part(table, [*part, column])
        if len(part) > 1 and console.measure(wider, options=without_end).maximum > console.width:
            yield _part(table, part)
            part = [first]
        part.append(column)
    yield _part(table, part)


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
