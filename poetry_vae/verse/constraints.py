"""What a poem shall keep: small values, combined with ``&``.

    acrostic("春江花月") & Metre() & Rhyme("東") & Avoid("柳")

They say what is wanted and know no model; ``poetry_vae.verse.compiled`` makes them tensors.
Lines and places count from 1 as people count them, and from the end where they are negative.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from poetry_vae.text.cleaning import clean_typed
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.metre import Rules
from poetry_vae.text.poem import split_lines
from poetry_vae.text.prosody import RhymeBook

FREE = "□"
"""A position that is left to the model, in a drawn template."""
_FREE_SIGNS = FREE + "＿_○◯*?-xX"  # which are easier to type
_ALSO_FREE = str.maketrans(dict.fromkeys(_FREE_SIGNS, FREE))


class ConstraintError(PoetryVAEError):
    """Constraints that no poem can meet, or that say nothing a poem could keep."""


class Constraint:
    """Anything a poem can be asked to keep. ``a & b`` asks for both."""

    def __and__(self, other: Constraint) -> Together:
        return Together((*self.parts, *other.parts))

    @property
    def parts(self) -> tuple[Constraint, ...]:
        """The constraints that this one is made of."""
        return (self,)


@dataclass(frozen=True)
class Together(Constraint):
    """All of several constraints; of none, everything is allowed."""

    members: tuple[Constraint, ...] = ()

    @property
    def parts(self) -> tuple[Constraint, ...]:
        return self.members


@dataclass(frozen=True)
class Pin(Constraint):
    """One character at one place, in either script: a simplified character stands for all its
    traditional forms."""

    line: int
    place: int
    character: str

    def __post_init__(self) -> None:
        if len(self.character) != 1:
            raise ConstraintError(f"{self.character!r} is not one character: one place holds one")
        if not self.line or not self.place:
            raise ConstraintError(f"{self}: lines and places count from 1 (or from -1, the last)")

    def __str__(self) -> str:
        return f"{self.line},{self.place}={self.character}"

    @classmethod
    def parse(cls, text: str) -> Pin:
        """Read ``LINE,PLACE=CHARACTER`` as in ``2,3=月``.

        Raises:
            ConstraintError: the text is nothing of the kind.
        """
        match = re.fullmatch(r"\s*(-?\d{1,3})\s*[,，]\s*(-?\d{1,3})\s*[=＝]\s*(\S)\s*", text)
        if match is None:
            raise ConstraintError(f"{text!r} is no pin: write LINE,PLACE=CHARACTER, as in 2,3=月")
        return cls(int(match[1]), int(match[2]), match[3])


@dataclass(frozen=True)
class Template(Constraint):
    """A drawn poem, or its first lines, with □ where the model is free: ``□□□月□，□□□□□``.

    Lines are parted as poems are, by punctuation or line breaks, or not at all where the whole
    poem is drawn.
    """

    text: str

    @property
    def lines(self) -> list[str]:
        return split_lines(clean_typed(self.text, free=_FREE_SIGNS).translate(_ALSO_FREE))


@dataclass(frozen=True)
class Avoid(Constraint):
    """Characters that shall stand nowhere, in any of their forms."""

    characters: str


@dataclass(frozen=True)
class Metre(Constraint):
    """Tones by any legal template (平仄, 对, 粘), or by the one named; see ``text.metre``."""

    rules: Rules = "strict"
    template: str | None = None


@dataclass(frozen=True)
class Rhyme(Constraint):
    """Even lines end in one rhyme group: of this name, rhyming with this character, or any."""

    group: str | None = None


@dataclass(frozen=True)
class Sounds(Constraint):
    """The book by which metre, rhyme and parallel couplets are heard, if not that of 平水韻."""

    book: RhymeBook


@dataclass(frozen=True)
class Words(Constraint):
    """Each of these words stands inside some line; the model chooses where."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Favour(Constraint):
    """Characters akin to these, by the model's own embedding, are drawn more often.

    The only wish among the rules: ``strength`` nats are added to the logits of the character most
    akin, less to others.
    """

    characters: str
    strength: float = 1.0


@dataclass(frozen=True)
class NoRepeat(Constraint):
    """No character twice; with ``doublings``, 處處 and its like may stand."""

    doublings: bool = False


@dataclass(frozen=True)
class Parallel(Constraint):
    """Couplets as 对仗; see ``poetry_vae.verse.parallel``."""


@dataclass(frozen=True)
class Near(Constraint):
    """Latents of the neighbourhood of a given poem, instead of all that the prior holds."""

    poem: str


def acrostic(text: str, *, tail: bool = False) -> Together:
    """The characters of ``text`` at the heads (or tails) of the lines, from the first line on."""
    place = -1 if tail else 1
    characters = [c for part in split_lines(clean_typed(text, free=_FREE_SIGNS)) for c in part]
    return Together(tuple(Pin(i, place, c) for i, c in enumerate(characters, 1) if c != FREE))


def first_line(text: str) -> Template:
    """``text`` as the first line.

    Raises:
        ConstraintError: it is not one line.
    """
    lines = split_lines(clean_typed(text, free=_FREE_SIGNS))
    if len(lines) != 1:
        raise ConstraintError(f"{text!r} is {len(lines)} lines: give the first line alone")
    return Template(lines[0])


def together(constraints: Sequence[Constraint]) -> Together:
    """All of them; the neutral element where there is none."""
    return Together(tuple(part for constraint in constraints for part in constraint.parts))
