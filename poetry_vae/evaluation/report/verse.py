"""Poems measured as poems: by the judges, by metre, diversity, novelty and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.judges.coherence import CoherenceJudge
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.learning import Steps
from poetry_vae.evaluation.judges.second_judge import SecondJudge
from poetry_vae.evaluation.judges.subject import SubjectJudge
from poetry_vae.evaluation.material import Material, as_ids
from poetry_vae.evaluation.metrics.diversity import diversity
from poetry_vae.evaluation.metrics.metre import metre, tone_agreement
from poetry_vae.evaluation.metrics.novelty import novelty
from poetry_vae.evaluation.metrics.words import KnownPairs, word_validity
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.tokenizer import CharTokenizer

VerseRow = dict[str, Any]
Asked = tuple[Sequence[str], Sequence[str]]
"""Poems, and the title that each was asked for by."""
_PAIR_COUNT = 5  # times that two characters must stand together to be known as a word
_BINS = 40


@dataclass(frozen=True)
class VerseEvaluator:
    """Everything that samples are compared with."""

    material: Material
    judges: tuple[Judge, SecondJudge] | None
    most: int
    """The number of poems for figures other than R."""
    seed: int
    coherence: CoherenceJudge | None = None
    subject: SubjectJudge | None = None

    @cached_property
    def tokenizer(self) -> CharTokenizer:
        """Every character of the training part."""
        return CharTokenizer(sorted(set("".join(self.material.parts["train"])) - {"□"}))

    @cached_property
    def training(self) -> npt.NDArray[np.int64]:
        return as_ids(self.material.parts["train"], self.tokenizer)

    @cached_property
    def pairs(self) -> KnownPairs:
        lengths = self.material.form.lengths
        return KnownPairs.of(self.training, self.tokenizer, chars=lengths, min_count=_PAIR_COUNT)

    @cached_property
    def edges(self) -> npt.NDArray[np.float64]:
        """Of the histograms of log-likelihood, wide enough for real poems and much else."""
        assert self.judges is not None
        real = self.judges[0].log_likelihood(self._some(self.material.parts["test"]))
        low, high = np.quantile(real, [0.001, 0.999])
        return np.linspace(low - 0.5 * (high - low), high + 0.5 * (high - low), _BINS + 1)

    def _some(self, texts: Sequence[str], most: int | None = None) -> Sequence[str]:
        """As many as are measured, drawn at random because a corpus is sorted in some way."""
        most = self.most if most is None else most
        if len(texts) <= most:
            return texts
        rng = np.random.default_rng(derived_seed(self.seed, "some"))
        return [texts[i] for i in np.sort(rng.permutation(len(texts))[:most])]

    def measure(
        self,
        name: str,
        kind: str,
        texts: Sequence[str],
        *,
        compared: int | None = None,
        asked: Asked | None = None,
    ) -> VerseRow:
        """All figures that the kind of row can have, from texts of the models' orthography.

        Args:
            compared: the number of poems for diversity, which depends on it; it must be equal in
                all rows that are compared. Without it, all that are measured.
            asked: the poems and titles for the judge of subjects.
        """
        form = self.material.form
        some = self._some(texts)
        ids = as_ids(some, self.tokenizer)
        as_many = ids if compared is None else as_ids(self._some(some, compared), self.tokenizer)
        row: VerseRow = {
            "name": name,
            "kind": kind,
            "poems": len(texts),
            "diversity": {"poems": len(as_many), **diversity(as_many, chars=form.lengths)},
            "novelty": novelty(ids, self.training, chars=form.lengths),
            "words": word_validity(ids, self.pairs, chars=form.lengths),
            "metre": metre(some, form),
            "tone_agreement": tone_agreement(some, form),
        }
        if self.coherence is not None and (found := self.coherence.measure(some, self.seed)):
            row["coherence"] = asdict(found)
        if self.subject is not None and asked is not None:
            pool = self.material.titles["test"]
            if figure := self.subject.measure(*asked, pool, self.seed):
                row["subject"] = asdict(figure)
        if self.judges is not None:
            values = self.judges[0].log_likelihood(some)
            counts, _ = np.histogram(np.clip(values, self.edges[0], self.edges[-1]), self.edges)
            row["log_likelihood"] = {
                "mean": float(values.mean()),
                "edges": self.edges.tolist(),
                "counts": counts.tolist(),
            }
        return row

    def two_sample(
        self,
        real: Sequence[str],
        texts: Sequence[str],
        progress: Steps = lambda done, total: None,
    ) -> VerseRow:
        """R by both judges, the lower one counts; ``progress`` is told how far the second is."""
        assert self.judges is not None
        first = self.judges[0].two_sample(real, texts, self.seed)
        second = self.judges[1].two_sample(real, texts, self.seed, progress)
        lower = min(first, second, key=lambda found: found.r)
        return {
            "r": first.r,
            "error": first.error,
            "second_r": second.r,
            "second_error": second.error,
            "lower": lower.r,
            "lower_error": lower.error,
            "poems_a_side": first.n,
        }
