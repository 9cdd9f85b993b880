"""The training poems nearest to a poem, and the lines that a poem has from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.text.ngrams import Hashes, IntArray, among, hashed, hashed_lines, told_apart
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE

# Torch is loaded only by those who ask for latents: n-grams answer without it, at once.

_LENGTHS = (2, 3, 4)  # of the n-grams that are compared
_ENCODED_AT_ONCE, _COMPARED_AT_ONCE = 512, 1 << 16

EncodingProgress = Callable[[int, int], None]
"""Called with how many of how many poems are done."""


@dataclass(frozen=True)
class Neighbour:
    """A training poem, in the models' orthography, and how near it is."""

    poem: Poem
    score: float


@dataclass(frozen=True)
class Copied:
    """Whether each line of a poem occurs anywhere in the training poems, and whether the poem
    does."""

    lines: tuple[bool, ...]
    poem: bool


@dataclass(frozen=True)
class Index:
    """The training poems of one form, ready to be searched."""

    form: Form
    tokenizer: CharTokenizer
    ids: npt.NDArray[np.uint16]
    """[N, T], every poem once."""
    directions: npt.NDArray[np.float16] | None = None
    """A model's posterior means, each scaled to length 1, [N, D]; None without a model."""

    @classmethod
    def build(
        cls,
        ids: IntArray,
        tokenizer: CharTokenizer,
        form: Form,
        *,
        model: PoetryVAE | None = None,
        progress: EncodingProgress | None = None,
    ) -> Index:
        """An index of poems ids [N, T] of a form; with a model, its latents are searched too.

        Raises:
            FormError: the ids or the model are of another form.
        """
        if ids.ndim != 2 or ids.shape[1] != form.positions:
            raise FormError(f"ids {ids.shape} are no poems of {form.positions} characters ({form})")
        whole = hashed(ids, form.positions, chars=form.positions)[:, 0]
        _, first = np.unique(whole, return_index=True)
        once = ids[np.sort(first)].astype(np.uint16)
        if model is None:
            return cls(form, tokenizer, once)
        return cls(form, tokenizer, once, _encode(once, tokenizer, form, model, progress))

    def nearest(self, poem: Poem | str, k: int) -> list[Neighbour]:
        """The ``k`` poems that share the most with ``poem``, by n-grams inside lines, n = 2 to 4.

        An n-gram that df of the N poems have weighs ln((N + 1)/max(df, 1)). The score is the weight
        of the n-grams that both poems have, divided by the weight of all that ``poem`` has: 1 where
        a training poem has every one, in any place. Poems that share none are left out, so there
        can be fewer than ``k``; equal ones keep the order of the corpus.

        Args:
            poem: of the index' form, or one line.

        Raises:
            FormError: the poem has another form.
        """
        row, asked = self._part(poem)
        query = told_apart(row[None])
        N, lengths = len(self.ids), self.form.lengths
        scores, total = np.zeros(N), 0.0
        for n in _LENGTHS:
            if n > min(max(lengths), max(asked)):
                break
            grams = hashed(self.ids, n, chars=lengths)
            for gram in np.unique(hashed(query, n, chars=asked)):
                rows = np.unique(np.flatnonzero(grams == gram) // grams.shape[1])
                weight = np.log((N + 1) / max(len(rows), 1))
                scores[rows] += weight
                total += weight
        return self._best(scores / max(total, 1e-9), k, np.flatnonzero(scores))

    def nearest_by_latent(self, poem: Poem | str, k: int, model: PoetryVAE) -> list[Neighbour]:
        """The ``k`` poems whose posterior means are closest in direction to that of ``poem``.

        The score is the cosine of the angle between the means: 1 for one direction, about 0 for
        poems that have nothing to do with each other.

        Args:
            model: the one that the index was built with.

        Raises:
            FormError: the poem has another form.
            ValueError: the index was built without a model.
        """
        if self.directions is None:
            raise ValueError("this index was built without a model")
        row = self._row(poem)[None].astype(np.uint16)
        (query,) = _encode(row, self.tokenizer, self.form, model, None).astype(np.float32)
        starts = range(0, len(self.directions), _COMPARED_AT_ONCE)
        blocks = (self.directions[s : s + _COMPARED_AT_ONCE].astype(np.float32) for s in starts)
        scores = np.concatenate([np.zeros(0), *(block @ query for block in blocks)])
        return self._best(scores, k, np.arange(len(scores)))

    def lines_known(self, poem: Poem | str) -> list[bool]:
        """Which lines of ``poem`` are lines of training poems, the first or any other.

        Raises:
            FormError: the poem has another form.
        """
        return list(self.copied(poem).lines)

    def copied(self, poem: Poem | str) -> Copied:
        """Which lines of ``poem``, a single line perhaps, and whether all of it occur in the
        training poems, letter for letter.

        A line with a character that the index' vocabulary lacks counts as new. Poems are best given
        in the models' orthography: where a simplified character has several traditional ones, a
        copy can be missed.

        Raises:
            FormError: the poem has another form.
        """
        row, lengths = self._part(poem)
        rows = told_apart(row[None])
        lines = among(hashed_lines(rows, lengths), self._lines)[0]
        whole = among(hashed(rows, len(row), chars=len(row)), self._poems)[0, 0]
        return Copied(tuple(lines.tolist()), bool(whole))

    def _row(self, poem: Poem | str) -> npt.NDArray[np.int64]:
        """Ids [T] of a poem of the index' form."""
        cut = Poem.typed(poem, self.form) if isinstance(poem, str) else poem
        if cut.form != self.form:
            raise FormError(f"{cut.one_line} is a {cut.form}; the index holds {self.form}")
        row = self.tokenizer.encode(cut)
        if len(row) != self.form.positions:  # signs that combine into fewer characters
            raise FormError(f"{cut.one_line!r} has {len(row)} characters, not {self.form}")
        return row

    def _part(self, poem: Poem | str) -> tuple[npt.NDArray[np.int64], tuple[int, ...]]:
        """Ids [T] of a poem of the index' form, or of one line, and the lengths of its lines."""
        if isinstance(poem, str) or len(poem.lines) > 1:
            return self._row(poem), self.form.lengths
        row = self.tokenizer.encode(poem)
        return row, (len(row),)

    def _best(
        self, scores: npt.NDArray[np.floating], k: int, rows: npt.NDArray[np.intp]
    ) -> list[Neighbour]:
        best = rows[np.argsort(-scores[rows], kind="stable")[:k]]
        return [
            Neighbour(Poem(self.form.cut(self.tokenizer.decode(self.ids[i]))), float(scores[i]))
            for i in best
        ]

    @cached_property
    def _lines(self) -> Hashes:
        """Sorted; computed when needed, which is faster than reading them from a file."""
        return np.sort(hashed_lines(self.ids, self.form.lengths), axis=None)

    @cached_property
    def _poems(self) -> Hashes:
        return np.sort(hashed(self.ids, self.form.positions, chars=self.form.positions), axis=None)


def _encode(
    ids: npt.NDArray[np.uint16],
    tokenizer: CharTokenizer,
    form: Form,
    model: PoetryVAE,
    progress: EncodingProgress | None,
) -> npt.NDArray[np.float16]:
    """Posterior means of ids [N, T] of a vocabulary, scaled to length 1: [N, D]."""
    import torch

    from poetry_vae.model.inference import inference

    if model.form != form:
        raise FormError(f"the model writes {model.form}, but the index holds {form}")
    renumber = tokenizer.numbers_in(model.tokenizer)
    parts = []
    for start in range(0, len(ids), _ENCODED_AT_ONCE):
        batch = torch.from_numpy(renumber[ids[start : start + _ENCODED_AT_ONCE]])
        with inference():
            mean = model.encode(batch.to(model.device)).mean
        parts.append(torch.nn.functional.normalize(mean, dim=1).half().cpu().numpy())
        if progress:
            progress(min(start + _ENCODED_AT_ONCE, len(ids)), len(ids))
    return np.concatenate(parts) if parts else np.zeros((0, model.code_size), np.float16)
