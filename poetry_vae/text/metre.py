"""The metre of regulated verse (格律): line types, their order in a poem, and what breaks a line.

A line has one of four types. Its even positions and its last are fixed; the others are free but
for two traps, 孤平 and 三平尾: faults under strict rules, let pass by loose ones. A line of type a
may depart at its last even position if the line that answers it makes up for it (拗救). In a poem
the two lines of a couplet oppose each other (对) and couplets are linked (粘). After Wang Li,
詩詞格律. ``scansion.py`` measures poems by these rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product
from typing import Literal, NamedTuple

from poetry_vae.text.errors import FormError
from poetry_vae.text.faults import FaultKind
from poetry_vae.text.form import Form

LineType = Literal["a", "A", "b", "B"]
Variant = Literal["a", "A", "b", "B", "a拗", "B救"]
"""A line type, or the two lines of a couplet that depart together: see :data:`COUPLETS`."""
Rules = Literal["strict", "loose"]

_FIVE: dict[LineType, str] = {
    "a": "仄仄平平仄",
    "A": "仄仄仄平平",
    "b": "平平平仄仄",
    "B": "平平仄仄平",
}
_OPPOSITE = {"平": "仄", "仄": "平"}
LINE_TYPES: dict[int, dict[LineType, str]] = {
    5: _FIVE,
    # No handbook treats lines of six: couplets oppose and are linked as elsewhere, and the even
    # positions of each line count.
    6: {"a": "仄仄平平仄仄", "A": "仄仄平平仄平", "b": "平平仄仄平仄", "B": "平平仄仄平平"},
    7: {name: _OPPOSITE[line[0]] + _OPPOSITE[line[1]] + line for name, line in _FIVE.items()},
}
"""The pattern of each type, by characters a line. A and B end level: the lines that rhyme."""

_TRAPS = {"B": "仄平仄仄平", "A": "平平平"}  # 孤平 and 三平尾: how no strict line ends
_TURNED = "平平仄平仄"  # 拗救: b with two tones exchanged, as good as b itself

COUPLETS: dict[tuple[LineType, LineType], tuple[tuple[Variant, Variant], ...]] = {
    ("a", "B"): (("a", "B"), ("a拗", "B救")),
    ("b", "A"): (("b", "A"),),
    ("A", "B"): (("A", "B"),),
    ("B", "A"): (("B", "A"),),
}
"""How the two lines of a couplet may be written. 大拗: position 4 of a (6 of seven) is oblique, and
position 3 of the answering B (5 of seven) is level, which saves it."""

# The type of the later quatrains, by the first; they never rhyme in their own first line.
_ORDERS = {"aBbA": "aBbA", "ABbA": "aBbA", "bAaB": "bAaB", "BAaB": "bAaB"}
_SHORT = (2, 4, 8)
_LONG = 10  # 排律: so many lines and more, in couplets


class MetreError(FormError):
    """A form that has no metre, or a template that a form does not have."""


@dataclass(frozen=True)
class MetreTemplate:
    """An order of line types, such as ``aBbA``, under its Chinese name."""

    name: str
    order: str

    @property
    def types(self) -> tuple[LineType, ...]:
        """The type of every line."""
        return tuple(self.order)  # type: ignore[arg-type]

    @property
    def rhyming_lines(self) -> tuple[int, ...]:
        """The lines that rhyme, counted from 0."""
        return tuple(i for i, line_type in enumerate(self.order) if line_type.isupper())


@cache
def templates(form: Form) -> tuple[MetreTemplate, ...]:
    """The four templates of a form of regulated verse.

    Raises:
        MetreError: the form has no metre.
    """
    in_couplets = form.lines in _SHORT or (form.lines >= _LONG and form.lines % 2 == 0)
    if not in_couplets or form.lengths[0] not in LINE_TYPES or not form.is_even:
        of_tune = "; the tones of a tune can be checked, but not asked for" if form.tune else ""
        raise MetreError(
            f"{form} has no metre: regulated verse has 2, 4, 8 or an even number of 10 and more "
            f"lines of 5, 6 or 7 characters{of_tune}"
        )
    more = form.lines // 4
    orders = [(first + second * more)[: form.lines] for first, second in _ORDERS.items()]
    return tuple(MetreTemplate(_name(order, form.chars), order) for order in orders)


def _name(order: str, chars: int) -> str:
    """The tone of the poem's second character, and whether its first line rhymes."""
    second = LINE_TYPES[chars][order[0]][1]  # type: ignore[index]
    return f"{second}起首句{'' if order[0].isupper() else '不'}入韵"


def metred_form(characters: int) -> Form:
    """The one form of regulated verse that has so many characters in all, the shortest first.

    Raises:
        MetreError: there is none.
    """
    for lines in _SHORT:
        for chars in LINE_TYPES:
            if lines * chars == characters:
                return Form.of(lines, chars)
    long = [n for n in (5, 7) if characters % (2 * n) == 0 and _LONG <= characters // n <= 64]
    if len(long) == 1:
        return Form.of(characters // long[0], long[0])
    if long:
        raise MetreError(f"{characters} characters are lines of 5 or of 7: part them by commas")
    raise MetreError(
        f"no regulated verse has {characters} characters: it has 2, 4, 8 or 10 and more lines of "
        "5, 6 or 7"
    )


def template_named(form: Form, name: str) -> MetreTemplate:
    """The template with this name (仄起首句入韵, in either script) or order (ABbA).

    Raises:
        MetreError: the form has no metre, or no such template.
    """
    wanted = name.strip().replace("韻", "韵")
    for template in templates(form):
        if wanted in (template.name, template.order):
            return template
    known = ", ".join(f"{template.name} ({template.order})" for template in templates(form))
    raise MetreError(f"{form} has no template {name!r}: use strict or loose rules, or {known}")


@cache
def legal_patterns(line_type: Variant, chars: int, rules: Rules = "strict") -> frozenset[str]:
    """Every string over 平 and 仄 of ``chars`` characters that a line of this type may have.

    Lines of six have no 拗救, and no line of theirs is of type ``a拗`` or ``B救``.

    Raises:
        MetreError: there are no such lines in regulated verse.
    """
    if chars not in LINE_TYPES:
        raise MetreError(f"lines of {chars} characters have no metre: it takes 5, 6 or 7")
    base = pattern_of(line_type, chars)
    choices = ["平仄" if _is_free(i, chars) else tone for i, tone in enumerate(base)]
    if line_type == "B救":
        choices[-3] = "平"
    legal = set(map("".join, product(*choices)))
    if chars == 6:
        return frozenset() if line_type in ("a拗", "B救") else frozenset(legal)
    if rules == "strict" and line_type in _TRAPS:
        legal -= {pattern for pattern in legal if pattern.endswith(_TRAPS[line_type])}
    if line_type == "b":
        legal |= {"".join(head) + _TURNED for head in product(*choices[:-5])}
    return frozenset(legal)


def pattern_of(variant: Variant, chars: int) -> str:
    """The pattern of a type, or of a line that departs from it or saves one that does."""
    if variant == "a拗":
        return LINE_TYPES[chars]["a"][:-2] + "仄仄"
    if variant == "B救":
        return LINE_TYPES[chars]["B"][:-3] + "平仄平"
    return LINE_TYPES[chars][variant]


def _is_free(i: int, chars: int) -> bool:
    """Positions 1 and 3, 5 of six and of seven, counted from 1; here from 0."""
    return i % 2 == 0 and i < chars - (1 if chars == 6 else 2)


class LineFault(NamedTuple):
    """A character that breaks its line: the position counts from 1."""

    position: int
    kind: FaultKind


@lru_cache(maxsize=1 << 16)
def faults_of(symbols: str, line_type: Variant, rules: Rules) -> tuple[LineFault, ...]:
    """The fewest characters that would have to change for the line to be of its type.

    A trap counts only if the line has no other fault.

    ``symbols`` says what each character can be: 平, 仄, 中 (both) or × (neither). A line has no
    faults if some choice among them is a legal pattern; × is at fault wherever it stands.

    Raises:
        MetreError: the line has not 5, 6 or 7 characters.
    """
    misplaced = _fewest_misfits(symbols, line_type, "loose")
    if misplaced:
        return tuple(LineFault(i + 1, "字音" if symbols[i] == "×" else "平仄") for i in misplaced)
    trap: FaultKind = "孤平" if line_type == "B" else "三平尾"
    return tuple(LineFault(i + 1, trap) for i in _fewest_misfits(symbols, line_type, rules))


def _fewest_misfits(symbols: str, line_type: Variant, rules: Rules) -> list[int]:
    """Where the line departs from the legal pattern that is nearest to it."""
    patterns = _by_nearness(line_type, len(symbols), rules)
    return min((_misfits(symbols, pattern) for pattern in patterns), key=len)


def _misfits(symbols: str, pattern: str) -> list[int]:
    return [i for i, can_be in enumerate(symbols) if can_be not in (pattern[i], "中")]


@cache
def _by_nearness(line_type: Variant, chars: int, rules: Rules) -> tuple[str, ...]:
    """The legal patterns, in the order of how little they depart from the type's own."""
    legal = legal_patterns(line_type, chars, rules)
    base = pattern_of(line_type, chars)
    return tuple(sorted(legal, key=lambda pattern: (len(_misfits(pattern, base)), pattern)))
