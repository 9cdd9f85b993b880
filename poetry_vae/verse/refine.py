"""Poems in passes: some characters are settled, the refiner reads them, more are settled.

Each line grows outwards from a place of its own, another in every poem. With as many passes as
characters each is drawn given all that were settled before; with as many as a line has, all lines
grow at once, by characters that do not know of each other; and so on (mask-predict, Ghazvininejad
et al. 2019).

**Guidance** w draws from p(x_i | settled, z) · (p(x_i | settled, z) / p(x_i))^w: what is known
counts for more, what is common everywhere for less (classifier-free guidance, Ho & Salimans 2022).
p(x_i) is what the refiner says of a place when it knows nothing.

**Repetition** r takes e^−r of the probability of characters that are settled elsewhere in the poem
already: a refiner that is not sure likes to say things twice.
"""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.model.orders import grown
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
        self.trust = torch.full((B,), float(manner.trust), device=code.device)
        self.states = model.hidden(manner.trust * code, labels)
        self.order = grown(B, model.form, generator=generator) * self.count // T
        self.guidance = manner.guidance
        # Logits are affine in hidden states, so that what is to be subtracted is one state a place.
        no_code = torch.zeros_like(code[: 1 if labels is None else B])
        nothing = torch.full((len(no_code), T), CharTokenizer.MASK, device=code.device)
        states = model.hidden(no_code, labels)
        self.unread = model.refine(nothing, states, no_code.new_zeros(len(no_code)))

    def turn(self, number: int) -> Tensor:
        """The places that pass ``number``, from 0, settles: [B, T]."""
        return self.order == number

    def read(self, ids: Tensor) -> Tensor:
        """Hidden states for every position, given ids [B, T] with ``<mask>`` where open."""
        read = self.model.refine(ids, self.states, self.trust)
        return read + self.guidance * (read - self.unread) if self.guidance else read


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
    heads = model.readout
    for number in range(passes.count):
        now = passes.turn(number)
        read = passes.read(ids)[now]
        ids[now] = heads.draw(
            read,
            manner.temperature,
            present=ids[now.nonzero()[:, 0]],
            repetition=manner.repetition,
            generator=generator,
        )
    return ids
