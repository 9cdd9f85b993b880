"""A poem and its report as JSON: what `metre --json` prints and the interface answers."""

from __future__ import annotations

from poetry_vae.text.faults import Fault
from poetry_vae.text.poem import Poem
from poetry_vae.text.scansion import MetreReport
from poetry_vae.text.script import Script, present
from poetry_vae.text.tune_metre import TuneReport


def record(
    poem: Poem, report: MetreReport | TuneReport | None, script: Script
) -> dict[str, object]:
    """A poem and its report; template and what follows are null without a metre.

    Lines and positions count from 1. Old-style verse has no template and no line types.
    """
    lines = [present(line, script) for line in poem.lines]
    title, author = present(poem.title, script), present(poem.author, script)
    about: dict[str, object] = {"title": title, "author": author, "lines": lines}
    if report is None:
        return {**about, "template": None}
    if isinstance(report, TuneReport):
        return {**about, **_of_tune(report, script)}
    return {**about, "form": str(poem.form), **_of_verse(report, script)}


def _of_tune(report: TuneReport, script: Script) -> dict[str, object]:
    """词: the pattern has 中 where a place is free; lines with one letter rhyme."""
    return {
        "form": report.metre.name,
        "style": "词",
        "template": None,
        "pattern": report.metre.pattern,
        "shares": report.metre.shares,
        "rhyme_scheme": report.metre.rhymes,
        "rhyme_shares": report.metre.rhyme_shares,
        "tones": report.tones,
        "line_rhymes": [[present(g, script) for g in sorted(x)] for x in report.line_groups],
        "keeps_metre": report.keeps_metre,
        "keeps_rhyme": report.keeps_rhyme,
        "ok": report.ok,
        "faults": _faults(report.faults, script),
        "unknown": report.unknown,
    }


def _faults(faults: tuple[Fault, ...], script: Script) -> list[dict[str, object]]:
    return [
        {
            "kind": fault.kind,
            "line": fault.line,
            "position": fault.position,
            "explanation": present(fault.explanation, script),
        }
        for fault in faults
    ]


def _of_verse(report: MetreReport, script: Script) -> dict[str, object]:
    template, types = {"name": report.template.name, "order": report.template.order}, report.types
    measured = report.has_types

    def groups(found: frozenset[str]) -> list[str]:
        return [present(group, script) for group in sorted(found)]

    return {
        "style": report.style,
        "style_explanation": present(report.style_explanation, script),
        "template": template if measured else None,
        "types": "".join(types) if measured else None,
        "tones": report.tones,
        "rhymes": groups(report.rhymes),
        "line_rhymes": [groups(found) for found in report.line_groups],
        "keeps_metre": report.keeps_metre,
        "keeps_rhyme": report.keeps_rhyme,
        "ok": report.ok,
        "faults": _faults(report.faults, script),
        "turned": [
            {
                "kind": turned.kind,
                "line": turned.line,
                "position": turned.position,
                "saved_by": None
                if turned.saved_at is None
                else dict(zip(("line", "position"), turned.saved_at, strict=True)),
                "explanation": present(turned.explanation, script),
            }
            for turned in report.turned
        ],
        "borrowed": [
            {
                "kind": borrowed.kind,
                "line": borrowed.line,
                "groups": groups(borrowed.groups),
                "explanation": present(borrowed.explanation, script),
            }
            for borrowed in report.borrowed
        ],
        "unknown": report.unknown,
    }
