"""A judge of another kind: a small convolutional network that reads the characters themselves.

A gain on the features of the first judge is worth nothing if this judge still recognises the
samples. It learns twice: once to tell training poems from the same poems with a stretch out of
another one (no samples needed), and then, for each test, samples from unseen real poems.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from poetry_vae.evaluation.judges.alphabet import Ints, Poems, simplified
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.learning import (
    Steps,
    known_vectors,
    learn,
    seeded,
    weights_of,
    with_weights,
)
from poetry_vae.evaluation.judges.network import Network
from poetry_vae.evaluation.metrics.two_sample import TwoSample, two_sample
from poetry_vae.model.inference import inference
from poetry_vae.model.sampling import derived_seed

_LAYERS = 3
_BATCH, _TEST_BATCH = 256, 2048
_RATE = 1e-3
_CHARACTERS_BEFORE = 5_000_000
"""Characters read before the first test: 500,000 couplets of five, half of them spliced."""
_EPOCHS = 4


class SecondJudge(Network):
    """A score for each poem: symbols [B, T] → [B, 1], high for what is not real. It knows real
    poems and can be taught what samples look like.

    Aligned characters of all lines are the channels of one place, so that parallelism is as near to
    the convolutions (along the line) as the neighbouring character.
    """

    def __init__(self, judge: Judge) -> None:
        places, lines = max(judge.form.lengths), judge.form.lines
        super().__init__(known_vectors(judge), places, 1, layers=_LAYERS, together=lines)
        self.judge = judge

    @classmethod
    def fit(
        cls, judge: Judge, train: Poems, seed: int, progress: Steps = lambda done, total: None
    ) -> SecondJudge:
        """Read the training poems; the alphabet and first vectors of symbols are the judge's.

        Raises:
            FormError: a poem is not of the judge's form.
        """
        poems = judge.alphabet.read(simplified(train, judge.form))
        with seeded(derived_seed(seed, "reader")):
            self = cls(judge)
            steps = max(1, _CHARACTERS_BEFORE // (judge.form.positions * _BATCH))
            rng = np.random.default_rng(derived_seed(seed, "splices"))
            self._learn(_spliced(poems, steps, rng), steps, progress)
        return self

    def arranged(self, x: Tensor) -> Tensor:
        """Lines side by side, their ends at one place, as rhymes are."""
        form = self.judge.form
        C = max(form.lengths)
        each = [x[:, form.span(line)] for line in range(form.lines)]
        even = [nn.functional.pad(line, (0, 0, C - line.shape[1], 0)) for line in each]
        return torch.stack(even, dim=2).flatten(2)

    def two_sample(
        self,
        real: Poems,
        samples: Poems,
        seed: int,
        progress: Steps = lambda done, total: None,
    ) -> TwoSample:
        """R of samples against real poems that neither they nor the judge have seen.

        Raises:
            FormError: a poem is not of the form.
            TwoSampleError: too few poems for a figure.
        """
        read = self.judge.alphabet.read
        both = [read(simplified(poems, self.judge.form)) for poems in (real, samples)]
        symbols, own = np.concatenate(both), derived_seed(seed, "second judge")

        def classify(rows: Ints, is_sample: Ints, tested: Ints) -> npt.NDArray[np.float64]:
            taught = with_weights(lambda: SecondJudge(self.judge), weights_of(self))
            steps = _EPOCHS * math.ceil(len(rows) / _BATCH)
            rng = np.random.default_rng(own)
            with seeded(own):
                taught._learn(_epochs(symbols[rows], is_sample, rng), steps, progress)
            with inference():
                unread = torch.split(torch.from_numpy(symbols[tested]), _TEST_BATCH)
                scores: npt.NDArray[np.float64] = (
                    torch.cat([taught(batch)[:, 0] for batch in unread]).double().numpy()
                )
            return scores

        rng = np.random.default_rng(derived_seed(seed, "two-sample"))
        return two_sample(len(real), len(samples), classify, rng)

    def _learn(self, batches: _Batches, steps: int, progress: Steps) -> None:
        """Minimise the cross-entropy."""
        losses = (
            nn.functional.binary_cross_entropy_with_logits(
                self(torch.from_numpy(poems))[:, 0], torch.from_numpy(labels).float()
            )
            for poems, labels in batches
        )
        learn(self, losses, steps, rate=_RATE, progress=progress)


_Batches = Iterator[tuple[Ints, Ints]]
"""Poems [B, T] and whether each is not real, [B]."""


def _spliced(poems: Ints, steps: int, rng: np.random.Generator) -> _Batches:
    """Real poems, and the same poems with a stretch from the same place of another poem.

    The logarithm of its length is uniform: single characters and whole lines are both common.
    """
    half, T = _BATCH // 2, poems.shape[1]
    for _ in range(steps):
        real, others = (poems[rng.integers(len(poems), size=half)] for _ in range(2))
        length = np.exp(rng.random((half, 1)) * math.log(T)).astype(np.int64)
        start = (rng.random((half, 1)) * (T - length + 1)).astype(np.int64)
        place = np.arange(T)
        replaced = (place >= start) & (place < start + length)
        yield np.concatenate([real, np.where(replaced, others, real)]), np.repeat([0, 1], half)


def _epochs(poems: Ints, labels: Ints, rng: np.random.Generator) -> _Batches:
    while True:
        order = rng.permutation(len(poems))
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            yield poems[rows], labels[rows]
