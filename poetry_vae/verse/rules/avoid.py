"""Characters that shall stand nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from poetry_vae.text.cleaning import clean_typed, refuse_foreign
from poetry_vae.text.lines import split_lines
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.rules.rule import Allowed, BoundRule, Ground, Rule, RuleError, of

_SHOWN = 20  # characters of a long list that a message names


@dataclass(frozen=True)
class Avoid(Rule):
    """Characters that shall stand nowhere, in any of their variants."""

    avoided: str

    def __post_init__(self) -> None:
        refuse_foreign("".join(split_lines(clean_typed(self.avoided))), error=RuleError)

    def told(self) -> str:
        some = self.avoided[:_SHOWN]
        more = len(self.avoided) - len(some)
        return f"avoiding {some}" + (f" and {more} more characters" if more else "")


def bind(parts: Sequence[Rule], ground: Ground) -> BoundRule | None:
    """All that is to be avoided.

    Raises:
        RuleError: no character is left.
    """
    avoided = "".join(part.avoided for part in of(parts, Avoid))
    if not avoided:
        return None
    allowed = torch.ones(len(ground.alphabet), dtype=torch.bool)
    for character in avoided:
        allowed[ground.alphabet.known(character)] = False
    if not allowed[len(CharTokenizer.SPECIAL) :].any():
        raise RuleError("every character the model knows is to be avoided: avoid fewer")
    return Allowed(allowed.expand(ground.form.positions, -1))
