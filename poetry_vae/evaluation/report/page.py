"""A report as one page of HTML that needs nothing else: no script, no file, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from poetry_vae.evaluation.report.html_table import at
from poetry_vae.evaluation.report.page_notes import measured_html, missing_html
from poetry_vae.evaluation.report.page_pictures import (
    density_pictures,
    map_pictures,
    training_picture,
    verse_pictures,
)
from poetry_vae.evaluation.report.page_style import STYLE
from poetry_vae.evaluation.report.page_tables import (
    density_table,
    latent_table,
    usage_table,
    verse_table,
)
from poetry_vae.evaluation.report.page_verses import reconstructions_html, samples_html
from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.verse.manner import Manner

Report = Mapping[str, Any]
_LANGUAGES = {"simplified": "zh-Hans", "traditional": "zh-Hant"}


def page(report: Report) -> str:
    """The page of a report as ``evaluation/report/evaluation.py`` makes it.

    Whatever the report lacks is left out; where matplotlib is not installed the pictures are, and
    the page says so. Poems are taken to be in simplified script unless ``script`` says otherwise.
    """
    name = str(report.get("form_name") or report.get("form") or "poems")
    sections = list(_sections(report))
    links = "\n".join(f'<a href="#{key}">{escape(title)}</a>' for key, title, _ in sections)
    body = "\n".join(
        f'<section id="{key}"><h2>{escape(title)}</h2>\n{content}\n</section>'
        for key, title, content in sections
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>poetry-vae: {escape(name)}</title>
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>How well do they write <span lang="zh">{escape(name)}</span>?</h1>
<p>{_summary(report)}</p>
<nav>
{links}
</nav>
</header>
<main>
{body}
</main>
</body>
</html>
"""


def _summary(report: Report) -> str:
    models = ", ".join(str(model.get("name")) for model in report.get("models") or []) or "no model"
    parts = [
        f"Measured: {models}",
        f"on the {report['part']} part" if report.get("part") else "",
        f"of {report['corpus']}" if report.get("corpus") else "",
        f"with seed {report['seed']}" if report.get("seed") is not None else "",
    ]
    quick = "A quick evaluation, of few poems." if report.get("quick") else ""
    return escape(" ".join(part for part in parts if part) + f". {quick}")


def _sections(report: Report) -> Iterator[tuple[str, str, str]]:
    """Every section's anchor, title and content."""
    models: Sequence[Report] = report.get("models") or []
    verse: Sequence[Report] = report.get("verse") or []
    lang = _LANGUAGES[report.get("script", "simplified")]
    yield (
        "verse",
        "As poets",
        f"<p>{_how_written(report)} Read every column against real poems that nobody trained on, "
        "and against chance: lines, or single characters, dealt out anew among real poems.</p>"
        f"{verse_table(verse)}{verse_pictures(verse, chars=_chars(report))}",
    )
    if models:
        yield (
            "density",
            "As densities",
            "<p>How likely unseen poems are to a model. The bound tightens as the number K of "
            "importance samples grows; lower is better. It is the bound of the model itself, "
            "without refinement. ± is one standard error.</p>"
            f"{density_table(models)}{density_pictures(models)}",
        )
        yield (
            "usage",
            "Is the latent used?",
            "<p>Poems are written from their own z and from that of another poem. Where the latent "
            "is used, the first resemble the poem and the second do not.</p>"
            f"{usage_table(models)}",
        )
        yield ("latent", "The latent space", _latent(models))
        yield ("training", "Training", training_picture(models))
        yield ("samples", "Fresh samples", _of_each(models, lambda m: _samples(m, lang)))
        yield ("read", "Poems read and written again", _of_each(models, lambda m: _read(m, lang)))
    yield ("missing", "What is missing", missing_html(report.get("missing") or []))
    yield ("measured", "How this was measured", measured_html(report))


def _how_written(report: Report) -> str:
    told = [
        f"{model['name']} wrote with {Manner(**model['manner'])}."
        for model in report.get("models") or []
        if model.get("manner")
    ]
    return escape(" ".join(told))


def _latent(models: Sequence[Report]) -> str:
    maps = _of_each(
        models,
        lambda model: map_pictures(model, next(i for i, m in enumerate(models) if m is model)),
    )
    method = next(
        (at(model, "map", "method") for model in models if at(model, "map", "method")), ""
    )
    told = f"Maps: {method}. " if method else ""
    return (
        f"{latent_table(models)}<p>{escape(told)}A point is an unseen poem, which shows where the "
        f"pointer rests.</p>{maps}"
    )


def _samples(model: Report, lang: str) -> str:
    return samples_html(model.get("samples") or [], lang)


def _read(model: Report, lang: str) -> str:
    ends = (("The best", "best"), ("The worst", "worst"))
    return "".join(
        f"<h4>{title}</h4>" + reconstructions_html(at(model, "reconstructions", key) or [], lang)
        for title, key in ends
    )


def _of_each(models: Sequence[Report], content: Any) -> str:
    """What there is of each model, under its name where there are several."""
    if len(models) == 1:
        return str(content(models[0]))
    return "".join(f"<h3>{escape(str(model.get('name')))}</h3>{content(model)}" for model in models)


def _chars(report: Report) -> int | None:
    try:
        form = Form.parse(str(report.get("form")))
        return form.chars if form.is_even else None
    except FormError:
        return None
