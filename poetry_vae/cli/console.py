"""rich consoles: what is for people about the work goes to standard error, results do not."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@cache
def stderr_console() -> Console:
    """The console for progress bars and notes."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)
