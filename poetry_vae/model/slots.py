"""The slots that a refiner reads in each pass: each question with the character it follows."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.model.orders import Order

BEFORE = -1
"""The pass of a subject's characters."""


@dataclass(frozen=True)
class Slots:
    """A slot holds what was settled in one place, and asks for another.

    So one forward pass answers all T questions, and no character is held twice (Pannatier et al.
    2024, "σ-GPTs"). The first T slots ask for the places in turn. After them come slots with
    characters that no question follows, and at the end the characters of a subject, which are there
    before the first pass. Places are numbered from 0; T means none, and higher numbers are
    characters of a subject.
    """

    content: Tensor
    """The place whose character is held, [B, S]."""
    target: Tensor
    """The place that is asked for, [B, S]."""
    pass_of: Tensor
    """The pass in which the slot appears, [B, S]: after its character is settled, and before the
    place that it asks for."""
    aside: Tensor
    """Slots that no other sees, [B, S]."""
    questions: int
    """How many slots, the first ones, ask for a place."""

    @classmethod
    def of(cls, order: Order, subject: Tensor | None = None, *, most: int | None = None) -> Slots:
        """The slots of an order, S = T + the characters that no place of their path follows + A.

        Args:
            subject: whether each of A places of a subject holds a character, [B, A] or [1, A].
            most: the most characters that no place follows, if known. Otherwise they are counted,
                which has to wait for an accelerator.
        """
        B, T = order.pass_of.shape
        device = order.pass_of.device
        here, there = order.pass_of[:, :, None], order.pass_of[:, None, :]
        follows = (there == here - 1) & (order.paths[:, :, None] == order.paths[:, None, :])
        follows &= ~order.aside[:, None, :]
        before = torch.where(follows.any(-1), follows.int().argmax(-1), T)  # [B, T]
        held = torch.zeros(B, T + 1, dtype=torch.bool, device=device).scatter(1, before, True)
        left = ~held[:, :T] & ~order.aside
        most = int(left.sum(1).max()) if most is None else most
        is_there, places = left.int().sort(dim=1, descending=True, stable=True)
        is_there, places = is_there[:, :most].bool(), places[:, :most]
        nowhere = torch.full_like(places, T)
        slots = cls(
            torch.cat([before, torch.where(is_there, places, nowhere)], 1),
            torch.cat([torch.arange(T, device=device).expand(B, -1), nowhere], 1),
            torch.cat([order.pass_of, order.pass_of.gather(1, places) + 1], 1),
            torch.cat([order.aside, ~is_there], 1),
            T,
        )
        return slots if subject is None else slots._with_subject(subject.expand(B, -1), T)

    def _with_subject(self, present: Tensor, T: int) -> Slots:
        content = T + 1 + torch.arange(present.shape[1], device=present.device).expand_as(present)
        return Slots(
            torch.cat([self.content, content], 1),
            torch.cat([self.target, torch.full_like(content, T)], 1),
            torch.cat([self.pass_of, torch.full_like(content, BEFORE)], 1),
            torch.cat([self.aside, ~present], 1),
            self.questions,
        )

    @property
    def sees(self) -> Tensor:
        """Whether a slot sees another: those that have appeared by its pass, [B, S, S]."""
        past = self.pass_of[:, None, :] <= self.pass_of[:, :, None]
        itself = torch.eye(self.pass_of.shape[1], dtype=torch.bool, device=self.pass_of.device)
        return past & ~self.aside[:, None, :] | itself

    def of_pass(self, number: int) -> Slots:
        """Those that come in a pass; rows with fewer are filled up with slots that are aside."""
        return self._where(self.pass_of == number)

    def before_pass(self, number: int) -> Slots:
        """Those that come before a pass."""
        return self._where(self.pass_of < number)

    def seen(self) -> Slots:
        """Without those that are aside."""
        return self._where(~self.aside)

    def _where(self, here: Tensor) -> Slots:
        asking, others = here[:, : self.questions], here[:, self.questions :]
        (asked, is_asked), (held, is_held) = map(_first, (asking, others))
        columns = torch.cat([asked, held + self.questions], 1)
        is_there = torch.cat([is_asked, is_held], 1)
        parts = [part.gather(1, columns) for part in (self.content, self.target, self.pass_of)]
        content, target, pass_of = parts
        nothing = self.questions  # T, which means no place
        return Slots(
            content.where(is_there, nothing),
            target.where(is_there, nothing),
            pass_of,
            self.aside.gather(1, columns) | ~is_there,
            asked.shape[1],
        )


def _first(here: Tensor) -> tuple[Tensor, Tensor]:
    """The columns that are true in each row, filled up to as many as the fullest row has; and
    whether each column is real, not filled in."""
    most = int(here.sum(1).max()) if here.shape[1] else 0
    is_there, columns = here.int().sort(dim=1, descending=True, stable=True)
    return columns[:, :most], is_there[:, :most].bool()
