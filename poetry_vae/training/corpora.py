"""From poems on disk to a corpus that a model can learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poetry_vae.model.config import Labels
from poetry_vae.text.corpus import Corpus, is_folder, read_corpus
from poetry_vae.text.encoded import EncodedCorpus, encode_corpus, looks_encoded
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.files import name_of
from poetry_vae.text.form import Form
from poetry_vae.text.labels import LabelColumn, metre_column
from poetry_vae.text.splitting import Part, rows_to_validate_on
from poetry_vae.text.treasury import Treasury, encode_poems, is_treasury

FEWEST = 10
"""Poems to train and validate on."""


def load_training_corpus(
    path: Path | str,
    form: Form | str | None = None,
    *,
    usual: Form | None = None,
    read: Callable[[Path], Corpus] = read_corpus,
) -> EncodedCorpus:
    """An encoded corpus from its file, or one encoded now from the poems that ``read`` finds.

    Args:
        usual: the form of poems that are not encoded yet, if ``form`` is not given.

    Raises:
        CorpusError: nothing readable is there, or no poem of the form.
        FormError: no form is given for poems that are not encoded yet, or the encoded poems have
            another form.
    """
    path = Path(path)
    wanted = Form.parse(form) if isinstance(form, str) else form
    if looks_encoded(path):
        return EncodedCorpus.load(path, wanted)
    wanted = wanted or usual
    if wanted is None:
        is_folder(path)  # a corpus that is not there is the greater fault
        raise FormError(f"{path}: which form shall be learned? Give --form, as in --form 七绝")
    return encode_corpus(read(path), wanted, source=name_of(path))


def load_treasury(path: Path | str, *, read: Callable[[Path], Corpus] = read_corpus) -> Treasury:
    """A corpus of all forms from its encoded file, or encoded now from the poems ``read`` finds.

    Raises:
        CorpusError: nothing readable there.
    """
    path = Path(path)
    if looks_encoded(path):
        if not is_treasury(path) and (form := EncodedCorpus.load(path).form):
            raise CorpusError(
                f"{path} has poems of one form, {form}: a model of any form learns from poems of "
                "all forms; encode them without --form"
            )
        return Treasury.open(path)
    return encode_poems(read(path), source=name_of(path))


def with_labels(corpus: EncodedCorpus, kind: str) -> tuple[EncodedCorpus, Labels]:
    """A corpus with labels of a kind, and the :class:`Labels` for a model.

    ``metre`` is read off the poems. ``dynasty`` and ``author`` must be stored in the corpus.

    Raises:
        CorpusError: the corpus does not know them, or they are the same for all poems.
        MetreError: the form has no metre.
    """
    labels = dict(corpus.labels)
    if kind == "metre":
        texts = {part: corpus.tokenizer.decode_rows(ids) for part, ids in corpus.parts.items()}
        if column := metre_column(texts, corpus.form):
            labels[kind] = column
    if kind not in labels:
        known = ", ".join(sorted({*corpus.labels, "metre"} - {kind})) or "no labels"
        raise CorpusError(
            f"the corpus has no {kind} that tells its poems apart; it has {known} (one that was "
            "encoded by an earlier version has to be encoded again)"
        )
    column = labels[kind]
    return replace(corpus, labels=labels), Labels(kind, column.values, column.shares())


def with_validation(corpus: EncodedCorpus) -> EncodedCorpus:
    """A corpus that has poems to validate on. If the split of a small corpus left fewer than five,
    some training poems, spread over all of them, are moved to the validation part.

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
    """The parts, with some rows moved from the training part to the validation part."""
    train, validation = parts["train"], parts["validation"]
    moved = np.concatenate([validation, train[rows]])
    return {**parts, "train": np.delete(train, rows, axis=0), "validation": moved}
