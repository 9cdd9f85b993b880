"""Presets after the same training time: bound, rate, active units, reconstruction.

    python scripts/benchmarks/same_time.py CORPUS.safetensors --minutes 8 --output FOLDER

CORPUS is an encoded corpus, so that vocabulary and poems are the same for all. Each preset is first
timed for a few steps, then trained for as many as fit into the minutes, with its whole schedule.
Figures are of validation poems: −ELBO and the bound of 100 importance samples in nats a character,
beside a model of character frequencies by position. A finished preset is not trained again.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from measure import machine_line, parser, table, tell, use_threads, write_json

from poetry_vae.evaluation.density import density
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.training.api import train
from poetry_vae.training.checkpoint import STATE
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.presets import PRESETS
from poetry_vae.training.run import Observer

_TIMED_STEPS = 60
_POEMS = 1000


class Progress(Observer):
    """A line on standard error for each validation."""

    def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
        bound = figures.nats_per_character
        tell(f"step {step}: {bound:.3f} nats a character, rate {figures.rate:.1f}")


def seconds_a_step(
    corpus: EncodedCorpus, preset: str, overrides: Mapping[str, str] | None = None
) -> float:
    """How long an optimiser step takes, validations left out."""
    settings = {**(overrides or {}), "epochs": "1", "patience": "0", "validate_every": "1000000"}
    marks: list[float] = []

    def mark() -> bool:
        marks.append(time.process_time())
        return len(marks) > _TIMED_STEPS

    with tempfile.TemporaryDirectory() as folder:
        train(corpus, folder, preset=preset, overrides=settings, should_stop=mark)
    half = len(marks) // 2
    return (marks[-1] - marks[half]) / (len(marks) - 1 - half)


def frequencies_by_position(corpus: EncodedCorpus) -> float:
    """Nats a character of validation poems under smoothed counts of the training part."""
    training, validation = corpus.parts["train"], corpus.parts["validation"]
    total = 0.0
    for position in range(corpus.form.positions):
        counts = np.bincount(training[:, position], minlength=len(corpus.tokenizer)) + 0.5
        total -= np.log(counts / counts.sum())[validation[:, position]].mean()
    return total / corpus.form.positions


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--minutes", type=float, default=8.0, help="for each preset (8)")
    options.add_argument("--output", type=Path, required=True, help="where the models go")
    options.add_argument("--presets", nargs="+", default=list(PRESETS))
    options.add_argument("--threads", type=int, default=None)
    given = options.parse_args()
    if given.threads:
        use_threads(given.threads)
    print(machine := machine_line(), end="\n\n")
    corpus = EncodedCorpus.load(given.corpus)
    ids = torch.from_numpy(corpus.parts["validation"][:_POEMS].astype("int64"))
    rows, found = [], {}
    for preset in given.presets:
        folder = given.output / preset
        if not (folder / STATE).is_file():
            steps = 60 * given.minutes / seconds_a_step(corpus, preset)
            batch = PRESETS[preset].configs(corpus.form, len(corpus.tokenizer))[1].batch_size
            epochs = steps * batch / len(corpus.parts["train"])
            tell(f"{preset}: {steps:.0f} steps, {epochs:.2f} epochs")
            settings = {"epochs": str(epochs), "patience": "0"}
            train(corpus, folder, preset=preset, overrides=settings, observer=Progress())
        model = PoetryVAE.from_pretrained(folder)
        generator = torch.Generator().manual_seed(0)
        f = density(model, ids, samples=(1, 100), generator=generator)
        found[preset] = {str(k): bound.mean for k, bound in f.bounds.items()}
        rows.append(
            [
                f"`{preset}`",
                f"{sum(p.numel() for p in model.parameters()):,}",
                f"{-(-f.rate.mean - f.distortion.mean) / model.form.positions:.3f}",
                f"{f.bounds[100].mean:.3f} ± {f.bounds[100].error:.3f}",
                f"{f.rate.mean:.2f}",
                f"{f.active_units} of {f.latent}",
                f"{f.reconstruction:.1%}",
            ]
        )
    header = ["preset", "parameters", "−ELBO", "K = 100", "rate", "active units", "reconstructed"]
    print(f"{given.minutes:g} minutes each, vocabulary of {len(corpus.tokenizer):,}:\n")
    print(table(header, rows))
    unigram = frequencies_by_position(corpus)
    print(f"Character frequencies by position: {unigram:.3f} nats a character.")
    write_json(given.json, {"machine": machine, "bounds": found, "unigram": unigram})


if __name__ == "__main__":
    main()
