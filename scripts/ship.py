"""Put a trained model into the package: a byte a weight, measured on poems it has not seen.

    python scripts/ship.py MODEL_FOLDER --corpus ENCODED_CORPUS

The model replaces the one that ships for its form, and the lines of its training part are added to
the known lines. A model of any form ships as ``poet``, with its surprise by form. Card and figures
are measured on the test part with the shipped weights, beside the same figures of the full weights;
``scripts/card.py`` adds the whole evaluation.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from poetry_vae.evaluation.report.density import Density, density
from poetry_vae.model import pretrained
from poetry_vae.model.pretrained import CARD, FIGURES, save_model
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus, poems_for
from poetry_vae.text.form import Form
from poetry_vae.text.known_lines import KnownLines, lines_file
from poetry_vae.verse.choosing import surprise

_POEMS = 500
_UNKNOWN = "□"


def measure(folder: Path, corpus: Path) -> Density:
    """Figures on poems of the test part, drawn at random but always the same."""
    model = PoetryVAE.from_pretrained(folder)
    ids = poems_for(corpus, model.form, model.tokenizer, part="test")
    ids = ids[np.random.default_rng(0).permutation(len(ids))[:_POEMS]]
    generator = torch.Generator().manual_seed(0)
    return density(
        model, torch.from_numpy(ids.astype("int64")), samples=(1, 100), generator=generator
    )


def training_lines(corpus: Path) -> Iterator[str]:
    """Every line of the training part; those with a character that is not in it are left out."""
    encoded = EncodedCorpus.load(corpus)
    for poem in encoded.tokenizer.decode_rows(encoded.parts["train"]):
        yield from (line for line in encoded.form.cut(poem) if _UNKNOWN not in line)


FORMS = ("七绝", "七律", "五绝", "五律", "七言联", "五言联")


def by_form(folder: Path, corpus: Path) -> dict[str, float]:
    """−log p of unseen Tang and Song poems by form, nothing known of z, in nats a character."""
    model, found = PoetryVAE.from_pretrained(folder), {}
    for name in FORMS:
        form = Form.parse(name)
        encoded = EncodedCorpus.load(corpus, form)
        dynasty = np.array(encoded.labels["dynasty"].texts("test"))
        rows = np.flatnonzero(np.isin(dynasty, ("唐", "宋")))
        rows = np.random.default_rng(0).permutation(rows)[:_POEMS]
        ids = torch.from_numpy(
            encoded.in_vocabulary(model.tokenizer).parts["test"][rows].astype("int64")
        )
        nats = surprise(model.writing(form), ids) / form.positions
        found[name] = float(nats.mean())
    return found


def ship_any(folder: Path, corpus: Path) -> None:
    """Put a model of any form into the package."""
    model = PoetryVAE.from_pretrained(folder)
    target = Path(pretrained.__file__).parent / "shipped" / "poet"
    card = (folder / CARD).read_text(encoding="utf-8")
    figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    save_model(model, target, card=card, figures=figures, dtype=torch.int8)
    full, packed = by_form(folder, corpus), by_form(target, corpus)
    rows = [f"| {form} | {full[form]:.4f} | {packed[form]:.4f} |" for form in FORMS]
    comparison = (
        f"\n−log p of {_POEMS} Tang and Song poems of the test part, in nats a character, nothing "
        "known of z, no title or dynasty told:\n\n"
        + "\n".join(["| | float32 | int8, as shipped |", "|---|---|---|", *rows])
        + "\n"
    )
    measured = {"log_loss": {form: round(nats, 4) for form, nats in packed.items()}}
    save_model(
        model, target, card=card + comparison, figures={**figures, **measured}, dtype=torch.int8
    )
    print(comparison)


def table(full: Density, packed: Density) -> str:
    """Both precisions side by side, as Markdown."""
    rows = [
        ("bound, K = 1, nats a character", "{0.bounds[1].mean:.4f} ± {0.bounds[1].error:.4f}"),
        ("bound, K = 100", "{0.bounds[100].mean:.4f} ± {0.bounds[100].error:.4f}"),
        ("rate, nats a poem", "{0.rate.mean:.2f} ± {0.rate.error:.2f}"),
        ("active units", "{0.active_units} of {0.latent}"),
        ("characters reconstructed", "{0.reconstruction:.2%}"),
        ("whole poems reconstructed", "{0.whole_poems:.2%}"),
    ]
    lines = [f"| {name} | {row.format(full)} | {row.format(packed)} |" for name, row in rows]
    return "\n".join(["| | float32 | int8, as shipped |", "|---|---|---|", *lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    asked = parser.parse_args()
    model = PoetryVAE.from_pretrained(asked.model)
    if model.written is None:
        ship_any(asked.model, asked.corpus)
        return
    target = Path(pretrained.__file__).parent / "shipped" / model.form.slug
    card = (asked.model / CARD).read_text(encoding="utf-8")
    figures = json.loads((asked.model / FIGURES).read_text(encoding="utf-8"))
    save_model(model, target, card=card, figures=figures, dtype=torch.int8)
    full, packed = measure(asked.model, asked.corpus), measure(target, asked.corpus)
    measured = {
        "nats_per_character": round(packed.bounds[1].mean, 4),
        "nats_per_character_k100": round(packed.bounds[100].mean, 4),
        "rate": round(packed.rate.mean, 3),
        "active_units": packed.active_units,
        "reconstruction": round(packed.reconstruction, 4),
        "measured_on": f"{packed.poems} test poems",
    }
    comparison = f"\nOn {packed.poems} poems of the test part:\n\n{table(full, packed)}\n"
    save_model(
        model,
        target,
        card=card + comparison,
        figures={**figures, **measured},
        dtype=torch.int8,
    )
    path = lines_file(target, model.form.chars)
    lines = KnownLines.of(training_lines(asked.corpus))
    if path.is_file():
        lines |= KnownLines.load(path)
    lines.save(path)
    size = path.stat().st_size
    print(f"{target.name}: {comparison}\n{len(lines):,} lines known, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
