"""Shared by the benchmarks: rounds, the machine's peak, the cost of a model, Markdown tables.

    python -m scripts.benchmarks measure        prints the line that describes the machine

Machines are noisy, so contestants run in alternating rounds (A B A B ...) after one round that is
thrown away, and a ratio is the median of the ratios of rounds. torch is imported where it is used:
a process that measures its children's memory has to stay small itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from poetry_vae.model.config import ModelConfig

_PEAK_SIZE, _PEAK_SECONDS = 2048, 0.5


def machine_line() -> str:
    """Everything about the machine that a figure depends on, in one line."""
    import torch

    load = f", load average {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{torch.get_num_threads()} threads of {os.cpu_count()} processors, "
        f"torch {torch.__version__}, CPU capability {torch.backends.cpu.get_cpu_capability()}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}{load}"
    )


def rate(work: Callable[[], int], seconds: float) -> float:
    """Poems a second: ``work`` says how many it did, and is repeated for at least ``seconds``."""
    done, start = 0, time.perf_counter()
    while True:
        done += work()
        elapsed = time.perf_counter() - start
        if elapsed >= seconds:
            return done / elapsed


def alternate(
    contestants: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """The results of every contestant in each round, without the first round."""
    results: dict[str, list[float]] = {name: [] for name in contestants}
    for i in range(rounds + 1):
        tell(f"round {i} of {rounds}" if i else "warming up")
        for name, run in contestants.items():
            value = run()
            if i:
                results[name].append(value)
    return results


def tell(message: str) -> None:
    """Progress, on standard error."""
    print(message, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios of rounds, with the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, above: Sequence[float], below: Sequence[float], scale: float = 1.0) -> Ratio:
        ratios = [scale * a / b for a, b in zip(above, below, strict=True)]
        return cls(statistics.median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"

    @property
    def percent(self) -> str:
        return f"{self.median:.1%} ({self.low:.1%}–{self.high:.1%})"


def peak(dtype: torch.dtype) -> float:
    """FLOP/s of the quickest large square matrix product in half a second."""
    import torch

    n = _PEAK_SIZE
    a, b = torch.randn(n, n).to(dtype), torch.randn(n, n).to(dtype)
    out = torch.empty(n, n, dtype=dtype)
    fastest, begun = float("inf"), time.perf_counter()
    while time.perf_counter() - begun < _PEAK_SECONDS:
        start = time.perf_counter()
        torch.mm(a, b, out=out)
        fastest = min(fastest, time.perf_counter() - start)
    return 2 * n**3 / fastest


def decoding_flops(config: ModelConfig) -> int:
    """Floating-point operations in the matrix products from a latent to a poem's logits.

    A product [m, k]·[k, n] counts 2·m·k·n. Of a convolution only the taps inside the poem count,
    not those on its padding; element-wise work, the softmax and drawing count nothing.
    """
    T, H = config.form.positions, config.hidden
    heads = 2 * config.latent * T * H
    output = 2 * T * H * config.vocabulary
    return heads + config.decoder_layers * _convolution(config) + output


def training_flops(config: ModelConfig) -> int:
    """The same for one poem in one training step: forward, and twice as much backward."""
    features = config.hidden * (config.form.positions if config.pooling == "positions" else 1)
    posterior = 2 * 2 * features * config.latent
    encoding = config.encoder_layers * _convolution(config) + posterior
    return 3 * (encoding + decoding_flops(config))


def _convolution(config: ModelConfig) -> int:
    reach = config.kernel // 2
    outside = sum(max(0, reach - i) for i in range(config.form.positions))  # at either end
    taps = config.form.positions * config.kernel - 2 * outside
    return 2 * taps * config.hidden * 2 * config.hidden


def parameters(model: torch.nn.Module) -> int:
    """How many numbers a model learns; a tensor shared by two layers counts once."""
    return sum(p.numel() for p in model.parameters())


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table; figures (everything after the first column) stand to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def parser(doc: str | None) -> argparse.ArgumentParser:
    """A parser with a help text and ``--json``, as every benchmark has."""
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    return made


def round_options(made: argparse.ArgumentParser, *, rounds: int, seconds: float) -> None:
    """Add ``--rounds``, ``--seconds`` and ``--threads``."""
    made.add_argument("--rounds", type=int, default=rounds, help=f"that count ({rounds})")
    made.add_argument(
        "--seconds", type=float, default=seconds, help=f"a contestant a round, at least ({seconds})"
    )
    made.add_argument("--threads", type=int, help="of torch; without it, its own choice")


def use_threads(threads: int | None) -> None:
    """Set torch's number of threads, where one was asked for."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


def write_json(path: Path | None, figures: Mapping[str, object]) -> None:
    """Write the figures, where a file was asked for."""
    if path is not None:
        text = json.dumps(figures, ensure_ascii=False, indent=2)
        path.write_text(text + "\n", encoding="utf-8")


def thousands(values: Sequence[float]) -> str:
    """The median of rounds, with three digits that mean something."""
    median = statistics.median(values)
    return f"{median:,.0f}" if median >= 100 else f"{median:.3g}"


if __name__ == "__main__":
    print(machine_line())
