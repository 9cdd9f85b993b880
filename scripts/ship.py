"""Put a trained model into the package: a byte a weight.

    python scripts/ship.py MODEL_FOLDER --corpus ENCODED_CORPUS
    python scripts/ship.py SHI_FOLDER --name shi --corpus ENCODED_CORPUS

Card and figures get what unseen Tang and Song poems of the test part say of the shipped weights,
beside the same of the full weights: −log p by form of a model that writes any form, the bound of
another one. ``scripts/card.py`` adds an evaluation.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from poetry_vae.model import pretrained
from poetry_vae.model.pretrained import CARD, FIGURES, save_model
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.form import Form
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.bounds import importance_weighted
from poetry_vae.verse.choosing import surprise

_POEMS, _SAMPLES = 500, 100
FORMS = ("七绝", "七律", "五绝", "五律", "七言联", "五言联")


def unseen(corpus: Path, form: Form, tokenizer: CharTokenizer) -> Tensor:
    """Tang and Song poems of the test part as ids, [N, T]."""
    encoded = EncodedCorpus.load(corpus, form)
    dynasty = np.array(encoded.labels["dynasty"].texts("test"))
    rows = np.flatnonzero(np.isin(dynasty, ("唐", "宋")))
    rows = np.random.default_rng(0).permutation(rows)[:_POEMS]
    return torch.from_numpy(encoded.in_vocabulary(tokenizer).parts["test"][rows].astype("int64"))


@torch.no_grad()
def by_form(folder: Path, corpus: Path) -> dict[str, float]:
    """In nats a character: −log p by form, nothing known of z; of a model of one form, the bound of
    importance sampling with 100 samples."""
    model, found = PoetryVAE.from_pretrained(folder), {}
    if model.config.forms == "one":
        ids, draws = unseen(corpus, model.form, model.tokenizer), torch.Generator().manual_seed(0)
        record = model(ids, samples=_SAMPLES, generator=draws)
        bound = -importance_weighted(record).mean() / model.form.positions
        return {str(model.form): float(bound)}
    for name in FORMS:
        form = Form.parse(name)
        nats = surprise(model.writing(form), unseen(corpus, form, model.tokenizer))
        found[name] = float(nats.mean()) / form.positions
    return found


def ship(folder: Path, corpus: Path, name: str) -> None:
    """Put a model into the package under a name."""
    model = PoetryVAE.from_pretrained(folder)
    target = Path(pretrained.__file__).parent / "shipped" / name
    card = (folder / CARD).read_text(encoding="utf-8")
    figures = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    save_model(model, target, card=card, figures=figures, dtype=torch.int8)
    full, packed = by_form(folder, corpus), by_form(target, corpus)
    rows = [f"| {form} | {full[form]:.4f} | {packed[form]:.4f} |" for form in full]
    what = "−log p of {} Tang and Song poems of the test part, in nats a character, with nothing "
    what += "known of z and no title or dynasty told"
    if model.config.forms == "one":
        what = "Bound of {} Tang and Song poems of the test part, in nats a character, with "
        what += f"{_SAMPLES} importance samples"
    comparison = f"\n{what.format(_POEMS)}:\n\n" + "\n".join(
        ["| | float32 | int8, as shipped |", "|---|---|---|", *rows, ""]
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
    parser.add_argument("--name", default="poet", help="the name it ships under")
    asked = parser.parse_args()
    ship(asked.model, asked.corpus, asked.name)


if __name__ == "__main__":
    main()
