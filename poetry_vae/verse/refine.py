"""Poems in passes: some characters are settled, the refiner reads them, more are settled.

The order is random and another for every poem. With as many passes as characters each is drawn
given all that were settled before, from the refiner's own distribution; with fewer, several are
drawn at once that do not know of each other (mask-predict, Ghazvininejad et al. 2019).
"""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.manner import Manner


class Passes:
    """Poems in the making: their states for z, and which characters are settled in which pass."""

    def __init__(
        self,
        model: PoetryVAE,
        code: Tensor,
        labels: Tensor | None,
        manner: Manner,
        *,
        generator: torch.Generator | None,
    ) -> None:
        """
        Args:
            code: [B, D].
        """
        B, T = len(code), model.form.positions
        self.model = model
        self.count = min(manner.passes, T)  # a pass without a character would change nothing
        self.trust = torch.full((B,), manner.trust, device=code.device)
        self.states = model.hidden(manner.trust * code, labels)
        self.order = _shuffled(B, T, self.count, generator, code.device)

    def turn(self, number: int) -> Tensor:
        """The places that pass ``number``, from 0, settles: [B, T]."""
        return self.order == number

    def read(self, ids: Tensor) -> Tensor:
        """Hidden states for every position, given ids [B, T] with ``<mask>`` where open."""
        return self.model.refine(ids, self.states, self.trust)


def _shuffled(
    poems: int, positions: int, passes: int, generator: torch.Generator | None, device: torch.device
) -> Tensor:
    """The pass that settles a character, [B, T]: equally many in each, but for rounding."""
    lots = torch.rand(poems, positions, generator=generator, device=device)
    ranks = lots.argsort(1).argsort(1)
    return ranks * passes // positions


@torch.no_grad()
def refined(
    model: PoetryVAE,
    code: Tensor,
    labels: Tensor | None,
    manner: Manner,
    *,
    generator: torch.Generator | None,
) -> Tensor:
    """Poems from codes [B, D]: ids [B, T]; with no pass what the decoder draws."""
    if not manner.passes:
        return model.draw(code, labels, temperature=manner.temperature, generator=generator)
    passes = Passes(model, code, labels, manner, generator=generator)
    ids = torch.full(passes.order.shape, CharTokenizer.MASK, device=code.device)
    heads = model.decoder.likelihood
    for number in range(passes.count):
        now = passes.turn(number)
        read = passes.read(ids)[now]
        ids[now] = heads.draw(read, manner.temperature, generator=generator)
    return ids
