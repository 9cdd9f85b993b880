"""Whether a poem says one thing: does its second half belong to its first?

A judge learns on training poems to tell a poem's own second half from those of other poems of the
same form and rhyme group, so that rhyme gives nothing away. What is measured is how often the own
half is taken, among it and nine others: 10% is chance, which halves of other poems should have, and
what real unseen poems have is what can be reached. The judge is for measuring alone: nothing that
writes or chooses may see it.

Two towers give each half a vector, and the cosine of the two says how well they go together
(van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding", equation 4:
the loss over a batch, whose other halves are the wrong answers).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from poetry_vae.evaluation.judges.alphabet import Poems, simplified
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.learning import (
    Steps,
    Weights,
    known_vectors,
    learn,
    seeded,
    weights_of,
    with_weights,
)
from poetry_vae.model.layers import gated_stack
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.prosody import readings

Ints = npt.NDArray[np.int64]

OTHERS = 9
"""Wrong answers beside the right one."""
_HIDDEN, _LAYERS, _OWN, _WIDTH = 128, 2, 32, 128
_DROPOUT, _UNREAD = 0.1, 0.1
_BATCH, _STEPS = 128, 2500
_RATE = 2e-3
_SHARPNESS = 14.0  # the cosine is multiplied by so much at first


@dataclass(frozen=True)
class Coherence:
    """How often the own second half is taken, of ten."""

    own: float
    error: float
    """One standard error."""
    exchanged: float
    """The same where every poem was given another one's second half: chance."""
    poems: int
    """Those that there are nine others of their rhyme for."""


class _Tower(nn.Module):
    """Halves as symbols [B, T'] → vectors [B, width] of unit length."""

    def __init__(self, symbols: int, known: int, length: int) -> None:
        super().__init__()
        self.own = nn.Embedding(symbols, _OWN)
        self.project = nn.Linear(known + _OWN, _HIDDEN)
        self.place = nn.Parameter(torch.zeros(length, _HIDDEN))
        self.convolutions = gated_stack(_LAYERS, _HIDDEN, 3, normalise=True)
        self.dropout = nn.Dropout(_DROPOUT)
        self.leave = nn.Linear(2 * _HIDDEN, _WIDTH)
        nn.init.zeros_(self.own.weight)

    def forward(self, symbols: Tensor, known: Tensor) -> Tensor:
        x = torch.cat([known[symbols], self.own(symbols)], dim=-1)
        if self.training:
            x = x * (torch.rand(symbols.shape) >= _UNREAD)[..., None]
        h = self.convolutions(self.dropout(self.project(x)) + self.place)
        out: Tensor = nn.functional.normalize(
            self.leave(torch.cat([h.mean(1), h.amax(1)], dim=-1)), dim=-1
        )
        return out


class CoherenceJudge(nn.Module):
    """Says how well halves of poems go together; the alphabet is that of the first judge."""

    known: Tensor

    def __init__(self, judge: Judge) -> None:
        super().__init__()
        self.judge, self.form = judge, judge.form
        known = known_vectors(judge).float()
        self.register_buffer("known", known, persistent=False)
        self.border = first_half(judge.form)
        rest = judge.form.positions - self.border
        self.first = _Tower(len(known), known.shape[1], self.border)
        self.second = _Tower(len(known), known.shape[1], rest)
        self.sharpness = nn.Parameter(torch.tensor(_SHARPNESS))

    @classmethod
    def fit(
        cls, judge: Judge, train: Poems, seed: int, progress: Steps = lambda done, total: None
    ) -> CoherenceJudge:
        """Learn on training poems, in batches of one rhyme group each.

        Raises:
            FormError: a poem is not of the judge's form.
        """
        groups = [rows for rows in by_rhyme(train).values() if len(rows) > OTHERS]
        symbols = torch.from_numpy(judge.alphabet.read(simplified(train, judge.form)))
        rng = np.random.default_rng(derived_seed(seed, "coherence"))
        with seeded(derived_seed(seed, "coherence weights")):
            self = cls(judge)
            if groups:
                steps = min(_STEPS, 20 * len(symbols) // _BATCH + 1)
                losses = self._losses(symbols, groups, rng)
                learn(self, losses, steps, rate=_RATE, progress=progress)
        return self.eval()

    def _losses(
        self, symbols: Tensor, groups: list[Ints], rng: np.random.Generator
    ) -> Iterator[Tensor]:
        """Of batches of one group each, without end."""
        chances = np.array([len(rows) for rows in groups], dtype=float)
        while True:
            rows = groups[rng.choice(len(groups), p=chances / chances.sum())]
            batch = symbols[rng.choice(rows, min(_BATCH, len(rows)), replace=False)]
            first, second = self.vectors(batch)
            scores = self.sharpness * first @ second.T
            right = torch.arange(len(batch))
            yield (
                nn.functional.cross_entropy(scores, right)
                + nn.functional.cross_entropy(scores.T, right)
            ) / 2

    def vectors(self, symbols: Tensor) -> tuple[Tensor, Tensor]:
        """Of the first and of the second halves of poems [B, T]."""
        return (
            self.first(symbols[:, : self.border], self.known),
            self.second(symbols[:, self.border :], self.known),
        )

    @torch.no_grad()
    def measure(self, poems: Poems, seed: int) -> Coherence | None:
        """How often the own half is taken; None where no rhyme group has poems enough.

        Raises:
            FormError: a poem is not of the judge's form.
        """
        read = torch.from_numpy(self.judge.alphabet.read(simplified(poems, self.form)))
        groups = [rows for rows in by_rhyme(poems).values() if len(rows) > OTHERS + 1]
        if not groups:
            return None
        rows = np.concatenate(groups)
        others = _others(groups, np.random.default_rng(derived_seed(seed, "halves")))
        parts = [self.vectors(some) for some in torch.split(read[rows], 1024)]
        first, second = (torch.cat(vectors) for vectors in zip(*parts, strict=True))
        scores = (first[:, None] * second[others]).sum(-1)  # [N, 2 + OTHERS], the own half first
        own = (scores[:, :1] > scores[:, 2:]).all(1).double()
        exchanged = (scores[:, 1:2] > scores[:, 2:]).all(1).double()
        share = float(own.mean())
        error = (share * (1 - share) / len(own)) ** 0.5
        return Coherence(share, error, float(exchanged.mean()), len(own))

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """What was learned, by name."""
        return weights_of(self)

    @classmethod
    def from_weights(cls, judge: Judge, weights: Weights) -> CoherenceJudge:
        """The inverse of :meth:`weights`."""
        return with_weights(lambda: cls(judge), weights)


def first_half(form: Form) -> int:
    """The places of the first half of the lines; of an odd number, the longer half."""
    lines = (form.lines + 1) // 2
    return sum(form.lengths[:lines])


def by_rhyme(poems: Poems) -> dict[tuple[str, ...], Ints]:
    """The rows of poems that end in one rhyme, by the groups their last character belongs to."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, poem in enumerate(poems):
        last = (poem.text if isinstance(poem, Poem) else poem)[-1]
        found[tuple(sorted({r.group for r in readings(last) if r.group}))].append(row)
    return {groups: np.array(rows) for groups, rows in found.items()}


def _others(groups: Sequence[Ints], rng: np.random.Generator) -> Tensor:
    """For every poem, counted group after group: itself, one to exchange with, and the others, all
    different and of its group: [N, 2 + OTHERS]."""
    out, start = [], 0
    for rows in groups:
        n = len(rows)
        for i in range(n):
            some = rng.choice(n - 1, OTHERS + 1, replace=False)
            out.append(start + np.concatenate([[i], some + (some >= i)]))
        start += n
    return torch.from_numpy(np.stack(out))
