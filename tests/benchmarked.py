"""What benchmarks are tried on: small corpora and random models. And how their output is read."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.splitting import PARTS, Part
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.text.treasury import encode_blocks
from tests.small import CHARACTERS, COUPLET, small_config, small_poet

ANTHOLOGY = Path(__file__).parents[1] / "data" / "anthology.jsonl"
_DYNASTIES = ("唐", "宋")


@dataclass(frozen=True)
class Material:
    """Corpora and random models in a folder."""

    couplets: Path
    """Real couplets of the anthology; an encoded corpus."""
    of_couplets: Path
    """A model of their characters."""
    poems: Path
    """Made-up poems of many forms, all in one rhyme; an encoded corpus."""
    poet: Path
    """A model of any form."""
    quatrains: Path
    """The 五绝 of ``poems``; an encoded corpus of one form, with dynasties."""

    @classmethod
    def made(cls, folder: Path) -> Material:
        """Write them into a folder."""
        names = (
            "couplets.safetensors",
            "couplets",
            "poems.safetensors",
            "poet",
            "five.safetensors",
        )
        made = cls(*(folder / name for name in names))
        real = _couplets()
        real.save(made.couplets)
        config = small_config(vocabulary=len(real.tokenizer))
        PoetryVAE.build(config, real.tokenizer, seed=0).save_pretrained(made.of_couplets)
        poems = encode_blocks(_poems(), min_count=1, source="made-up poems")
        poems.save(made.poems)
        small_poet(poems.tokenizer, dynasties=_DYNASTIES).save_pretrained(made.poet)
        EncodedCorpus.of(poems, Form.parse("五绝")).save(made.quatrains)
        return made


def _couplets() -> EncodedCorpus:
    poems = read_corpus(ANTHOLOGY).poems
    text = "".join(couplet.text for poem in poems for couplet in poem.of_form(COUPLET))
    tokenizer = CharTokenizer(sorted(set(text)))
    ids = tokenizer.encode_folded(text).astype(np.uint16).reshape(-1, COUPLET.positions)
    parts: dict[Part, Any] = {"train": ids[::2], "validation": ids[3::4], "test": ids[1::4]}
    return EncodedCorpus(COUPLET, tokenizer, parts, "the anthology")


def _poems() -> dict[Part, list[Poem]]:
    """Made-up poems, whose titles are characters of the poem."""
    rng = random.Random(0)
    found: dict[Part, list[Poem]] = {part: [] for part in PARTS}
    for part in PARTS:
        for name, many in (("五绝", 48), ("七绝", 24), ("五律", 2), ("七律", 2)):
            form = Form.parse(name)
            for i in range(many):
                text = "".join(rng.choices(CHARACTERS, k=form.positions - 1)) + "風"
                poem = Poem.typed(text, form, title=text[:2], dynasty=_DYNASTIES[i % 2])
                found[part].append(poem)
    return found


def table(text: str, heading: str) -> dict[str, list[str]]:
    """The rows of the Markdown table whose heading begins so: cells by the first of each row."""
    found: dict[str, list[str]] = {}
    _, _, below = re.sub(" +", " ", text).partition(f"| {heading}")
    assert below, f"no table {heading!r} in {text}"
    for line in below.splitlines()[2:]:
        if not line.startswith("|"):
            break
        first, *others = (cell.strip() for cell in line.strip("|").split("|"))
        found[first] = others
    return found


def number(cell: str) -> float:
    """The first number of a cell."""
    found = re.search(r"-?[\d,]+(\.\d+)?", cell)
    assert found is not None, cell
    return float(found[0].replace(",", ""))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
