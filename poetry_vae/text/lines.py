"""Where one line of verse ends and the next begins."""

from __future__ import annotations

import re

# Everything that can separate two lines of verse: CJK and ASCII punctuation, white space.
_BREAKS = re.compile(r"[\s，。、；：？！·,.;:?!|/…—～~]+")


def split_lines(text: str) -> list[str]:
    """Cut running text into lines at punctuation and white space."""
    return [line for line in _BREAKS.split(text) if line]
