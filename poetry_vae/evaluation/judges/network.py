"""The network that judges read characters with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.layers import gated_stack

_HIDDEN, _OWN = 128, 32
_DROPOUT, _UNREAD = 0.1, 0.1


class Network(nn.Module):
    """Symbols [B, T] → [B, outputs]: gated convolutions over places, then their mean and maximum.

    A symbol enters as its vector from the first judge, ``known`` [symbols, width], and a learned
    vector. During training some symbols are dropped.
    """

    known: Tensor

    def __init__(
        self, known: Tensor, places: int, outputs: int, *, layers: int, together: int = 1
    ) -> None:
        """``together``: symbols that share a place, see :meth:`arranged`."""
        super().__init__()
        self.register_buffer("known", known, persistent=False)
        symbols, width = known.shape
        self.own = nn.Embedding(symbols, _OWN)
        nn.init.zeros_(self.own.weight)
        self.project = nn.Linear(together * (width + _OWN), _HIDDEN)
        self.place = nn.Parameter(torch.zeros(places, _HIDDEN))
        self.convolutions = gated_stack(layers, _HIDDEN, 3, normalise=True)
        self.dropout = nn.Dropout(_DROPOUT)
        self.leave = nn.Linear(2 * _HIDDEN, outputs)

    def arranged(self, x: Tensor) -> Tensor:
        """Vectors of symbols [B, T, width] as they stand at places, [B, places, inputs]."""
        return x

    def forward(self, symbols: Tensor, there: Tensor | None = None) -> Tensor:
        """``there`` [B, T]: false where a row has ended; each has one symbol at least."""
        x = torch.cat([self.known[symbols], self.own(symbols)], dim=-1)
        if self.training:
            x = x * (torch.rand(symbols.shape) >= _UNREAD)[..., None]
        h = self.dropout(self.project(self.arranged(x)) + self.place)
        h = self.convolutions(h, there)
        if there is None:
            mean, largest = h.mean(1), h.amax(1)
        else:
            here = there.unsqueeze(-1)
            mean = (h * here).sum(1) / here.sum(1)
            largest = h.masked_fill(~here, -torch.inf).amax(1)
        out: Tensor = self.leave(torch.cat([mean, largest], dim=-1))
        return out
