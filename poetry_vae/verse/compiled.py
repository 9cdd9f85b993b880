"""Constraints made tensors for one form and vocabulary, and refused where no poem can meet them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor

from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.form import Form
from poetry_vae.text.metre import Rules, template_named, templates
from poetry_vae.text.metre import Template as MetreTemplate
from poetry_vae.text.prosody import GROUPS, PINGSHUI, RhymeBook
from poetry_vae.text.script import fold
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.constraints import (
    FREE,
    Avoid,
    Constraint,
    ConstraintError,
    Favour,
    Metre,
    Near,
    NoRepeat,
    Parallel,
    Pin,
    Rhyme,
    Sounds,
    Template,
    Words,
)
from poetry_vae.verse.forms import forms_of
from poetry_vae.verse.metrical import Metrical
from poetry_vae.verse.parallel import Facing
from poetry_vae.verse.placements import Placements
from poetry_vae.verse.repeats import Repeats
from poetry_vae.verse.shares import Shares

C = TypeVar("C", bound=Constraint)


@dataclass(frozen=True)
class Compiled:
    """Constraints as tensors over T positions and V characters."""

    form: Form
    tokenizer: CharTokenizer
    allowed: Tensor
    """[T, V]: what a position may hold, metre and words apart; special symbols never."""
    known: Tensor
    """[T] ids: the likeliest form of what is pinned, ``<mask>`` elsewhere."""
    metrical: Metrical | None = None
    placements: Placements | None = None
    favour: Favour | None = None
    repeats: Repeats | None = None
    facing: Facing | None = None
    near: str | None = None


def compile_constraints(constraint: Constraint, form: Form, tokenizer: CharTokenizer) -> Compiled:
    """Tensors of a constraint.

    Raises:
        ConstraintError: no poem of this form and vocabulary can meet it; the message says which
            part, where, and what would help.
        MetreError: metre was asked for and the form has none, or the named template is not there.
    """
    whole = _compile(constraint.parts, form, tokenizer)
    if _is_possible(whole):
        return _with_words(whole, constraint.parts)
    # Which of what was asked for stands in the way? Whatever makes the rest possible if left out.
    culprits = []
    for i, part in enumerate(constraint.parts):
        rest = [other for j, other in enumerate(constraint.parts) if j != i]
        if _is_possible(_compile(rest, form, tokenizer)):
            culprits.append(_told(part))
    blamed = " or ".join(culprits) or "more than one of them"
    asked = ", ".join(map(_told, constraint.parts))
    raise ConstraintError(
        f"no {form} keeps all of {asked}: tones and rhymes of the characters given do not fit "
        f"together; leave out {blamed}"
    )


def _compile(parts: Sequence[Constraint], form: Form, tokenizer: CharTokenizer) -> Compiled:
    sounds = _only(parts, Sounds)
    book = sounds.book if sounds else PINGSHUI
    forms = forms_of(tokenizer.characters)
    allowed = torch.ones(form.positions, len(tokenizer), dtype=torch.bool)
    allowed[:, : len(CharTokenizer.SPECIAL)] = False
    for character in "".join(part.characters for part in _of(parts, Avoid)):
        allowed[:, forms.known(character)] = False
    known = torch.full((form.positions,), CharTokenizer.MASK)
    pinned: dict[int, Pin] = {}
    for pin in [*_of(parts, Pin), *_drawn(parts, form)]:
        position = _position(pin, form)
        here = forms.mask(pin.character)[0]
        if not (allowed[position] & here).any():
            other = pinned.get(position)
            against = f"{other} holds the same place" if other else "the character is to be avoided"
            raise ConstraintError(f"{pin} cannot be kept, since {against}: leave one of them out")
        allowed[position] &= here
        pinned[position] = pin
        known[position] = int(allowed[position].nonzero()[0])
    if not allowed.any(1).all():
        raise ConstraintError("every character the model knows is to be avoided: avoid fewer")
    repeats = None
    if (no_repeat := _only(parts, NoRepeat)) is not None:
        repeats = Repeats(forms.same, form, doublings=no_repeat.doublings)
        _check_repeats(pinned, _settled(allowed, repeats), repeats)
        several = int(torch.unique(forms.same[allowed.any(0)]).numel())
        if several < form.positions and not repeats.doublings:
            raise ConstraintError(
                f"only {several} characters are left for the {form.positions} places of a {form} "
                "without repeats: avoid fewer, or allow repeats"
            )
    near = _only(parts, Near)
    return Compiled(
        form,
        tokenizer,
        allowed,
        known,
        metrical=_metrical(parts, form, tokenizer, book),
        favour=_only(parts, Favour),
        repeats=repeats,
        facing=Facing(form, _characters(tokenizer), book) if _of(parts, Parallel) else None,
        near=near.poem if near else None,
    )


def _with_words(compiled: Compiled, parts: Sequence[Constraint]) -> Compiled:
    words = tuple(dict.fromkeys(word for part in _of(parts, Words) for word in part.words))
    # 明月 says 月 already.
    words = tuple(w for w in words if not any(w != other and w in other for other in words))
    if not words:
        return compiled
    symbols = list(map(forms_of(compiled.tokenizer.characters).mask, words))
    # Characters that no rule tells apart are one: hundreds of columns instead of thousands.
    columns = _different(compiled, symbols)

    def can_stand(possible: Tensor, settled: Tensor) -> Tensor:
        kept = _can_stand(compiled, possible, columns)
        if compiled.repeats is not None:
            before = _settled(compiled.allowed, compiled.repeats)
            both = torch.where(settled >= 0, settled, before)
            kept &= ~compiled.repeats.found(both).any(1)
        return kept

    found = Placements.find(
        compiled.form,
        words,
        [forms[:, columns] for forms in symbols],
        compiled.allowed[:, columns],
        settled=[_settled(forms, compiled.repeats) for forms in symbols],
        can_stand=can_stand,
        generator=torch.Generator().manual_seed(derived_seed(0, "placements")),
    )
    return replace(compiled, placements=Placements(symbols, found.starts, compiled.allowed))


def _is_possible(compiled: Compiled) -> bool:
    columns = _different(compiled, ())
    return bool(_can_stand(compiled, compiled.allowed[None, :, columns], columns))


def _can_stand(compiled: Compiled, possible: Tensor, columns: Tensor) -> Tensor:
    """Whether some poem of what is possible, [A, T, columns], keeps metre and rhyme: [A]."""
    number = possible.sum(-1)
    if compiled.metrical is None:
        return number.all(-1)
    evenly = Shares(
        possible / number.clamp_min(1)[..., None], torch.where(number > 0, 0.0, -torch.inf)
    )
    pairs = compiled.metrical.only(columns).plan_log_probs(evenly)
    return pairs.flatten(1).isfinite().any(-1)


def _different(compiled: Compiled, symbols: Sequence[Tensor]) -> Tensor:
    """One character of every kind, where kinds differ in what any rule says of them: ids."""
    rows = [compiled.allowed, *symbols]
    if compiled.metrical is not None:
        rows += [compiled.metrical.tones[None] == kind for kind in range(4)]
        rows.append(compiled.metrical.member.T)
    _, kind = torch.unique(torch.cat(rows), dim=1, return_inverse=True)
    first = torch.full((int(kind.max()) + 1,), len(kind))
    return first.scatter_reduce(0, kind, torch.arange(len(kind)), "amin")


def _characters(tokenizer: CharTokenizer) -> tuple[str, ...]:
    """Characters by id; special symbols, which no poem may hold, as empty strings."""
    return ("",) * len(CharTokenizer.SPECIAL) + tokenizer.characters


def _settled(allowed: Tensor, repeats: Repeats | None) -> Tensor:
    """A character for every place that can hold only one and its like, −1 elsewhere: [T, V] → [T].

    里 and 裏 are alike to who forbids repeats; without that nobody asks.
    """
    if repeats is None:
        return torch.full((len(allowed),), -1)
    kinds = repeats.same.expand_as(allowed)
    highest = kinds.where(allowed, -1).amax(-1)
    lowest = kinds.where(allowed, allowed.shape[-1]).amin(-1)
    return torch.where(highest == lowest, allowed.long().argmax(-1), -1)


def _of(parts: Sequence[Constraint], kind: type[C]) -> list[C]:
    return [part for part in parts if isinstance(part, kind)]


def _only(parts: Sequence[Constraint], kind: type[C]) -> C | None:
    found = list(dict.fromkeys(_of(parts, kind)))
    if len(found) > 1:
        raise ConstraintError(
            f"{' and '.join(map(_told, found))} were asked for together: one poem can keep one"
        )
    return found[0] if found else None


def _drawn(parts: Sequence[Constraint], form: Form) -> list[Pin]:
    """The pins of drawn templates."""
    pins = []
    for part in _of(parts, Template):
        lines = part.lines
        if len(lines) == 1 and len(lines[0]) == form.positions:
            lines = list(form.cut(lines[0]))
        if len(lines) > form.lines:
            raise ConstraintError(
                f"{part.text!r} has {len(lines)} lines, and a {form} has {form.lines}"
            )
        for i, (line, length) in enumerate(zip(lines, form.lengths, strict=False), start=1):
            if len(line) != length:
                which = "a" if form.is_even else "this"
                raise ConstraintError(
                    f"line {i} ({line}) has {len(line)} characters, and {which} line of {form} has "
                    f"{length}: draw free places as {FREE}"
                )
            pins += [Pin(i, j, c) for j, c in enumerate(line, start=1) if c != FREE]
    return pins


def _position(pin: Pin, form: Form) -> int:
    if not 1 <= abs(pin.line) <= form.lines:
        raise ConstraintError(f"{pin} lies outside: a {form} has {form.lines} lines")
    line = pin.line - 1 if pin.line > 0 else form.lines + pin.line
    length = form.lengths[line]
    if not 1 <= abs(pin.place) <= length:
        where = "in a line" if form.is_even else f"in line {line + 1}"
        raise ConstraintError(f"{pin} lies outside: a {form} has {length} characters {where}")
    return form.place(line, pin.place - 1 if pin.place > 0 else pin.place)


def _check_repeats(pinned: dict[int, Pin], settled: Tensor, repeats: Repeats) -> None:
    for position in repeats.found(settled[None])[0].nonzero()[:, 0].tolist():
        kind = repeats.same[settled[position]]
        before = next(p for p in sorted(pinned) if repeats.same[settled[p]] == kind)
        raise ConstraintError(
            f"{pinned[before]} and {pinned[position]} are one character, and none was to stand "
            "twice: change one, or allow repeats"
        )


def _metrical(
    parts: Sequence[Constraint], form: Form, tokenizer: CharTokenizer, book: RhymeBook
) -> Metrical | None:
    metre, rhyme = _only(parts, Metre), _only(parts, Rhyme)
    if metre is None and rhyme is None:
        return None
    legal = templates(form) if metre else ()
    if metre and metre.template is not None:
        legal = (template_named(form, metre.template),)
    groups = _groups_of(book, tokenizer, level=metre is not None)
    level = list(groups)
    if rhyme is not None and rhyme.group is not None:
        asked = _groups_asked(rhyme.group, book)
        groups = [group for group in asked if group in groups]
        if not groups:
            raise ConstraintError(
                f"{rhyme.group} is the oblique rhyme {'/'.join(asked)}, and metre asks for a level "
                f"one: leave out the metre, or take one of {''.join(level)}"
            )
    rules = metre.rules if metre else "strict"
    return _rules_of(form, _characters(tokenizer), tuple(legal), tuple(groups), rules, book)


@lru_cache(maxsize=16)
def _rules_of(
    form: Form,
    characters: tuple[str, ...],
    legal: tuple[MetreTemplate, ...],
    groups: tuple[str, ...],
    rules: Rules,
    book: RhymeBook,
) -> Metrical:
    return Metrical(form, characters, templates=legal, groups=groups, rules=rules, book=book)


def _groups_of(book: RhymeBook, tokenizer: CharTokenizer, *, level: bool) -> list[str]:
    """The groups of a book: level ones, or all of them."""
    if book is PINGSHUI:
        return [group for group, tone in GROUPS.items() if tone == "平" or not level]
    readings = chain.from_iterable(map(book.readings, tokenizer.characters))
    return sorted({r.group for r in readings if r.group and (r.tone == "平" or not level)})


def _groups_asked(name: str, book: RhymeBook) -> list[str]:
    """The group of this name, else all groups of the character."""
    if len(name) == 1:
        for spelling in (name, fold(name)):
            if spelling in GROUPS and book is PINGSHUI:
                return [spelling]
        found = sorted({reading.group for reading in book.readings(fold(name)) if reading.group})
        if found:
            return found
    raise ConstraintError(
        f"{name!r} is no rhyme: give one of the groups {' '.join(GROUPS)}, or a character to be "
        "rhymed with"
    )


def _told(part: Constraint) -> str:
    """A constraint in a user's words."""
    if isinstance(part, Pin):
        return str(part)
    if isinstance(part, Template):
        return f"the template {part.text}"
    if isinstance(part, Metre):
        return f"metre {part.template or part.rules}"
    if isinstance(part, Rhyme):
        return f"rhyme {part.group or 'throughout'}"
    if isinstance(part, Words):
        return f"the words {' '.join(part.words)}"
    if isinstance(part, Sounds):
        return f"the rhyme book {part.book.name}"
    if isinstance(part, Avoid):
        return f"avoiding {part.characters}"
    return type(part).__name__
