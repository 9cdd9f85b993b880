"""Poems in passes: some characters are settled, the refiner reads them, more are settled.

Every line is written from its rhyme to its beginning, and begins a pass after the line above it
(``orders.written``), or when that one is done. With fewer passes than that takes, neighbours are
drawn at once and do not know of each other (mask-predict, Ghazvininejad et al. 2019). What is given
beforehand is read first, and nothing that was read is read again.

**Guidance** w draws from p(x_i | settled, z) · (p(x_i | settled, z) / p(x_i))^w: what is known
counts for more, what is common everywhere for less (classifier-free guidance, Ho & Salimans 2022).
p(x_i) is the refiner's answer for a place when it knows nothing.

**Emphasis** e guides towards what was asked for in the same way: it draws from p(x_i | settled, z,
asked) · (p(x_i | settled, z, asked) / p(x_i | settled, z))^e. Both are read at every pass.

**Repetition** r takes e^−r of the probability of characters that are settled elsewhere in the poem
already: a refiner that is not sure likes to say things twice.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from poetry_vae.model import orders
from poetry_vae.model.attention import Memories
from poetry_vae.model.inference import inference
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.sampling_settings import SamplingSettings


@dataclass(frozen=True)
class Surprise:
    """−log p of each character of B poems in nats, each [B, T]; 0 for what was given."""

    own: Tensor
    """Given what was asked, and all that was settled before."""
    unsaid: Tensor
    """The same, with nothing asked."""
    count: Tensor
    """How many characters there are so far, without those that were given, [B]."""
    states: Tensor
    """The mean of the hidden states at these characters, [B, H]."""


class Passes:
    """Writes poems from codes [B, D] with a refiner, pass by pass."""

    def __init__(
        self, model: PoetryVAE, code: Tensor, labels: Tensor | None, settings: SamplingSettings
    ) -> None:
        B, T = len(code), model.form.positions
        self.settings, self.labels, self._code = settings, labels, settings.trust * code
        self.model, self.guidance, self.emphasis = model, settings.guidance, settings.emphasis
        self.count = min(
            settings.passes, orders.passes_of(model.form, in_turn=model.config.in_turn)
        )
        self.trust = torch.full((B,), float(settings.trust), device=code.device)
        self.states = model.states(self._code, labels)
        # Logits are affine in hidden states, so that guidance subtracts one hidden state a place.
        no_code = torch.zeros_like(code[: 1 if labels is None else B])
        nothing = torch.full((len(no_code), T), CharTokenizer.MASK, device=code.device)
        unsaid = model.asked.unsaid()
        alone = Slots.of(orders.read(torch.zeros_like(nothing[:1], dtype=torch.bool)))
        states = model.states(no_code, labels, unsaid)
        none = no_code.new_zeros(len(no_code))
        self.unread = model.refine(nothing, alone, states, none, asked=unsaid)
        if not model.asked.says_something:
            self.emphasis = 0.0
        # Hidden states by place, with what was asked and, for emphasis, without.
        width = self.states.shape[-1]
        self._found = [code.new_zeros(B, T + 1, width) for _ in range(2 if self.emphasis else 1)]
        # −log p of the characters by place, as far as anybody asked for it.
        self._known_nats = [code.new_full((B, T), torch.nan) for _ in self._found]

    @cached_property
    def _unsaid_states(self) -> Tensor:
        """``states`` with nothing asked, which emphasis and scores need."""
        return self.model.states(self._code, self.labels, self.model.asked.unsaid())

    def run(
        self, ids: Tensor, given: Tensor, strange: Tensor | None = None
    ) -> Generator[tuple[Tensor, Tensor], Tensor | None, None]:
        """Yield for each pass the places to settle in ids [B, T], [B or 1, Q], and their hidden
        states, [B, Q, H]. A row with fewer places in a pass is padded with T, which is no place.

        The caller may send rows [B]: each row then goes on as a copy of the one named for it, in
        ``ids``, too. This takes the same given places in all rows.

        Args:
            ids: the given characters, and those that the caller settles between passes.
            given: which places are given, [B, T], or [1, T] for all poems.
            strange: places with characters that the model cannot read and so ignores, [1, T].
        """
        order = self._order(given, strange)
        self._given, self._settled_in = given, order
        begun = given.sum(1)
        first, last = int(begun.min()), int(order.pass_of.max())
        memory = Memories(self.model.config.refiner_layers)
        asked, states, trust = self.model.asked, self.states, self.trust
        if self.emphasis:
            # A second row for every poem is read without what was asked for. Both are read at once,
            # since reading few rows takes as long as reading the weights.
            asked = asked.and_unsaid(len(ids))
            states = torch.cat([states.expand(len(ids), -1, -1), self._unsaid_states])
            trust = torch.cat([trust, trust])
            if len(order.pass_of) > 1:
                order = order.repeated(2)

        def read(slots: Slots) -> tuple[Tensor, ...]:
            """Hidden states for the places that slots ask for; the slots are then remembered."""
            rows = torch.cat([ids, ids]) if self.emphasis else ids
            found = self.model.refine(rows, slots, states, trust, memory, asked)
            return found.chunk(2) if self.emphasis else (found,)

        present = asked.subject_present
        begin = order if present is None else order.expanded(len(present))
        before = Slots.of(begin, present).before_pass(first)
        if before.pass_of.shape[1]:
            read(before)
        slots = Slots.of(order)
        for number in range(first, last + 1):
            now = slots.of_pass(number)
            if not now.pass_of.shape[1]:
                continue
            found = read(now)
            if now.questions:
                targets = now.target[: len(given), : now.questions]
                for states_by_place, states_here in zip(self._found, found, strict=True):
                    _put(states_here, targets, into=states_by_place)
                guided = self._guided(found[0], self._unread_at(targets))
                for unsaid in found[1:]:
                    guided = guided + self.emphasis * (found[0] - unsaid)
                rows = yield targets, guided
                if rows is not None:
                    twice = torch.cat([rows, rows + len(ids)]) if self.emphasis else rows
                    states = states[twice] if len(states) > 1 else states
                    memory.take(twice)
                    self._take(rows, ids)

    def _take(self, rows: Tensor, ids: Tensor) -> None:
        """Let every row be a copy of the row that is named for it, [B]."""
        for values in (ids, *self._found, *self._known_nats):
            values.copy_(values[rows])
        self._code = self._code[rows]
        self.states = self.states[rows] if len(self.states) > 1 else self.states

    def write(
        self,
        *,
        generator: torch.Generator | None,
        choose: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Poems of which nothing is given: ids [B, T].

        Args:
            choose: asked after every line but the last, if lines are written one after another:
                from the row of each poem so far, ids [B, T], to the row that it goes on from, [B].
        """
        settings, model = self.settings, self.model
        B, T = len(self.trust), model.form.positions
        ids = torch.full((B, T), CharTokenizer.MASK, device=self.trust.device)
        nothing = torch.zeros(1, T, dtype=torch.bool, device=ids.device)
        passes, rows = self.run(ids, nothing), None
        with suppress(StopIteration):
            while True:
                places, read = passes.send(rows)
                ids[:, places[0]] = model.readout.draw(
                    read,
                    settings.temperature,
                    present=ids.unsqueeze(1).expand(-1, places.shape[1], -1),
                    repetition=settings.repetition,
                    refused=model.tokenizer.rare,
                    generator=generator,
                )
                rows = choose(ids) if choose and self._ends_a_line(ids[0]) else None
        return ids

    def surprise(self, ids: Tensor) -> Surprise:
        """How surprising the characters are that :meth:`run` has written so far, ids [B, T], given
        the poems' codes. What the passes have read is not read again."""
        written = (ids != CharTokenizer.MASK) & ~self._given
        own = self._nats(0, ids, written)
        if self.emphasis or not self.model.asked.says_something:
            unsaid = self._nats(-1, ids, written)
        else:
            read = self._read_unsaid(ids)
            unsaid = -self.model.readout.log_prob(read[:, :-1], ids) * written
        count = written.sum(1)
        states = (self._found[0][:, :-1] * written.unsqueeze(-1)).sum(1)
        return Surprise(own, unsaid, count, states / count.clamp_min(1).unsqueeze(-1))

    def _ends_a_line(self, row: Tensor) -> bool:
        """Whether whole lines are written, and nothing after them, and more are to come."""
        open_ = (row == CharTokenizer.MASK).nonzero()[:, 0]
        first = int(open_[0]) if len(open_) else 0
        return first in self.model.form.starts[1:] and len(open_) == len(row) - first

    def _read_unsaid(self, ids: Tensor) -> Tensor:
        """Hidden states for all places with nothing asked, [B, T + 1, H]."""
        asked = self.model.asked.unsaid()
        slots = Slots.of(self._settled_in, asked.subject_present).seen()
        read = self.model.refine(ids, slots, self._unsaid_states, self.trust, asked=asked)
        found = torch.zeros_like(self._found[0])
        _put(read, slots.target[:, : slots.questions], into=found)
        return found

    def _nats(self, which: int, ids: Tensor, written: Tensor) -> Tensor:
        """−log p of the characters that are written, [B, T], else 0. None is computed twice."""
        known = self._known_nats[which]
        new = (written & known.isnan()).any(0).nonzero()[:, 0]
        if len(new):
            known[:, new] = -self.model.readout.log_prob(self._found[which][:, new], ids[:, new])
        return known.where(written, 0.0)

    def all_open(self, ids: Tensor, given: Tensor, strange: Tensor, *, rows: Tensor) -> Tensor:
        """Hidden states for every place at once, [R, T, H], of some of the poems, given ids [R, T]
        where ``given``."""
        order = self._order(given, strange).at(given.sum(1, keepdim=True))
        slots = Slots.of(order, self.model.asked.subject_present)
        read = self.model.refine(ids, slots, self.states[rows], self.trust[rows])
        return self._guided(read, self.unread if len(self.unread) == 1 else self.unread[rows])

    def _order(self, given: Tensor, strange: Tensor | None) -> orders.Order:
        layout, in_turn = self.model.asked.layout, self.model.config.in_turn
        number = torch.where(given, given.cumsum(1) - 1, -1)
        order = orders.written(layout, number, in_turn=in_turn, passes=self.count)
        if strange is None:
            return order
        # On a path of their own, they do not share a slot with the character before them, which
        # nothing would see otherwise.
        aside, paths = order.aside | strange, order.paths.where(~strange, -1)
        return replace(order, aside=aside, paths=paths)

    def _unread_at(self, targets: Tensor) -> Tensor:
        rows = max(len(targets), len(self.unread))
        padded = torch.nn.functional.pad(self.unread, (0, 0, 0, 1)).expand(rows, -1, -1)
        index = targets.expand(rows, -1).unsqueeze(-1).expand(-1, -1, padded.shape[-1])
        return padded.gather(1, index)

    def _guided(self, read: Tensor, unread: Tensor) -> Tensor:
        return read + self.guidance * (read - unread) if self.guidance else read


def _put(states: Tensor, places: Tensor, *, into: Tensor) -> None:
    """Hidden states [B, Q, H] to their places [B or 1, Q], in [B, T + 1, H]; T is no place."""
    into.scatter_(1, places.unsqueeze(-1).expand_as(states), states)


@inference()
def refined(
    model: PoetryVAE,
    code: Tensor,
    labels: Tensor | None,
    settings: SamplingSettings,
    *,
    generator: torch.Generator | None,
) -> Tensor:
    """Poems from codes [B, D]: ids [B, T]; with no pass, those that the decoder draws."""
    if not settings.passes:
        return model.draw(code, labels, temperature=settings.temperature, generator=generator)
    return Passes(model, code, labels, settings).write(generator=generator)
