"""The rules of verse, slow and literal: the reference for the benchmark of constraints.

It shares with the measured code only the readings of characters, the customary neighbours of rhymes
and jieba's word classes. Lines are written out as patterns, and every way to read a poem is looked
at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache, partial
from typing import Literal, NamedTuple

from poetry_vae import Avoid, Metre, NoRepeat, Parallel, Pin, Rhyme, Rule, Template, Words
from poetry_vae.text.keywords import boundaries, word_classes
from poetry_vae.text.prosody import GROUPS, PINGSHUI, readings
from poetry_vae.text.script import fold, to_simplified
from poetry_vae.verse.rules.pins import FREE

Lines = Sequence[str]
Reading = Literal["writer", "lenient", "strict"]
"""How doubts are settled. A character with both tones has either for writer and lenient, and none
for strict. A character that no source knows has either for lenient, and none for writer and
strict."""

# The last five characters; a dot is free. 平平仄平仄 is as good as 平平平仄仄.
_TAILS: dict[str, dict[str, str]] = {
    "loose": {"a": ".仄.平仄", "A": ".仄.平平", "b": ".平.仄仄|平平仄平仄", "B": ".平.仄平"},
    "strict": {
        "a": ".仄.平仄",
        "A": ".仄仄平平",
        "b": ".平.仄仄|平平仄平仄",
        "B": "平平.仄平|仄平平仄平",
    },
}
_HEADS = {5: dict.fromkeys("aAbB", ""), 7: {"a": ".平", "A": ".平", "b": ".仄", "B": ".仄"}}
# 大拗 and the line that saves it, of five and of seven characters.
_SAVED = {5: (".仄.仄仄", ".平平仄平"), 7: (".平.仄.仄仄", ".仄.平平仄平")}
_ORDERS = {
    2: ("aB", "AB", "bA", "BA"),
    4: ("aBbA", "ABbA", "bAaB", "BAaB"),
    8: ("aBbAaBbA", "ABbAaBbA", "bAaBbAaB", "BAaBbAaB"),
}
NAMES = {
    5: {"仄起首句不入韵": "a", "仄起首句入韵": "A", "平起首句不入韵": "b", "平起首句入韵": "B"},
    7: {"平起首句不入韵": "a", "平起首句入韵": "A", "仄起首句不入韵": "b", "仄起首句入韵": "B"},
}
"""The type of the first line, by characters a line and the template's name."""


@cache
def _line(kind: str, chars: int, rules: str) -> re.Pattern[str]:
    return _pattern(f"{_HEADS[chars][kind]}(?:{_TAILS[rules][kind]})")


@cache
def _pattern(written: str) -> re.Pattern[str]:
    classes = {".": "[平仄中]", "平": "[平中]", "仄": "[仄中]"}
    return re.compile("".join(classes.get(sign, sign) for sign in written))


@cache
def simplified(character: str) -> str:
    """A single character in simplified script."""
    return to_simplified(character)


def is_meant(typed: str, character: str) -> bool:
    """Whether a poem's character is the one that was typed, in either script."""
    return character in (typed, fold(typed)) or simplified(character) == typed


@cache
def tone(character: str, reading: Reading) -> str:
    """平, 仄, 中 (either) or ×, which fits no pattern."""
    found = {one.tone for one in readings(character)}
    if not found:
        return "中" if reading == "lenient" else "×"
    if len(found) == 2:
        return "×" if reading == "strict" else "中"
    return found.pop()


def groups(character: str, *, level: bool) -> set[str]:
    """The rhyme groups of a character, of its level readings or of all."""
    return {one.group for one in readings(character) if one.tone == "平" or not level}


def orders_kept(lines: Lines, rules: str, reading: Reading) -> list[str]:
    """The templates whose tones a poem keeps."""
    tones = ["".join(tone(c, reading) for c in line) for line in lines]
    return [
        order
        for order in _ORDERS[len(lines)]
        if all(
            _couplet(order[i : i + 2], tones[i], tones[i + 1], rules)
            for i in range(0, len(order), 2)
        )
    ]


def _couplet(kinds: str, first: str, second: str, rules: str) -> bool:
    chars = len(first)
    plain = [_line(kind, chars, rules) for kind in kinds]
    if plain[0].fullmatch(first) and plain[1].fullmatch(second):
        return True
    turned, saving = map(_pattern, _SAVED[chars])
    return kinds == "aB" and bool(turned.fullmatch(first) and saving.fullmatch(second))


class Verdict(NamedTuple):
    """Whether a reader hears the tones, the rhymes of even lines, and both with line 1.

    A lenient reader lets line 1 borrow its rhyme from a neighbouring group, or, where two other
    lines have set the rhyme, the last one. Rhymes are level: old-style verse keeps none.
    """

    metre: bool
    rhyme: bool
    all: bool


def verdict(lines: Lines, *, rules: str = "strict", reading: Reading = "lenient") -> Verdict:
    """The rules that a poem keeps."""
    ends = [_rhymes_with(line[-1], reading) for line in lines]
    orders = orders_kept(lines, rules, reading)
    opens = any(_rhymed(ends, group, True, reading) for group in _tried(ends))
    even = any(_rhymed(ends, group, False, reading) for group in _tried(ends))
    whole = any(opens if order[0].isupper() else even for order in orders)
    return Verdict(bool(orders), even or opens, whole)


def _tried(ends: Sequence[set[str] | None]) -> set[str]:
    """Every group that a poem might rhyme in, and one that no line has."""
    return set().union(*(end for end in ends[1::2] if end is not None)) or {"?"}


def _rhymed(ends: Sequence[set[str] | None], group: str, opens: bool, reading: Reading) -> bool:
    """Whether all lines that should rhyme do: in this group, or one of them in a neighbouring
    group."""
    rhyming = [i for i in range(len(ends)) if i % 2 or (opens and not i)]
    off = [i for i in rhyming if (end := ends[i]) is not None and group not in end]
    if group == "?":  # no even line is known: line 1 has nothing to rhyme with
        return all(ends[i] for i in off) and not any(i % 2 for i in off)
    if not off:
        return True
    [place, *others] = off
    near = set(PINGSHUI.neighbours(group)) if reading == "lenient" else set()
    same = [i for i in rhyming if (end := ends[i]) is not None and group in end]
    may = place == 0 or (place == len(ends) - 1 and len(same) > 1)
    return not others and may and bool((ends[place] or set()) & near)


def _rhymes_with(character: str, reading: Reading) -> set[str] | None:
    """Level groups; None if the group is unknown and may be any."""
    found = groups(character, level=True)
    if "" in found or not readings(character):
        return set() if reading == "strict" else None
    return found


def broken(parts: Sequence[Rule], lines: Lines) -> list[str]:
    """Which of the constraints a poem does not keep, by name; each name once."""
    wrong = [f"length {list(map(len, lines))}"] if len(set(map(len, lines))) > 1 else []
    for part in parts:
        name = type(part).__name__
        match part:
            case Pin() | Template():
                wrong += [name for pin in pins(part, lines) if not is_meant(*pin)]
            case Avoid(characters):
                wrong += [name for c in "".join(lines) if any(is_meant(a, c) for a in characters)]
            case Words(words):
                wrong += [name for word in words if not any(_holds(word, line) for line in lines)]
            case NoRepeat(doublings):
                wrong += [name] * repeats([list(map(simplified, x)) for x in lines], doublings)
            case Parallel():
                given = _given(parts, lines)
                first = 2 if len(lines) == 8 else 0
                pairs = range(first, first + 4 if first else len(lines) - 1, 2)
                wrong += [name] * (
                    not all(answers(*lines[i : i + 2], given(i), given(i + 1)) for i in pairs)
                )
            case Metre() | Rhyme():
                pass
            case _:
                raise ValueError(f"no rule was written for {part}")
    metre = next((part for part in parts if isinstance(part, Metre)), None)
    rhyme = next((part for part in parts if isinstance(part, Rhyme)), None)
    if metre or rhyme:
        wrong += _broken_sound(lines, metre, rhyme)
    return list(dict.fromkeys(wrong))


def broken_as_shown(parts: Sequence[Rule], lines: Lines) -> list[str]:
    """Pins and repeats that a reader of simplified script misses. The script is converted by
    phrases, so a shown character can differ from the conversion of the character alone."""
    shown = [to_simplified(line) for line in lines]
    wrong = []
    for part in parts:
        if isinstance(part, Pin | Template):
            wrong += [
                type(part).__name__
                for typed, character in pins(part, shown)
                if character not in (typed, simplified(fold(typed)))
            ]
        if isinstance(part, NoRepeat):
            wrong += ["NoRepeat"] * repeats(shown, part.doublings)
    return list(dict.fromkeys(wrong))


def pins(part: Pin | Template, lines: Lines) -> Iterator[tuple[str, str]]:
    """The character typed for a place, and the one in the poem."""
    if isinstance(part, Pin):
        line, place = (n - 1 if n > 0 else n for n in (part.line, part.place))
        yield part.character, lines[line][place]
        return
    drawn = "".join(part.lines)
    yield from (
        (typed, c) for typed, c in zip(drawn, "".join(lines), strict=False) if typed != FREE
    )


def repeats(lines: Sequence[Sequence[str]], doublings: bool) -> bool:
    """Whether a character is repeated; doublings do not count where they are allowed."""
    signs = [(c, i, j) for i, line in enumerate(lines) for j, c in enumerate(line)]
    return any(
        a == b and not (doublings and i == k and m == j + 1)
        for n, (a, i, j) in enumerate(signs)
        for b, k, m in signs[n + 1 :]
    )


def answers(
    above: str, below: str, given_above: Collection[int] = (), given_below: Collection[int] = ()
) -> bool:
    """对仗 of two lines; characters that are given in both lines need not answer each other."""
    given = {*given_above} & {*given_below}
    pairs = [(a, b) for i, (a, b) in enumerate(zip(above, below, strict=True)) if i not in given]
    opposed = all(
        {"平", "仄"} <= {r.tone for c in pair for r in readings(c)} and all(map(readings, pair))
        for i, pair in enumerate(zip(above, below, strict=True))
        if i % 2 and i not in given
    )
    shared = any(
        a == b and not (i in given_above and j in given_below)
        for i, a in enumerate(above)
        for j, b in enumerate(below)
    )
    return (
        opposed
        and not shared
        and word_classes("".join(a for a, _ in pairs)) == word_classes("".join(b for _, b in pairs))
        and boundaries(above) == boundaries(below)
    )


def _given(parts: Sequence[Rule], lines: Lines) -> Callable[[int], set[int]]:
    """The places of a line that are given."""
    places = set()
    for part in parts:
        if isinstance(part, Pin):
            line = part.line - 1 if part.line > 0 else len(lines) + part.line
            length = len(lines[line])
            places.add((line, part.place - 1 if part.place > 0 else length + part.place))
        if isinstance(part, Template):
            drawn = "".join(part.lines)
            length = len(lines[0])
            places |= {divmod(i, length) for i, c in enumerate(drawn) if c != FREE}
    return lambda i: {place for line, place in places if line == i}


def _holds(word: str, line: str) -> bool:
    starts = range(len(line) - len(word) + 1)
    return any(all(map(is_meant, word, line[start:])) for start in starts)


def asked_groups(name: str | None) -> set[str]:
    """The groups that a rhyme asks for: all, the one of this name, or those of a character."""
    if name is None:
        return set(GROUPS)
    return {name} if name in GROUPS else groups(fold(name), level=False) - {""}


def _broken_sound(lines: Lines, metre: Metre | None, rhyme: Rhyme | None) -> list[str]:
    """Does some order with the right tones have lines that rhyme as was asked?"""
    orders = [""] if metre is None else orders_kept(lines, metre.rules, "writer")
    if metre is not None and metre.template is not None:
        named = NAMES[len(lines[0])].get(metre.template.replace("韻", "韵"), metre.template)
        orders = [order for order in orders if order.startswith(named)]
    if not orders:
        return ["Metre"]
    wanted = asked_groups(rhyme.group if rhyme else None)
    rhymes = partial(groups, level=metre is not None)
    for order in orders:
        ends = [*lines[1::2], *lines[: order[:1].isupper()]]
        if set.intersection(wanted, *(rhymes(line[-1]) for line in ends)):
            return []
    return ["Metre" if rhyme is None else "Rhyme"]
