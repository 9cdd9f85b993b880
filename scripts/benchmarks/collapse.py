"""What cures the collapse of preset ``shi``: one training a row, with the same seed and length.

    python scripts/benchmarks/collapse.py CORPUS.safetensors --output FOLDER

CORPUS is an encoded corpus. Every row is trained into a folder of its own under FOLDER; one that is
finished is read instead of trained again, and one that was stopped is continued. The figures are
those of the kept weights on validation poems, the bound without any β, warm-up or free bits.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from measure import machine_line, parser, table, tell, write_json

from poetry_vae.model.pretrained import FIGURES, CheckpointError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.files import replace_file
from poetry_vae.training.checkpoint import STATE
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.run import Observer
from poetry_vae.training.train import train

_WARMUP = {"kl_schedule": "linear", "warmup": 0.5}
_FREE_BITS = {"free_bits": 0.1}
_POSITIONS = {"pooling": "positions"}

ROWS: dict[str, dict[str, Any]] = {
    "shi": {},
    "shi, warm-up": _WARMUP,
    "shi, free bits": _FREE_BITS,
    "shi, positions": _POSITIONS,
    "shi, positions and warm-up": {**_POSITIONS, **_WARMUP},
    "shi, positions and free bits": {**_POSITIONS, **_FREE_BITS},
}
_DONE = "finished.json"


class Progress(Observer):
    """A line on standard error for each validation."""

    def __init__(self, row: str) -> None:
        self.row, self.steps = row, 0

    def started(self, model: PoetryVAE, steps: int, done: int, note: str) -> None:
        self.steps = steps
        tell(f"{self.row}: {note}")

    def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
        tell(
            f"{self.row}: step {step}/{self.steps}, {figures.nats_per_character:.3f} nats a "
            f"character, rate {figures.rate:.1f}, {figures.active_units} active units"
        )


def figures_of(
    row: str, corpus: EncodedCorpus, folder: Path, epochs: float, seed: int
) -> dict[str, float]:
    """Train a row, or read what was measured when it was trained with the same settings."""
    settings = {**ROWS[row], "epochs": epochs, "patience": 0}
    run = {"settings": settings, "seed": seed, "training_poems": len(corpus.parts["train"])}
    done = folder / _DONE
    if not (done.is_file() and json.loads(done.read_text(encoding="utf-8")) == run):
        train(
            corpus,
            folder,
            preset="shi",
            overrides=settings,
            seed=seed,
            resume=(folder / STATE).is_file(),
            observer=Progress(row),
        )
        replace_file(done, json.dumps(run))
    found: dict[str, float] = json.loads((folder / FIGURES).read_text(encoding="utf-8"))
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--output", type=Path, required=True, help="where the models go")
    options.add_argument("--epochs", type=float, default=0.85, help="of every row (0.85)")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    print(machine := machine_line(), end="\n\n")
    corpus = EncodedCorpus.load(given.corpus)
    found = {}
    for row in ROWS:
        folder = given.output / row.replace(",", "").replace(" ", "-")
        try:
            found[row] = figures_of(row, corpus, folder, given.epochs, given.seed)
        except CheckpointError as error:  # the folder holds a run with other settings
            raise SystemExit(str(error)) from error
    header = [
        "model",
        "settings",
        "bound, nats/char",
        "rate, nats",
        "active units",
        "reconstructed",
    ]
    rows = [
        [
            row,
            ", ".join(f"{name}={value}" for name, value in ROWS[row].items()),
            f"{f['nats_per_character']:.3f}",
            f"{f['rate']:.2f}",
            f["active_units"],
            f"{f['reconstruction']:.1%}",
        ]
        for row, f in found.items()
    ]
    poems = round(given.epochs * len(corpus.parts["train"]))
    print(f"{given.epochs:g} epochs, {poems:,} poems, seed {given.seed}:\n")
    print(table(header, rows))
    write_json(given.json, {"machine": machine, "epochs": given.epochs, "rows": found})


if __name__ == "__main__":
    main()
