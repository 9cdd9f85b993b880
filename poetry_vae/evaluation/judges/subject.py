"""Whether a poem is about its subject: is its title chosen from ten?

A judge learns which titles training poems have; see :mod:`.towers` for what is measured. Titles
without a subject are left out, and titles that share most of their characters do not count as wrong
answers to each other. The judge is for measuring alone: nothing that writes or chooses may see it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from poetry_vae.evaluation.judges.alphabet import Poems, simplified
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.learning import Steps, learn, seeded
from poetry_vae.evaluation.judges.towers import OTHERS, Taken, Towers
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.script import to_simplified
from poetry_vae.text.titles import says_a_subject

_LONGEST = 10  # characters of a title that are read
_ALIKE = 2 / 3  # of the characters of one that stand in the other
_DRAWN = 4 * (OTHERS + 1)  # titles among which those that are not alike are looked for
_BATCH, _STEPS = 160, 1200
_RATE = 2e-3


class SubjectJudge(Towers):
    """Says how well poems and titles go together. The towers see only which characters there are:
    without convolutions the judge learns twice as fast."""

    def __init__(self, judge: Judge) -> None:
        super().__init__(judge, judge.form.positions, _LONGEST, layers=0)

    @classmethod
    def fit(
        cls,
        judge: Judge,
        train: Poems,
        titles: Sequence[str],
        seed: int,
        progress: Steps = lambda done, total: None,
    ) -> SubjectJudge:
        """Learn on training poems with their titles, one each.

        Raises:
            FormError: a poem is not of the judge's form.
        """
        rng = np.random.default_rng(derived_seed(seed, "subject"))
        with seeded(derived_seed(seed, "subject weights")):
            self = cls(judge)
            poems, said = self._read(train, titles)
            if len(said) > OTHERS:
                steps = min(_STEPS, 20 * len(said) // _BATCH + 1)
                learn(self, self._losses(poems, said, rng), steps, rate=_RATE, progress=progress)
        return self.eval()

    def _losses(self, poems: Tensor, titles: Tensor, rng: np.random.Generator) -> Iterator[Tensor]:
        """The losses of batches, without end."""
        size = min(_BATCH, len(poems))
        others = ~torch.eye(size, dtype=torch.bool)
        while True:
            rows = rng.choice(len(poems), size, replace=False)
            some = titles[rows]
            yield self.loss(poems[rows], some, self._alike(some[:, None], some[None]) & others)

    def measure(
        self, poems: Poems, titles: Sequence[str], pool: Sequence[str], seed: int
    ) -> Taken | None:
        """How often a poem's own one of ``titles`` is chosen from ten; the nine others come from a
        ``pool`` of other poems' titles. None where there are too few.

        Raises:
            FormError: a poem is not of the judge's form.
        """
        read, own = self._read(poems, titles)
        others = self._titles([title for title in pool if says_a_subject(title)])
        rng = np.random.default_rng(derived_seed(seed, "titles"))
        drawn = [self._drawn(title, others, rng) for title in own]
        asked = [row for row, rows in enumerate(drawn) if rows]
        if not asked:
            return None
        among = torch.tensor([[row, *(len(own) + other for other in drawn[row])] for row in asked])
        return self.taken(read[asked], torch.cat([own, others]), among)

    def _drawn(self, own: Tensor, pool: Tensor, rng: np.random.Generator) -> list[int]:
        """Rows of the pool: one to exchange this title with and nine others, none of them like it
        or like that one; none at all where there are too few."""
        rows = torch.from_numpy(rng.choice(len(pool), min(_DRAWN, len(pool)), replace=False))
        rows = rows[~self._alike(own, pool[rows])]
        if len(rows):
            rows = torch.cat([rows[:1], rows[~self._alike(pool[rows[0]], pool[rows])]])
        return rows[: OTHERS + 1].tolist() if len(rows) > OTHERS else []

    def _alike(self, a: Tensor, b: Tensor) -> Tensor:
        """Whether titles [..., L] share most characters of either: [...]."""
        ended = self.judge.alphabet.separator
        same = (a.unsqueeze(-1) == b.unsqueeze(-2)) & (a != ended).unsqueeze(-1)
        of_a = same.any(-1).sum(-1) / (a != ended).sum(-1)
        of_b = same.any(-2).sum(-1) / (b != ended).sum(-1)
        return torch.maximum(of_a, of_b) >= _ALIKE

    def _read(self, poems: Poems, titles: Sequence[str]) -> tuple[Tensor, Tensor]:
        """The symbols of the poems whose titles name a subject, [N, T], and of their titles."""
        rows = [row for row, title in enumerate(titles) if says_a_subject(title)]
        read = self.judge.alphabet.read(simplified([poems[row] for row in rows], self.form))
        return torch.from_numpy(read), self._titles([titles[row] for row in rows])

    def _titles(self, titles: Sequence[str]) -> Tensor:
        """The symbols of titles, [N, L], separators behind the last character."""
        alphabet = self.judge.alphabet
        texts = to_simplified("\n".join(title[:_LONGEST] for title in titles)).split("\n")
        out = torch.full((len(titles), _LONGEST), alphabet.separator)
        for row, text in zip(out, texts, strict=False):
            points = np.array([ord(c) for c in text[:_LONGEST]], np.uint32)
            row[: len(points)] = torch.from_numpy(alphabet.read(points))
        return out
