"""对仗: two lines of a couplet that answer each other, place by place.

What is kept: at even places one line can be read level and the other oblique; facing characters are
of one word class; the lines share no character; and their words, as jieba's dictionary cuts them,
end at the same places. In eight-line verse the second and third couplets are made so, as usage has
it; in shorter verse every couplet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from poetry_vae.model.sampling import draw_weighted
from poetry_vae.text.form import Form
from poetry_vae.text.keywords import NO_CLASS, boundaries, word_classes
from poetry_vae.text.prosody import RhymeBook, Tone

# Draws of a couplet until the words of its lines end together; each is a little freer.
_TRIES = 60
_FREER = 1.05


def parallel_couplets(form: Form) -> tuple[int, ...]:
    """The first lines, from 0, of the couplets that are made parallel."""
    return (2, 4) if form.lines == 8 else tuple(range(0, form.lines - 1, 2))


class Facing:
    """The characters that may face each other in a parallel couplet, over one vocabulary."""

    def __init__(self, form: Form, characters: Sequence[str], book: RhymeBook) -> None:
        """``characters`` by id; special symbols as empty strings."""
        self.form, self.characters = form, tuple(characters)
        first = next((i for i, c in enumerate(characters) if c), len(characters))
        classes = [NO_CLASS] * first + word_classes(characters[first:])
        self.classes = torch.tensor(classes)
        self._is_class = torch.nn.functional.one_hot(self.classes, NO_CLASS + 1).float()  # [V, W]
        tones = [{r.tone for r in book.readings(c)} if c else set() for c in characters]
        wanted: tuple[Tone, Tone] = ("平", "仄")
        self._can_be = torch.tensor([[t in found for t in wanted] for found in tones]).float()

    def draw(
        self,
        weights: Tensor,
        *,
        is_wrong: Callable[[Tensor], Tensor],
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Poems whose couplets are parallel, from independent weights [R, T, V].

        Args:
            is_wrong: tells of ids [N, T] which of them break another rule, [N].

        Returns:
            ids [R, T], and which rows found no such poem, [R]: no class could be shared at some
            place, or words never ended together.
        """
        ids = draw_weighted(weights.flatten(0, 1), generator=generator).view(weights.shape[:2])
        waiting = torch.arange(len(ids))
        power = 1.0
        for _ in range(_TRIES):
            if not len(waiting):
                break
            drawn = ids[waiting]
            failed = torch.zeros(len(waiting), dtype=torch.bool)
            for line in parallel_couplets(self.form):
                failed |= self._draw_couplet(drawn, weights[waiting], line, power, generator)
            failed |= is_wrong(drawn)
            ids[waiting] = drawn
            waiting = waiting[failed]
            power /= _FREER
        lost = torch.zeros(len(ids), dtype=torch.bool)
        lost[waiting] = True
        return ids, lost

    def _draw_couplet(
        self, ids: Tensor, weights: Tensor, line: int, power: float, generator: torch.Generator
    ) -> Tensor:
        """Draw one couplet into ``ids`` [R, T]; which rows did not succeed, [R]."""
        C = self.form.chars
        failed = torch.zeros(len(ids), dtype=torch.bool)
        upper, lower = line * C, (line + 1) * C
        for place in range(C):
            above = weights[:, upper + place].pow(power)
            # The lower line must not hold what the upper one has, nor the upper what is below it.
            below = weights[:, lower + place].pow(power)
            below = below.scatter(1, ids[:, upper : upper + place], 0.0) if place else below
            above = above.scatter(1, ids[:, lower : lower + place], 0.0) if place else above
            pairs, kinds = self._ways_to_face(above, below, opposed=place % 2 == 1)
            failed |= pairs.sum(-1) <= 0
            pick = draw_weighted(pairs + 1e-30, generator=generator)
            top, bottom = kinds[0][pick], kinds[1][pick]  # [R, V]
            chosen = draw_weighted(above * top + 1e-38, generator=generator)
            left = (below * bottom).scatter(1, chosen[:, None], 0.0)
            failed |= (left.sum(-1) <= 0) | (above.gather(1, chosen[:, None])[:, 0] <= 0)
            ids[:, upper + place] = chosen
            ids[:, lower + place] = draw_weighted(left + 1e-38, generator=generator)
        return failed | self._words_end_apart(ids, line)

    def _ways_to_face(
        self, above: Tensor, below: Tensor, *, opposed: bool
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Weight of each way that two characters can face each other, [R, ways], and for each way
        what may stand above and below, [ways, V] each."""
        if not opposed:
            kinds = self._is_class.T
            return (above @ kinds.T) * (below @ kinds.T), (kinds, kinds)
        level = (self._is_class * self._can_be[:, :1]).T
        oblique = (self._is_class * self._can_be[:, 1:]).T
        top, bottom = torch.cat([level, oblique]), torch.cat([oblique, level])
        return (above @ top.T) * (below @ bottom.T), (top, bottom)

    def _words_end_apart(self, ids: Tensor, line: int) -> Tensor:
        C = self.form.chars
        ends = [
            boundaries("".join(self.characters[i] for i in row))
            for row in ids[:, line * C : (line + 2) * C].reshape(-1, C).tolist()
        ]
        return torch.tensor([a != b for a, b in zip(ends[::2], ends[1::2], strict=True)])
