"""Put a trained model of any form into the package as ``poet``: a byte a weight.

    python scripts/ship.py MODEL_FOLDER --corpus ENCODED_CORPUS

Card and figures get −log p of unseen poems by form, measured on the test part with the shipped
weights, beside the same figures of the full weights; ``scripts/card.py`` adds an evaluation.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from poetry_vae.model import pretrained
from poetry_vae.model.pretrained import CARD, FIGURES, save_model
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form
from poetry_vae.verse.choosing import surprise

_POEMS = 500


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


def ship(folder: Path, corpus: Path) -> None:
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("--corpus", type=Path, required=True)
    asked = parser.parse_args()
    ship(asked.model, asked.corpus)


if __name__ == "__main__":
    main()
