"""Poems in passes: some characters are settled, the refiner reads them, more are settled.

Every line is written from its rhyme to its beginning, and begins a pass after the line above it
(``orders.written``). With fewer passes than that takes, neighbours are drawn at once and do not
know of each other (mask-predict, Ghazvininejad et al. 2019).

**Guidance** w draws from p(x_i | settled, z) · (p(x_i | settled, z) / p(x_i))^w: what is known
counts for more, what is common everywhere for less (classifier-free guidance, Ho & Salimans 2022).
p(x_i) is what the refiner says of a place when it knows nothing.

**Repetition** r takes e^−r of the probability of characters that are settled elsewhere in the poem
already: a refiner that is not sure likes to say things twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from poetry_vae.model import orders
from poetry_vae.model.attention import Memory
from poetry_vae.model.slots import BEFORE, Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.manner import Manner


class Passes:
    """Poems in the making: their states for z, and which characters are settled in which pass."""

    def __init__(
        self, model: PoetryVAE, code: Tensor, labels: Tensor | None, manner: Manner, given: Tensor
    ) -> None:
        """
        Args:
            code: [B, D].
            given: what is pinned, as in ``orders.written``: [B, T], or [1, T] for all.
        """
        B, T = len(code), model.form.positions
        self.model = model
        in_turn = model.config.in_turn
        self.count = min(manner.passes, orders.passes_of(model.form, in_turn=in_turn))
        layout = model.asked.layout
        self.order = orders.written(layout, given, in_turn=in_turn, passes=self.count)
        self.begun = (given >= 0).sum(1, keepdim=True)
        self.trust = torch.full((B,), float(manner.trust), device=code.device)
        self.states = model.hidden(manner.trust * code, labels)
        self.guidance = manner.guidance
        # Logits are affine in hidden states, so that what is to be subtracted is one state a place.
        no_code = torch.zeros_like(code[: 1 if labels is None else B])
        nothing = torch.full((len(no_code), T), CharTokenizer.MASK, device=code.device)
        unsaid = model.asked.unsaid()
        alone = Slots.of(orders.read(torch.zeros_like(nothing[:1], dtype=torch.bool)))
        states = model.hidden(no_code, labels, unsaid)
        none = no_code.new_zeros(len(no_code))
        self.unread = model.refine(nothing, alone, states, none, asked=unsaid)

    def turn(self, number: int) -> Tensor:
        """The places that pass ``number``, from 0, settles: [B, T] or [1, T]."""
        return (self.order.turns == self.begun + number) & (self.order.paths > 0)

    def read(self, ids: Tensor, number: int) -> Tensor:
        """Hidden states for every place before pass ``number``, [B, T, H], given ids [B, T]."""
        slots = Slots.of(self.order.at(self.begun + number), self.model.asked.subject_present)
        return self._guided(self.model.refine(ids, slots, self.states, self.trust), self.unread)

    def free(self, ids: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Pass by pass, where nothing is given, the places to settle in ids [B, T], [Q], and their
        hidden states [B, Q, H]. Nothing that was read is read again."""
        subject = self.model.asked.subject_present
        slots = Slots.of(self.order, subject)
        memory = [Memory() for _ in range(self.model.config.refiner_layers)]
        if subject is not None:
            self.model.refine(ids, slots.of_turn(BEFORE), self.states, self.trust, memory)
        for number in range(self.count):
            now = slots.of_turn(number)
            targets = now.target[0, : now.questions]
            read = self.model.refine(ids, now, self.states, self.trust, memory)
            yield targets, self._guided(read, self.unread[:, targets])

    def _guided(self, read: Tensor, unread: Tensor) -> Tensor:
        return read + self.guidance * (read - unread) if self.guidance else read


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
    nothing = orders.nothing_given(1, model.asked.layout)
    passes = Passes(model, code, labels, manner, nothing)
    ids = torch.full((len(code), nothing.shape[1]), CharTokenizer.MASK, device=code.device)
    for places, read in passes.free(ids):
        ids[:, places] = model.readout.draw(
            read,
            manner.temperature,
            present=ids.unsqueeze(1).expand(-1, len(places), -1),
            repetition=manner.repetition,
            refused=model.tokenizer.rare,
            generator=generator,
        )
    return ids
