"""A poem and its report as JSON: what `metre --json` prints and the interface answers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from poetry_vae.text.faults import Fault
from poetry_vae.text.poem import Poem
from poetry_vae.text.rhyming import Borrowed
from poetry_vae.text.scansion import MetreReport
from poetry_vae.text.script import Script, present
from poetry_vae.text.tune_metre import TuneReport
from poetry_vae.text.turned import Turned


def record(
    poem: Poem, report: MetreReport | TuneReport | None, script: Script
) -> dict[str, object]:
    """A poem and its report; template and what follows are null without a metre.

    Lines and positions count from 1. Old-style verse has no template and no line types. Of a 词 the
    pattern has 中 where a place is free, and lines with one letter rhyme.
    """

    def groups(found: frozenset[str]) -> list[str]:
        return [present(group, script) for group in sorted(found)]

    def told(found: Fault | Turned | Borrowed) -> dict[str, Any]:
        return asdict(found) | {"explanation": present(found.explanation, script)}

    def place(found: tuple[int, int] | None) -> dict[str, int] | None:
        return found and {"line": found[0], "position": found[1]}

    lines = [present(line, script) for line in poem.lines]
    title, author = present(poem.title, script), present(poem.author, script)
    about: dict[str, object] = {"title": title, "author": author, "lines": lines}
    if report is None:
        return {**about, "template": None}
    measured = {
        "line_rhymes": [groups(found) for found in report.line_groups],
        "keeps_metre": report.keeps_metre,
        "keeps_rhyme": report.keeps_rhyme,
        "ok": report.ok,
        "faults": [told(fault) for fault in report.faults],
    }
    if isinstance(report, TuneReport):
        return {
            **about,
            "form": report.metre.name,
            "style": "词",
            "template": None,
            "pattern": report.metre.pattern,
            "shares": report.metre.shares,
            "rhyme_scheme": report.metre.rhymes,
            "rhyme_shares": report.metre.rhyme_shares,
            "tones": report.tones,
            **measured,
            "unknown": report.unknown,
        }
    return {
        **about,
        "form": str(poem.form),
        "style": report.style,
        "style_explanation": present(report.style_explanation, script),
        "template": asdict(report.template) if report.has_types else None,
        "types": "".join(report.types) if report.has_types else None,
        "tones": report.tones,
        "rhymes": groups(report.rhymes),
        **measured,
        "turned": [told(each) | {"saved_by": place(each.saved_by)} for each in report.turned],
        "borrowed": [told(each) | {"groups": groups(each.groups)} for each in report.borrowed],
        "unknown": report.unknown,
    }
