"""The refiner: every character again, given those that are settled, and z.

Heads that are independent given z agree only on what z says. The refiner reads a poem of which some
characters are settled and the others ``<mask>``, beside the decoder's states for z, and proposes
all of them at once: p(x_i | x_settled, z) for every position i and any set of settled ones
(mask-predict, Ghazvininejad et al. 2019; order-agnostic models of Uria et al. 2014 and Hoogeboom
et al. 2022, "Autoregressive Diffusion Models"). With nothing settled it is a decoder like the
other; poems are written by settling some characters, asking again, and so on in random order.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layers import Dense, GatedConv, PositionMix
from poetry_vae.model.likelihoods import CharacterHeads, build_likelihood
from poetry_vae.text.tokenizer import CharTokenizer


class Refiner(nn.Module):
    """Gated convolutions and mixing over positions, in turn.

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
        self.mask = nn.Parameter(0.1 * torch.randn(W))
        self.states = nn.Sequential(nn.LayerNorm(H), Dense(H, W))
        self.places = nn.Parameter(0.1 * torch.randn(T, W))
        self.trust = nn.Linear(2, W)
        layers: list[nn.Module] = []
        for _ in range(config.refiner_layers):
            layers += [PositionMix(W, T), GatedConv(W, config.kernel, normalise=True)]
        self.stack = nn.Sequential(*layers, nn.LayerNorm(W))
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

    def deepened(self, pairs: int, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A model's weights, whose refiner has fewer ``pairs``, under the names they have here.

        The pairs that are new come last, and change nothing at first.
        """
        for layer in list(self.stack)[2 * pairs : -1]:
            if isinstance(layer, PositionMix):
                nn.init.zeros_(layer.leave.weight)
            elif isinstance(layer, GatedConv):
                values, _ = layer.neighbours.weight.chunk(2)
                nn.init.zeros_(values)
        norm, here = (f"refiner.stack.{n}." for n in (2 * pairs, len(self.stack) - 1))
        return {name.replace(norm, here): weight for name, weight in weights.items()}

    def forward(self, ids: Tensor, rows: Tensor, states: Tensor, trust: Tensor) -> Tensor:
        """Hidden states for every position, [B, T, H].

        Args:
            ids: [B, T], ``<mask>`` where nothing is settled.
            rows: what the table of characters holds for them, [B, T, H].
            states: the decoder's for t·z̃, [B, T, H].
            trust: t of each poem, [B].
        """
        amount = torch.stack([trust, trust.square()], dim=-1)  # [B, 2]
        is_open = (ids == CharTokenizer.MASK).unsqueeze(-1).to(rows.dtype)
        x = self.characters(rows) + is_open * self.mask + self.states(states) + self.places
        x = x + self.trust(amount).unsqueeze(-2)
        out: Tensor = states * self.kept(amount).unsqueeze(-2) + self.change(self.stack(x))
        return out
