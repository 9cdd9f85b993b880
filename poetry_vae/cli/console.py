"""rich consoles: what is for people about the work goes to standard error, results do not."""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn


_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def plain(text: object) -> str:
    """What came from outside (a name, a path, a line of a corpus), for one line of a terminal.

    Control codes, marks that turn the direction of writing, breaks of lines and bytes that are no
    characters are written as escapes.
    """
    return "".join(
        c.encode("unicode_escape").decode("ascii") if unicodedata.category(c) in _UNSAFE else c
        for c in str(text)
    )


@cache
def stderr_console() -> Console:
    """The console for progress bars and notes; brackets in them are brackets, and no markup."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def progress_bar(*columns: ProgressColumn) -> Progress:
    """A bar that is gone when it is done, and is not there where nobody watches it."""
    from rich.progress import Progress

    console = stderr_console()
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
