"""The figures in words: one list for the page, the terminal, model cards and benchmarks.

A column is a figure of a part: of a model of a report, or of a row of its verse. A label is clear
by itself; headings and notes are for the page, which has room for them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

NOTHING = "–"

ReportPart = Mapping[str, Any]
Cell = Callable[[ReportPart], str]


class Column(NamedTuple):
    """A figure: its label, a note about it, and how it is written."""

    label: str
    cell: Cell
    note: str = ""


ColumnGroups = Mapping[str, Sequence[Column]]
"""Columns by the heading above them."""


class Shown(NamedTuple):
    """The content of a table: the names of parts, and by group each column with one text a part."""

    names: list[str]
    groups: list[tuple[str, list[tuple[Column, list[str]]]]]


def shown(parts: Sequence[ReportPart], groups: ColumnGroups) -> Shown:
    """The figures of parts; a column that no part has, and a group without columns, is left out."""
    found = []
    for heading, columns in groups.items():
        cells = [(column, [column.cell(part) for part in parts]) for column in columns]
        if there := [row for row in cells if set(row[1]) - {NOTHING}]:
            found.append((heading, there))
    return Shown([str(part.get("name", NOTHING)) for part in parts], found)


def named(groups: ColumnGroups, labels: Iterable[str]) -> list[Column]:
    """The columns with these labels, in their order.

    Raises:
        KeyError: there is none of that label.
    """
    known = {column.label: column for columns in groups.values() for column in columns}
    return [known[label] for label in labels]


def at(part: Any, path: str) -> Any:
    """The value under nested keys, with points between them; None where one of them is missing."""
    for key in path.split("."):
        part = part.get(key) if isinstance(part, Mapping) else None
    return part


def number(value: Any, digits: int) -> str:
    """A figure with so many digits after the point; a dash where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    return f"{value:,.{digits}f}".replace("-", "−")


def figure(path: str, digits: int) -> Cell:
    """The figure at this path."""
    return lambda part: number(at(part, path), digits)


def percent(path: str, *, digits: int = 1, error: str = "") -> Cell:
    """A share of one, in per cent; with its standard error, if that is at the path ``error``."""

    def cell(part: ReportPart) -> str:
        values = [at(part, each) for each in (path, error) if each]
        there = [number(100 * v, digits) for v in values if number(v, digits) != NOTHING]
        return f"{' ± '.join(there)}%" if there else NOTHING

    return cell


def estimate(path: str, digits: int, *, mean: str = "mean", error: str = "error") -> Cell:
    """A figure with its standard error, where it has one."""

    def cell(part: ReportPart) -> str:
        value, spread = (number(at(part, f"{path}.{key}"), digits) for key in (mean, error))
        return value if NOTHING in (value, spread) else f"{value} ± {spread}"

    return cell


def _r(mean: str, error: str) -> Cell:
    return estimate("two_sample", 1, mean=mean, error=error)


VERSE: ColumnGroups = {
    "": [Column("poems", figure("poems", 0))],
    "Told from unseen real poems: R is 100 where nobody can, 0 where every poem is caught": [
        Column("R", _r("r", "error"), "boosted trees"),
        Column("R, second judge", _r("second_r", "second_error"), "a network"),
        Column("R, the lower", _r("lower", "lower_error"), "the one that counts"),
    ],
    "Metre (格律)": [
        Column("metre", percent("metre.metre"), "tones, 对 and 粘"),
        Column("rhyme", percent("metre.rhyme")),
        Column("metre and rhyme", percent("metre.both")),
        Column(
            "both, strictly read",
            percent("metre.strict_readings"),
            "a character with two tones is a fault",
        ),
    ],
    "Coherence: does the second half belong to the first?": [
        Column(
            "own second half, of 10",
            percent("coherence.own", error="coherence.error"),
            "taken among its rhyme group’s",
        ),
        Column("halves exchanged", percent("coherence.exchanged"), "chance is 10%"),
        Column("poems asked about", figure("coherence.poems", 0)),
    ],
    "Subject: is the poem about the title that was asked for?": [
        Column(
            "own title, of 10",
            percent("subject.own", error="subject.error"),
            "taken among those of unseen poems",
        ),
        Column("titles exchanged", percent("subject.exchanged"), "chance is 10%"),
        Column("titles asked about", figure("subject.poems", 0)),
    ],
    "Diversity": [
        Column("poems compared", figure("diversity.poems", 0), "as many of every source"),
        Column("distinct-2", figure("diversity.distinct_2", 3), "different pairs, of all"),
        Column("unique poems", percent("diversity.unique_poems", digits=2)),
        Column("self-BLEU-2", figure("diversity.self_bleu_2", 3), "0 all differ, 1 all alike"),
        Column("poems with repeats", percent("diversity.repeats"), "a character twice"),
    ],
    "Novelty: what stands in the training poems already": [
        Column("known lines", percent("novelty.known_lines", digits=2)),
        Column("known poems", percent("novelty.known_poems", digits=2)),
        Column("longest copy, mean", figure("novelty.longest_copy_mean", 2), "characters"),
        Column("longest copy of all", figure("novelty.longest_copy", 0), "in one poem"),
    ],
    "Words: neighbouring characters that are known": [
        Column("pairs in training poems", percent("words.corpus")),
        Column("pairs in the dictionary", percent("words.dictionary")),
        Column("pairs that are words", percent("words.words"), "in either"),
    ],
    "Likelihood under the first judge; repeated and copied poems raise it too": [
        Column("log-likelihood (judge)", figure("log_likelihood.mean", 1), "nats a poem")
    ],
}
"""Poems as poems."""

_KINDS = ("real", "chance", "model", "samples")


def in_order(verse: Sequence[ReportPart]) -> list[ReportPart]:
    """Rows of verse: first real poems and chance, to compare the others with."""
    return sorted(verse, key=lambda row: (*_KINDS, row.get("kind")).index(row.get("kind")))


def bounds_of(model: ReportPart) -> dict[int, ReportPart]:
    """The bounds of a model by number of samples, which JSON keeps as text."""
    bounds = at(model, "density.bounds") or {}
    return {int(k): bound for k, bound in bounds.items() if at(bound, "mean") is not None}


def _bound(k: int) -> Cell:
    return lambda model: estimate("bound", 3)({"bound": bounds_of(model).get(k)})


def _falls(model: ReportPart) -> str:
    falls = at(model, "density.still_falls")
    return NOTHING if falls is None else "yes" if falls else "no"


def _of(part: str, whole: str) -> Cell:
    """A number of so many."""

    def cell(model: ReportPart) -> str:
        some, all_ = (number(at(model, path), 0) for path in (part, whole))
        return some if NOTHING in (some, all_) else f"{some} of {all_}"

    return cell


def density_columns(models: Sequence[ReportPart]) -> ColumnGroups:
    """Models as densities: bounds by K, rate and distortion, reconstruction."""
    samples = sorted({k for model in models for k in bounds_of(model)})
    return {
        "": [
            Column("parameters", figure("parameters", 0)),
            Column("poems measured", figure("density.poems", 0)),
        ],
        "Bound of −log p(x) from above": [
            *(Column(f"bound K={k}, nats/char", _bound(k)) for k in samples),
            Column("still falling", _falls, "at the largest K"),
        ],
        "Rate and distortion": [
            Column("rate, nats/poem", estimate("density.rate", 2), "what z says of the poem"),
            Column("distortion, nats/poem", estimate("density.distortion", 2), "what it leaves"),
            Column("active units", _of("density.active_units", "density.latent")),
        ],
        "Reconstruction from the posterior’s mean": [
            Column("characters reconstructed", percent("density.reconstruction")),
            Column("whole poems reconstructed", percent("density.whole_poems")),
            Column(
                "characters unknown", percent("density.unknown", digits=2), "outside the vocabulary"
            ),
        ],
    }


_USAGE = (
    ("characters kept, own z", "reconstruction", "high where z is used"),
    ("characters kept, another’s z", "reconstruction_shuffled", "by luck"),
    ("alike from either z", "agreement", "100%: z changes nothing"),
    ("alike in the two poems", "agreement_chance", "chance"),
)


def usage_columns(models: Sequence[ReportPart]) -> ColumnGroups:
    """Poems written from a poem's own z and from another poem's z, by passes."""
    counts = {used.get("passes", 0) for model in models for used in model.get("usage") or []}
    return {
        f"After {passes} refinement passes": [
            Column(f"{label}, {passes} passes", _after(passes, key), note)
            for label, key, note in _USAGE
        ]
        for passes in sorted(counts)
    }


def _after(passes: int, key: str) -> Cell:
    def cell(model: ReportPart) -> str:
        found = [used for used in model.get("usage") or [] if used.get("passes") == passes]
        return percent(key)(found[0] if found else {})

    return cell


def _information(model: ReportPart) -> str:
    found = at(model, "latent.information")
    value, limit = (number(at(found, key), 2) for key in ("mutual_information", "limit"))
    if limit == NOTHING:
        return value
    return f"too much to tell (limit {limit})" if value == NOTHING else f"{value} (limit {limit})"


LATENT: ColumnGroups = {
    "What z holds, and how far it is from the prior": [
        Column("mutual information, nats", _information, "of x and z, at most log N"),
        Column("hole, AUC", estimate("latent.hole", 3), "from the prior; 0.5: none"),
        Column(
            "total correlation, nats",
            estimate("latent.total_correlation", 2),
            "0: independent dimensions",
        ),
        Column(
            "total correlation, linear",
            figure("latent.gaussian_total_correlation", 2),
            "by linear dependence alone",
        ),
        Column(
            "FactorVAE score",
            figure("latent.disentanglement", 2),
            "1: each factor has its dimension",
        ),
    ]
}

_LEVELS = ("poem", "couplet", "line", "character")


def compared_columns(runs: Sequence[ReportPart]) -> list[Column]:
    """Runs beside each other: how they were trained, as densities, by level, and their latent."""
    levels = [name for name in _LEVELS if any(at(run, f"levels.{name}") for run in runs)]
    density = [column for some in density_columns(runs).values() for column in some]
    return [
        Column("preset", lambda run: str(run.get("preset", NOTHING))),
        Column("minutes", figure("minutes", 1)),
        *(column for column in density if column.label.startswith(("parameters", "bound"))),
        *(Column(f"rate, nats/poem: {name}", figure(f"levels.{name}.rate", 1)) for name in levels),
        *(
            Column(f"active units: {name}", _of(f"levels.{name}.active", f"levels.{name}.size"))
            for name in levels
        ),
        *named(density_columns(runs), ["characters reconstructed"]),
        *(column for some in LATENT.values() for column in some),
        Column("labels right", percent("accuracy")),
    ]
