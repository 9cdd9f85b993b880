"""Poems that a run learns from and is validated on: of one form, or of many.

Either kind has ``batches``, the number of ``poems`` that they come from, ``figures`` on a number
of ``watched_poems``, and the training ``lines`` that are looked for in the model's own poems.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from poetry_vae.model.pretrained import DEFAULT_FORM
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.form import Form
from poetry_vae.text.treasury import Treasury
from poetry_vae.training.batches import Batch, OfOneForm
from poetry_vae.training.diagnostics import Figures, Measure, averaged, nothing_known, watch
from poetry_vae.training.heart import TrainingLines
from poetry_vae.training.many_forms import PoemBatches
from poetry_vae.training.run import Run

WATCHED = ("七绝", "七律", "五绝", "五律", "五言联", "七言联")
"""Forms whose unseen poems a model of any form is validated on."""


def data_of(run: Run, device: torch.device) -> OneForm | ManyForms:
    """The data of a run, on a device.

    Raises:
        CorpusError: there is no training or no validation poem.
    """
    if isinstance(run.corpus, Treasury):
        return ManyForms(run, run.corpus, device)
    return OneForm(run, run.corpus, device)


def note_of(run: Run, model: PoetryVAE, data: OneForm | ManyForms, dtype: torch.dtype) -> str:
    """A note on a run before it begins: its size, its device and its precision."""
    parameters = sum(p.numel() for p in model.parameters())
    return (
        f"{parameters:,} parameters, {data.poems:,} poems and {data.watched_poems:,} to validate "
        f"on, vocabulary of {run.model.vocabulary:,}; {model.device}, "
        + str(dtype).removeprefix("torch.")
    )


class OneForm:
    """Poems of one form."""

    def __init__(self, run: Run, corpus: EncodedCorpus, device: torch.device) -> None:
        self.corpus, self.device, self.label = corpus, device, run.training.label
        self.kept_by: Measure = "refined" if run.training.refiner_only else "elbo"
        for part, used in (("train", "training"), ("validation", "validation")):
            if not len(corpus.parts[part]):  # type: ignore[index]
                raise CorpusError(
                    f"the corpus has no {used} poem of the form {corpus.form}: "
                    "it is too small to be split"
                )
        self.batches = OfOneForm(
            self._ids("train"),
            run.training.batch_size,
            seed=run.seed,
            labels=self._labels("train"),
            shown=run.training.labelled,
        )
        self.poems = len(corpus.parts["train"])
        lengths = corpus.form.lengths
        self.lines = TrainingLines.of([(corpus.parts["train"], lengths)], lengths)
        some = _drawn(len(corpus.parts["validation"]), run.training.validation_poems).to(device)
        self.valid_ids = self._ids("validation")[some].long()
        self.watched_poems = len(self.valid_ids)
        labels = self._labels("validation")
        self.valid_labels = None if labels is None else labels[some]

    def figures(self, model: PoetryVAE, generator: torch.Generator) -> Figures:
        found = watch(model, self.valid_ids, labels=self.valid_labels, generator=generator)
        return replace(found, known_lines=self.lines.share_of(model), kept_by=self.kept_by)

    def _ids(self, part: Literal["train", "validation"]) -> Tensor:
        return torch.from_numpy(self.corpus.parts[part].astype("int32")).to(self.device)

    def _labels(self, part: Literal["train", "validation"]) -> Tensor | None:
        if not self.label:
            return None
        numbers = self.corpus.labels[self.label].parts[part]
        return torch.from_numpy(numbers.astype("int64")).to(self.device)


class ManyForms:
    """Poems of all forms. The figures are taken on some of the forms, one by one."""

    def __init__(self, run: Run, corpus: Treasury, device: torch.device) -> None:
        size = run.training.batch_size
        self.batches = PoemBatches(corpus, "train", run.model, size, seed=run.seed, device=device)
        self.poems = len(self.batches.items.start)
        unseen = PoemBatches(corpus, "validation", run.model, size, seed=0, device=device)
        self.corpus = corpus
        self.watched: list[tuple[Form, Batch]] = []
        for form in _watched(corpus):
            items = unseen.of_form(form)
            drawn = _drawn(len(items.start), run.training.validation_poems).numpy()
            if len(drawn):
                self.watched.append((form, unseen.told(items[drawn])))
        if not self.watched:
            raise CorpusError("the validation part of the corpus has no whole poem")
        self.watched_poems = sum(len(batch.ids) for _, batch in self.watched)

    @cached_property
    def lines(self) -> TrainingLines:
        blocks = self.corpus.of_part("train")
        each = ((self.corpus.ids(block), block.form.lengths) for block in blocks)
        return TrainingLines.of(each, DEFAULT_FORM.lengths)

    def figures(self, model: PoetryVAE, generator: torch.Generator) -> Figures:
        by_form, each = {}, []
        for form, batch in self.watched:
            each.append(watch(model.writing(form), batch.ids, generator=generator))
            told, untold = nothing_known(model, batch, generator=generator)
            by_form[f"{form}"] = untold
            by_form[f"{form}/told"] = told
        return averaged(each, by_form)


def _watched(corpus: Treasury) -> list[Form]:
    """The forms of :data:`WATCHED` with poems to validate on; if there is none, the commonest."""
    poems = Counter[Form]()
    for block in corpus.of_part("validation"):
        poems[block.form] += block.poems
    wanted = [Form.parse(name) for name in WATCHED]
    if any(form.lengths in {w.lengths for w in wanted} for form in poems):
        return wanted
    return [form for form, _ in poems.most_common(len(WATCHED))]


def _drawn(poems: int, most: int) -> Tensor:
    """Random poems by number, always the same. A corpus is sorted (by dynasty, author), so the
    first poems would not do."""
    lots = torch.Generator().manual_seed(derived_seed(0, "validation poems"))
    return torch.randperm(poems, generator=lots)[:most].sort().values
