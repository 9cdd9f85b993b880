"""What `poetry-vae metre --json` tells a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from poetry_vae.text.poem import Poem
    from poetry_vae.text.scansion import MetreReport
    from poetry_vae.text.script import Script


def record(poem: Poem, report: MetreReport | None, script: Script) -> dict[str, object]:
    """A poem and its report; template and what follows are null without a metre.

    Lines and positions count from 1. Old-style verse has no template and no line types.
    """
    from poetry_vae.cli.metre_text import has_types
    from poetry_vae.text.script import present

    lines = [present(line, script) for line in poem.lines]
    title, author = present(poem.title, script), present(poem.author, script)
    about: dict[str, object] = {"title": title, "author": author, "lines": lines}
    if report is None:
        return {**about, "template": None}
    template, types = {"name": report.template.name, "order": report.template.order}, report.types
    measured = has_types(report)

    def groups(found: frozenset[str]) -> list[str]:
        return [present(group, script) for group in sorted(found)]

    return {
        **about,
        "form": str(poem.form),
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
        "faults": [
            {
                "kind": fault.kind,
                "line": fault.line,
                "position": fault.position,
                "explanation": present(fault.explanation, script),
            }
            for fault in report.faults
        ],
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
