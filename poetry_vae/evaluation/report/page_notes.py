"""The end of a report's page: what is missing, the settings, and where the measures come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from poetry_vae.evaluation.report.html_table import at

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


def missing_html(missing: Sequence[Mapping[str, Any]]) -> str:
    """The figures that were not taken, and why."""
    if not missing:
        return "<p>Every figure was taken.</p>"
    return _definitions((entry.get("figure", ""), entry.get("why", "")) for entry in missing)


def measured_html(report: Mapping[str, Any]) -> str:
    """On what, with which settings, and by whose measures."""
    about: list[tuple[Any, Any]] = [
        ("corpus", report.get("corpus")),
        ("form", " ".join(str(report[k]) for k in ("form_name", "form") if report.get(k))),
        ("part", report.get("part")),
        ("seed", report.get("seed")),
        *_settings(report.get("settings")),
        *_settings(report.get("effort")),
    ]
    pieces = [_definitions((name, value) for name, value in about if value not in (None, ""))]
    if report.get("quick"):
        pieces.append("<p>This was a quick evaluation, of few poems.</p>")
    pieces += [
        f"<h3>{escape(str(model.get('name', '')))}</h3>{_definitions(_settings(model['card']))}"
        for model in report.get("models") or []
        if at(model, "card")
    ]
    return "\n".join([*pieces, "<h3>Sources</h3>", _definitions(_SOURCES)])


def _settings(part: Any) -> list[tuple[str, str]]:
    """What a part says in so many words or numbers; what is nested in it is left out."""
    if not isinstance(part, Mapping):
        return []
    return [
        (str(name).replace("_", " "), _shown(value))
        for name, value in part.items()
        if isinstance(value, str | int | float | list | tuple)
    ]


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _definitions(pairs: Any) -> str:
    items = "\n".join(
        f"<dt>{escape(str(name))}</dt><dd>{escape(str(value))}</dd>" for name, value in pairs
    )
    return f"<dl>\n{items}\n</dl>"
