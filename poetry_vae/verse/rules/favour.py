"""Characters akin to a theme are drawn more often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.verse.rules.rule import BoundRule, Ground, Rule, only


@dataclass(frozen=True)
class Favour(Rule):
    """Characters akin to these, by the model's own output layer, are drawn more often.

    ``strength`` nats are added to the logits of the character most akin, less to others.
    """

    favoured: str
    strength: float = 1.0
    is_wish = True

    def told(self) -> str:
        return f"the theme {self.favoured}"


class Favoured(BoundRule):
    """What is favoured, by id."""

    def __init__(self, ids: list[int], strength: float) -> None:
        self.ids, self.strength = ids, strength

    def bias(self, table: Tensor) -> Tensor:
        """Akin characters have similar rows, since they occur in similar contexts."""
        directions = torch.nn.functional.normalize(table - table.mean(0), dim=-1)
        kinship = (directions @ directions[self.ids].T).amax(-1).clamp_min(0)
        return self.strength * kinship


def bind(parts: Sequence[Rule], ground: Ground) -> BoundRule | None:
    """The one theme."""
    favour = only(parts, Favour)
    if favour is None:
        return None
    known = [ground.alphabet.known(character)[:1] for character in favour.favoured]
    ids = [i for found in known for i in found if i < ground.alphabet.known_to_model]
    return Favoured(ids, favour.strength) if ids else None
