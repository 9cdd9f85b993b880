"""Poems: lines of characters, with what is known about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from poetry_vae.text.cleaning import clean_typed, refuse_foreign
from poetry_vae.text.errors import FormError
from poetry_vae.text.form import NAMED_FORMS, Form, tune_form
from poetry_vae.text.lines import split_lines as split_lines


@dataclass(frozen=True)
class Poem:
    """Lines of characters without punctuation, with title, author, dynasty and tune if known."""

    lines: tuple[str, ...]
    title: str = ""
    author: str = ""
    dynasty: str = ""
    tune: str = ""
    """The tune of a 词, as its source names it; empty for a 诗."""

    def __post_init__(self) -> None:
        if isinstance(self.lines, str):
            raise FormError("the lines of a Poem are a tuple of texts; Poem.typed takes a text")

    @classmethod
    def typed(
        cls, text: str, form: Form, *, title: str = "", author: str = "", dynasty: str = ""
    ) -> Poem:
        """Cut ``text`` into a poem of ``form``; punctuation and white space do not count.

        Raises:
            FormError: the text does not have exactly the characters of the form, a line that its
                punctuation shows has another length, or a sign is no Chinese character.
        """
        lines = split_lines(clean_typed(text))
        refuse_foreign("".join(lines), error=FormError)
        characters = "".join(lines)
        if len(characters) != form.positions:
            raise FormError(
                f"{text.strip()!r} has {len(characters)} characters, but a {form} needs "
                f"{form.described}, {form.positions} in all"
            )
        if len(lines) > 1:
            for number, (line, wanted) in enumerate(
                zip(lines, form.lengths, strict=False), start=1
            ):
                if len(line) != wanted:
                    raise FormError(
                        f"line {number} ({line!r}) has {len(line)} characters, "
                        f"but this line of a {form} has {wanted}"
                    )
        return cls(form.cut(characters), title, author, dynasty, form.tune)

    @property
    def text(self) -> str:
        """All characters in order, without breaks."""
        return "".join(self.lines)

    @property
    def form(self) -> Form:
        """The lengths of the poem's lines, and the stanzas of its tune where it keeps them.

        Raises:
            FormError: there is no line, or one that is too long.
        """
        known = tune_form(self.tune) if self.tune else None
        return known if known is not None and known.lengths == self.lengths else Form(self.lengths)

    @property
    def lengths(self) -> tuple[int, ...]:
        """The characters of each line."""
        return tuple(map(len, self.lines))

    def of_form(self, form: Form, *, windows: bool = False) -> Iterator[Poem]:
        """The poems of a form inside this poem.

        A form of two equal lines finds every couplet of a 诗: consecutive pairs in each run of
        lines of its length. Any other form finds the poem itself if it fits. With ``windows`` a
        form of four lines also finds the three runs of two consecutive couplets of an eight-line
        poem, which are quatrains in metre and rhyme too; this is meant for training only.
        """
        if form.lines == 2 and form.is_even:
            for length, same in () if self.tune else groupby(self.lines, key=len):
                run = tuple(same)
                if len(run) % 2 == 0 and length == form.lengths[0]:
                    for start in range(0, len(run), 2):
                        yield self.with_lines(run[start : start + 2])
        elif self.lengths == form.lengths:
            if self.form == form:
                yield self
        elif windows and form.lines == 4 and self.lengths == form.lengths * 2 and not self.tune:
            for start in (0, 2, 4):
                yield self.with_lines(self.lines[start : start + 4])

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
        """Other lines under the same title, author, dynasty and tune."""
        return replace(self, lines=tuple(lines))


def typed_form(lines: Sequence[str]) -> Form:
    """The form of a poem as somebody typed it. A single line is a whole poem without punctuation,
    if a named form has as many characters: 28 are a 七绝.

        >>> str(typed_form(["春眠不觉晓处处闻啼鸟夜来风雨声花落知多少"]))
        '五绝'

    Raises:
        FormError: there is no line, or a sign is no Chinese character.
    """
    refuse_foreign("".join(lines), error=FormError)
    if len(lines) != 1:
        return Poem(tuple(lines)).form
    fitting = (form for form in NAMED_FORMS if form.positions == len(lines[0]))
    return next(fitting, Form.of(1, len(lines[0])))
