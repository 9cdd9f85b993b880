"""The pictures of a report's page, each drawn from those parts of the report that are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from poetry_vae.evaluation.report import pictures
from poetry_vae.evaluation.report.curves import training_curves
from poetry_vae.evaluation.report.html_table import at
from poetry_vae.evaluation.report.page_tables import bounds_of, in_order
from poetry_vae.evaluation.report.rendering import PictureError, as_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Part = Mapping[str, Any]


def density_pictures(models: Sequence[Part]) -> str:
    """The bound by the number of samples, and the rate of every dimension."""
    bounds = {
        str(model.get("name")): {
            k: (bound["mean"], bound.get("error") or 0.0) for k, bound in bounds_of(model).items()
        }
        for model in models
        if bounds_of(model)
    }
    rates = _named(models, "density", "rate_by_dimension")
    return _side_by_side(
        _picture("bound", bounds, pictures.bound_by_samples, "The bound, with standard errors"),
        _picture("rate", rates, pictures.rate_by_dimension, "The rate of each dimension"),
    )


def training_picture(models: Sequence[Part]) -> str:
    """What the models logged as they learned."""
    caption = (
        "Lines are training batches, markers validation, the star is the best bound. While the "
        "KL weight (grey) is below 1 the latent may say more than it will be able to keep."
    )
    runs = _named(models, "training")
    return _side_by_side(_picture("training", runs, training_curves, caption))


def map_pictures(model: Part, number: int) -> str:
    """The map of a latent space, once for every kind of label that tells poems apart."""
    found = at(model, "map")
    x, y, poems = (at(found, key) or [] for key in ("x", "y", "poems"))
    if not x or len(x) != len(y):
        return '<p class="absent">No map was drawn.</p>'
    titles = poems if len(poems) == len(x) else None
    drawn = []
    for kind, labels in (at(found, "labels") or {"": []}).items():
        if len(labels) != len(x):
            labels = ["poems"] * len(x)
        drawn.append(
            _picture(
                f"map-{number}-{kind}",
                labels,
                lambda labels: pictures.scatter(x, y, labels),
                f"By {kind}" if kind else "All poems",
                titles,
            )
        )
    return _side_by_side(*drawn)


def verse_pictures(verse: Sequence[Part], *, chars: int | None) -> str:
    """Likelihoods under the judge, and metre."""
    rows = in_order(verse)
    judged = [row for row in rows if at(row, "log_likelihood", "counts")]
    scanned = [row for row in rows if at(row, "metre", "both") is not None]
    toned = [row for row in rows if row.get("tone_agreement")]
    return _side_by_side(
        _picture(
            "likelihood",
            judged,
            pictures.likelihood_histograms,
            "Log-likelihood under the first judge: real poems are the grey area",
        ),
        _picture("metre", scanned, pictures.metre_bars, "Poems that keep metre and rhyme"),
        _picture(
            "tones",
            toned if chars else [],
            lambda rows: pictures.tone_agreement(rows, chars=chars or 1),
            "How often a character has the tone that its place in the template asks for",
        ),
    )


def _named(models: Sequence[Part], *keys: str) -> dict[str, Any]:
    return {str(model.get("name")): at(model, *keys) for model in models if at(model, *keys)}


def _picture(
    name: str,
    data: Any,
    draw: Callable[[Any], Figure],
    caption: str,
    titles: Sequence[str] | None = None,
) -> str:
    """A picture with its caption; what hinders it where it cannot be drawn; nothing of no data."""
    if not data:
        return ""
    try:
        picture = as_svg(draw(data), titles, name=name)
    except PictureError as error:
        return f'<p class="absent">{escape(caption)}: {escape(str(error))}</p>'
    return f"<figure>{picture}<figcaption>{escape(caption)}</figcaption></figure>"


def _side_by_side(*drawn: str) -> str:
    there = [picture for picture in drawn if picture]
    if not there:
        return '<p class="absent">There is nothing to draw a picture of.</p>'
    return '<div class="pictures">\n' + "\n".join(there) + "\n</div>"
