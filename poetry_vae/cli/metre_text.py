"""What `poetry-vae metre` shows people: tones under the characters, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from poetry_vae.text.scansion import MetreReport

if TYPE_CHECKING:
    from poetry_vae.text.poem import Poem
    from poetry_vae.text.script import Script
    from poetry_vae.text.tune_metre import TuneReport

_COLOURS = {"平": "cyan", "仄": "red", "中": "yellow"}


def shown(poem: Poem, report: MetreReport | TuneReport, script: Script) -> Iterator[str]:
    """A poem as people read it: every line with its tones below, then what is to be said.

    The marks stand under their characters, since both are two columns wide.
    """
    from poetry_vae.text.script import present

    heading = " ".join(part for part in (poem.author, poem.title) if part)
    if heading:
        yield present(heading, script)
    if isinstance(report, MetreReport):
        yield from _shown_verse(poem, report, script)
    else:
        yield from _shown_tune(report, script)
    if report.ok:
        yield "  keeps metre and rhyme"


def _shown_tune(report: TuneReport, script: Script) -> Iterator[str]:
    from poetry_vae.text.script import present

    name, poems = present(report.metre.name, script), f"{report.metre.poems:,}"
    yield f"{name} (词, as in {poems} poems)"
    for line, tones, letter, found in zip(
        report.lines, report.tones, report.metre.rhymes, report.line_groups, strict=True
    ):
        groups = "/".join(present(group, script) for group in sorted(found))
        yield f"  {present(line, script)}"
        yield f"  {_coloured(tones)}" + (f"  {letter} 韵 {groups or '？'}" if letter else "")
    if report.unknown:
        yield f"  unknown readings: {' '.join(present(c, script) for c in report.unknown)}"
    for fault in report.faults:
        yield f"  {present(fault.explanation, script)}"


def _shown_verse(poem: Poem, report: MetreReport, script: Script) -> Iterator[str]:
    from poetry_vae.text.script import present

    yield _name(poem, report)
    for i, (line, tones) in enumerate(zip(report.lines, report.tones, strict=True)):
        groups = "/".join(present(group, script) for group in sorted(report.line_groups[i]))
        rhymes = f"  韵 {groups or '？'}" if _is_to_rhyme(report, i) else ""
        kind = f"  {report.types[i]}" if report.has_types else ""
        yield f"  {present(line, script)}"
        yield f"  {_coloured(tones)}{kind}{rhymes}"
    if report.unknown:
        yield f"  unknown readings: {' '.join(present(c, script) for c in report.unknown)}"
    said = [(turned.line, turned.explanation) for turned in report.turned]
    said += [(borrowed.line, borrowed.explanation) for borrowed in report.borrowed]
    said += [(fault.line, fault.explanation) for fault in report.faults]
    for _, explanation in sorted(said, key=lambda item: item[0]):
        yield f"  {present(explanation, script)}"
    if report.style_explanation:
        yield f"  {present(report.style_explanation, script)}"


def _name(poem: Poem, report: MetreReport) -> str:
    if not report.has_types:
        return f"{poem.form} {report.style}"
    style = "" if report.style == "近体" else f" {report.style}"
    return f"{poem.form}{style} {report.template.name} ({report.template.order})"


def _is_to_rhyme(report: MetreReport, line: int) -> bool:
    if report.has_types:
        return line in report.template.rhyming_lines
    return bool(report.line_groups[line])


def _coloured(tones: str) -> str:
    """Tones in colour, which click leaves out where it may not be shown."""
    return "".join(click.style(tone, fg=_COLOURS.get(tone)) for tone in tones)


def print_table(tallies: dict[str, list[MetreReport | TuneReport | None]]) -> None:
    """The shares of poems of each form that keep metre, rhyme and both."""
    from rich.table import Table

    from poetry_vae.cli.console import print_table as print_whole

    table = Table("form", "poems", "metre", "rhyme", "both")
    for name, found in sorted(tallies.items(), key=lambda item: (item[0] == "other", item[0])):
        reports = [report for report in found if report is not None]
        kept = zip(*((r.keeps_metre, r.keeps_rhyme, r.ok) for r in reports), strict=True)
        cells = [f"{sum(column) / len(column):.1%}" for column in kept]
        table.add_row("no metre" if name == "other" else name, f"{len(found):,}", *cells)
    print_whole(table)
