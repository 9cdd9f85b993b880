"""Whether a poem says one thing: does its second half belong to its first?

A judge learns on training poems to tell a poem's own second half from those of other poems of the
same form and rhyme group, so that rhyme gives nothing away; see :mod:`.towers` for what is
measured. The judge is for measuring alone: nothing that writes or chooses may see it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from poetry_vae.evaluation.judges.alphabet import Ints, Poems, simplified
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.learning import Steps, learn, seeded
from poetry_vae.evaluation.judges.towers import OTHERS, Taken, Towers
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.form import Form
from poetry_vae.text.prosody import readings

_LAYERS = 2
_BATCH, _STEPS = 128, 2500
_RATE = 2e-3


class CoherenceJudge(Towers):
    """Says how well halves of poems go together."""

    def __init__(self, judge: Judge) -> None:
        border = first_half(judge.form)
        super().__init__(judge, border, judge.form.positions - border, layers=_LAYERS)
        self.border = border

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
        """The losses of batches of one group each, without end."""
        chances = np.array([len(rows) for rows in groups], dtype=float)
        while True:
            rows = groups[rng.choice(len(groups), p=chances / chances.sum())]
            batch = symbols[rng.choice(rows, min(_BATCH, len(rows)), replace=False)]
            yield self.loss(batch[:, : self.border], batch[:, self.border :])

    def measure(self, poems: Poems, seed: int) -> Taken | None:
        """How often a poem's own half is chosen; None where no rhyme group has enough poems.

        Raises:
            FormError: a poem is not of the judge's form.
        """
        read = torch.from_numpy(self.judge.alphabet.read(simplified(poems, self.form)))
        groups = [rows for rows in by_rhyme(poems).values() if len(rows) > OTHERS + 1]
        if not groups:
            return None
        read = read[np.concatenate(groups)]
        among = _among(groups, np.random.default_rng(derived_seed(seed, "halves")))
        return self.taken(read[:, : self.border], read[:, self.border :], among)


def first_half(form: Form) -> int:
    """The places of the first half of the lines; of an odd number, the longer half."""
    lines = (form.lines + 1) // 2
    return sum(form.lengths[:lines])


def by_rhyme(poems: Poems) -> dict[tuple[str, ...], Ints]:
    """The rows of poems that end in one rhyme, by the groups their last character belongs to."""
    found: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for row, poem in enumerate(poems):
        found[tuple(sorted({r.group for r in readings(poem[-1]) if r.group}))].append(row)
    return {groups: np.array(rows) for groups, rows in found.items()}


def _among(groups: Sequence[Ints], rng: np.random.Generator) -> Tensor:
    """For every poem, group after group, the rows of different poems of its group: itself, one to
    exchange with, and the others, [N, 2 + OTHERS]."""
    out, start = [], 0
    for rows in groups:
        n = len(rows)
        for i in range(n):
            some = rng.choice(n - 1, OTHERS + 1, replace=False)
            out.append(start + np.concatenate([[i], some + (some >= i)]))
        start += n
    return torch.from_numpy(np.stack(out))
