"""The refiner: every character again, given those that are settled, and z.

Heads that are independent given z agree only on what z says. The refiner reads the characters
settled so far beside the decoder's states for z and proposes others: p(x_i | x_settled, z), for any
place i and any settled ones. Poems are written by settling some characters, asking again, and so
on, see ``orders.written``.

It is a transformer (Vaswani et al. 2017) over slots that hold one character and ask for another
(Pannatier et al. 2024, "σ-GPTs"), so that training asks for all characters of a poem at once, each
given those before it in whatever order.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.asked import Asked
from poetry_vae.model.attention import AttentionBlock, Memories
from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layers import Dense, zero_init
from poetry_vae.model.layout import PlaceEmbedding
from poetry_vae.model.likelihoods import build_likelihood
from poetry_vae.model.slots import Slots


class Refiner(nn.Module):
    """Blocks of attention between slots.

    They return hidden states for a likelihood: the decoder's states plus a change, which is 0 at
    the start of training. Characters enter and leave by the VAE's tables or by the refiner's own,
    which start as copies.

    **Trust** t in [0, 1] says how far the refiner may rely on z. It is trained with all amounts of
    noise on z: z̃ = t·z + √(1 − t²)·ε. If z is N(0, I), z̃ is too, for every t. The lower the
    trust, the more the refiner relies on the characters; at t = 0 it relies on them alone.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        H, W = config.hidden, config.refiner_width
        own = config.refiner_tables
        self.embedding = nn.Embedding(config.vocabulary, H) if own else None
        self.likelihood = build_likelihood(config) if own else None
        self.characters = nn.Sequential(nn.LayerNorm(H), Dense(H, W))
        self.states = nn.Sequential(nn.LayerNorm(H), Dense(H, W))
        self.whole = nn.Sequential(nn.LayerNorm(H), nn.Linear(H, W))
        self.subject: nn.Parameter | None = None
        self.dynasty: nn.Embedding | None = None
        if config.forms == "any":
            self.from_place: nn.Module | nn.Parameter = PlaceEmbedding(config, W)
            self.to_place: nn.Module | nn.Parameter = PlaceEmbedding(config, W)
            self.subject = nn.Parameter(0.1 * torch.randn(config.subject + 1, W))
            self.dynasty = nn.Embedding(len(config.dynasties) + 1, W)
            nn.init.normal_(self.dynasty.weight, std=0.1)
        else:
            T = config.form.positions
            self.from_place = nn.Parameter(0.1 * torch.randn(T + 1, W))
            self.to_place = nn.Parameter(0.1 * torch.randn(T + 1, W))
        self.trust = nn.Linear(2, W)
        self.blocks = nn.ModuleList(AttentionBlock(W) for _ in range(config.refiner_layers))
        self.norm = nn.LayerNorm(W)
        self.change = Dense(W, H)
        self.kept = nn.Linear(2, H)
        zero_init(self.change, self.kept)
        nn.init.ones_(self.kept.bias)
        if config.forms == "any":
            # It learns beside a decoder that knows nothing yet. So states of z that is not trusted
            # are dropped; otherwise the refiner would have to unlearn the decoder's guesses from
            # noise.
            with torch.no_grad():
                self.kept.weight[:, 0] = 1.0
                self.kept.bias.zero_()

    def zero_init(self, first: int) -> None:
        """Zero-initialise the blocks from number ``first`` on, so that they change nothing."""
        for block in list(self.blocks)[first:]:
            assert isinstance(block, AttentionBlock)
            zero_init(block.leave, block.narrow)

    def forward(
        self,
        ids: Tensor,
        table: nn.Embedding,
        slots: Slots,
        states: Tensor,
        trust: Tensor,
        asked: Asked,
        memory: Memories | None = None,
    ) -> Tensor:
        """Hidden states for the places that are asked for, in the order of the slots, [B, Q, H].

        Slots, states and trust may have one row for all poems.

        Args:
            ids: the characters, [B, T].
            table: the table by which characters enter.
            slots: the slots to read.
            states: the decoder's for t·z̃, [B, T, H].
            trust: t of each poem, [B].
            asked: what is asked of the poems.
            memory: the slots of earlier passes; ``slots`` are then those of the next passes, which
                see all of them.
        """
        amount = torch.stack([trust, trust.square()], dim=-1)  # [B, 2]
        at, is_somewhere = _at(states, slots.target)
        x = self._characters(ids, table, slots.content, asked)
        x = x + self.states(at) * is_somewhere
        x = x + self._place(self.from_place, asked, slots.content)
        x = x + self._place(self.to_place, asked, slots.target)
        x = x + (self.trust(amount) + self._whole(states, asked)).unsqueeze(-2)
        sees = slots.sees if memory is None else memory.sees(slots)
        for number, block in enumerate(self.blocks):
            x = block(x, sees, memory[number] if memory is not None else None)
        change = self.change(self.norm(x[:, : slots.questions]))
        kept = self.kept(amount).unsqueeze(-2)
        out: Tensor = at[:, : slots.questions] * kept + change
        return out

    def _characters(
        self, ids: Tensor, table: nn.Embedding, content: Tensor, asked: Asked
    ) -> Tensor:
        """Vectors of the characters that slots hold, of poems or of the subject: [B, S, W]."""
        B, T = ids.shape
        every = [ids, ids.new_zeros(B, 1)]
        if asked.subject is not None:
            every.append(asked.subject.expand(B, -1))
        content = content.expand(B, -1)
        held: Tensor = self.characters(table(torch.cat(every, 1).gather(1, content)))
        held = held * (content != T).unsqueeze(-1)
        if self.subject is None:
            return held
        # A product, not an index, since the gradient of an index that is mostly 0 is slow.
        places = T + 1 + torch.arange(len(self.subject), device=content.device)
        of_subject = (content.unsqueeze(-1) == places).to(held.dtype)
        return held + of_subject @ self.subject

    def _place(self, table: nn.Module | nn.Parameter, asked: Asked, places: Tensor) -> Tensor:
        """Vectors of places [B or 1, S]: [B or 1, S, W]."""
        if isinstance(table, nn.Parameter):
            return table[places]
        found, is_somewhere = _at(table(asked.layout), places)
        return found * is_somewhere

    def _whole(self, states: Tensor, asked: Asked) -> Tensor:
        """A vector that all slots of a poem get: a summary of z, plus the dynasty."""
        if self.dynasty is None:
            out: Tensor = self.whole(states.mean(-2))
            return out
        there = asked.layout.there.unsqueeze(-1)
        mean = (states * there).sum(-2) / there.sum(-2)
        out = self.whole(mean)
        return out if asked.dynasty is None else out + self.dynasty(asked.dynasty)


def _at(values: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Values [B or 1, T, H] at places [B or 1, S], 0 where there is no place: [B or 1, S, H]. And
    whether there is one: [B or 1, S, 1]."""
    rows, last = max(len(values), len(places)), values.shape[1] - 1
    index = places.clamp_max(last).unsqueeze(-1).expand(rows, -1, values.shape[-1])
    is_somewhere = (places <= last).unsqueeze(-1)
    return values.expand(rows, -1, -1).gather(1, index) * is_somewhere, is_somewhere
