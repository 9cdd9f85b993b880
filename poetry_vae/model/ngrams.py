"""How often characters stand before others: an n-gram model of lines, read from their end.

A small network that has gone through its poems once does not yet know all words in them; counts
do. The table holds p(x_i | the one or two characters that follow in the line, the place in the
line), with absolute discounting and interpolation (Chen & Goodman 1999, "An empirical study of
smoothing techniques for language modeling", equation 18). Lines are written from their rhyme to
their beginning, so what follows is known by then. :func:`fused` says how a refiner makes use of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.tensor_file import TensorFile, save_tensors
from poetry_vae.text.tokenizer import CharTokenizer

NGRAMS = "ngrams.safetensors"
_FORMAT = "poetry-vae n-grams 1"
_ORDERS = 3  # 0, 1 and 2 characters that follow
# Places from the end of the line that share their counts: words of two begin at the fourth, sixth
# and eighth in all forms.
_CLASSES = np.array([0, 1, 2, 3, 4, 3, 4, 3, 4])
_LEAST = (1, 2, 3)  # n-grams that were seen less often are left out
_MOST_DISCOUNTED = 0.95  # of a count: few poems have no n-gram that was seen twice
_SCALE = 20.0  # steps of a stored probability in a nat
_NEVER = 1e-5  # what every character has at least

Ints = npt.NDArray[np.int64]


class NGramError(PoetryVAEError):
    """A file of n-grams that is missing, damaged, or of another vocabulary."""


@dataclass(frozen=True)
class _Table:
    """n-grams of one order, sorted by what is given and then by the character."""

    given: npt.NDArray[np.uint32]
    """Class of the place and characters that follow, as one number, each once: [M]."""
    size: npt.NDArray[np.uint16]
    """n-grams of each, [M]."""
    character: npt.NDArray[np.uint16]
    """[N]."""
    weight: npt.NDArray[np.uint8]
    """−log of the discounted probability in steps of 1/20 nat, [N]."""

    @classmethod
    def count(cls, given: Ints, character: Ints, least: int) -> _Table:
        """From one entry an occurrence, [n]."""
        vocabulary = int(character.max(initial=0)) + 1
        both, number = np.unique(given * vocabulary + character, return_counts=True)
        head, character = both // vocabulary, both % vocabulary
        singles, pairs = int((number == 1).sum()), int((number == 2).sum())
        discount = min(_MOST_DISCOUNTED, singles / max(1, singles + 2 * pairs))
        _, row, size = np.unique(head, return_inverse=True, return_counts=True)
        total = np.bincount(row, weights=number)
        share = (number - discount) / total[row]
        kept = number >= least
        given, size = np.unique(head[kept], return_counts=True)
        weight = np.rint(-_SCALE * np.log(share[kept])).clip(0, 255)
        return cls(
            given.astype(np.uint32),
            size.astype(np.uint16),
            character[kept].astype(np.uint16),
            weight.astype(np.uint8),
        )

    def __post_init__(self) -> None:
        ends = np.cumsum(self.size, dtype=np.int64)
        object.__setattr__(self, "_begin", ends - self.size)

    def interpolate(self, p: npt.NDArray[np.float32], given: Ints) -> None:
        """Put what is known after ``given`` [R] above the lower order's p [R, V], in place."""
        if not len(self.given):
            return
        found = np.searchsorted(self.given, given).clip(max=len(self.given) - 1)
        rows = np.flatnonzero(self.given[found] == given)
        if not len(rows):
            return
        begin: Ints = self._begin[found[rows]]  # type: ignore[attr-defined]
        size = self.size[found[rows]].astype(np.int64)
        row = np.repeat(rows, size)
        entry = np.arange(len(row)) + np.repeat(begin - np.cumsum(size) + size, size)
        share = np.exp(self.weight[entry] / np.float32(-_SCALE))
        left = 1 - np.bincount(row, weights=share, minlength=len(p))
        p *= left.clip(0, 1).astype(np.float32)[:, None]
        p[row, self.character[entry]] += share


@dataclass(frozen=True)
class NGrams:
    """p(x_i | x_{i+1}, x_{i+2}, place) of lines.

    table = NGrams.count([(ids, form.lengths)], len(tokenizer))
    table.log_probs(ids, places, form)  # [R, V]
    """

    vocabulary: int
    tables: tuple[_Table, ...]

    @classmethod
    def count(
        cls, poems: Iterable[tuple[npt.NDArray[Any], Sequence[int]]], vocabulary: int
    ) -> NGrams:
        """Of poems ids [N, T], with the lengths of their lines."""
        each = []
        for ids, lengths in poems:
            ends = np.cumsum(lengths)
            for start, end in zip(ends - lengths, ends, strict=True):
                if end - start <= len(_CLASSES):
                    line = np.full((len(ids), len(_CLASSES)), -1, np.int64)
                    line[:, : end - start] = ids[:, start:end][:, ::-1]
                    each.append(line)
        lines = np.concatenate(each) if each else np.empty((0, len(_CLASSES)), np.int64)
        tables = []
        for order, least in zip(range(_ORDERS), _LEAST, strict=True):
            given, character = [], []
            for place in range(order, len(_CLASSES)):
                some = lines[lines[:, place] >= len(CharTokenizer.SPECIAL)]
                given.append(_given(some[:, place - order : place][:, ::-1], place, vocabulary))
                character.append(some[:, place])
            tables.append(_Table.count(np.concatenate(given), np.concatenate(character), least))
        return cls(vocabulary, tuple(tables))

    def log_probs(self, ids: Tensor, places: Tensor, form: Form) -> Tensor:
        """log p of every character at one place [R] of each of poems ids [R, T], given those that
        follow in its line: [R, V]. What follows and is not settled, or not in the vocabulary, tells
        nothing."""
        rows, at = ids.cpu().numpy(), places.cpu().numpy()
        after = np.array(form.from_end)[at]
        p = np.full((len(rows), self.vocabulary), 1 / self.vocabulary, np.float32)
        given = _CLASSES[np.minimum(after, len(_CLASSES) - 1)].astype(np.int64)
        for order, table in enumerate(self.tables):
            if order:
                place = np.minimum(at + order, rows.shape[1] - 1)
                follows = np.take_along_axis(rows, place[:, None], 1)[:, 0]
                is_known = (follows >= len(CharTokenizer.SPECIAL)) & (follows < self.vocabulary)
                is_known &= (after >= order) & (given >= 0)
                given = np.where(is_known, given * self.vocabulary + follows, -1)
            table.interpolate(p, given)
        return torch.from_numpy(np.log(p + np.float32(_NEVER))).to(ids.device)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        tensors = {
            f"{order}.{name}": values
            for order, table in enumerate(self.tables)
            for name, values in vars(table).items()
            if not name.startswith("_")
        }
        save_tensors(path, tensors, {"format": _FORMAT, "vocabulary": str(self.vocabulary)})

    @classmethod
    def load(cls, path: Path, vocabulary: int) -> NGrams:
        """Read a file that :meth:`save` wrote, for a model of so many symbols.

        Raises:
            NGramError: the file is damaged, something else, or of another vocabulary.
        """
        file = TensorFile.open(
            path, "file of n-grams", version=_FORMAT, known=("vocabulary",), error=NGramError
        )
        if file.metadata.get("vocabulary") != str(vocabulary):
            raise file.refuse(f"it is not of a vocabulary of {vocabulary} symbols")
        tables = []
        for order in range(_ORDERS):
            table = _Table(
                file.array(f"{order}.given", np.uint32, (None,)),
                file.array(f"{order}.size", np.uint16, (None,)),
                file.array(f"{order}.character", np.uint16, (None,)),
                file.array(f"{order}.weight", np.uint8, (None,)),
            )
            fits = len(table.given) == len(table.size) and len(table.character) == len(table.weight)
            if not fits or int(table.size.sum(dtype=np.int64)) != len(table.character):
                raise file.refuse("damaged: its tables do not fit each other")
            if len(table.character) and int(table.character.max()) >= vocabulary:
                raise file.refuse("damaged: a character is not in the vocabulary")
            tables.append(table)
        return cls(vocabulary, tuple(tables))


def fused(logits: Tensor, log_q: Tensor, weight: float) -> Tensor:
    """Logits [R, V] of a refiner with log q [R, V] of n-grams: log [((1 − w)·p + w·q)·q^w].

    The mixture (Jelinek & Mercer 1980) admits words that the refiner does not know; the product,
    shallow fusion (Gulcehre et al. 2015, "On Using Monolingual Corpora in Neural Machine
    Translation", section 4.1), turns down pairs of characters that nobody has written.
    """
    log_p = logits.float().log_softmax(-1)
    mixed = torch.logaddexp(log_p + math.log1p(-weight), log_q + math.log(weight))
    return mixed + weight * log_q


def _given(follow: npt.NDArray[Any], after: int, vocabulary: int) -> Ints:
    """The class of a place with so many characters after it, and those that follow it, nearest
    first, [R, order], as one number, [R]."""
    key = np.full(len(follow), _CLASSES[after], np.int64)
    for column in follow.T:
        key = key * vocabulary + column
    return key
