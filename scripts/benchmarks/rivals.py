"""Autoregressive models that ``generation_speed.py`` runs against: random weights, sampling only.

Both write character by character in one batch, carry their state, and draw at temperature 1.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from poetry_vae.model.likelihoods import CategoricalHeads
from poetry_vae.model.sampling import draw
from poetry_vae.text.tokenizer import CharTokenizer

_BEGIN = CharTokenizer.MASK
_FIRST = len(CharTokenizer.SPECIAL)
Way = Literal["multinomial", "draw", "blocks"]


def characters(likelihood: CategoricalHeads, states: Tensor, way: Way) -> Tensor:
    if way == "blocks":
        return likelihood.draw(states, 1.0, generator=None)
    logits = likelihood.logits(states)[:, _FIRST:]
    if way == "draw":
        return draw(logits, 1.0, generator=None) + _FIRST
    return torch.multinomial(torch.softmax(logits, dim=-1), 1)[:, 0] + _FIRST


class LSTM(nn.Module):
    """One layer; embedding and output layer have weights of their own, as in the flat VAE."""

    def __init__(self, vocabulary: int, positions: int, hidden: int) -> None:
        super().__init__()
        self.positions, self.hidden = positions, hidden
        self.embedding = nn.Embedding(vocabulary, hidden)
        self.cell = nn.LSTMCell(hidden, hidden)
        self.likelihood = CategoricalHeads(hidden, vocabulary)

    @classmethod
    def of_size(cls, parameters: int, vocabulary: int, positions: int) -> LSTM:
        """The one whose number of parameters comes nearest."""

        def size(h: int) -> int:
            return 2 * vocabulary * h + vocabulary + 8 * h * h + 8 * h

        hidden = min(range(1, 2048), key=lambda h: abs(size(h) - parameters))
        return cls(vocabulary, positions, hidden)

    @torch.inference_mode()
    def sample(self, n: int, *, way: Way) -> Tensor:
        """``n`` poems, [n, T]: drawn by the library, by our ``draw``, or by it block by block."""
        ids = torch.full((n,), _BEGIN)
        state = torch.zeros(n, self.hidden), torch.zeros(n, self.hidden)
        out = torch.empty(n, self.positions, dtype=torch.long)
        for position in range(self.positions):
            state = self.cell(self.embedding(ids), state)
            ids = characters(self.likelihood, state[0], way)
            out[:, position] = ids
        return out


class Block(nn.Module):
    """A layer of GPT-2 for one position at a time."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor, cache: Tensor, position: int) -> Tensor:
        """x [B, W]; cache [2, B, heads, T, W/heads] is filled at ``position``."""
        q, k, v = self.qkv(self.before_attention(x)).unflatten(1, (3, self.heads, -1)).unbind(1)
        cache[0, :, :, position], cache[1, :, :, position] = k, v
        keys, values = cache[:, :, :, : position + 1].unbind(0)
        attended = F.scaled_dot_product_attention(q[:, :, None], keys, values)
        x = x + self.projection(attended.flatten(1))
        out: Tensor = x + self.down(F.gelu(self.up(self.before_mlp(x)), approximate="tanh"))
        return out


class GPT(nn.Module):
    """GPT-2 small (Radford et al. 2019) with our vocabulary, embedding and output layer tied."""

    def __init__(
        self,
        vocabulary: int,
        positions: int,
        *,
        layers: int = 12,
        width: int = 768,
        heads: int = 12,
    ) -> None:
        super().__init__()
        self.positions, self.width, self.heads = positions, width, heads
        self.embedding = nn.Embedding(vocabulary, width)
        self.places = nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.likelihood = CategoricalHeads(width, vocabulary)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.likelihood.output.weight = self.embedding.weight

    @torch.inference_mode()
    def sample(self, n: int, *, way: Way = "blocks") -> Tensor:
        """``n`` poems, [n, T], with keys and values kept, drawn in one of the ways of the LSTM."""
        ids = torch.full((n,), _BEGIN)
        shape = (len(self.blocks), 2, n, self.heads, self.positions, self.width // self.heads)
        cache = torch.empty(shape)
        out = torch.empty(n, self.positions, dtype=torch.long)
        for position in range(self.positions):
            x = self.embedding(ids) + self.places.weight[position]
            for block, kept in zip(self.blocks, cache, strict=True):
                x = block(x, kept, position)
            ids = characters(self.likelihood, self.norm(x), way)
            out[:, position] = ids
        return out
