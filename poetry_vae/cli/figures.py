"""The tables of an evaluation in a terminal."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from poetry_vae.cli.console import plain

if TYPE_CHECKING:
    from rich.table import Table

Row = dict[str, Any]


def density_table(report: Row) -> Table:
    """Models as densities and their latent space, a column a model."""
    from rich.table import Table

    models = report["models"]
    poems = models[0]["density"]["poems"]
    names = [plain(model["name"]) for model in models]
    table = Table("", *names, title=f"On {poems:,} poems of the test part (± standard error)")

    def add(label: str, take: Callable[[Row], str]) -> None:
        table.add_row(label, *(_taken(take, model) for model in models))

    for k in models[0]["density"]["bounds"]:
        add(f"bound K={k}, nats/char", partial(_bound, k))
    add("still falling", lambda m: "yes" if m["density"]["still_falls"] else "no")
    add("rate, nats/poem", lambda m: _pm(m["density"]["rate"], 2))
    add("distortion, nats/poem", lambda m: _pm(m["density"]["distortion"], 2))
    add("active units", lambda m: f"{m['density']['active_units']} of {m['density']['latent']}")
    add("characters reconstructed", lambda m: f"{m['density']['reconstruction']:.1%}")
    add("whole poems reconstructed", lambda m: f"{m['density']['whole_poems']:.1%}")
    for i, used in enumerate(models[0].get("usage", [])):
        add(f"after {used['passes']} passes / z shuffled", partial(_used, i))
    add("mutual information, nats", lambda m: _information(m["latent"]["information"]))
    add("hole, AUC (0.5: none)", lambda m: _pm(m["latent"]["hole"], 3))
    add("total correlation, nats", lambda m: _pm(m["latent"]["total_correlation"], 2))
    add("  by linear dependence", lambda m: f"{m['latent']['gaussian_total_correlation']:.2f}")
    add("FactorVAE score", lambda m: f"{m['latent']['disentanglement']:.2f}")
    add("characters unknown", lambda m: f"{m['density']['unknown']:.2%}")
    return table


def verse_table(report: Row) -> Table:
    """Poems as poems, a column a source."""
    from rich.table import Table

    from poetry_vae.verse.manner import Manner

    rows = report["verse"]
    table = Table(
        "",
        *(plain(row["name"]) for row in rows),
        title="Poems beside real ones and chance",
        caption="; ".join(
            f"{plain(m['name'])} wrote with {Manner(**m['manner'])}" for m in report["models"]
        ),
    )

    def add(label: str, take: Callable[[Row], str]) -> None:
        table.add_row(label, *(_taken(take, row) for row in rows))

    add("poems", lambda row: f"{row['poems']:,}")
    add("R", lambda row: _r(row["two_sample"], ""))
    add("R, second judge", lambda row: _r(row["two_sample"], "second_"))
    add("log-likelihood (judge)", lambda row: f"{row['log_likelihood']['mean']:.1f}")
    add("own second half, of 10", lambda row: _share(row["coherence"], "own"))
    add("halves exchanged", lambda row: _share(row["coherence"], "exchanged"))
    add("metre", lambda row: f"{row['metre']['metre']:.1%}")
    add("metre and rhyme", lambda row: f"{row['metre']['both']:.1%}")
    add("poems compared", lambda row: f"{row['diversity']['poems']:,}")
    add("distinct-2", lambda row: f"{row['diversity']['distinct_2']:.3f}")
    add("self-BLEU-2", lambda row: f"{row['diversity']['self_bleu_2']:.3f}")
    add("unique poems", lambda row: f"{row['diversity']['unique_poems']:.2%}")
    add("poems with repeats", lambda row: f"{row['diversity']['repeats']:.1%}")
    add("pairs that are words", lambda row: f"{row['words']['words']:.1%}")
    add("known lines", lambda row: f"{row['novelty']['known_lines']:.2%}")
    add("longest copy, mean", lambda row: f"{row['novelty']['longest_copy_mean']:.2f}")
    return table


def _taken(take: Callable[[Row], str], row: Row) -> str:
    """A cell; a dash where the figure is missing."""
    try:
        return take(row)
    except (KeyError, TypeError):
        return "–"


def _share(found: Row, name: str) -> str:
    return f"{found[name]:.1%} ± {found['error']:.1%}" if name == "own" else f"{found[name]:.1%}"


def _r(test: Row, judge: str) -> str:
    return f"{test[f'{judge}r']:.1f} ± {test[f'{judge}error']:.1f}"


def _bound(k: str, model: Row) -> str:
    return _pm(model["density"]["bounds"][k], 3)


def _used(i: int, model: Row) -> str:
    used = model["usage"][i]
    return f"{used['reconstruction']:.1%} / {used['reconstruction_shuffled']:.1%}"


def _pm(value: Row, digits: int) -> str:
    return f"{value['mean']:.{digits}f} ± {value['error']:.{digits}f}"


def _information(value: Row) -> str:
    if value["mutual_information"] is None:
        return f"at the limit of {value['limit']:.1f}"
    return f"{value['mutual_information']:.2f} (limit {value['limit']:.1f})"
