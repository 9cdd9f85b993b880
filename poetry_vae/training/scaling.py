"""What a small corpus takes: defaults that go by the number of poems, and poems to validate on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.labels import LabelColumn
from poetry_vae.text.splitting import Part, rows_to_validate_on
from poetry_vae.text.treasury import Treasury
from poetry_vae.training.many_forms import QUATRAIN, width_of
from poetry_vae.training.settings import TrainingConfig

FEWEST = 10
"""Poems to train and validate on."""
_PASSES = 10  # how much more often than it says a preset may go through a small corpus
_BETWEEN = 2  # passes from one validation to the next, at most


def batches_in_epoch(corpus: EncodedCorpus | Treasury, size: int) -> int:
    """About how many batches of so many poems go once through a corpus. Poems of many forms are put
    together by their width, see :mod:`poetry_vae.training.many_forms`."""
    if isinstance(corpus, EncodedCorpus):
        return max(1, corpus.sizes["train"] // size)
    poems = Counter[int]()
    for block in corpus.of_part("train"):
        poems[width_of(block.form.positions)] += block.poems
    return sum(math.ceil(n * width / (size * QUATRAIN)) for width, n in poems.items())


def scaled(training: TrainingConfig, given: Collection[str], in_epoch: int) -> TrainingConfig:
    """The settings with those that were not ``given`` fitted to so many batches of an epoch.

    A preset's ``min_steps`` would go through few poems hundreds of times, long after they are known
    by heart, and its ``validate_every`` would miss when that begins. Whoever gives ``epochs`` gets
    as many.
    """
    steps, between = training.min_steps, training.validate_every
    if "epochs" in given:
        steps = 1
    fitted: dict[str, Any] = {
        "min_steps": min(steps, math.ceil(_PASSES * training.epochs * in_epoch)),
        "validate_every": min(between, _BETWEEN * in_epoch),
    }
    return replace(training, **{name: fitted[name] for name in fitted if name not in given})


def with_validation(corpus: EncodedCorpus) -> EncodedCorpus:
    """A corpus that has poems to validate on: where the split left fewer than five of few poems,
    some of the training part, spread over all of it.

    Raises:
        CorpusError: there are too few poems for both.
    """
    sizes = corpus.sizes
    poems = sizes["train"] + sizes["validation"]
    if poems < FEWEST:
        more = f" beside the {sizes['test']} that are kept for tests" if sizes["test"] else ""
        raise CorpusError(
            f"{poems} poems of the form {corpus.form}{more} are too few to learn from: it takes "
            f"{FEWEST} at least, of which some tell when to stop; add poems, or name another form"
        )
    rows = np.array(rows_to_validate_on(sizes["train"], sizes["validation"]), int)
    if not len(rows):
        return corpus
    labels = {
        kind: LabelColumn(column.values, _moved(column.parts, rows))
        for kind, column in corpus.labels.items()
    }
    return replace(corpus, parts=_moved(corpus.parts, rows), labels=labels)


def _moved(
    parts: Mapping[Part, npt.NDArray[np.uint16]], rows: npt.NDArray[np.int_]
) -> dict[Part, npt.NDArray[np.uint16]]:
    """The parts with some rows of the training part in that for validation."""
    train, validation = parts["train"], parts["validation"]
    moved = np.concatenate([validation, train[rows]])
    return {**parts, "train": np.delete(train, rows, axis=0), "validation": moved}
