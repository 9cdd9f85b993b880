"""A report as one page of HTML: ``page.html.jinja`` says how, ``page.css`` how it looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader, Template
from markupsafe import Markup

from poetry_vae.evaluation.report import columns, pictures
from poetry_vae.evaluation.report.columns import ReportPart, at, shown
from poetry_vae.evaluation.report.curves import training_curves
from poetry_vae.evaluation.report.rendering import PictureError, as_svg
from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.verse.sampling_settings import SamplingSettings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_HERE = Path(__file__).parent
_LINE = re.compile(r"[^，。！？；、\s]+[，。！？；、]?")
_SOURCES = (
    ("Model", "Kingma & Welling 2014, Auto-Encoding Variational Bayes"),
    ("Bounds by K, active units", "Burda et al. 2016, Importance Weighted Autoencoders"),
    ("Mutual information", "Hoffman & Johnson 2016, ELBO surgery"),
    ("Total correlation, FactorVAE score", "Kim & Mnih 2018, Disentangling by Factorising"),
    ("Hole, by density ratio", "Sugiyama et al. 2012, Density Ratio Estimation"),
    ("R", "Lopez-Paz & Oquab 2017, Revisiting Classifier Two-Sample Tests"),
    ("Errors of R and AUC", "DeLong et al. 1988"),
    ("The judge’s language model", "Chen & Goodman 1999, modified Kneser–Ney smoothing"),
    ("distinct-2", "Li et al. 2016, A Diversity-Promoting Objective Function"),
    ("self-BLEU", "Zhu et al. 2018, Texygen"),
    ("Metre and rhyme", "王力, 詩詞格律; readings and groups of 廣韻 and 平水韻"),
)


def page(report: ReportPart) -> str:
    """The page of a report as ``evaluation.py`` makes it.

    Parts that the report lacks are left out. Without matplotlib the pictures are left out too, and
    the page says so.
    """
    models: Sequence[ReportPart] = report.get("models") or []
    verse = columns.in_order(report.get("verse") or [])
    return _template().render(
        report=report,
        style=Markup((_HERE / "page.css").read_text(encoding="utf-8")),
        name=report.get("form_name") or report.get("form") or "poems",
        models=models,
        verse=shown(verse, columns.VERSE),
        density=shown(models, columns.density_columns(models)),
        usage=shown(models, columns.usage_columns(models)),
        latent=shown(models, columns.LATENT),
        drawn={
            "verse": list(_verse_pictures(verse, _chars(report))),
            "density": list(_density_pictures(models)),
            "training": list(_training_picture(models)),
            "maps": [list(_maps(model, i)) for i, model in enumerate(models)],
        },
        about=list(_about(report)),
        sources=_SOURCES,
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=ChainableUndefined,  # any part of a report may be missing
    )
    environment.filters |= {
        "marked": marked,
        "percent": lambda part, key: columns.percent(key, digits=0)(part),
        "settings": _settings,
        "told": lambda settings: SamplingSettings(**settings),
        "zip": zip,
    }
    return environment.get_template("page.html.jinja")


def marked(text: str, other: str | None = None) -> list[list[tuple[str, bool]]]:
    """A poem as its lines, each as runs of characters and whether ``other`` differs there.

    Nothing differs from a poem of other lengths.
    """
    lines = _LINE.findall(str(text))
    others = lines if other is None else _LINE.findall(str(other))
    if [*map(len, lines)] != [*map(len, others)]:
        others = lines
    return [
        [
            ("".join(character for character, _ in run), differs)
            for differs, run in groupby(zip(*both, strict=True), lambda pair: pair[0] != pair[1])
        ]
        for both in zip(lines, others, strict=True)
    ]


def _about(report: ReportPart) -> Iterator[tuple[str, Any]]:
    """On what a report was made, and with which settings."""
    form = " ".join(str(report[key]) for key in ("form_name", "form") if report.get(key))
    told = {key: report.get(key) for key in ("corpus", "form", "part", "seed")} | {"form": form}
    yield from ((name, value) for name, value in told.items() if value not in (None, ""))
    yield from _settings(report.get("effort"))


def _settings(part: Any) -> Iterator[tuple[str, str]]:
    """The plain texts and numbers of a part, without its nested parts."""
    for name, value in part.items() if isinstance(part, Mapping) else ():
        if isinstance(value, str | int | float | list | tuple):
            yield str(name).replace("_", " "), _written(value)


def _written(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_written, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _chars(report: ReportPart) -> int | None:
    """The characters of a line, where all lines have as many."""
    try:
        form = Form.parse(str(report.get("form")))
        return form.chars if form.is_even else None
    except FormError:
        return None


Drawn = Mapping[str, str]
"""The ``caption`` of a picture, and its ``svg`` or the ``hindrance`` why there is none."""


def _draw(
    name: str,
    data: Any,
    draw: Callable[[Any], Figure],
    caption: str,
    titles: Sequence[str] | None = None,
) -> Iterator[Drawn]:
    """A picture of the data; nothing where there is no data."""
    if data:
        try:
            svg = Markup(as_svg(draw(data), titles, name=name))
            yield {"caption": caption, "svg": svg}
        except PictureError as error:
            yield {"caption": caption, "hindrance": str(error)}


def _of_each(models: Sequence[ReportPart], path: str) -> dict[str, Any]:
    return {str(model.get("name")): at(model, path) for model in models if at(model, path)}


def _density_pictures(models: Sequence[ReportPart]) -> Iterator[Drawn]:
    bounds = {
        str(model.get("name")): {k: (b["mean"], b.get("error") or 0.0) for k, b in found.items()}
        for model in models
        if (found := columns.bounds_of(model))
    }
    rates = _of_each(models, "density.rate_by_dimension")
    yield from _draw("bound", bounds, pictures.bound_by_samples, "The bound, with standard errors")
    yield from _draw("rate", rates, pictures.rate_by_dimension, "The rate of each dimension")


def _training_picture(models: Sequence[ReportPart]) -> Iterator[Drawn]:
    caption = (
        "Lines are training batches, markers validation, the star is the best bound. While the "
        "KL weight (grey) is below 1 the latent may say more than it will be able to keep."
    )
    return _draw("training", _of_each(models, "training"), training_curves, caption)


def _maps(model: ReportPart, i: int) -> Iterator[Drawn]:
    """The map of a latent space, once for every kind of label that tells poems apart."""
    x, y, poems = (at(model, path) or [] for path in ("map.x", "map.y", "map.poems"))
    titles = poems if len(poems) == len(x) else None
    for kind, labels in (at(model, "map.labels") or {"": []}).items():
        if x and len(x) == len(y):
            fitting = labels if len(labels) == len(x) else ["poems"] * len(x)
            told = f"By {kind}" if kind else "All poems"
            draw = partial(pictures.scatter, x, y)
            yield from _draw(f"map-{i}-{kind}", fitting, draw, told, titles)


def _verse_pictures(rows: Sequence[ReportPart], chars: int | None) -> Iterator[Drawn]:
    likely = [row for row in rows if at(row, "log_likelihood.counts")]
    told = "Log-likelihood under the first judge: real poems are the grey area"
    yield from _draw("likelihood", likely, pictures.likelihood_histograms, told)
    kept = [row for row in rows if at(row, "metre.both") is not None]
    yield from _draw("metre", kept, pictures.metre_bars, "Poems that keep metre and rhyme")
    toned = [row for row in rows if chars and row.get("tone_agreement")]
    told = "How often a character has the tone that its place in the template asks for"
    yield from _draw("tones", toned, partial(pictures.tone_agreement, chars=chars or 1), told)
