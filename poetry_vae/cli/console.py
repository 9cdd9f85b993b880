"""rich consoles: what is for people about the work goes to standard error, results do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn

Told = Callable[..., None]
"""Told what is done now, and how much of it: ``told("reading", 3, 10)``, or the first alone."""
_Item = TypeVar("_Item")

COPIED = "※"
"""Behind a line of verse that stands in the training poems."""


@cache
def stderr_console() -> Console:
    """The console for progress bars and notes."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar that is gone when it is done, and is not there where nobody watches it."""
    from rich.progress import Progress

    console = stderr_console()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


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
    with work_bar(what) as told:
        found = iter(items)
        kept = next(found, None)
        if kept is None:
            return
        if not first:
            yield kept
            for done, item in enumerate(found, start=2):
                told(what, done, total)
                yield item
            return
    yield kept
    yield from found
