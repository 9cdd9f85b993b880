"""The tables of a report's page: which figures, in which order, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from poetry_vae.evaluation.report.html_table import (
    NOTHING,
    Cell,
    Line,
    Part,
    at,
    estimate,
    figure,
    number,
    percent,
    table,
)

_KINDS = ("real", "chance", "model", "samples")


def in_order(verse: Sequence[Part]) -> list[Part]:
    """Rows of verse, those first that the others are read against: real poems, then chance."""
    return sorted(verse, key=lambda row: (*_KINDS, row.get("kind")).index(row.get("kind")))


def verse_table(verse: Sequence[Part]) -> str:
    """Poems as poems: real ones, chance, every model and other samples."""
    return table(in_order(verse), _VERSE)


_VERSE = [
    ("", [Line("poems", "", figure("poems", digits=0))]),
    (
        "Told from unseen real poems: R is 100 where nobody can, 0 where every poem is caught",
        [
            Line("R", "boosted trees", estimate("two_sample", digits=1, mean="r")),
            Line(
                "R, second judge",
                "a network",
                estimate("two_sample", digits=1, mean="second_r", error="second_error"),
            ),
            Line(
                "the lower of the two",
                "the one that counts",
                estimate("two_sample", digits=1, mean="lower", error="lower_error"),
            ),
        ],
    ),
    (
        "Metre (格律)",
        [
            Line("metre", "tones, 对 and 粘", percent("metre", "metre")),
            Line("rhyme", "", percent("metre", "rhyme")),
            Line("both", "", percent("metre", "both")),
            Line(
                "both, strictly read",
                "a character with two tones is a fault",
                percent("metre", "strict_readings"),
            ),
        ],
    ),
    (
        "Coherence: does the second half belong to the first?",
        [
            Line(
                "own second half",
                "taken among ten of its rhyme group",
                percent("coherence", "own"),
            ),
            Line("of another poem", "chance is 10%", percent("coherence", "exchanged")),
            Line("poems asked about", "", figure("coherence", "poems", digits=0)),
        ],
    ),
    (
        "Diversity",
        [
            Line(
                "poems compared", "as many of every column", figure("diversity", "poems", digits=0)
            ),
            Line(
                "distinct-2",
                "different pairs of characters, of all",
                figure("diversity", "distinct_2", digits=3),
            ),
            Line("unique poems", "", percent("diversity", "unique_poems")),
            Line(
                "self-BLEU-2",
                "0 all differ, 1 all alike",
                figure("diversity", "self_bleu_2", digits=3),
            ),
            Line("poems with a character twice", "", percent("diversity", "repeats")),
        ],
    ),
    (
        "Novelty: what stands in the training poems already",
        [
            Line("lines", "", percent("novelty", "known_lines", digits=2)),
            Line("whole poems", "", percent("novelty", "known_poems", digits=2)),
            Line(
                "longest copied run",
                "characters, mean",
                figure("novelty", "longest_copy_mean", digits=2),
            ),
            Line(
                "longest of all",
                "characters, in one poem",
                figure("novelty", "longest_copy", digits=0),
            ),
        ],
    ),
    (
        "Words: neighbouring characters that are known",
        [
            Line("to the training poems", "", percent("words", "corpus")),
            Line("to the dictionary", "", percent("words", "dictionary")),
            Line("to either", "", percent("words", "words")),
        ],
    ),
    (
        "Likelihood under the first judge; repeated and copied poems raise it too",
        [Line("log-likelihood", "nats a poem", figure("log_likelihood", "mean", digits=1))],
    ),
]


def density_table(models: Sequence[Part]) -> str:
    """Models as densities: bounds, rate and distortion, reconstruction."""
    samples = sorted({k for model in models for k in bounds_of(model)})
    bounds = [Line(f"K = {k:,}", "", _bound(k)) for k in samples]
    falling = Line("still falls at the largest K", "", _falls)
    return table(
        models,
        [
            (
                "",
                [
                    Line("parameters", "", figure("parameters", digits=0)),
                    Line("size", "MB", figure("size_mb", digits=1)),
                    Line("poems measured", "", figure("density", "poems", digits=0)),
                ],
            ),
            ("Bound of −log p(x) from above, nats a character", [*bounds, falling]),
            (
                "Rate and distortion, nats a poem",
                [
                    Line("rate", "what z says of the poem", estimate("density", "rate", digits=2)),
                    Line(
                        "distortion", "what it leaves", estimate("density", "distortion", digits=2)
                    ),
                    Line("active units", "", _units),
                ],
            ),
            (
                "Reconstruction from the posterior’s mean",
                [
                    Line("characters", "", percent("density", "reconstruction")),
                    Line("whole poems", "", percent("density", "whole_poems")),
                    Line(
                        "outside the vocabulary",
                        "of the characters",
                        percent("density", "unknown", digits=2),
                    ),
                ],
            ),
        ],
    )


def bounds_of(model: Part) -> dict[int, Mapping[str, Any]]:
    """The bounds of a model by number of samples, which JSON keeps as text."""
    bounds = at(model, "density", "bounds") or {}
    return {int(k): bound for k, bound in bounds.items() if at(bound, "mean") is not None}


def _bound(k: int) -> Cell:
    return lambda model: estimate(digits=3)(bounds_of(model).get(k, {}))


def _falls(model: Part) -> str:
    falls = at(model, "density", "still_falls")
    return NOTHING if falls is None else "yes" if falls else "no"


def _units(model: Part) -> str:
    active, latent = (number(at(model, "density", key), 0) for key in ("active_units", "latent"))
    return NOTHING if active == NOTHING else f"{active} of {latent}"


_USAGE = [
    Line("from the poem’s own z", "characters as they were", percent("reconstruction")),
    Line("from another poem’s z", "by luck", percent("reconstruction_shuffled")),
    Line("common to the two", "100%: z changes nothing", percent("agreement")),
    Line("common to the two poems", "chance", percent("agreement_chance")),
]


def usage_table(models: Sequence[Part]) -> str:
    """What is written from a poem's own z, beside what another poem's z gives."""
    counts = {used.get("passes", 0) for model in models for used in model.get("usage") or []}
    return table(
        models,
        [
            (
                f"After {passes} refinement {'pass' if passes == 1 else 'passes'}",
                [line._replace(cell=_after(passes, line.cell)) for line in _USAGE],
            )
            for passes in sorted(counts)
        ],
    )


def _after(passes: int, cell: Cell) -> Cell:
    """The cell of what was measured after so many passes."""

    def of(model: Part) -> str:
        found = [used for used in model.get("usage") or [] if used.get("passes") == passes]
        return cell(found[0] if found else {})

    return of


def latent_table(models: Sequence[Part]) -> str:
    """The latent space: what it holds, and how far it is from the prior."""
    return table(models, _LATENT)


def _information(model: Part) -> str:
    found = at(model, "latent", "information")
    value, limit = (number(at(found, key), 1) for key in ("mutual_information", "limit"))
    if limit == NOTHING:
        return NOTHING
    return f"too much to tell (limit {limit})" if value == NOTHING else f"{value} (limit {limit})"


_LATENT = [
    (
        "",
        [
            Line("mutual information of x and z", "nats, at most log N", _information),
            Line(
                "hole",
                "AUC of encoded poems against the prior; 0.5: none",
                estimate("latent", "hole", digits=3),
            ),
            Line(
                "total correlation",
                "nats; 0: independent dimensions",
                estimate("latent", "total_correlation", digits=2),
            ),
            Line(
                "by linear dependence alone",
                "nats",
                figure("latent", "gaussian_total_correlation", digits=2),
            ),
            Line(
                "FactorVAE score",
                "1: each factor has its dimension",
                figure("latent", "disentanglement", digits=2),
            ),
        ],
    )
]
