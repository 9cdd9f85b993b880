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

from poetry_vae.model.attention import AttentionBlock, Memories
from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layers import Dense
from poetry_vae.model.likelihoods import CharacterHeads, build_likelihood
from poetry_vae.model.slots import Slots


class Refiner(nn.Module):
    """Blocks of attention between slots.

    What is returned are hidden states to be read by a likelihood, those of the decoder and what is
    to be changed of them. At the start of training nothing is. Characters enter and leave by the
    VAE's tables or by the refiner's own, which are the same at the start.

    **Trust** t in [0, 1] says how much of z there is to go by. The refiner is trained with all
    amounts of noise on z, z̃ = t·z + √(1 − t²)·ε, which is N(0, I) whatever t is where z is; the
    less it trusts, the more it goes by the characters alone, at t = 0 entirely.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        H, T = config.hidden, config.form.positions
        W = config.refiner_hidden or H
        own = config.refiner_tables
        self.embedding = nn.Embedding(config.vocabulary, H) if own else None
        self.likelihood = build_likelihood(config) if own else None
        self.characters = nn.Sequential(nn.LayerNorm(H), Dense(H, W))
        self.states = nn.Sequential(nn.LayerNorm(H), Dense(H, W))
        self.whole = nn.Sequential(nn.LayerNorm(H), nn.Linear(H, W))
        self.from_place = nn.Parameter(0.1 * torch.randn(T + 1, W))
        self.to_place = nn.Parameter(0.1 * torch.randn(T + 1, W))
        self.trust = nn.Linear(2, W)
        self.blocks = nn.ModuleList(AttentionBlock(W) for _ in range(config.refiner_layers))
        self.norm = nn.LayerNorm(W)
        self.change = Dense(W, H)
        self.kept = nn.Linear(2, H)
        nn.init.zeros_(self.change.weight)
        nn.init.zeros_(self.change.bias)
        nn.init.zeros_(self.kept.weight)
        nn.init.ones_(self.kept.bias)

    def begin_with(self, embedding: nn.Embedding, likelihood: CharacterHeads) -> None:
        """Take over tables of characters, where there are own ones."""
        if self.embedding is not None and self.likelihood is not None:
            self.embedding.load_state_dict(embedding.state_dict())
            self.likelihood.load_state_dict(likelihood.state_dict())

    def silence(self, begun: int) -> None:
        """Let all blocks after the first ``begun`` change nothing at first."""
        for block in list(self.blocks)[begun:]:
            assert isinstance(block, AttentionBlock)
            block.silence()

    def forward(
        self,
        rows: Tensor,
        slots: Slots,
        states: Tensor,
        trust: Tensor,
        memory: Memories = None,
    ) -> Tensor:
        """Hidden states for the places that are asked for, in the order of the slots, [B, Q, H].

        Args:
            rows: what the table of characters holds for every place, [B, T, H].
            slots: for B poems, or for one, where they are the same for all.
            states: the decoder's for t·z̃, [B, T, H].
            trust: t of each poem, [B].
            memory: of every block, what it has seen in earlier turns; the slots are those of the
                next turn then, and see all of it.
        """
        T = rows.shape[1]
        amount = torch.stack([trust, trust.square()], dim=-1)  # [B, 2]
        x = _at(self.characters(rows), slots.content) + _at(self.states(states), slots.target)
        x = x + self.from_place[slots.content] + self.to_place[slots.target]
        x = x + (self.trust(amount) + self.whole(states.mean(-2))).unsqueeze(-2)
        sees = slots.sees if memory is None else None
        for number, block in enumerate(self.blocks):
            x = block(x, sees, memory[number] if memory is not None else None)
        asked = slots.target[0] < T  # the same slots in all poems
        change = self.change(self.norm(x[:, asked]))
        kept = self.kept(amount).unsqueeze(-2)
        out: Tensor = _at(states, slots.target[:, asked]) * kept + change
        return out


def _at(values: Tensor, places: Tensor) -> Tensor:
    """Values [B, T, H] at places [B or 1, S]: [B, S, H], 0 where the place is T, that is none."""
    padded = nn.functional.pad(values, (0, 0, 0, 1))
    index = places.unsqueeze(-1).expand(len(values), -1, values.shape[-1])
    return padded.gather(1, index)
