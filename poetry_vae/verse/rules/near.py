"""Poems in the neighbourhood of another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from poetry_vae.text.cleaning import clean_typed, refuse_foreign
from poetry_vae.text.lines import split_lines
from poetry_vae.verse.rules.rule import BoundRule, Ground, Rule, RuleError, only


@dataclass(frozen=True)
class Near(Rule):
    """Latents near those of a given poem, instead of latents from the whole prior."""

    poem: str
    is_wish = True

    def __post_init__(self) -> None:
        refuse_foreign("".join(split_lines(clean_typed(self.poem))), error=RuleError)

    def told(self) -> str:
        return f"near {'/'.join(split_lines(self.poem))}"


def bind(parts: Sequence[Rule], ground: Ground) -> BoundRule | None:
    """The one poem to be near to."""
    near = only(parts, Near)
    if near is None:
        return None
    bound = BoundRule()
    bound.near = near.poem
    return bound
