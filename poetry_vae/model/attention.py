"""A block of a transformer, with a memory of what it has seen."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.slots import Slots

HEADS = 4
_WIDER = 4
_ROOM = 32  # slots that a memory begins with


class Memory:
    """Keys and values of the slots that a block has seen. For writing; nothing is learned by it."""

    def __init__(self) -> None:
        self._kept: Tensor | None = None  # [2, B, heads, room, H/heads]
        self._seen = 0

    def extend(self, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """All that was seen, with [B, heads, S, H/heads] more."""
        begun, self._seen = self._seen, self._seen + keys.shape[2]
        if self._kept is None or self._seen > self._kept.shape[3]:
            room = max(_ROOM, 2 * self._seen)
            more = keys.new_empty(2, *keys.shape[:2], room, keys.shape[3])
            if self._kept is not None:
                more[:, :, :, :begun] = self._kept[:, :, :, :begun]
            self._kept = more
        self._kept[0, :, :, begun : self._seen] = keys
        self._kept[1, :, :, begun : self._seen] = values
        seen = self._kept[:, :, :, : self._seen]
        return seen[0], seen[1]

    def take(self, rows: Tensor) -> None:
        """Let every row go on as a copy of the row that is named for it, [B]."""
        if self._kept is not None and self._kept.shape[1] == len(rows):
            seen = self._kept[:, :, :, : self._seen]
            seen.copy_(seen[:, rows])


class Memories:
    """The slots that the blocks of a refiner have seen. Those that are aside, or that only fill up
    a row, are hidden from later slots."""

    def __init__(self, blocks: int) -> None:
        self._blocks = [Memory() for _ in range(blocks)]
        self._counts: Tensor | None = None  # [B or 1, seen]
        self._hides = False

    def __getitem__(self, block: int) -> Memory:
        return self._blocks[block]

    def take(self, rows: Tensor) -> None:
        """Let every row go on as a copy of the row that is named for it, [B]. All rows have the
        same slots."""
        for block in self._blocks:
            block.take(rows)

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

    def forward(self, x: Tensor, sees: Tensor | None, memory: Memory | None = None) -> Tensor:
        """[B, S, H] → the same; ``sees`` [B or 1, S, S] says which slots see which. Without it,
        every slot sees all."""
        B, S, H = x.shape
        parts = self.query(self.attention_norm(x)).view(B, S, 3, HEADS, H // HEADS)
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        if memory is not None:
            keys, values = memory.extend(keys, values)
        # Written out, since backward through the library's fused attention takes several times as
        # long for so few slots.
        scores = (queries * (H // HEADS) ** -0.5) @ keys.transpose(-1, -2)
        if sees is not None:
            scores = scores.masked_fill(~sees.unsqueeze(1), float("-inf"))
        weights = scores.softmax(-1).to(values.dtype)
        x = x + self.leave((weights @ values).transpose(1, 2).reshape(B, S, H))
        out: Tensor = x + self.narrow(nn.functional.gelu(self.widen(self.dense_norm(x))))
        return out
