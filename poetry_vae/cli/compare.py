"""poetry-vae compare"""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from poetry_vae.cli.console import plain, print_table, work_bar
from poetry_vae.evaluation.report.columns import Column, compared_columns, shown
from poetry_vae.text.errors import CorpusError, FormError

if TYPE_CHECKING:
    from torch import Tensor

    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.encoded import EncodedCorpus

_KEPT, _VERSION = "compared.json", 2
_SIDE_BY_SIDE = 3  # runs in one table of a terminal


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path))
@click.option(
    "--corpus",
    type=click.Path(path_type=Path),
    help="Measure on this encoded corpus; without it the figures of training are shown.",
)
@click.option("--quick", is_flag=True, help="Use fewer poems and samples.")
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
    """Compare trained runs by the same figures on the same poems.

    With --corpus every run is measured on the corpus's test part, which takes minutes a run; the
    figures are kept in the run's folder and not measured again. Bounds are of log p(x), with 1, 10,
    100 and 1000 samples; labels are summed over.

    \b
    poetry-vae compare runs/base runs/ladder
    poetry-vae compare runs/* --corpus couplets.safetensors --format markdown
    """
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
    names, found = [plain(row["run"]) for row in rows], _columns(rows)
    if style == "markdown":
        click.echo("| " + " | ".join(["run", *(column.label for column, _ in found)]) + " |")
        click.echo("|---" + "|---:" * len(found) + "|")
        for name, *cells in zip(names, *(cells for _, cells in found), strict=True):
            click.echo("| " + " | ".join([name, *map(plain, cells)]) + " |")
        return
    from rich.box import SIMPLE
    from rich.table import Table

    for start in range(0, len(rows), _SIDE_BY_SIDE):
        some = slice(start, start + _SIDE_BY_SIDE)
        table = Table("", *names[some], box=SIMPLE, padding=(0, 1))
        for column, cells in found:
            table.add_row(column.label, *map(plain, cells[some]))
        print_table(table)
    where = f"the test part of {corpus}" if corpus else "validation poems, as training measured"
    click.echo(f"on {plain(where)}", err=True)


def _encoded(path: Path) -> EncodedCorpus:
    from poetry_vae.text.encoded import EncodedCorpus, looks_encoded
    from poetry_vae.text.treasury import is_treasury

    if not looks_encoded(path):
        raise CorpusError(
            f"{path}: no encoded corpus; `poetry-vae corpus encode` makes one of poems"
        )
    if is_treasury(path):
        raise CorpusError(
            f"{path}: holds poems of many forms, and runs are compared on one: "
            "`poetry-vae corpus encode POEMS --form 七绝` makes a corpus of it"
        )
    corpus = EncodedCorpus.load(path)
    if not len(corpus.parts["test"]):
        raise CorpusError(f"{path}: its test part is empty, so there is nothing to compare on")
    return corpus


def _row(run: Path, corpus: EncodedCorpus | None, quick: bool, seed: int) -> dict[str, Any]:
    from poetry_vae.model.named import model_folder
    from poetry_vae.model.pretrained import FIGURES, CheckpointError, figures_of
    from poetry_vae.text.files import name_of
    from poetry_vae.training.folder import METRICS, read_metrics

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
    _columns([figures])
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
    known = best["mutual_information"]
    return {
        "density": {
            "bounds": {"1": {"mean": -best["elbo"] / best["positions"], "error": None}},
            "reconstruction": float(best["reconstruction"]),
        },
        "levels": {
            name: {"rate": rate, "active": best["level_active"][name], "size": None}
            for name, rate in best["level_rates"].items()
        },
        "latent": {"information": {"mutual_information": None if known is None else float(known)}},
        "accuracy": best["accuracy"],
    }


def _measured(folder: Path, corpus: EncodedCorpus, quick: bool, seed: int) -> dict[str, Any]:
    """The row of a run on the test part, from its folder where it has been measured before."""
    import torch

    from poetry_vae.evaluation.report.family import FULL, QUICK, family_figures
    from poetry_vae.model.pretrained import WEIGHTS
    from poetry_vae.model.sampling import derived_seed
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.files import FileReadError, read_file, replace_file
    from poetry_vae.text.json_values import read_json

    model = PoetryVAE.from_pretrained(folder)
    if model.written is None:
        raise FormError(
            f"{folder} writes any form, and models of one form are compared: measure it with "
            "`poetry-vae evaluate`"
        )
    if model.form != corpus.form:
        raise FormError(f"{folder} writes {model.form}, and the corpus holds {corpus.form}")
    test = corpus.in_vocabulary(model.tokenizer).parts["test"]
    digest = hashlib.blake2b(test.tobytes(), digest_size=16)
    digest.update(read_file(folder / WEIGHTS, most=None))
    settings = {"version": _VERSION, "of": digest.hexdigest(), "quick": quick, "seed": seed}
    kept = folder / _KEPT
    with contextlib.suppress(FileReadError, *_UNSOUND):  # not there, or damaged: measured again
        before = read_json(kept, error=FileReadError)
        if before["settings"] == settings:
            return _sound(dict(before["figures"]))
    draws = torch.Generator().manual_seed(derived_seed(seed, "family"))
    order = torch.randperm(len(test), generator=draws)
    ids = torch.from_numpy(test.astype("int64"))[order]
    labels, effort = _known_labels(model, corpus, order), QUICK if quick else FULL
    figures = family_figures(model, ids, labels=labels, effort=effort, seed=seed)
    text = json.dumps({"settings": settings, "figures": figures}, indent=1)
    replace_file(kept, text + "\n")
    return figures


def _known_labels(model: PoetryVAE, corpus: EncodedCorpus, order: Tensor) -> Tensor | None:
    """The test poems' labels as numbers of the model's, None where they do not fit each other."""
    import torch

    from poetry_vae.training.corpora import with_labels

    labels = model.config.labels
    if labels is None:
        return None
    corpus, found = with_labels(corpus, labels.kind)
    if found.values != labels.values:
        return None
    numbers = corpus.labels[labels.kind].parts["test"].astype("int64")
    return torch.from_numpy(numbers)[order]


def _columns(rows: list[dict[str, Any]]) -> list[tuple[Column, list[str]]]:
    """The figures that any run has: a text for every run."""
    return [row for _, group in shown(rows, {"": compared_columns(rows)}).groups for row in group]
