"""rich consoles: what is for people about the work goes to standard error, results do not."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, ProgressColumn


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
