"""poetry-vae compare"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from torch import Tensor

    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.encoded import EncodedCorpus

_KEPT = "compared.json"
_SIDE_BY_SIDE = 3  # runs in one table of a terminal
_LEVELS = ("poem", "couplet", "line", "character")


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--corpus",
    type=click.Path(path_type=Path),
    help="An encoded corpus; without it the figures are those of training, on validation poems.",
)
@click.option("--quick", is_flag=True, help="Fewer poems and samples.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "markdown", "json"]),
    default="table",
    show_default=True,
)
def command(
    runs: tuple[Path, ...],
    corpus: Path | None,
    quick: bool,
    seed: int,
    style: Literal["table", "markdown", "json"],
) -> None:
    """Put trained runs beside each other, by the same figures on the same poems.

    With --corpus every run is measured on its test part, which takes minutes a run; what was
    measured is kept in the run's folder and not measured again. Bounds are of p(x), with 1, 10, 100
    and 1000 samples; labels are summed over.

    \b
    poetry-vae compare runs/base runs/ladder
    poetry-vae compare runs/* --corpus couplet5.safetensors --format markdown
    """
    from poetry_vae.cli.console import plain, work_bar

    with work_bar("reading") as told:
        loaded = _encoded(corpus) if corpus else None
        rows = []
        for done, run in enumerate(runs):
            told(f"comparing {plain(run)}", done, len(runs))
            rows.append(_row(run, loaded, quick, seed))
    if style == "json":
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return
    named = _figures(rows)
    if style == "markdown":
        click.echo("| " + " | ".join(["run", *named]) + " |")
        click.echo("|---" + "|---:" * len(named) + "|")
        for name, *cells in zip((row["run"] for row in rows), *named.values(), strict=True):
            click.echo("| " + " | ".join([plain(name), *map(plain, cells)]) + " |")
        return
    from rich.box import SIMPLE
    from rich.table import Table

    from poetry_vae.cli.console import print_table

    for start in range(0, len(rows), _SIDE_BY_SIDE):
        some = slice(start, start + _SIDE_BY_SIDE)
        names = ["", *(plain(row["run"]) for row in rows[some])]
        table = Table(*names, box=SIMPLE, padding=(0, 1))
        for name, cells in named.items():
            table.add_row(name, *map(plain, cells[some]))
        print_table(table)
    where = f"the test part of {corpus}" if corpus else "validation poems, as training measured"
    click.echo(f"on {plain(where)}", err=True)


def _encoded(path: Path) -> EncodedCorpus:
    from poetry_vae.text.encoded import EncodedCorpus, looks_encoded
    from poetry_vae.text.errors import CorpusError

    if not looks_encoded(path):
        raise CorpusError(
            f"{path}: no encoded corpus; `poetry-vae corpus encode` makes one of poems"
        )
    corpus = EncodedCorpus.load(path)
    if not len(corpus.parts["test"]):
        raise CorpusError(f"{path}: its test part is empty, so there is nothing to compare on")
    return corpus


def _row(run: Path, corpus: EncodedCorpus | None, quick: bool, seed: int) -> dict[str, Any]:
    from poetry_vae.model.pretrained import FIGURES, CheckpointError, figures_of, model_folder
    from poetry_vae.text.files import name_of
    from poetry_vae.training.metrics import METRICS, read_metrics

    folder = model_folder(run)
    logged = read_metrics(folder) or []
    preset = figures_of(folder).get("preset", "–")
    if not isinstance(preset, str):
        raise CheckpointError(f"{folder / FIGURES}: damaged: the preset is no name")
    seconds = logged[-1].get("seconds") if logged else None
    minutes = seconds / 60 if isinstance(seconds, int | float) else None
    about = {"run": name_of(folder), "preset": preset, "minutes": minutes}
    if corpus is not None:
        return {**about, **_measured(folder, corpus, quick, seed)}
    try:
        return {**about, **_sound(_logged(folder, logged))}
    except _UNSOUND as error:
        raise CheckpointError(
            f"{folder / METRICS}: damaged: the figures of its last validation are none ({error!r})"
        ) from error


_UNSOUND = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)
"""What comes of showing figures that are missing or no numbers."""


def _sound(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures, if they can be shown; else one of the errors above."""
    waiting: list[Any] = [figures]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif not isinstance(value, int | float | None):
            raise TypeError(f"{value!r} is no number")
    _figures([{"preset": "", "minutes": None, **figures}])
    return figures


def _logged(folder: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of the last validation that kept the weights."""
    from poetry_vae.model.pretrained import CheckpointError

    kept = [row["validation"] for row in rows if row.get("best") and "validation" in row]
    if not kept or "level_rates" not in kept[-1]:
        raise CheckpointError(
            f"{folder}: has no figures of a training of this version: give --corpus to measure them"
        )
    best = kept[-1]
    return {
        "bounds": {"1": {"mean": -best["elbo"] / best["positions"], "error": None}},
        "levels": {
            name: {"rate": rate, "active": best["level_active"][name], "size": None}
            for name, rate in best["level_rates"].items()
        },
        "reconstruction": best["reconstruction"],
        "mutual_information": best["mutual_information"],
        "accuracy": best["accuracy"],
    }


def _measured(folder: Path, corpus: EncodedCorpus, quick: bool, seed: int) -> dict[str, Any]:
    """The row of a run on the test part, from its folder where it has been measured before."""
    import torch

    from poetry_vae.evaluation.report.family import FULL, QUICK, family_figures
    from poetry_vae.model.pretrained import WEIGHTS, load_model
    from poetry_vae.model.sampling import derived_seed
    from poetry_vae.text.errors import FormError
    from poetry_vae.text.files import FileReadError, read_file, replace_file
    from poetry_vae.text.json_values import read_json

    model = load_model(folder)
    if model.form != corpus.form:
        raise FormError(f"{folder} writes {model.form}, and the corpus holds {corpus.form}")
    test = corpus.in_vocabulary(model.tokenizer).parts["test"]
    digest = hashlib.blake2b(test.tobytes(), digest_size=16)
    digest.update(read_file(folder / WEIGHTS, most=None))
    settings = {"of": digest.hexdigest(), "quick": quick, "seed": seed}
    kept = folder / _KEPT
    with contextlib.suppress(FileReadError, *_UNSOUND):  # not there, or damaged: measured again
        before = read_json(kept, error=FileReadError)
        if before["settings"] == settings:
            return _sound(dict(before["figures"]))
    order = torch.randperm(
        len(test), generator=torch.Generator().manual_seed(derived_seed(seed, "family"))
    )
    ids = torch.from_numpy(test.astype("int64"))[order]
    figures = family_figures(
        model,
        ids,
        labels=_known_labels(model, corpus, order),
        effort=QUICK if quick else FULL,
        seed=seed,
    )
    text = json.dumps({"settings": settings, "figures": figures}, indent=1)
    replace_file(kept, text + "\n")
    return figures


def _known_labels(model: PoetryVAE, corpus: EncodedCorpus, order: Tensor) -> Tensor | None:
    """The test poems' labels as numbers of the model's, None where they do not fit each other."""
    import torch

    from poetry_vae.training.api import with_labels

    labels = model.config.labels
    if labels is None:
        return None
    corpus, found = with_labels(corpus, labels.kind)
    if found.values != labels.values:
        return None
    numbers = corpus.labels[labels.kind].parts["test"].astype("int64")
    return torch.from_numpy(numbers)[order]


def _figures(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The figures that any run has, by name: a text for every run, – where it has none."""
    counts = sorted({int(k) for row in rows for k in row["bounds"]})
    levels = [name for name in _LEVELS if any(name in row["levels"] for row in rows)]
    found: dict[str, list[str]] = {}

    def add(name: str, take: Callable[[dict[str, Any]], str | None]) -> None:
        cells = [take(row) or "–" for row in rows]
        if any(cell != "–" for cell in cells):
            found[name] = cells

    add("preset", lambda row: row["preset"])
    add("minutes", lambda row: _number(row["minutes"], 1))
    add("parameters, millions", lambda row: _number(row.get("parameters", 0) / 1e6 or None, 2))
    for k in counts:
        add(f"bound K={k}, nats/char", partial(_bound, str(k)))
    for level in levels:
        add(f"rate, nats/poem: {level}", partial(_rate, level))
    for level in levels:
        add(f"active units: {level}", partial(_active, level))
    add("reconstructed", lambda row: f"{row['reconstruction']:.1%}")
    add("mutual information", _information)
    add("hole, AUC", lambda row: _pm(row.get("hole"), 3))
    add("total correlation, critic", lambda row: _number(_correlation(row, "critic"), 2))
    add("total correlation, linear", lambda row: _number(_correlation(row, "linear"), 2))
    add("labels right", lambda row: None if row["accuracy"] is None else f"{row['accuracy']:.1%}")
    return found


def _number(value: float | None, digits: int) -> str | None:
    return None if value is None else f"{value:.{digits}f}"


def _pm(estimate: dict[str, float | None] | None, digits: int) -> str | None:
    if not estimate:
        return None
    error = estimate["error"]
    return f"{estimate['mean']:.{digits}f}" + (f" ± {error:.{digits}f}" if error else "")


def _bound(k: str, row: dict[str, Any]) -> str | None:
    return _pm(row["bounds"].get(k), 3)


def _rate(level: str, row: dict[str, Any]) -> str | None:
    return f"{row['levels'][level]['rate']:.1f}" if level in row["levels"] else None


def _active(level: str, row: dict[str, Any]) -> str | None:
    if level not in row["levels"]:
        return None
    found = row["levels"][level]
    return f"{found['active']}" + (f" of {found['size']}" if found["size"] else "")


def _information(row: dict[str, Any]) -> str | None:
    if row["mutual_information"] is not None:
        return f"{row['mutual_information']:.2f}"
    return f"limit {row['limit']:.1f}" if row.get("limit") else None


def _correlation(row: dict[str, Any], by: str) -> float | None:
    found: float | None = (row.get("total_correlation") or {}).get(by)
    return found
