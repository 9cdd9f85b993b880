"""The poems that models are measured on: real ones by part, with what is known about them; poems
of other programs; and poems by chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.encoded import EncodedCorpus, looks_encoded
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.form import Form
from poetry_vae.text.opening import load_text
from poetry_vae.text.poem import Poem
from poetry_vae.text.script import fold, looks_simplified, to_traditional
from poetry_vae.text.splitting import PARTS, Part, split
from poetry_vae.text.titles import subject_of
from poetry_vae.text.tokenizer import CharTokenizer


@dataclass(frozen=True)
class Material:
    """The poems of one form, as texts of T characters in the models' orthography.

    A character that an encoded corpus left out of its vocabulary is □ here.
    """

    form: Form
    source: str
    parts: Mapping[Part, Sequence[str]]
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Of the test part, by kind: ``dynasty`` and ``author``, where they are known."""
    titles: Mapping[Part, Sequence[str]] = field(default_factory=dict)
    """As subjects, by part; nothing where the corpus has none."""

    @classmethod
    def read(cls, path: Path, form: Form, *, encoding: str = "utf-8") -> Material:
        """From an encoded corpus, or from poems in any known format.

        Raises:
            CorpusError: nothing readable there, or no poem of the form.
            FormError: the encoded corpus holds other forms alone.
        """
        if looks_encoded(path):
            corpus = EncodedCorpus.load(path, form)
            texts = {part: corpus.tokenizer.decode_rows(ids) for part, ids in corpus.parts.items()}
            known = {kind: column.texts("test") for kind, column in corpus.labels.items()}
            return cls(form, corpus.source or path.name, texts, known, corpus.titles)
        poems: dict[Part, list[Poem]] = {part: [] for part in PARTS}
        found = read_corpus(path, encoding=encoding).poems
        for poem, part in zip(found, split(found), strict=True):
            poems[part] += poem.of_form(form)
        if not any(poems.values()):
            raise CorpusError(f"{path}: not one of its {len(found)} poems is a {form}")
        kinds = ("dynasty", "author")
        labels = {kind: [getattr(poem, kind) for poem in poems["test"]] for kind in kinds}
        return cls(
            form,
            path.name,
            {part: [poem.text for poem in some] for part, some in poems.items()},
            {kind: values for kind, values in labels.items() if any(values)},
            {part: [subject_of(poem.title) for poem in some] for part, some in poems.items()},
        )

    def needs(self, part: Part, least: int, figure: str) -> Sequence[str]:
        """The poems of a part.

        Raises:
            MetricError: there are fewer than ``figure`` takes.
        """
        texts = self.parts[part]
        if len(texts) < least:
            raise MetricError(
                f"{figure} takes {least} poems of the part {part!r}, and {self.source} has "
                f"{len(texts)}: measure on more poems"
            )
        return texts


def read_samples(path: Path, form: Form, *, encoding: str = "utf-8") -> list[str]:
    """Poems that some program wrote, one a line, in either script, with or without punctuation.

    Unlike in a corpus, repeated poems are kept, since repetition is measured.

    Raises:
        CorpusError: the file cannot be read, a line is no poem of the form, or there are fewer than
            two poems.
    """
    rows = load_text(path, encoding).splitlines()
    texts = []
    for number, row in enumerate(rows, start=1):
        if row.strip():
            try:
                texts.append(Poem.typed(row, form).text)
            except FormError as error:
                raise CorpusError(f"{path}, line {number}: {error}") from error
    if not texts:
        raise CorpusError(f"{path}: not one poem in it")
    if len(texts) == 1:
        raise CorpusError(f"{path}: only one poem in it: diversity needs at least two")
    # One conversion for all; line ends keep phrases from forming between two poems.
    joined = "\n".join(texts)
    converted = to_traditional(joined) if looks_simplified(texts) else fold(joined)
    return converted.split("\n")


def as_ids(texts: Sequence[str], tokenizer: CharTokenizer) -> npt.NDArray[np.int64]:
    """Texts of T characters as ids [N, T] of a vocabulary."""
    ids = tokenizer.encode_folded("".join(texts)).astype(np.int64)
    return ids.reshape(len(texts), -1)


def other_lines(texts: Sequence[str], form: Form, rng: np.random.Generator) -> list[str]:
    """The lines shuffled between poems, each at its place: chance line by line."""
    lines = np.array([form.cut(text) for text in texts])
    return ["".join(row) for row in rng.permuted(lines, axis=0)]


def other_characters(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The characters shuffled between poems, each at its place: chance character by character."""
    characters = np.array([list(text) for text in texts])
    return ["".join(row) for row in rng.permuted(characters, axis=0)]
