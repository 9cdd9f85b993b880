"""Poems without repeated characters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.verse.rules.rule import BoundRule, Ground, Rule, RuleError, of, only


@dataclass(frozen=True)
class NoRepeat(Rule):
    """No character twice; with ``doublings``, 處處 and its like may stand."""

    doublings: bool = False

    def told(self) -> str:
        return "no repeats" + (" but doublings" if self.doublings else "")


@dataclass(frozen=True)
class Doublings(Rule):
    """The exception from :class:`NoRepeat`, asked for by itself."""

    def told(self) -> str:
        return "doublings"


class Repeats(BoundRule):
    """No character twice, in either script: 裏 and 里 are both 里 in simplified script."""

    def __init__(self, ground: Ground, *, doublings: bool) -> None:
        self.ground, self.doublings = ground, doublings
        self.same = ground.alphabet.same
        T = ground.form.positions
        self._earlier = torch.ones(T, T, dtype=torch.bool).tril(-1)
        if doublings:
            follows = torch.tensor(ground.form.from_start).nonzero()[:, 0]
            self._earlier[follows, follows - 1] = False

    def found(self, ids: Tensor) -> Tensor:
        """Which positions repeat a character from earlier in the poem: ids [R, T] → [R, T]."""
        T = ids.shape[1]
        kinds = self.same[ids.clamp_min(0)].where(ids >= 0, -1 - torch.arange(T))
        return ((kinds[:, :, None] == kinds[:, None, :]) & self._earlier).any(-1)

    def mask(self, ids: Tensor, places: Tensor, decision: None) -> Tensor:
        """What does not stand elsewhere."""
        clashes = (self._earlier | self._earlier.T)[places] & (ids >= 0)
        kinds = self.same[ids.clamp_min(0)]
        taken = torch.zeros(len(ids), int(self.same.max()) + 2, dtype=torch.bool)
        taken.scatter_(1, kinds.where(clashes, taken.shape[1] - 1), True)
        return ~taken[:, self.same]

    def broken(self, ids: Tensor) -> Tensor:
        """Poems with a repeat."""
        return self.found(ids).any(1)

    def can_stand(self, possible: Tensor, columns: Tensor, fixed: Tensor, given: Tensor) -> Tensor:
        """What is fixed does not repeat."""
        return ~self.found(fixed).any(1)

    def narrow(self, allowed: Tensor, can_stand: object) -> None:
        """Whether there are characters enough."""
        form = self.ground.form
        several = int(torch.unique(self.same[allowed.any(0)]).numel())
        if several < form.positions and not self.doublings:
            raise RuleError(
                f"only {several} characters are left for the {form.positions} places of a {form} "
                "without repeats: avoid fewer, or allow repeats"
            )


def bind(parts: Sequence[Rule], ground: Ground) -> BoundRule | None:
    """Whether repeats are allowed.

    Raises:
        RuleError: doublings are an exception from nothing.
    """
    no_repeat, lenient = only(parts, NoRepeat), bool(of(parts, Doublings))
    if no_repeat is None:
        if lenient:
            raise RuleError("doublings are an exception from no repeats: ask for both")
        return None
    return Repeats(ground, doublings=no_repeat.doublings or lenient)
