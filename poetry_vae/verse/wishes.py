"""Rules as people ask for them, in words: what the command, the page and the interface share.

This file knows the names and the texts, and needs no torch; the rules themselves load when they are
asked for. A new rule is a file in ``verse/rules``, a :class:`Wish` and a parser here, and a test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from poetry_vae.text.rhyme_books import RHYME_BOOKS

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.form import Form
    from poetry_vae.verse.rules.rule import Rule

Note = Callable[[str], None]
"""Takes sentences that tell the user how a wish was understood."""


@dataclass(frozen=True)
class Wish:
    """One thing to ask for: its name, its help, and what its values look like."""

    name: str
    help: str
    metavar: str | None = None
    """What the value looks like; None for a yes or no."""
    is_many: bool = False
    """Whether it may be asked for several times."""
    choices: Sequence[str] = ()
    is_prose: bool = False
    """Whether several texts are as good as one that holds them all."""


def rules_of(asked: Mapping[str, Any], form: Form, *, note: Note = lambda _: None) -> Rule | None:
    """The rules that are asked for by name; None where nothing is.

    Args:
        asked: values by the names of :data:`WISHES`; empty or missing ones ask for nothing.
        note: takes what the user should know, one sentence at a time.

    Raises:
        RuleError: there is no such wish, or a value says nothing that a poem could keep.
    """
    from poetry_vae.verse.rules.rule import RuleError, together

    names = [wish.name for wish in WISHES]
    if unknown := [name for name in asked if name not in names]:
        raise RuleError(f"nothing can be asked for as {unknown[0]!r}: there are {', '.join(names)}")
    rules = []
    for wish in WISHES:
        value = asked.get(wish.name)
        many = [value] if isinstance(value, str) else value or ()
        for one in many if wish.is_many else [value]:
            if one:
                rules.append(_rule(wish.name, one, form, note))
    return together(rules) if rules else None


def form_of(asked: Mapping[str, Any]) -> str | None:
    """The name of the form that the wishes imply where none is named; None where they imply none. A
    drawn poem, or a poem to stay near, gives its own form. Drawn lines or a first line give
    regulated verse with lines of that length. 2 to 8 heads or tails give a form with enough lines.

    Raises:
        RuleError: there are more heads than lines in any form that a name fits.
    """
    from poetry_vae.text.errors import PoetryVAEError
    from poetry_vae.text.form import Form
    from poetry_vae.text.poem import Poem
    from poetry_vae.verse.rules.pins import acrostic, drawn_lines
    from poetry_vae.verse.rules.rule import RuleError

    for name in ("template", "near"):
        if text := asked.get(name):
            lines = drawn_lines(text)
            whole = sum(map(len, lines))
            if len(lines) > 1:
                try:
                    return str(Poem(tuple(lines)).form)
                except PoetryVAEError:
                    return None
            for form in map(Form.parse, ("五绝", "七绝", "五律", "七律", "五言联", "七言联")):
                if form.positions == whole:
                    return str(form)
    for name in ("template", "first_line"):
        lines = drawn_lines(asked.get(name) or "")
        lengths = set(map(len, lines))
        if lengths in ({5}, {7}) and not (asked.get("acrostic") or asked.get("tail")):
            return ("五" if lengths == {5} else "七") + ("绝" if len(lines) <= 4 else "律")
    heads = [len(acrostic(asked[name]).parts) for name in ("acrostic", "tail") if asked.get(name)]
    if not heads or max(heads) < 2:
        return None
    if max(heads) > 8:
        raise RuleError(f"{max(heads)} heads: a poem has at most 8 lines unless a form is given")
    return "七绝" if max(heads) <= 4 else "七律"


def occasion_of(asked: Mapping[str, Any], model: PoetryVAE, *, about: str = "") -> str:
    """The subject that the wishes imply where none is asked for: the occasion of a greeting in the
    heads or tails, as 祝寿 of 生日快乐; "" where they imply none, or the model takes no subject."""
    from poetry_vae.text.greetings import occasion

    if about or not model.config.subject:
        return ""
    found = (occasion(asked.get(name) or "") for name in ("acrostic", "tail"))
    return next(filter(None, found), "")


def subject_notes(about: str, model: PoetryVAE) -> Iterator[str]:
    """How a subject is understood, a sentence each, where it is not taken as it was typed."""
    from poetry_vae.text.lines import split_lines
    from poetry_vae.text.old_words import in_old_words

    asked = in_old_words(about)
    if asked != about:
        yield f"asked for as: {asked}"
    characters, most = "".join(split_lines(asked)), model.config.subject
    if missing := model.tokenizer.unknown(characters):
        yield f"the model does not know these characters of the subject: {' '.join(missing)}"
    if len(characters) > most:
        yield f"the model reads the first {most} characters of the subject: {characters[:most]}"


def _rule(name: str, value: Any, form: Form, note: Note) -> Rule:
    """The rule that a wish asks for with a value. The rules load here, since they need torch."""
    from poetry_vae.text.rhyme_books import rhyme_book
    from poetry_vae.verse.rules import avoid, near, no_repeat, parallel, pins, sound

    rules: dict[str, Callable[[Any], Rule]] = {
        "acrostic": pins.acrostic,
        "tail": lambda text: pins.acrostic(text, tail=True),
        "pin": pins.Pin.parse,
        "template": pins.Template,
        "first_line": pins.first_line,
        "near": near.Near,
        "metre": lambda text: (
            sound.Metre(text) if text in ("strict", "loose") else sound.Metre(template=text)
        ),
        "rhyme": lambda text: sound.Rhyme(None if text == "any" else text),
        "rhyme_book": lambda text: sound.Sounds(rhyme_book(text)),
        "theme": lambda text: _theme(text, form, note),
        "avoid": avoid.Avoid,
        "no_repeat": lambda _: no_repeat.NoRepeat(),
        "doublings": lambda _: no_repeat.Doublings(),
        "parallel": lambda _: parallel.Parallel(),
    }
    return rules[name](value)


def _theme(text: str, form: Form, note: Note) -> Rule:
    from poetry_vae.text.keywords import keywords
    from poetry_vae.text.script import to_simplified
    from poetry_vae.verse.rules.favour import Favour
    from poetry_vae.verse.rules.rule import RuleError
    from poetry_vae.verse.rules.words import Words

    words, left_out = keywords(text, longest=max(form.lengths))
    if not words:
        raise RuleError(f"theme {text!r}: no word was found in it")
    note(f"keywords: {to_simplified(' '.join(words))}")
    if left_out:
        note(f"left out, as there is no room for so many: {to_simplified(' '.join(left_out))}")
    return Words(tuple(words)) & Favour("".join(words))


WISHES = (
    Wish("acrostic", "The heads of the lines, as in 春江花月.", "TEXT"),
    Wish("tail", "The last characters of the lines.", "TEXT"),
    Wish(
        "pin",
        "One character at line L, place P (negative: from the end), as in 2,3=月.",
        "L,P=字",
        is_many=True,
    ),
    Wish("template", "A poem with □ (or ?) at the places that you leave free.", "TEXT"),
    Wish("first_line", "Continue this first line.", "TEXT"),
    Wish("near", "Stay near this poem.", "POEM"),
    Wish(
        "metre",
        "Keep the tones of regulated verse: any template by strict or loose rules, or a named one.",
        "strict|loose|NAME",
    ),
    Wish(
        "rhyme",
        "Rhyme in the group of this name, with this character, or (any) in some group.",
        "字|any",
    ),
    Wish(
        "rhyme_book",
        "The book of --metre, --rhyme and --parallel; xinyun and tongyun have modern sounds.  "
        "[default: pingshui]",
        choices=tuple(RHYME_BOOKS),
    ),
    Wish("theme", "Put the keywords of this text into the poem.", "TEXT", is_prose=True),
    Wish("avoid", "Leave out these characters.", "字字", is_many=True),
    Wish("no_repeat", "Use no character twice."),
    Wish("doublings", "With --no-repeat: allow doublings such as 處處."),
    Wish("parallel", "对仗: couplets with opposite tones and words of the same class."),
)
"""Everything that can be asked for."""
