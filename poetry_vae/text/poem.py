"""Forms (how many lines of how many characters) and poems."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from poetry_vae.text.errors import FormError


@dataclass(frozen=True, order=True)
class Form:
    """A fixed shape of verse: ``lines`` lines of ``chars`` characters each.

    The named forms are those of regulated verse; any other is written ``LxC``, as in ``6x7``.
    """

    lines: int
    chars: int

    def __post_init__(self) -> None:
        if not (1 <= self.lines <= 64 and 1 <= self.chars <= 64):
            raise FormError(
                f"a form of {self.lines}x{self.chars}: lines and characters must be 1 to 64"
            )

    @classmethod
    def parse(cls, name: str) -> Form:
        """Read a form from its Chinese name, its shell name or ``LxC``.

        Raises:
            FormError: the name is none of these; the message lists what is understood.
        """
        key = name.strip().lower()
        if key in _BY_NAME:
            return _BY_NAME[key]
        if match := re.fullmatch(r"(\d{1,3})\s*[x×*]\s*(\d{1,3})", key):
            return cls(int(match[1]), int(match[2]))
        known = ", ".join(f"{chinese} ({ascii_name})" for chinese, ascii_name in _NAMES.values())
        raise FormError(f"no form is called {name!r}: use {known}, or LINESxCHARS such as 6x7")

    @property
    def positions(self) -> int:
        """T = L·C, the number of characters in a poem of this form."""
        return self.lines * self.chars

    @property
    def slug(self) -> str:
        """The name for shells and folders: ``jueju7``, or ``6x7`` where the form has no name."""
        return _NAMES[self.lines, self.chars][1] if self.is_named else f"{self.lines}x{self.chars}"

    @property
    def is_named(self) -> bool:
        return (self.lines, self.chars) in _NAMES

    def __str__(self) -> str:
        return _NAMES[self.lines, self.chars][0] if self.is_named else self.slug

    def poems_in(self, poem: Poem, *, windows: bool = False) -> Iterator[Poem]:
        """The poems of this form that stand in ``poem``.

        A form of two lines finds every couplet: consecutive pairs in each run of lines of its
        length. Any other form finds the poem itself if it fits. With ``windows`` a form of four
        lines also finds the three runs of two consecutive couplets of an eight-line poem, which
        are quatrains in metre and rhyme too; this is meant for training only.
        """
        if self.lines == 2:
            for run in _runs_of_equal_length(poem.lines):
                if len(run) % 2 == 0 and len(run[0]) == self.chars:
                    for start in range(0, len(run), 2):
                        yield poem.with_lines(run[start : start + 2])
        elif all(len(line) == self.chars for line in poem.lines):
            if len(poem.lines) == self.lines:
                yield poem
            elif windows and self.lines == 4 and len(poem.lines) == 8:
                for start in (0, 2, 4):
                    yield poem.with_lines(poem.lines[start : start + 4])

    def poem(self, text: str, *, title: str = "", author: str = "", dynasty: str = "") -> Poem:
        """Cut ``text`` into a poem of this form; punctuation and white space count for nothing.

        Raises:
            FormError: the text does not have exactly the characters of the form, or a line that
                its punctuation shows has another length.
        """
        lines = split_lines(unicodedata.normalize("NFC", text))
        characters = "".join(lines)
        if len(characters) != self.positions:
            raise FormError(
                f"{text.strip()!r} has {len(characters)} characters, but a {self} needs "
                f"{self.lines} lines of {self.chars}, {self.positions} in all"
            )
        if len(lines) > 1:
            for number, line in enumerate(lines, start=1):
                if len(line) != self.chars:
                    raise FormError(
                        f"line {number} ({line!r}) has {len(line)} characters, "
                        f"but every line of a {self} has {self.chars}"
                    )
        return Poem(self.cut(characters), title, author, dynasty)

    def cut(self, characters: Sequence[str]) -> tuple[str, ...]:
        """Cut T characters into L lines."""
        return tuple(
            "".join(characters[start : start + self.chars])
            for start in range(0, self.positions, self.chars)
        )


@dataclass(frozen=True)
class Poem:
    """Lines of characters without punctuation, with what is known about them."""

    lines: tuple[str, ...]
    title: str = ""
    author: str = ""
    dynasty: str = ""

    @property
    def text(self) -> str:
        """All characters in order, without breaks."""
        return "".join(self.lines)

    @property
    def form(self) -> Form:
        """The poem's form.

        Raises:
            FormError: the lines differ in length.
        """
        lengths = {len(line) for line in self.lines}
        if len(lengths) != 1:
            raise FormError(f"lines of {sorted(lengths)} characters make no form: {self.one_line}")
        return Form(len(self.lines), lengths.pop())

    @property
    def one_line(self) -> str:
        """The poem on one line: 白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"""
        return "".join(line + mark for line, mark in self._punctuated())

    def __str__(self) -> str:
        """The poem as it is printed: a line of verse a line of text."""
        return "\n".join(line + mark for line, mark in self._punctuated())

    def _punctuated(self) -> Iterator[tuple[str, str]]:
        last = len(self.lines) - 1
        for i, line in enumerate(self.lines):
            yield line, "。" if i % 2 == 1 or i == last else "，"

    def with_lines(self, lines: Sequence[str]) -> Poem:
        """Other lines under the same title, author and dynasty."""
        return Poem(tuple(lines), self.title, self.author, self.dynasty)


_NAMES: dict[tuple[int, int], tuple[str, str]] = {
    (2, 5): ("五言联", "couplet5"),
    (2, 7): ("七言联", "couplet7"),
    (4, 5): ("五绝", "jueju5"),
    (4, 7): ("七绝", "jueju7"),
    (8, 5): ("五律", "lushi5"),
    (8, 7): ("七律", "lushi7"),
}
_ALIASES: dict[str, tuple[int, int]] = {
    "五言对句": (2, 5),
    "七言对句": (2, 7),
    "五言對句": (2, 5),
    "七言對句": (2, 7),
    "五言聯": (2, 5),
    "七言聯": (2, 7),
    "五言绝句": (4, 5),
    "七言绝句": (4, 7),
    "五絕": (4, 5),
    "七絕": (4, 7),
    "五言律诗": (8, 5),
    "七言律诗": (8, 7),
}
_BY_NAME: dict[str, Form] = {
    **{name: Form(*size) for size, names in _NAMES.items() for name in names},
    **{name: Form(*size) for name, size in _ALIASES.items()},
}

NAMED_FORMS: tuple[Form, ...] = tuple(Form(*size) for size in _NAMES)

# Everything that can stand between two lines of verse: CJK and ASCII punctuation, white space.
_BREAKS = re.compile(r"[\s，。、；：？！·,.;:?!|/…—～~]+")


def split_lines(text: str) -> list[str]:
    """Cut running text into lines at punctuation and white space."""
    return [line for line in _BREAKS.split(text) if line]


def _runs_of_equal_length(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    start = 0
    for i in range(1, len(lines) + 1):
        if i == len(lines) or len(lines[i]) != len(lines[start]):
            yield lines[start:i]
            start = i
