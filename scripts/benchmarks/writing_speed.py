"""How many poems a second a model writes, in each manner, asked for a subject and for nothing.

    python -m scripts.benchmarks writing_speed --threads 1
    python -m scripts.benchmarks writing_speed --model FOLDER --form 五律

Blocks of 64 poems with the default settings. Every row is written twice, in alternating rounds:
with the library for products that ``poetry_vae.model.inference`` chooses, and with the one that
PyTorch takes by itself. On many processors both are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from statistics import median

import torch
from measure import (
    Ratio,
    alternate,
    machine_line,
    parser,
    rate,
    round_options,
    table,
    thousands,
    use_threads,
    write_json,
)

from poetry_vae.model import inference
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

_POEMS = 64
_CHOSEN = inference._PRECISION


def contestants(
    model: PoetryVAE, subject: str, form: Form, seconds: float
) -> dict[str, Callable[[], float]]:
    """What each row writes, by its name."""
    found: dict[str, Callable[[], float]] = {}
    for about in ("", subject):
        view = model.writing(form, about=about)
        for manner in ("plain", "chosen"):
            sampler = Sampler(view, SamplingSettings.of(view, sampling=manner))
            for way in ("as it is", "PyTorch's own products"):
                precision = _CHOSEN if way == "as it is" else None
                name = f"{manner}, {about or 'nothing asked'}, {way}"
                found[name] = partial(_speed, sampler, precision, seconds)
    return found


def _speed(sampler: Sampler, precision: str | None, seconds: float) -> float:
    inference._PRECISION = precision

    def block() -> int:
        draws = torch.Generator(sampler.model.device).manual_seed(0)
        return len(sampler.write(_POEMS, generator=draws))

    try:
        return rate(block, seconds)
    finally:
        inference._PRECISION = _CHOSEN


def main() -> None:
    made = parser(__doc__)
    made.add_argument("--model", default="poet")
    made.add_argument("--form", type=Form.parse, default=Form.parse("七绝"))
    made.add_argument("--about", default="秋夜怀友", help="the subject that is asked for")
    round_options(made, rounds=3, seconds=5)
    args = made.parse_args()
    use_threads(args.threads)
    print(machine_line())
    model = PoetryVAE.from_pretrained(args.model)
    speeds = alternate(contestants(model, args.about, args.form, args.seconds), args.rounds)
    names = list(speeds)
    rows, figures = [], {}
    for name, plain in zip(names[::2], names[1::2], strict=True):
        row = name.rsplit(", ", 1)[0]
        ratio = Ratio.of(speeds[name], speeds[plain])
        rows.append((row, thousands(speeds[name]), thousands(speeds[plain]), ratio))
        figures[row] = {"poems a second": median(speeds[name]), "times as fast": asdict(ratio)}
    header = (f"{args.form} a second", "as it is", "PyTorch's own products", "times as fast")
    print(table(header, rows))
    write_json(args.json, figures)


if __name__ == "__main__":
    main()
