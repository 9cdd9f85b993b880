"""A block of a transformer, with a memory of what it has seen."""

from __future__ import annotations

from copy import copy

import torch
from torch import Tensor, nn

from poetry_vae.model.slots import Slots

_HEADS = 4
_WIDER = 4


class Memory:
    """Keys and values of the slots that a block has seen."""

    def __init__(self) -> None:
        self.seen: tuple[Tensor, Tensor] | None = None

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """All that was seen, with [B, heads, S, H/heads] more."""
        if self.seen is not None:
            keys = torch.cat([self.seen[0], keys], dim=2)
            values = torch.cat([self.seen[1], values], dim=2)
        self.seen = keys, values
        return self.seen


class Memories:
    """The slots that the blocks of a refiner have seen. Those that are aside, or that only fill up
    a row, are hidden from later slots."""

    def __init__(self, blocks: int) -> None:
        self._blocks = [Memory() for _ in range(blocks)]
        self._counts: Tensor | None = None  # [B or 1, seen]
        self._hides = False

    def __getitem__(self, block: int) -> Memory:
        return self._blocks[block]

    def copy(self) -> Memories:
        """A copy, from which writing can go on in another way."""
        out = Memories(0)
        out._blocks = [copy(block) for block in self._blocks]
        out._counts, out._hides = self._counts, self._hides
        return out

    def sees(self, slots: Slots) -> Tensor | None:
        """Which slots each new slot sees, [B or 1, S, seen + S]; None if it sees all of them.

        A new slot sees every earlier slot that is not hidden, and of the new ones those that
        ``slots.sees`` allows. The new slots are then recorded as seen.
        """
        is_one_pass = bool((slots.pass_of == slots.pass_of[:1, :1]).all())
        hides = self._hides or bool(slots.aside.any())
        seen = slots.aside[:, :0] if self._counts is None else self._counts
        rows = max(len(seen), len(slots.aside))
        past = seen.expand(rows, -1)
        self._counts = torch.cat([past, ~slots.aside.expand(rows, -1)], 1)
        self._hides = hides
        if is_one_pass and not hides:
            return None
        here = slots.sees.expand(rows, -1, -1)
        return torch.cat([past.unsqueeze(1).expand(-1, here.shape[1], -1), here], -1)


class AttentionBlock(nn.Module):
    """x + W·attention(x), then x + a dense layer of it, four times as wide (Vaswani et al. 2017);
    normalised before either (Xiong et al. 2020). Widths are multiples of four, one for each head.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(hidden)
        self.query = nn.Linear(hidden, 3 * hidden)  # and key and value
        self.leave = nn.Linear(hidden, hidden)
        self.dense_norm = nn.LayerNorm(hidden)
        self.widen = nn.Linear(hidden, _WIDER * hidden)
        self.narrow = nn.Linear(_WIDER * hidden, hidden)
        for layer in (self.leave, self.narrow):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)

    def zero_init(self) -> None:
        """Let x through unchanged before anything is learned."""
        for layer in (self.leave, self.narrow):
            nn.init.zeros_(layer.weight)

    def forward(self, x: Tensor, sees: Tensor | None, memory: Memory | None = None) -> Tensor:
        """[B, S, H] → the same; ``sees`` [B or 1, S, S] says which slots see which. Without it,
        every slot sees all."""
        B, S, H = x.shape
        parts = self.query(self.attention_norm(x)).view(B, S, 3, _HEADS, H // _HEADS)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        if memory is not None:
            keys, values = memory.extend(keys, values)
        # Written out, since backward through the library's fused attention takes several times as
        # long for so few slots.
        scores = (queries * (H // _HEADS) ** -0.5) @ keys.transpose(-1, -2)
        if sees is not None:
            scores = scores.masked_fill(~sees.unsqueeze(1), float("-inf"))
        weights = scores.softmax(-1).to(values.dtype)
        x = x + self.leave((weights @ values).transpose(1, 2).reshape(B, S, H))
        out: Tensor = x + self.narrow(nn.functional.gelu(self.widen(self.dense_norm(x))))
        return out
