"""The form of a poem: the lengths of its lines, and the arithmetic of places based on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, chain

from poetry_vae.text.errors import FormError
from poetry_vae.text.shipped import rows

MOST_LINES, _MOST_CHARS = 256, 64  # lines of a form, and characters of a line


@dataclass(frozen=True, order=True)
class Form:
    """The lengths of a poem's lines, and where its second stanza begins.

    Places are numbered from 0 through the whole poem. A form is written by its name (七绝, 浣溪沙),
    as ``LINESxCHARS`` where all lines are equally long (``6x7``), or by its lengths, the second
    stanza after a stroke (``7,7,3,3,7``, ``7,7,7,7/3,3,7,7,7``).

    >>> Form.parse("忆江南").lengths
    (3, 5, 7, 7, 5)
    """

    lengths: tuple[int, ...]
    second_stanza: int = 0
    """The line, from 0, with which the second stanza of a 词 begins; 0 where there is none."""

    def __post_init__(self) -> None:
        is_short = all(1 <= n <= _MOST_CHARS for n in self.lengths)
        if not (1 <= self.lines <= MOST_LINES and is_short):
            raise FormError(
                f"a form of {self._written}: it must have 1 to {MOST_LINES} lines of 1 to "
                f"{_MOST_CHARS} characters"
            )
        if not 0 <= self.second_stanza < self.lines:
            raise FormError(
                f"a form of {self.lines} lines whose second stanza begins after line "
                f"{self.second_stanza}: it must be one of the lines before the last"
            )

    @classmethod
    def of(cls, lines: int, chars: int) -> Form:
        """``lines`` lines of ``chars`` characters each.

        Raises:
            FormError: there are too many lines or characters, or none.
        """
        if not (1 <= lines <= MOST_LINES and 1 <= chars <= _MOST_CHARS):
            raise FormError(
                f"a form of {lines}x{chars}: it must have 1 to {MOST_LINES} lines of 1 to "
                f"{_MOST_CHARS} characters"
            )
        return cls((chars,) * lines)

    @classmethod
    def parse(cls, name: str) -> Form:
        """Read a form from its Chinese name, its shell name, ``LxC`` or its lengths.

        Raises:
            FormError: the name is none of these; the message lists what is understood.
        """
        key = name.strip().lower()
        if key in _by_name():
            return _by_name()[key]
        if match := re.fullmatch(r"(\d{1,3})\s*[x×*]\s*(\d{1,3})", key):
            return cls.of(int(match[1]), int(match[2]))
        if _PATTERN.fullmatch(key := re.sub(r"\s+", "", key).replace("，", ",")):
            return _of_pattern(key)
        known = ", ".join(f"{_NAMES[form][0]} ({_NAMES[form][1]})" for form in NAMED_FORMS[:7])
        raise FormError(
            f"no form is called {name!r}: use {known}, a tune of 词 (`poetry-vae forms` lists "
            "them), LINESxCHARS such as 6x7, or line lengths such as 7,7,3,3,7"
        )

    @property
    def lines(self) -> int:
        """L, the number of lines."""
        return len(self.lengths)

    @cached_property
    def positions(self) -> int:
        """T, the number of characters in a poem of this form."""
        return sum(self.lengths)

    @property
    def is_even(self) -> bool:
        """Whether all lines are equally long."""
        return len(set(self.lengths)) == 1

    @property
    def chars(self) -> int:
        """C, the characters of every line.

        Raises:
            FormError: the lines differ in length.
        """
        if not self.is_even:
            raise FormError(f"the lines of a {self} differ in length: {self._written}")
        return self.lengths[0]

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """The place at which each line starts."""
        return tuple(accumulate(self.lengths[:-1], initial=0))

    @cached_property
    def line_of(self) -> tuple[int, ...]:
        """The line of each of T places."""
        return tuple(i for i, n in enumerate(self.lengths) for _ in range(n))

    @cached_property
    def from_start(self) -> tuple[int, ...]:
        """How many characters of its line come before each of T places."""
        return tuple(c for n in self.lengths for c in range(n))

    @cached_property
    def from_end(self) -> tuple[int, ...]:
        """How many characters of its line come after each of T places."""
        return tuple(c for n in self.lengths for c in reversed(range(n)))

    def place(self, line: int, character: int) -> int:
        """The place of a character of a line, both from 0, or from the end if negative."""
        return self.starts[line] + character % self.lengths[line]

    def span(self, line: int) -> slice:
        """The places of a line."""
        return slice(self.starts[line], self.starts[line] + self.lengths[line])

    @property
    def ends(self) -> tuple[int, ...]:
        """The last place of each line, where rhymes stand."""
        return tuple(start + n - 1 for start, n in zip(self.starts, self.lengths, strict=True))

    @property
    def units(self) -> int:
        """How many units of two lines there are; an odd last line is a unit of its own."""
        return (self.lines + 1) // 2

    def cut(self, characters: Sequence[str]) -> tuple[str, ...]:
        """Cut T characters into L lines."""
        return tuple("".join(characters[self.span(line)]) for line in range(self.lines))

    @property
    def slug(self) -> str:
        """The name for shells and folders: ``jueju7``, or ``6x7`` where the form has no name."""
        return _NAMES[self][1] if self in _NAMES else self._written

    @property
    def tune(self) -> str:
        """The name of the 词 tune with this pattern, in simplified script; empty if none has it."""
        return _tune_names().get(self, "")

    def __str__(self) -> str:
        return _NAMES[self][0] if self in _NAMES else self.tune or self._written

    @property
    def described(self) -> str:
        """In words: ``4 lines of 7``, or ``lines of 3, 5, 7, 7, 5``."""
        if self.is_even:
            return f"{self.lines} lines of {self.lengths[0]}"
        return f"lines of {', '.join(map(str, self.lengths))}"

    @property
    def pattern(self) -> str:
        """The lengths of the lines, the second stanza after a stroke: ``7,7,7/7,7,7``."""
        numbers = [str(n) for n in self.lengths]
        stanzas = numbers[: self.second_stanza], numbers[self.second_stanza :]
        return "/".join(",".join(stanza) for stanza in stanzas if stanza)

    @property
    def _written(self) -> str:
        if self.lengths and self.is_even and not self.second_stanza:
            return f"{self.lines}x{self.lengths[0]}"
        return self.pattern


@dataclass(frozen=True)
class Tune:
    """A pattern of 词, compiled by ``scripts/build_tunes.py``."""

    name: str
    """In simplified script."""
    form: Form
    names: tuple[str, ...]
    """All names in both scripts."""


@cache
def tunes() -> tuple[Tune, ...]:
    """The tunes that have one pattern, commonest first."""
    found = []
    for name, traditional, pattern, _poems, _share, others in rows("tunes"):
        names = tuple(dict.fromkeys([name, traditional, *others.split()]))
        found.append(Tune(name, _of_pattern(pattern), names))
    return tuple(found)


_PATTERN = re.compile(r"\d{1,3}(,\d{1,3})+(/\d{1,3}(,\d{1,3})*)?")


def _of_pattern(pattern: str) -> Form:
    """The form of line lengths, the second stanza after a stroke: ``7,7,7/7,7,7``."""
    stanzas = [tuple(map(int, part.split(","))) for part in pattern.split("/")]
    return Form(tuple(chain(*stanzas)), len(stanzas[0]) if len(stanzas) > 1 else 0)


_NAMES: dict[Form, tuple[str, str]] = {
    Form.of(2, 5): ("五言联", "couplet5"),
    Form.of(2, 7): ("七言联", "couplet7"),
    Form.of(4, 5): ("五绝", "jueju5"),
    Form.of(4, 7): ("七绝", "jueju7"),
    Form.of(8, 5): ("五律", "lushi5"),
    Form.of(8, 7): ("七律", "lushi7"),
    Form.of(4, 6): ("六绝", "jueju6"),
    **{
        Form.of(lines, chars): (f"{number}排{lines}句", f"pailu{chars}-{lines}")
        for number, chars in (("五", 5), ("七", 7))
        for lines in (10, 12, 14, 16)
    },
}
NAMED_FORMS: tuple[Form, ...] = tuple(_NAMES)
"""The forms of 诗 that have a name; :func:`tunes` has those of 词."""

_OTHER_NAMES: dict[Form, str] = {
    Form.of(2, 5): "五言对句 五言對句 五言聯",
    Form.of(2, 7): "七言对句 七言對句 七言聯",
    Form.of(4, 5): "五言绝句 五言絕句 五絕",
    Form.of(4, 6): "六言绝句 六言絕句 六絕",
    Form.of(4, 7): "七言绝句 七言絕句 七絕",
    Form.of(8, 5): "五言律诗 五言律詩",
    Form.of(8, 7): "七言律诗 七言律詩",
    Form.of(12, 5): "五排 五言排律",  # the length that examinations asked for
    Form.of(12, 7): "七排 七言排律",
}


@cache
def _by_name() -> dict[str, Form]:
    of_tunes = {name: tune.form for tune in tunes() for name in tune.names}
    of_shi = {name: form for form, names in _NAMES.items() for name in names}
    others = {name: form for form, names in _OTHER_NAMES.items() for name in names.split()}
    return {**of_tunes, **of_shi, **others}


def named_forms() -> list[tuple[Form, str, list[str]]]:
    """Every form that has a name, those of 诗 first: the form, its name, and its other names."""
    found: list[tuple[Form, str, tuple[str, ...]]]
    found = [(form, str(form), (form.slug,)) for form in NAMED_FORMS]
    found += [(tune.form, tune.name, tune.names) for tune in tunes()]
    return [(form, name, [n for n in names if n != name]) for form, name, names in found]


def tune_form(name: str) -> Form | None:
    """The form of a tune by any of its names, in either script; None if it has no one form."""
    form = _by_name().get(name)
    return form if form in _tune_names() else None


@cache
def _tune_names() -> dict[Form, str]:
    return {tune.form: tune.name for tune in tunes()}
