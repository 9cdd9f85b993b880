"""Poems of many forms side by side in one file, as integers, with what is known of each.

The file is a safetensors archive with checksums that is mapped, not read. Poems of one part and
form are a **block**: their characters follow one another in ``text`` without breaks, so that a
block is an array [N, T]. Blocks are sorted by part, then form. The other tensors are ``titles``,
the characters of all titles; and, a number a poem, ``title_lengths``, ``dynasty``, ``author`` and
``tune``; all of uint16. Metadata hold the blocks, the vocabulary, the values that the numbers stand
for, and where the poems came from. A file whose name ends in ``.safetensors.xz`` is compressed, and
unpacked as a whole.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poetry_vae.text.corpus import Corpus
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.files import FileReadError, open_regular
from poetry_vae.text.form import Form
from poetry_vae.text.json_values import JsonError, parse_json
from poetry_vae.text.poem import Poem
from poetry_vae.text.splitting import PARTS, Part, rows_to_validate_on, split
from poetry_vae.text.tensor_file import PACKED, TensorFile, save_tensors
from poetry_vae.text.titles import subject_of
from poetry_vae.text.tokenizer import CharTokenizer, TokenizerError

FORMAT = "poetry-vae corpus 2"
KINDS = ("dynasty", "author", "tune")
_TENSORS = ("text", "titles", "title_lengths", *KINDS)
_METADATA = ("tokenizer", "source", "blocks", "values")
_LONGEST_HEADER = 100_000_000  # bytes
MANY_POEMS = 20_000
_MOST_VALUES = 2**16 - 1

U16 = npt.NDArray[np.uint16]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """``poems`` poems of one part and form, from row ``first`` and from character ``start``."""

    part: Part
    form: Form
    first: int
    start: int
    poems: int

    @property
    def rows(self) -> slice:
        return slice(self.first, self.first + self.poems)


@dataclass(frozen=True)
class Treasury:
    """What the file holds; see above."""

    tokenizer: CharTokenizer
    blocks: tuple[Block, ...]
    values: Mapping[str, tuple[str, ...]]
    """The values of the numbers, by kind: ``dynasty``, ``author`` and ``tune``."""
    tensors: Mapping[str, U16]
    source: str

    @property
    def forms(self) -> list[Form]:
        """Every form that there is a poem of."""
        return sorted({block.form for block in self.blocks})

    def __len__(self) -> int:
        """The number of poems in all parts."""
        return len(self.tensors["title_lengths"])

    @property
    def sizes(self) -> dict[Part, int]:
        """Poems by part."""
        return {part: sum(block.poems for block in self.of_part(part)) for part in PARTS}

    def of_part(self, part: Part) -> list[Block]:
        return [block for block in self.blocks if block.part == part]

    def ids(self, block: Block) -> U16:
        """The characters of a block, [N, T]; a view of the file."""
        end = block.start + block.poems * block.form.positions
        return self.tensors["text"][block.start : end].reshape(block.poems, -1)

    def column(self, kind: str, block: Block) -> list[str]:
        """The value of a kind for each poem of a block."""
        values = self.values[kind]
        return [values[number] for number in self.tensors[kind][block.rows]]

    def titles(self, block: Block) -> list[str]:
        """The characters of the poems' titles that name their subjects."""
        lengths = self.tensors["title_lengths"].astype(np.int64)
        first, own = lengths[: block.first].sum(), lengths[block.rows].tolist()
        text = self.tokenizer.decode(self.tensors["titles"][first : first + sum(own)].tolist())
        characters = iter(text)
        return ["".join(islice(characters, length)) for length in own]

    def of_form(self, form: Form, part: Part) -> Iterator[tuple[U16, dict[str, list[str]]]]:
        """Poems of a form in a part, block by block, as :meth:`Poem.of_form` finds them: [n, T]
        and what is known of them by kind, ``title`` being one."""
        is_couplet = form.lines == 2 and form.is_even
        for block in self.of_part(part):
            chosen = np.arange(block.poems)
            if is_couplet:
                spans = self.couplets_in(block.form, form)
                chosen = np.flatnonzero(self.tensors["tune"][block.rows] == 0)
            else:
                spans = [slice(0, form.positions)] if block.form == form else []
            if not spans:
                continue
            known = {kind: self.column(kind, block) for kind in KINDS}
            known["title"] = self.titles(block)
            parts = np.stack([self.ids(block)[chosen, span] for span in spans], axis=1)
            yield (
                parts.reshape(-1, form.positions),
                {k: [v[i] for i in chosen for _ in spans] for k, v in known.items()},
            )

    def in_vocabulary(self, tokenizer: CharTokenizer) -> Treasury:
        """The same poems in another vocabulary."""
        renumber = self.tokenizer.numbers_in(tokenizer).astype(np.uint16)
        other = {name: renumber[self.tensors[name]] for name in ("text", "titles")}
        return replace(self, tokenizer=tokenizer, tensors={**self.tensors, **other})

    @staticmethod
    def couplets_in(form: Form, couplet: Form) -> list[slice]:
        """Where couplets stand in poems of a form, as :meth:`Poem.of_form` finds them."""
        numbered = form.cut([chr(0x4E00 + i) for i in range(form.positions)])
        found = Poem(numbered, tune=form.tune).of_form(couplet)
        starts = [ord(part.text[0]) - 0x4E00 for part in found]
        return [slice(start, start + couplet.positions) for start in starts]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all; compressed if its name says so."""
        metadata = {
            "format": FORMAT,
            "tokenizer": self.tokenizer.to_json(),
            "source": self.source,
            "blocks": json.dumps([[b.part, b.form.slug, b.poems] for b in self.blocks]),
            "values": json.dumps(self.values, ensure_ascii=False),
        }
        save_tensors(path, self.tensors, metadata)

    @classmethod
    def open(cls, path: Path) -> Treasury:
        """Map a file that :meth:`save` wrote.

        Raises:
            CorpusError: the file is missing, damaged or something else.
        """
        file = TensorFile.open(
            path, "encoded corpus", version=FORMAT, known=_METADATA, error=CorpusError
        )
        about = file.metadata
        try:
            tokenizer = CharTokenizer.from_json(about["tokenizer"])
            values = {kind: _texts(parse_json(about["values"])[kind]) for kind in KINDS}
            blocks = tuple(_blocks(parse_json(about["blocks"])))
            source = about["source"]
        except (KeyError, TypeError, ValueError, FormError, TokenizerError, JsonError) as error:
            raise CorpusError(f"{path}: not a readable encoded corpus ({error})") from error
        tensors = {name: file.array(name, np.uint16, (None,)) for name in _TENSORS}
        found = cls(tokenizer, blocks, values, tensors, source)
        if fault := found._fault():
            raise file.refuse(f"damaged: {fault}")
        return found

    def _fault(self) -> str | None:
        """The first inconsistency of the content; None if there is none."""
        poems = sum(block.poems for block in self.blocks)
        for name in ("title_lengths", *KINDS):
            if self.tensors[name].shape != (poems,):
                return f"{name} has not a number for each of {poems} poems"
        sizes = {
            "text": sum(block.poems * block.form.positions for block in self.blocks),
            "titles": int(self.tensors["title_lengths"].sum(dtype=np.int64)),
        }
        for name, size in sizes.items():
            if self.tensors[name].shape != (size,):
                return f"{name} has not {size} characters"
            if size and self.tensors[name].max() >= len(self.tokenizer):
                return f"{name} holds ids outside the vocabulary"
        for kind in KINDS:
            if poems and self.tensors[kind].max() >= len(self.values[kind]):
                return f"{kind} holds numbers without a value"
        return None


def is_treasury(path: Path) -> bool:
    """Whether the file holds poems of many forms, and not of one."""
    if path.name.endswith(PACKED):
        return True
    try:
        with open_regular(path) as file:
            size = int.from_bytes(file.read(8), "little")
            return f'"{FORMAT}"'.encode() in file.read(min(size, _LONGEST_HEADER))
    except (FileReadError, OSError):  # the next reader will report the fault
        return False


def encode_poems(corpus: Corpus, *, min_count: int | None = None, source: str = "") -> Treasury:
    """Split a corpus, number the characters of its poems and titles, and sort them into blocks.

    Poems of more than 256 lines, or with a line of more than 64 characters, are left out.

    The vocabulary holds the characters that the training poems have at least ``min_count`` times;
    by default, five times for many poems, and once for few, where every character counts.

    Raises:
        CorpusError: no character is so common.
    """
    by_part: dict[Part, list[Poem]] = {part: [] for part in PARTS}
    for poem, part in zip(corpus.poems, split(corpus.poems), strict=True):
        if has_form(poem):
            by_part[part].append(poem)
    for row in reversed(rows_to_validate_on(len(by_part["train"]), len(by_part["validation"]))):
        by_part["validation"].append(by_part["train"].pop(row))
    if min_count is None:
        min_count = 5 if len(corpus.poems) >= MANY_POEMS else 1
    return encode_blocks(by_part, min_count=min_count, source=source)


def has_form(poem: Poem) -> bool:
    """Whether the poem is short enough to have a form."""
    try:
        return bool(poem.form)
    except FormError:
        return False


def encode_blocks(
    by_part: Mapping[Part, Sequence[Poem]], *, min_count: int, source: str
) -> Treasury:
    """:func:`encode_poems` of poems that are split already."""
    by_block: dict[tuple[int, Form], list[Poem]] = defaultdict(list)
    for number, part in enumerate(PARTS):
        for poem in by_part[part]:
            by_block[number, poem.form].append(poem)
    keys = sorted(by_block)
    tokenizer = vocabulary_of(by_part["train"], min_count, "training poems")
    ordered = [poem for key in keys for poem in by_block[key]]
    titles = [subject_of(poem.title) for poem in ordered]
    columns = {kind: _numbered([getattr(p, kind) for p in ordered]) for kind in KINDS}
    text = "".join(poem.text for poem in ordered)
    tensors = {
        "text": tokenizer.encode_folded(text).astype(np.uint16),
        "titles": tokenizer.encode_folded("".join(titles)).astype(np.uint16),
        "title_lengths": np.array([len(title) for title in titles], np.uint16),
        **{kind: numbers for kind, (_, numbers) in columns.items()},
    }
    blocks = _blocks([[PARTS[part], form.slug, len(by_block[part, form])] for part, form in keys])
    values = {kind: names for kind, (names, _) in columns.items()}
    return Treasury(tokenizer, tuple(blocks), values, tensors, source)


def vocabulary_of(poems: Iterable[Poem], min_count: int, told: str) -> CharTokenizer:
    """The characters that poems have at least ``min_count`` times.

    Raises:
        CorpusError: there is none; the message calls the poems as ``told``.
    """
    counts = Counter("".join(poem.text for poem in poems))
    tokenizer = CharTokenizer.from_counts(counts, min_count=min_count)
    if not tokenizer.characters:
        raise CorpusError(
            f"no character occurs at least {min_count} times in the {told}: the corpus is too "
            "small to be split, or the count asked for too high"
        )
    return tokenizer


def _numbered(texts: Sequence[str]) -> tuple[tuple[str, ...], U16]:
    """The values, "" first and the others by falling frequency, and a number for each text.

    Values for which no number is left become "", that is not known.
    """
    counts = Counter(text for text in texts if text)
    names = ("", *sorted(counts, key=lambda c: (-counts[c], c))[:_MOST_VALUES])
    number = {name: i for i, name in enumerate(names)}
    return names, np.array([number.get(text, 0) for text in texts], np.uint16)


def _blocks(rows: Iterable[Sequence[Any]]) -> Iterator[Block]:
    """Blocks from part, form and number of poems of each, in the order of the file."""
    first = start = 0
    for part, slug, poems in rows:
        if part not in PARTS or type(poems) is not int or poems < 0:
            raise ValueError(f"a block of {poems!r} poems of the part {part!r}")
        form = Form.parse(slug)
        yield Block(part, form, first, start, poems)
        first, start = first + poems, start + poems * form.positions


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError("the values of labels are not lists of texts")
    return tuple(values)
