"""Batches of poems of many forms: whole poems, parts of long ones, and couplets.

An epoch has every whole poem that is short enough once. Longer poems are cut into consecutive
parts, which keep the numbers of their lines, so that the model can tell that they are parts. Some
couplets of verse of five and seven are added, as a form of their own. Batches hold about equally
many characters. Poems of one batch are about equally long, so that little is padded. A poem is
asked for by its dynasty and its title, or some words of the title; either is left out at random.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from poetry_vae.model.asked import Asked
from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layout import Layout, columns_of
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.form import Form
from poetry_vae.text.splitting import Part
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.text.treasury import Treasury
from poetry_vae.training.batches import Batch

LONGEST = 64  # characters of a poem or part
QUATRAIN = 28  # characters that a poem counts for in the size of a batch
COUPLET_SHARE = 0.15  # couplets of an epoch, as a share of its poems and parts
_STEP = 4  # poems of a batch differ in length by less
_SORTED = 16  # batches of a width whose poems are sorted by the length of what is asked
_UNSAID_DYNASTY, _UNSAID_SUBJECT, _SOME_WORDS = 0.15, 0.3, 0.3

Ints = npt.NDArray[np.int64]

PERIODS = {"隋": "唐", "五代": "唐", "五代十国": "唐", "五代十國": "唐", "金": "元", "辽": "宋"}
"""Dynasties that are too small to be learned apart, and the one that each is counted with."""


@dataclass(frozen=True)
class Items:
    """Poems and parts of poems, each a row."""

    start: Ints
    """The first character in the corpus' text."""
    poem: Ints
    """The row of the poem in the corpus."""
    layout: Ints
    """The row in the table of layouts."""

    def __getitem__(self, rows: Ints) -> Items:
        return Items(self.start[rows], self.poem[rows], self.layout[rows])

    @classmethod
    def joined(cls, parts: Sequence[Items]) -> Items:
        columns = zip(*((p.start, p.poem, p.layout) for p in parts), strict=True)
        return cls(*map(np.concatenate, columns)) if parts else cls(*[np.empty(0, np.int64)] * 3)


class LayoutTable:
    """Layouts of whole forms and of parts of them, by number, in a byte a value."""

    def __init__(self) -> None:
        self._number: dict[tuple[Form, int, int], int] = {}
        self.rows: list[npt.NDArray[np.uint8]] = []
        """Each [7, LONGEST]."""

    def number(self, form: Form, first: int, last: int) -> int:
        """The number of the layout of a form's lines from ``first`` up to ``last``."""
        key = form, first, last
        if key not in self._number:
            self._number[key] = len(self.rows)
            places = slice(form.starts[first], form.starts[last - 1] + form.lengths[last - 1])
            length = places.stop - places.start
            row = np.zeros((7, LONGEST), np.uint8)
            row[:, :length] = np.array(columns_of(form))[:, places].clip(0, 255)
            row[6, :length] -= first // 2
            self.rows.append(row)
        return self._number[key]


class PoemBatches:
    """The batches of a run over many forms, in an order that the seed and the step decide."""

    def __init__(
        self,
        corpus: Treasury,
        part: Part,
        model: ModelConfig,
        size: int,
        *,
        seed: int,
        device: torch.device,
    ) -> None:
        """
        Args:
            size: poems in a batch, if they have 28 characters.

        Raises:
            CorpusError: the part has no poem that the model could write.
        """
        self.corpus, self.model, self.seed, self.device = corpus, model, seed, device
        self.size, self.characters = size, size * QUATRAIN
        table = LayoutTable()
        self.items = Items.joined(list(_poems(corpus, part, model, table)))
        self.couplets = [Items.joined(list(_couplets(corpus, part, c, table))) for c in (5, 7)]
        if not len(self.items.start):
            raise CorpusError(f"the {part} part of the corpus has no poem that the model can write")
        self.table = table
        rows = np.stack(table.rows)
        self.layouts = torch.from_numpy(rows).to(device)
        characters, units = rows[:, 0].sum(1), rows[:, 6].max(1) + 1
        self.sizes = np.stack([characters, units], 1).astype(np.int64)
        self.text = _on(device, corpus.tensors["text"])
        self.titles = _on(device, corpus.tensors["titles"])
        lengths = corpus.tensors["title_lengths"].astype(np.int64)
        self.title_lengths, self.title_starts = lengths, np.cumsum(lengths) - lengths
        known = {name: i for i, name in enumerate(model.dynasties, start=1)}
        names = (PERIODS.get(name, name) for name in corpus.values["dynasty"])
        self.dynasties = np.array([known.get(n, 0) for n in names])[corpus.tensors["dynasty"]]
        self._epoch, self._batches = -1, self._of_epoch(0)
        self.in_epoch = len(self._batches)

    def __call__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.in_epoch)
        if epoch != self._epoch:
            self._batches, self._epoch = self._of_epoch(epoch), epoch
        return self.batch(*self._batches[place])

    def _of_epoch(self, epoch: int) -> list[tuple[Items, Ints, Ints]]:
        """Batches: items, the dynasty of each, and where its subject starts and how long it is."""
        rng = np.random.default_rng(derived_seed(self.seed, "epoch", epoch))
        wanted = round(COUPLET_SHARE * len(self.items.start) / 2)
        chosen = [
            couplets[rng.integers(0, len(couplets.start), wanted)]
            for couplets in self.couplets
            if len(couplets.start)
        ]
        items = Items.joined([self.items, *chosen])
        n = len(items.start)
        dynasty = self.dynasties[items.poem] * (rng.random(n) >= _UNSAID_DYNASTY)
        subject = self._subjects(items, rng)
        order = rng.permutation(n)
        width = width_of(self.sizes[items.layout, 0])
        found = []
        for w in np.unique(width):
            rows = order[width[order] == w]
            many = max(1, self.characters // int(w))
            for chunk in np.split(rows, range(many * _SORTED, len(rows), many * _SORTED)):
                by_subject = chunk[np.argsort(subject[chunk, 1], kind="stable")]
                found += np.split(by_subject, range(many, len(by_subject), many))
        shuffled = [found[i] for i in rng.permutation(len(found))]
        return [(items[rows], dynasty[rows], subject[rows]) for rows in shuffled]

    def _subjects(self, items: Items, rng: np.random.Generator) -> Ints:
        """The title, some words of it, or nothing: first character and length, [N, 2]."""
        n = len(items.start)
        whole = self.title_lengths[items.poem]
        length = np.minimum(whole, self.model.subject)
        fewer = np.minimum(length, rng.integers(2, max(3, self.model.subject + 1), n))
        is_part = rng.random(n) < _SOME_WORDS
        length = np.where(is_part, fewer, length)
        first = np.where(is_part, (rng.random(n) * (whole - length + 1)).astype(np.int64), 0)
        length = length * (rng.random(n) >= _UNSAID_SUBJECT)
        return np.stack([self.title_starts[items.poem] + first, length], 1)

    def batch(self, items: Items, dynasty: Ints, subject: Ints) -> Batch:
        """The poems of items, with what is asked of them."""
        sizes = self.sizes[items.layout]
        width = int(sizes[:, 0].max())
        rows = self.layouts[_index(items.layout, self.device)][:, :, :width].long()
        layout = Layout(rows[:, 0].bool(), *(rows[:, i] for i in range(1, rows.shape[1])))
        ids = _rows(self.text, items.start, width, layout.there)
        lengths = _index(subject[:, 1], self.device)
        places = torch.arange(int(subject[:, 1].max()), device=self.device)
        said = _rows(self.titles, subject[:, 0], len(places), places < lengths[:, None])
        asked = Asked(layout, int(sizes[:, 1].max()), _index(dynasty, self.device), said)
        return Batch(ids, asked=asked)

    def of_form(self, form: Form) -> Items:
        """All whole poems of a form, or all couplets of one of two lines."""
        all_items = Items.joined([self.items, *self.couplets])
        wanted = self.table.number(form, 0, form.lines)
        return all_items[np.flatnonzero(all_items.layout == wanted)]

    def told(self, items: Items) -> Batch:
        """Poems of one form as a batch, with all that is known of them."""
        length = np.minimum(self.title_lengths[items.poem], self.model.subject)
        subject = np.stack([self.title_starts[items.poem], length], 1)
        return self.batch(items, self.dynasties[items.poem], subject)


def width_of(characters: Any) -> Any:
    """The places that poems of so many characters take in a batch."""
    return -(-characters // _STEP) * _STEP


def _poems(corpus: Treasury, part: Part, model: ModelConfig, table: LayoutTable) -> Iterator[Items]:
    """Whole poems and parts of long ones, of all forms that the model can write."""
    for block in corpus.of_part(part):
        form = block.form
        if max(form.lengths) > model.chars or form.lines > 255:
            continue
        rows = np.arange(block.poems)
        for first, last in _cut(form):
            start = block.start + rows * form.positions + form.starts[first]
            number = table.number(form, first, last)
            yield Items(start, block.first + rows, np.full(block.poems, number))


def _cut(form: Form) -> Iterator[tuple[int, int]]:
    """The lines of consecutive parts of at most LONGEST characters, of whole couplets."""
    first = 0
    for last in (*range(2, form.lines, 2), form.lines):
        if last == form.lines or sum(form.lengths[first : last + 2]) > LONGEST:
            if sum(form.lengths[first:last]) <= LONGEST:
                yield first, last
            first = last


def _couplets(corpus: Treasury, part: Part, chars: int, table: LayoutTable) -> Iterator[Items]:
    """Couplets of verse, as poems of two lines."""
    couplet = Form.of(2, chars)
    for block in corpus.of_part(part):
        spans = corpus.couplets_in(block.form, couplet)
        if block.form == couplet or not spans:
            continue
        rows = np.flatnonzero(corpus.tensors["tune"][block.rows] == 0)
        for span in spans:
            start = block.start + rows * block.form.positions + span.start
            number = table.number(couplet, 0, 2)
            yield Items(start, block.first + rows, np.full(len(rows), number))


def _rows(text: Tensor, start: Ints, width: int, there: Tensor) -> Tensor:
    """``width`` characters from each start, ``<mask>`` where there is none: [B, width]."""
    index = _index(start, text.device)[:, None] + torch.arange(width, device=text.device)
    if not len(text):
        return torch.full(index.shape, CharTokenizer.MASK, device=text.device)
    found = text[index.clamp_max(len(text) - 1)].long()
    return found.masked_fill(~there, CharTokenizer.MASK)


def _index(numbers: Ints, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(numbers)).to(device, non_blocking=True)


def _on(device: torch.device, text: npt.NDArray[np.uint16]) -> Tensor:
    return torch.from_numpy(text.astype(np.int16)).to(device)
