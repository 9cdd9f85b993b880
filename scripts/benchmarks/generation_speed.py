"""Generation speed of preset ``shi``: poems a second in one batch, sampled at temperature 1.

    python -m scripts.benchmarks generation_speed CORPUS.safetensors
    python -m scripts.benchmarks generation_speed MODEL_FOLDER

An encoded corpus gives the vocabulary of an untrained model (its speed is the same); a folder gives
the model itself. It runs against two models that write character by character, in ``rivals.py``:
a one-layer LSTM with as many parameters, embedding and output layer not tied, and a transformer of
the size of GPT-2 small. The LSTM draws in three ways, by ``torch.multinomial``, by our own ``draw``
on all logits, and by it block by block as ours does: the ratio is to the fastest. All in float32.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median

import torch
from measure import (
    Ratio,
    alternate,
    decoding_flops,
    machine_line,
    parameters,
    parser,
    peak,
    rate,
    round_options,
    table,
    thousands,
    use_threads,
    write_json,
)
from rivals import GPT, LSTM, Way
from torch import Tensor

from poetry_vae.model import labelling
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus, looks_encoded
from poetry_vae.training.presets import PRESETS

_TOLERANCE = 0.05
_LSTM_WAYS: dict[str, Way] = {
    "LSTM, multinomial": "multinomial",
    "LSTM, our draw": "draw",
    "LSTM, our draw in blocks": "blocks",
}


def load(path: Path) -> PoetryVAE:
    """The model in a folder, or an untrained ``shi`` with the vocabulary of an encoded corpus."""
    if not looks_encoded(path):
        return PoetryVAE.from_pretrained(path)
    corpus = EncodedCorpus.load(path)
    config, _ = PRESETS["shi"].configs(corpus.form, len(corpus.tokenizer))
    return PoetryVAE.build(config, corpus.tokenizer).eval().requires_grad_(False)


@torch.inference_mode()
def drawn(model: PoetryVAE, n: int, *, temperature: float = 1.0) -> Tensor:
    """``n`` poems from the prior, without passes: ids [n, T]."""
    code = torch.randn(n, model.code_size)
    labels = labelling.draw(model, n, generator=None)
    return model.draw(code, labels, temperature=temperature)


def poems_per_second(sample: Callable[[int], Tensor], n: int, seconds: float) -> float:
    def work() -> int:
        return len(sample(n))

    return rate(work, seconds)


def measure(
    ours: PoetryVAE, batches: list[int], gpt_batch: int, rounds: int, seconds: float
) -> dict[str, object]:
    """Run the rounds, print the table and the ratios, and give the figures back."""
    size, vocabulary, T = parameters(ours), ours.config.vocabulary, ours.form.positions
    lstm = LSTM.of_size(size, vocabulary, T)
    if abs(parameters(lstm) / size - 1) > _TOLERANCE:
        raise SystemExit(f"no LSTM has {size:,} parameters: the nearest {parameters(lstm):,}")
    gpt = GPT(vocabulary, T)
    ways: dict[str, tuple[int, Callable[[int], Tensor]]] = {
        "ours": (size, partial(drawn, ours)),
        "ours, greedy": (size, partial(drawn, ours, temperature=0.0)),
        **{k: (parameters(lstm), partial(lstm.sample, way=way)) for k, way in _LSTM_WAYS.items()},
        "GPT-2 size": (parameters(gpt), gpt.sample),
        "GPT-2 size, multinomial": (parameters(gpt), partial(gpt.sample, way="multinomial")),
    }
    plan = [(name, batch) for batch in batches for name in ways if "GPT" not in name]
    plan += [(name, gpt_batch) for name in ("ours", "GPT-2 size", "GPT-2 size, multinomial")]
    contestants: dict[str, Callable[[], float]] = {"peak": lambda: peak(torch.float32)}
    for name, batch in plan:
        run = partial(poems_per_second, ways[name][1], batch, seconds)
        contestants[f"{name}, batch {batch}"] = run
    speeds = alternate(contestants, rounds)

    def against(batch: int, rival: str) -> Ratio:
        return Ratio.of(speeds[f"ours, batch {batch}"], speeds[f"{rival}, batch {batch}"])

    rows = []
    for name, batch in dict.fromkeys(plan):
        ratio = "" if name == "ours" else against(batch, name)
        speed = thousands(speeds[f"{name}, batch {batch}"])
        rows.append([name, f"{ways[name][0]:,}", batch, speed, ratio])
    print(table(["model", "parameters", "batch", "poems/s", "ours / it"], rows))

    ratios = {}
    for batch in batches:
        rival = max(_LSTM_WAYS, key=lambda way: median(speeds[f"{way}, batch {batch}"]))
        ratios[f"LSTM, batch {batch}"] = against(batch, rival)
        print(f"- ours / the fastest LSTM ({rival}), batch {batch}: {against(batch, rival)}")
    ratios["GPT-2 size"] = against(gpt_batch, "GPT-2 size")
    print(f"- ours / GPT-2 size, batch {gpt_batch}: {ratios['GPT-2 size']}")
    cost = decoding_flops(ours.config)
    shares = {}
    for batch in batches:
        shares[str(batch)] = share = Ratio.of(speeds[f"ours, batch {batch}"], speeds["peak"], cost)
        print(
            f"- ours, batch {batch}: {share.percent} of the float32 peak of "
            f"{median(speeds['peak']) / 1e9:.0f} GFLOP/s, at {cost / 1e6:.2f} MFLOP a poem"
        )
    return {
        "rounds": speeds,
        "ratios": {name: asdict(ratio) for name, ratio in ratios.items()},
        "share of peak": {batch: asdict(share) for batch, share in shares.items()},
        "parameters": {name: way[0] for name, way in ways.items()},
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("source", type=Path, metavar="CORPUS_OR_MODEL")
    options.add_argument(
        "--batch", type=int, nargs="+", default=[1024, 10000], help="sizes (1024 10000)"
    )
    options.add_argument("--gpt-batch", type=int, default=256, help="of the transformer (256)")
    round_options(options, rounds=7, seconds=0.5)
    given = options.parse_args()
    use_threads(given.threads)
    print(machine := machine_line(), end="\n\n")
    figures = measure(load(given.source), given.batch, given.gpt_batch, given.rounds, given.seconds)
    write_json(given.json, {"machine": machine, **figures})


if __name__ == "__main__":
    main()
