"""Batches of poems, one for each step of training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.model.asked import Asked
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.tokenizer import CharTokenizer

_TAUGHT = 64  # poems of known label a step, beside the batch


@dataclass(frozen=True)
class Batch:
    """Poems, and their labels as far as they are known."""

    ids: Tensor
    """[B, T]."""
    labels: Tensor | None = None
    """Numbers [B], −1 where the label is hidden; None for a model without labels."""
    taught: tuple[Tensor, Tensor] | None = None
    """Poems ids [C, T] whose labels [C] are known, for a classifier to learn from. They are extra,
    since a batch holds hardly any of them if few labels are known."""
    asked: Asked | None = None
    """Form, dynasty and subject of each poem, for a model of any form."""

    def rows(self, rows: slice) -> Batch:
        """Some of the poems."""
        labels = None if self.labels is None else self.labels[rows]
        asked = None if self.asked is None else self.asked[rows]
        return Batch(self.ids[rows], labels, self.taught, asked)


def with_masks(ids: Tensor, *, most: float = 1.0, generator: torch.Generator | None) -> Tensor:
    """Poems ids [B, T] with some characters hidden, at most the share ``most`` of each poem; every
    number of them is equally likely."""
    share = most * torch.rand((len(ids), 1), generator=generator, device=ids.device)
    lot = torch.rand(ids.shape, generator=generator, device=ids.device)
    return ids.masked_fill(lot < share, CharTokenizer.MASK)


class OfOneForm:
    """The batches of a run, in an order that the seed and the number of the step decide: of
    ``size`` poems each, ``in_epoch`` of them an epoch."""

    def __init__(
        self, ids: Tensor, size: int, *, seed: int, labels: Tensor | None = None, shown: float = 1.0
    ) -> None:
        """
        Args:
            ids: all poems, [N, T].
            size: B, made smaller where there are fewer poems.
            labels: numbers [N].
            shown: share of the labels that are not hidden, at least one of them.
        """
        self.ids, self.labels, self.seed = ids, labels, seed
        self.size = min(size, len(ids))
        self.in_epoch = len(ids) // self.size
        self.known: Tensor | None = None
        if labels is not None:
            lots = torch.Generator().manual_seed(derived_seed(seed, "shown labels"))
            chosen = torch.randperm(len(ids), generator=lots)[: max(1, round(shown * len(ids)))]
            self.known = chosen.to(ids.device)
            hidden = torch.ones(len(ids), dtype=torch.bool, device=ids.device)
            hidden[self.known] = False
            self.labels = labels.masked_fill(hidden, -1)
        self._order = torch.empty(0)
        self._epoch = -1

    def __call__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.in_epoch)
        if epoch != self._epoch:
            shuffle = torch.Generator().manual_seed(derived_seed(self.seed, "epoch", epoch))
            self._order = torch.randperm(len(self.ids), generator=shuffle).to(self.ids.device)
            self._epoch = epoch
        rows = self._order[place * self.size : (place + 1) * self.size]
        if self.labels is None or self.known is None:
            return Batch(self.ids[rows].long())
        lots = torch.Generator().manual_seed(derived_seed(self.seed, "taught", step))
        drawn = torch.randint(len(self.known), (_TAUGHT,), generator=lots).to(self.ids.device)
        taught = self.known[drawn]
        return Batch(
            self.ids[rows].long(), self.labels[rows], (self.ids[taught].long(), self.labels[taught])
        )
