"""Two towers: which of ten belongs to this?

Each gives its half of a pair a vector, and the cosine of the two says how well they go together
(van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding", equation 4:
the loss over a batch, whose other halves are the wrong answers).

The figure is how often the own half is chosen from ten, itself and nine others. Chance is 10%,
which exchanged pairs should have; the figure of real unseen poems is the best that can be reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.learning import known_vectors
from poetry_vae.evaluation.judges.network import Network
from poetry_vae.model.inference import inference

OTHERS = 9
"""Wrong answers beside the right one."""
_WIDTH = 128
_SHARPNESS = 14.0  # the cosine is multiplied by so much at first
_AT_ONCE = 1024


@dataclass(frozen=True)
class Taken:
    """How often the own one is chosen, of ten."""

    own: float
    error: float
    """One standard error."""
    exchanged: float
    """The same where every poem was given another one's: chance."""
    poems: int
    """The number of pairs with at least nine others."""


class Towers(nn.Module):
    """Pairs of symbols, [B, ``places`` of the first] and [B, those of the second]; the alphabet is
    that of the first judge."""

    def __init__(self, judge: Judge, *places: int, layers: int) -> None:
        super().__init__()
        self.judge, self.form = judge, judge.form
        known = known_vectors(judge)
        self.first, self.second = (Network(known, n, _WIDTH, layers=layers) for n in places)
        self.sharpness = nn.Parameter(torch.tensor(_SHARPNESS))

    def vectors(self, tower: Network, symbols: Tensor) -> Tensor:
        """Of unit length, [B, width]. A separator is where a row has ended."""
        there = symbols != self.judge.alphabet.separator
        out: Tensor = nn.functional.normalize(
            tower(symbols, None if there.all() else there), dim=-1
        )
        return out

    def loss(self, first: Tensor, second: Tensor, passed_over: Tensor | None = None) -> Tensor:
        """The loss of a batch of pairs; those in ``passed_over`` [B, B] count neither as wrong nor
        as right."""
        a, b = self.vectors(self.first, first), self.vectors(self.second, second)
        scores, right = self.sharpness * a @ b.T, torch.arange(len(a))
        if passed_over is not None:
            scores = scores.masked_fill(passed_over, -torch.inf)
        one, other = (nn.functional.cross_entropy(s, right) for s in (scores, scores.T))
        return (one + other) / 2

    @inference()
    def taken(self, first: Tensor, second: Tensor, among: Tensor) -> Taken:
        """The figure of N pairs. ``among`` [N, 2 + OTHERS] holds the rows of the second to choose
        from: the own one, one to exchange it with, and the others."""
        a, b = (
            torch.cat([self.vectors(tower, some) for some in torch.split(symbols, _AT_ONCE)])
            for tower, symbols in ((self.first, first), (self.second, second))
        )
        scores = (a[:, None] * b[among]).sum(-1)
        own = (scores[:, :1] > scores[:, 2:]).all(1).double()
        exchanged = (scores[:, 1:2] > scores[:, 2:]).all(1).double()
        share = float(own.mean())
        error = (share * (1 - share) / len(own)) ** 0.5
        return Taken(share, error, float(exchanged.mean()), len(own))
