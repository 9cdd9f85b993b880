"""Train from an encoded corpus with nothing but torch, numpy and safetensors installed.

For machines that have an accelerator and little else: copy the repository and one file there.

    poetry-vae corpus encode POEMS couplets.safetensors --form 五言联      (where poetry-vae is)
    python scripts/train_encoded.py couplets.safetensors --output model --max-minutes 9
    python scripts/train_encoded.py couplets.safetensors --output model --resume

All forms at once; at the end the weights are written in one byte each, to be copied back:

    poetry-vae corpus encode POEMS poems.safetensors.xz --min-count 10
    python scripts/train_encoded.py poems.safetensors.xz --preset poet --set batch_size=1024 \\
        --output model --max-minutes 9 --finish --packed packed
    python scripts/train_encoded.py poems.safetensors.xz --from packed --preset poet --output more
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from poetry_vae.model.pretrained import CARD, figures_of, save_model
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.presets import parsed
from poetry_vae.training.run import Observer
from poetry_vae.training.train import train


class Lines(Observer):
    """A line of text now and then, for logs."""

    def __init__(self, *, compiles: bool) -> None:
        self.compiles = compiles

    def started(self, model: PoetryVAE, steps: int, done: int, note: str) -> None:
        if self.compiles and model.refiner is not None:
            for block in model.refiner.blocks:
                block.compile(dynamic=True)
        print(f"{note}; step {done:,} of {steps:,}", flush=True)

    def stepped(self, step: int, poems_per_second: float, terms: dict[str, float]) -> None:
        if step % 100 == 0:
            told = ", ".join(f"{name} {value:.1f}" for name, value in terms.items())
            print(f"{step:,}: {told}; {poems_per_second:,.0f} poems/s", flush=True)

    def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
        print(
            f"{step:,}: bound {figures.nats_per_character:.4f} nats/char, rate {figures.rate:.2f}, "
            f"active {figures.active_units}, reconstructed {figures.reconstruction:.1%}",
            flush=True,
        )
        for form, nats in figures.by_form.items():
            print(f"  -log p of {form}: {nats:.4f} nats/char", flush=True)

    def warned(self, message: str) -> None:
        print(f"warning: {message}", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--preset")
    parser.add_argument("--from", dest="start", help="a model's folder to go on from")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="settings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--compile", action="store_true", help="compile the blocks of the refiner")
    parser.add_argument("--max-minutes", type=float)
    parser.add_argument("--finish", action="store_true", help="let the rate fall at the end")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--packed", type=Path, help="write the best weights here too, in int8")
    asked = parser.parse_args()
    typed = dict(setting.partition("=")[::2] for setting in asked.settings)
    if wrong := [setting for setting in asked.settings if "=" not in setting]:
        parser.error(f"--set {wrong[0]}: not NAME=VALUE")
    interrupts: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: interrupts.append(number))
    try:
        result = train(
            asked.corpus,
            asked.output,
            preset=asked.preset,
            start=asked.start,
            overrides={name: parsed(name, value) for name, value in typed.items()},
            seed=asked.seed,
            device=asked.device,
            precision=asked.precision,
            resume=asked.resume,
            max_minutes=asked.max_minutes,
            finish=asked.finish,
            observer=Lines(compiles=asked.compile),
            should_stop=lambda: bool(interrupts),
        )
    except (PoetryVAEError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if asked.packed:
        card = (result.folder / CARD).read_text(encoding="utf-8")
        figures = figures_of(result.folder)
        save_model(result.model, asked.packed, card=card, figures=figures, dtype=torch.int8)
    print(f"{result.stopped} after {result.steps:,} steps: {result.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
