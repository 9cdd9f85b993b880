"""Everything training needs, in one file: poems as integers, their parts, and the vocabulary.

The file is a safetensors archive with checksums, see :mod:`poetry_vae.text.tensor_file`:
``train``, ``validation`` and ``test``, each uint16 [N, T]; where labels are known a column for each
kind, as ``train.dynasty``, uint16 [N]; and as metadata the form, the vocabulary, the values of the
labels and where the poems came from.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poetry_vae.text.corpus import Corpus
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.files import FileReadError, open_regular
from poetry_vae.text.form import Form
from poetry_vae.text.json_values import JsonError, parse_json
from poetry_vae.text.labels import LABELS, LabelColumn, label_columns
from poetry_vae.text.opening import MOST_BYTES
from poetry_vae.text.poem import Poem
from poetry_vae.text.splitting import PARTS, Part, split
from poetry_vae.text.tensor_file import PACKED, TensorFile, save_tensors
from poetry_vae.text.tokenizer import CharTokenizer, TokenizerError
from poetry_vae.text.treasury import KINDS, MANY_POEMS, Treasury, is_treasury, vocabulary_of

_FORMAT = "poetry-vae corpus 1"
_METADATA = ("form", "tokenizer", "source", "labels")
_MIN_COUNT = 5


@dataclass(frozen=True)
class EncodedCorpus:
    """The poems of one form as ids, by part."""

    form: Form
    tokenizer: CharTokenizer
    parts: Mapping[Part, npt.NDArray[np.uint16]]
    """Each [N, T]; the test part is only for measuring, never for training."""
    source: str
    labels: Mapping[str, LabelColumn] = field(default_factory=dict)
    """Labels by kind, ``dynasty`` and ``author``; empty if nothing is known of the poems."""
    titles: Mapping[Part, Sequence[str]] = field(default_factory=dict)
    """Titles, as subjects. Only poems from a corpus of many forms have them; a file of one form
    does not."""

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        metadata = {
            "format": _FORMAT,
            "form": self.form.slug,
            "tokenizer": self.tokenizer.to_json(),
            "source": self.source,
            "labels": json.dumps({kind: column.values for kind, column in self.labels.items()}),
        }
        tensors = {str(part): ids for part, ids in self.parts.items()}
        for kind, column in self.labels.items():
            tensors |= {f"{part}.{kind}": numbers for part, numbers in column.parts.items()}
        save_tensors(path, tensors, metadata)

    @property
    def sizes(self) -> dict[Part, int]:
        """Poems by part."""
        return {part: len(ids) for part, ids in self.parts.items()}

    def in_vocabulary(self, tokenizer: CharTokenizer) -> EncodedCorpus:
        """The same poems in another vocabulary."""
        renumber = self.tokenizer.numbers_in(tokenizer).astype(np.uint16)
        parts = {part: renumber[ids] for part, ids in self.parts.items()}
        return replace(self, tokenizer=tokenizer, parts=parts)

    @classmethod
    def load(cls, path: Path, form: Form | None = None) -> EncodedCorpus:
        """Read a file that :meth:`save` wrote, or the poems of a form from one of many forms.

        Raises:
            CorpusError: the file is missing, damaged or something else, or has no such poem.
            FormError: it holds another form than ``form``, or many and none is named.
        """
        if is_treasury(path):
            if form is None:
                raise FormError(f"{path} holds poems of many forms: name one, as in --form 七绝")
            return cls.of(Treasury.open(path), form)
        found = cls._load(path)
        if form is not None and found.form != form:
            raise FormError(f"{path} was encoded as {found.form}, not as {form}")
        return found

    @classmethod
    def of(cls, treasury: Treasury, form: Form) -> EncodedCorpus:
        """The poems of one form among those of many.

        Raises:
            CorpusError: there is none.
        """
        parts, known = {}, {}
        for part in PARTS:
            found = list(treasury.of_form(form, part))
            ids = [np.empty((0, form.positions), np.uint16), *(ids for ids, _ in found)]
            parts[part] = np.concatenate(ids)
            known[part] = {
                kind: [text for _, some in found for text in some[kind]]
                for kind in (*KINDS, "title")
            }
        if not any(len(ids) for ids in parts.values()):
            raise CorpusError(f"not one of the {len(treasury)} poems of the corpus is a {form}")
        titles = {part: known[part]["title"] for part in PARTS}
        labels = label_columns(known)
        return cls(form, treasury.tokenizer, parts, treasury.source, labels, titles)

    @classmethod
    def _load(cls, path: Path) -> EncodedCorpus:
        file = TensorFile.open(
            path,
            "encoded corpus",
            version=_FORMAT,
            known=_METADATA,
            most=MOST_BYTES,
            error=CorpusError,
        )
        metadata = file.metadata
        try:
            form = Form.parse(metadata["form"])
            tokenizer = CharTokenizer.from_json(metadata["tokenizer"])
            source = metadata["source"]
            values = parse_json(metadata.get("labels", "{}"))
        except (KeyError, FormError, TokenizerError, JsonError) as error:
            raise CorpusError(f"{path}: not a readable encoded corpus ({error})") from error
        if not isinstance(values, dict) or not all(map(_are_texts, values.values())):
            raise CorpusError(f"{path}: damaged: the values of its labels are not lists of texts")
        parts: dict[Part, npt.NDArray[np.uint16]] = {}
        columns: dict[str, dict[Part, npt.NDArray[np.uint16]]] = {kind: {} for kind in values}
        for part in PARTS:
            # Copied: training data must not change with the file.
            parts[part] = file.array(part, np.uint16, (None, form.positions)).copy()
            if parts[part].max(initial=0) >= len(tokenizer):
                raise file.refuse(f"damaged: {part} holds ids outside the vocabulary")
            for kind, column in columns.items():
                name = f"{part}.{kind}"
                column[part] = file.array(name, np.uint16, (len(parts[part]),)).copy()
                if column[part].max(initial=0) >= max(1, len(values[kind])):
                    raise file.refuse(f"damaged: {name} holds numbers without a value")
        labels = {kind: LabelColumn(tuple(values[kind]), columns[kind]) for kind in values}
        return cls(form, tokenizer, parts, source, labels)


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def looks_encoded(path: Path) -> bool:
    """Whether the file can only be an encoded corpus: a safetensors header, which is no verse."""
    try:
        with open_regular(path) as file:
            head = file.read(9)
    except (FileReadError, OSError):  # the next reader will report the fault
        return False
    return path.name.endswith(PACKED) or head[4:] == b"\0\0\0\0{"


def encode_corpus(
    corpus: Corpus,
    form: Form,
    *,
    min_count: int | None = None,
    windows: bool = True,
    source: str = "",
) -> EncodedCorpus:
    """Split a corpus, take the poems of a form, and number their characters.

    The vocabulary holds the characters that the training part has at least ``min_count`` times. By
    default that is five times for many poems, and once for few, where every character counts.
    With ``windows``, pairs of consecutive couplets of eight-line poems serve as quatrains in the
    training part.

    Raises:
        CorpusError: the corpus has no poem of the form.
    """
    by_part = _poems_by_part(corpus, form, windows=windows)
    train = by_part["train"]
    if min_count is None:
        min_count = _MIN_COUNT if len(train) >= MANY_POEMS else 1
    told = f"{len(train)} training poems of the form {form}"
    tokenizer = vocabulary_of(train, min_count, told)
    parts, known = {}, {}
    for part, poems in by_part.items():
        ids = tokenizer.encode_folded("".join(poem.text for poem in poems))
        parts[part] = ids.astype(np.uint16).reshape(-1, form.positions)
        known[part] = {kind: [getattr(poem, kind) for poem in poems] for kind in LABELS}
    return EncodedCorpus(form, tokenizer, parts, source, label_columns(known))


def _poems_by_part(corpus: Corpus, form: Form, *, windows: bool) -> dict[Part, list[Poem]]:
    by_part: dict[Part, list[Poem]] = {part: [] for part in PARTS}
    for poem, part in zip(corpus.poems, split(corpus.poems), strict=True):
        by_part[part].extend(poem.of_form(form, windows=windows and part == "train"))
    if not any(by_part.values()):
        shapes = Counter(
            f"{len(p.lines)}x{len(p.lines[0])}"
            for p in corpus.poems
            if len(set(map(len, p.lines))) == 1
        )
        found = ", ".join(f"{shape} ({n})" for shape, n in shapes.most_common(5)) or "none regular"
        raise CorpusError(
            f"not one of the {len(corpus.poems)} poems is a {form} "
            f"({form.described}); the commonest shapes are {found}"
        )
    return by_part
