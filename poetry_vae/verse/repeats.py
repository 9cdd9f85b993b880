"""Poems without repeated characters."""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.model.sampling import drawn_at
from poetry_vae.text.form import Form
from poetry_vae.verse.constraints import ConstraintError

# Whole poems are redrawn so often before those that still repeat are mended.
_TRIES = 8


class Repeats:
    """No character twice, in either script: 裏 and 里 are both 里 in simplified script.

    Args:
        same: [V]; characters of one number count as the same.
        form: of the poems.
        doublings: whether a character may follow itself within its line.
    """

    def __init__(self, same: Tensor, form: Form, *, doublings: bool) -> None:
        self.same, self.form, self.doublings = same, form, doublings

    def found(self, ids: Tensor) -> Tensor:
        """Which positions repeat a character from earlier in the poem: ids [R, T] → [R, T].

        Negative ids are no characters.
        """
        T = ids.shape[1]
        kinds = self.same[ids.clamp_min(0)].where(ids >= 0, -1 - torch.arange(T))
        earlier = torch.ones(T, T, dtype=torch.bool).tril(-1)
        if self.doublings:
            follows = torch.tensor(self.form.from_start).nonzero()[:, 0]
            earlier[follows, follows - 1] = False
        return ((kinds[:, :, None] == kinds[:, None, :]) & earlier).any(-1)

    def draw(
        self, weights: Tensor, *, temperature: float, generator: torch.Generator
    ) -> tuple[Tensor, int]:
        """Poems from independent weights [R, T, V]: ids [R, T], and how many had to be mended.

        Poems that repeat are redrawn as a whole, which is exact; those that still do after a few
        tries are mended.

        Raises:
            ConstraintError: the characters do not suffice.
        """
        ids = drawn_at(weights, temperature, generator)
        bad = self.found(ids).any(1).nonzero()[:, 0]
        for _ in range(_TRIES if temperature else 0):
            if not len(bad):
                break
            ids[bad] = drawn_at(weights[bad], temperature, generator)
            bad = bad[self.found(ids[bad]).any(1)]
        for row in bad.tolist():
            ids[row] = self._mended(weights[row], temperature, generator)
        return ids, len(bad)

    def _mended(self, weights: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
        """A character for every position, each used once: weights [T, V] → ids [T].

        Places with the fewest characters left choose first, so that none is left without.
        """
        weights = weights.clone()
        T, V = weights.shape
        ids = torch.full((T,), -1)
        for _ in range(T):
            choices = (weights > 0).sum(-1).masked_fill(ids >= 0, V + 1)
            place = int(choices.argmin())
            if not choices[place]:
                line, before = self.form.line_of[place], self.form.from_start[place]
                raise ConstraintError(
                    f"too few characters are left for line {line + 1}, place {before + 1} of a "
                    "poem without repeats: allow repeats, or ask for less"
                )
            chosen = drawn_at(weights[None, place : place + 1], temperature, generator)[0, 0]
            ids[place] = chosen
            elsewhere = torch.ones(T, dtype=torch.bool)
            if self.doublings:
                near = range(T)[self.form.span(self.form.line_of[place])]
                elsewhere[[p for p in (place - 1, place + 1) if p in near]] = False
            weights[elsewhere[:, None] & (self.same == self.same[chosen])] = 0
        return ids
