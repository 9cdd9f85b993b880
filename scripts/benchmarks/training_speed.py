"""Training speed of preset ``shi``: the project's way, against the same model written plainly.

    python -m scripts.benchmarks training_speed CORPUS.safetensors
    python -m scripts.benchmarks training_speed CORPUS.safetensors --check-bound 10

CORPUS is an encoded corpus (`poetry-vae corpus` writes one). Measured: poems a second of whole
optimiser steps, and the share of the machine's own matrix-product peak that presets ``shi`` and
``base`` reach. The plain model is in ``plain.py``. ``--check-bound`` also trains both on equally
many poems, with the same batch size, learning rates and clipping, and prints the bounds of 2,048
validation poems.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median

import torch
from measure import (
    Ratio,
    alternate,
    machine_line,
    parameters,
    parser,
    peak,
    rate,
    round_options,
    table,
    tell,
    thousands,
    training_flops,
    use_threads,
    write_json,
)
from plain import PlainTraining

from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.training.data import OneForm
from poetry_vae.training.device import Precision, find_precision
from poetry_vae.training.presets import PRESETS
from poetry_vae.training.run import Run
from poetry_vae.training.schedules import TrainingPlan
from poetry_vae.training.step import Trained

_SEEDS = (0, 1)


class Ours:
    """The project's own steps, without the loop around them."""

    def __init__(
        self,
        corpus: EncodedCorpus,
        settings: dict[str, object],
        *,
        preset: str = "shi",
        precision: Precision = "auto",
        seed: int = 0,
    ) -> None:
        self.config, self.training = PRESETS[preset].configs(
            corpus.form, len(corpus.tokenizer), settings
        )
        run, cpu = Run(corpus, self.config, self.training, seed, preset), torch.device("cpu")
        self.dtype, self.data = find_precision(cpu, precision), OneForm(run, corpus, cpu)
        self.plan = TrainingPlan(self.training, self.data.batches.in_epoch)
        self.trained = Trained.begin(run, cpu, poems=self.data.poems)
        self.generator, self.done = torch.Generator().manual_seed(seed), 0

    def step(self) -> int:
        """One optimiser step; how many poems it took."""
        batch = self.data.batches(self.done)
        self.trained.step(self.done, batch, self.plan, self.generator, dtype=self.dtype)
        self.done += 1
        return len(batch.ids)


class Benchmark:
    """The contestants, their results in the rounds, and the printed summary."""

    def __init__(self, corpus: EncodedCorpus, given: argparse.Namespace) -> None:
        self.corpus, self.given = corpus, given
        self.ids = torch.from_numpy(corpus.parts["train"].astype("int64"))
        own = {name: p.configs(corpus.form, 3)[1].batch_size for name, p in PRESETS.items()}
        self.sizes = {"shi": sorted({own["shi"], 512}), "base": sorted({own["base"], 512})}
        self.ours = {
            (preset, batch): Ours(
                corpus,
                {"batch_size": batch},
                preset=preset,
                precision=given.precision,
            )
            for preset, sizes in self.sizes.items()
            for batch in sorted({*sizes, *(given.batch if preset == "shi" else [])})
        }
        shi = self.ours["shi", given.batch[0]]
        self.dtype = shi.dtype
        self.plain = {batch: PlainTraining(shi.config, self.ids, batch) for batch in given.batch}
        models = [shi.trained.model, *(plain.model for plain in self.plain.values())]
        if len(counts := set(map(parameters, models))) > 1:
            raise SystemExit(f"the contestants differ: they have {counts} parameters")

    def run(self) -> dict[str, object]:
        """Measure in alternating rounds and print the two tables."""
        seconds = self.given.seconds
        contestants: dict[str, Callable[[], float]] = {
            "peak float32": lambda: peak(torch.float32),
            "peak bfloat16": lambda: peak(torch.bfloat16),
        }
        for batch, plain in self.plain.items():
            contestants[f"plain {batch}"] = partial(rate, plain.step, seconds)
            contestants[f"shi {batch}"] = partial(rate, self.ours["shi", batch].step, seconds)
        for (preset, batch), ours in self.ours.items():
            contestants.setdefault(f"{preset} {batch}", partial(rate, ours.step, seconds))
        self.rounds = rounds = alternate(contestants, self.given.rounds)
        ratios = {b: Ratio.of(rounds[f"shi {b}"], rounds[f"plain {b}"]) for b in self.plain}
        name = str(self.dtype).removeprefix("torch.")
        header = ["batch", "plain, poems/s", f"`shi`, {name}, poems/s", "`shi` / plain"]
        speeds = [
            [b, thousands(rounds[f"plain {b}"]), thousands(rounds[f"shi {b}"]), str(ratio)]
            for b, ratio in ratios.items()
        ]
        print(table(header, speeds))

        top = rounds[f"peak {name}"]
        shares, rows = {}, []
        for preset, sizes in self.sizes.items():
            for batch in sizes:
                cost = training_flops(self.ours[preset, batch].config)
                speed = rounds[f"{preset} {batch}"]
                shares[f"{preset} {batch}"] = share = Ratio.of(speed, top, cost)
                row = [f"`{preset}`", batch, f"{cost / 1e6:.1f}", thousands(speed), share.percent]
                rows.append(row)
        header = ["preset", "batch", "MFLOP/poem", "poems/s", f"share of the {name} peak"]
        print(table(header, rows))
        peaks = {kind: median(rounds[f"peak {kind}"]) / 1e9 for kind in ("float32", "bfloat16")}
        print(f"Peak, GFLOP/s: {', '.join(f'{k} {v:.0f}' for k, v in peaks.items())}.\n")
        return {
            "rounds": rounds,
            "ratio to plain": {str(batch): asdict(ratio) for batch, ratio in ratios.items()},
            "share of peak": {name: asdict(share) for name, share in shares.items()},
        }

    def check_bound(self) -> dict[str, object]:
        """Train both on equally many poems in about the minutes given; print both bounds."""
        found, rows = {}, []
        for batch in self.given.batch:
            pair = sum(1 / median(self.rounds[f"{kind} {batch}"]) for kind in ("plain", "shi"))
            share = 60 * self.given.check_bound / (len(self.given.batch) * len(_SEEDS))
            steps = max(1, round(share / pair / batch))
            bounds = [self._bounds(batch, steps, seed) for seed in _SEEDS]
            for seed, (plain, ours) in zip(_SEEDS, bounds, strict=True):
                figures = [f"{plain:.4f}", f"{ours:.4f}", f"{ours - plain:+.4f}"]
                rows.append([batch, f"{steps * batch:,}", seed, *figures])
            found[str(batch)] = {"poems": steps * batch, "plain, ours by seed": bounds}
        print("−ELBO on validation poems, nats a character, in float32:\n")
        print(table(["batch", "poems", "seed", "plain", "`shi`", "difference"], rows))
        return {"check bound": found}

    def _bounds(self, batch: int, steps: int, seed: int) -> tuple[float, float]:
        tell(f"bound: batch {batch}, seed {seed}, {steps} steps of both")
        epochs = steps / (len(self.ids) // batch)
        ours = Ours(
            self.corpus,
            {"batch_size": batch, "epochs": epochs},
            precision=self.given.precision,
            seed=seed,
        )
        plain = PlainTraining(ours.config, self.ids, batch, seed=seed)
        for _ in range(steps):
            ours.step()
            rate = ours.trained.optimiser.param_groups[0]["lr"]
            plain.step(rate, ours.training.gradient_clip)
        figures = ours.data.figures(ours.trained.kept, ours.generator)
        return plain.bound(ours.data.valid_ids), figures.nats_per_character


def main() -> None:
    options = parser(__doc__)
    options.add_argument("corpus", type=Path)
    options.add_argument("--batch", type=int, nargs="+", default=[64, 512], help="sizes (64 512)")
    options.add_argument("--precision", default="auto", help="of ours: auto, float32, bfloat16")
    options.add_argument("--check-bound", type=float, metavar="MINUTES", help="in all, about")
    round_options(options, rounds=7, seconds=1.5)
    given = options.parse_args()
    use_threads(given.threads)
    print(machine := machine_line(), end="\n\n")
    benchmark = Benchmark(EncodedCorpus.load(given.corpus), given)
    figures = benchmark.run()
    if given.check_bound:
        figures |= benchmark.check_bound()
    write_json(given.json, {"machine": machine, **figures})


if __name__ == "__main__":
    main()
