"""Indexes of training poems on disk: made once, stored with a fingerprint of their source."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poetry_vae import __version__
from poetry_vae.text.corpus import corpus_files, read_corpus
from poetry_vae.text.encoded import EncodedCorpus, encode_corpus, looks_encoded
from poetry_vae.text.errors import CorpusError, FormError, PoetryVAEError
from poetry_vae.text.files import FileWriteError, read_file
from poetry_vae.text.form import Form
from poetry_vae.text.opening import MOST_BYTES
from poetry_vae.text.tensor_file import TensorFile, save_tensors
from poetry_vae.text.tokenizer import CharTokenizer, TokenizerError
from poetry_vae.verse.neighbours import Index

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE

_FORMAT = "poetry-vae index 2"

IndexProgress = Callable[[str, int, int], None]
"""Called with the name of the task, the amount done and the total."""


class IndexFileError(PoetryVAEError):
    """A file that is no index of this version, or a damaged one."""


def cached_index(
    corpus: Path,
    form: Form,
    folder: Path,
    *,
    model: PoetryVAE | None = None,
    encoding: str = "utf-8",
    progress: IndexProgress | None = None,
) -> Index:
    """The index of a corpus' training part, from ``folder`` if it is there, else made and kept.

    Each corpus and form has one file with latents and one without. A file is made anew if the
    content of the corpus or the model has changed, or if it is damaged. If the folder cannot be
    written, the index is only not kept.

    Args:
        corpus: poems in any known format, or an encoded corpus.
        progress: told of ``reading`` (bytes) and ``encoding`` (poems).

    Raises:
        CorpusError: nothing readable there, or no training poem of the form.
        FormError: the encoded corpus or the model is of another form.
    """
    name = f"{os.path.realpath(corpus)}\0{form.slug}\0{'latents' if model else ''}"
    short = hashlib.blake2b(os.fsencode(name), digest_size=6).hexdigest()
    path = folder / f"{form.slug}-{short}.safetensors"
    source = _fingerprint(corpus, form, model, encoding)
    with contextlib.suppress(IndexFileError):
        return load_index(path, source=source)
    encoded = _training_poems(corpus, form, encoding, progress)
    index = Index.build(
        encoded.parts["train"],
        encoded.tokenizer,
        form,
        model=model,
        progress=progress and (lambda done, total: progress("encoding", done, total)),
    )
    with contextlib.suppress(FileWriteError):
        save_index(index, path, source=source)
    return index


def save_index(index: Index, path: Path, *, source: str) -> None:
    """Write an index, whole or not at all; ``source`` is the fingerprint of what it was made from.

    It takes two bytes a character and, with a model, two a dimension: 10 MB for 500,000 couplets of
    five characters a line, and 128 MB more for the latents of a model with D = 128.

    Raises:
        FileWriteError: it cannot be written.
    """
    tensors: dict[str, np.ndarray] = {"ids": index.ids}
    if index.directions is not None:
        tensors["directions"] = index.directions
    metadata = {
        "format": _FORMAT,
        "form": index.form.slug,
        "tokenizer": index.tokenizer.to_json(),
        "source": source,
    }
    save_tensors(path, tensors, metadata)


def load_index(path: Path, *, source: str | None = None) -> Index:
    """Read what :func:`save_index` wrote.

    Raises:
        IndexFileError: it is missing, damaged, of another version, or not made from ``source``.
    """
    file = TensorFile.open(
        path,
        "index",
        version=_FORMAT,
        known=("form", "tokenizer", "source"),
        error=IndexFileError,
    )
    about = file.metadata
    if source is not None and about.get("source") != source:
        raise IndexFileError(f"{path}: made from another corpus or model")
    try:
        form = Form.parse(about["form"])
        tokenizer = CharTokenizer.from_json(about["tokenizer"])
    except (KeyError, FormError, TokenizerError) as error:
        raise IndexFileError(f"{path}: not a readable index ({error})") from error
    ids = file.array("ids", np.uint16, (None, form.positions))
    if ids.max(initial=0) >= len(tokenizer):
        raise file.refuse("damaged: ids hold numbers outside the vocabulary")
    if "directions" not in file.tensors:
        return Index(form, tokenizer, ids)
    return Index(form, tokenizer, ids, file.array("directions", np.float16, (len(ids), None)))


def _training_poems(
    corpus: Path, form: Form, encoding: str, progress: IndexProgress | None
) -> EncodedCorpus:
    if looks_encoded(corpus):
        encoded = EncodedCorpus.load(corpus, form)
    else:
        poems = read_corpus(
            corpus,
            encoding=encoding,
            progress=progress and (lambda _, done, total: progress("reading", done, total)),
        )
        # Every character counts: a line must not pass for new because one of them is rare.
        encoded = encode_corpus(poems, form, min_count=1)
    if not len(encoded.parts["train"]):
        raise CorpusError(f"{corpus}: the training part has no poem of the form {form}")
    return encoded


def _fingerprint(corpus: Path, form: Form, model: PoetryVAE | None, encoding: str) -> str:
    """A hash of everything that the index depends on, this version's way of reading included."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{__version__}\0{form.slug}\0{encoding}".encode())
    for file in corpus_files(corpus):
        content = read_file(file, most=MOST_BYTES, error=CorpusError)
        digest.update(os.fsencode(f"\0{file.name}\0{len(content)}\0") + content)
    if model is not None:
        digest.update(model.config.to_json().encode() + model.tokenizer.to_json().encode())
        for name, tensor in model.state_dict().items():
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
