"""What every reader yields."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SourcePoem:
    """A poem as a source file has it."""

    text: str
    title: str
    author: str
    dynasty: str
    line: int
    fault: str = ""
    """Why it cannot be used, if that is known before its text is read."""


Reader = Callable[[Path, str], Iterator[SourcePoem]]
"""Takes the path, for messages, and the text."""
