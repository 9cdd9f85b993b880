"""What `poetry-vae metre` shows people: tones under the characters, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click
from rich.table import Table

from poetry_vae.cli.console import print_table as print_whole
from poetry_vae.text.faults import Fault
from poetry_vae.text.poem import Poem
from poetry_vae.text.rhyming import Borrowed
from poetry_vae.text.scansion import MetreReport
from poetry_vae.text.script import Script, present
from poetry_vae.text.tune_metre import TuneReport
from poetry_vae.text.turned import Turned

_COLOURS = {"平": "cyan", "仄": "red", "中": "yellow"}


def shown(poem: Poem, report: MetreReport | TuneReport, script: Script) -> Iterator[str]:
    """A poem as people read it: every line with its tones below, then what is to be said.

    The marks stand under their characters, since both are two columns wide.
    """
    heading = " ".join(part for part in (poem.author, poem.title) if part)
    if heading:
        yield present(heading, script)
    yield _name(poem, report, script)
    for i, (line, tones) in enumerate(zip(report.lines, report.tones, strict=True)):
        yield f"  {present(line, script)}"
        yield f"  {_coloured(tones)}{_type_and_rhyme(report, i, script)}"
    if report.unknown:
        yield f"  unknown readings: {' '.join(present(c, script) for c in report.unknown)}"
    said: Iterable[Fault | Turned | Borrowed] = report.faults
    if isinstance(report, MetreReport):
        said = [*report.turned, *report.borrowed, *report.faults]
        said.sort(key=lambda each: each.line)
    for each in said:
        yield f"  {present(each.explanation, script)}"
    if isinstance(report, MetreReport) and report.style_explanation:
        yield f"  {present(report.style_explanation, script)}"
    if report.ok:
        yield "  keeps metre and rhyme"


def _name(poem: Poem, report: MetreReport | TuneReport, script: Script) -> str:
    if isinstance(report, TuneReport):
        return f"{present(report.metre.name, script)} (词, as in {report.metre.poems:,} poems)"
    if not report.has_types:
        return f"{poem.form} {report.style}"
    style = "" if report.style == "近体" else f" {report.style}"
    return f"{poem.form}{style} {report.template.name} ({report.template.order})"


def _type_and_rhyme(report: MetreReport | TuneReport, line: int, script: Script) -> str:
    found = report.line_groups[line]
    rhyme = f"韵 {'/'.join(present(group, script) for group in sorted(found)) or '？'}"
    if isinstance(report, TuneReport):
        letter = report.metre.rhymes[line]
        return f"  {letter} {rhyme}" if letter else ""
    if not report.has_types:
        return f"  {rhyme}" if found else ""
    kind = report.types[line]
    return f"  {kind}  {rhyme}" if line in report.template.rhyming_lines else f"  {kind}"


def _coloured(tones: str) -> str:
    """Tones in colour, which click leaves out where it may not be shown."""
    return "".join(click.style(tone, fg=_COLOURS.get(tone)) for tone in tones)


def print_table(tallies: dict[str, list[MetreReport | TuneReport | None]]) -> None:
    """The shares of poems of each form that keep metre, rhyme and both."""
    table = Table("form", "poems", "metre", "rhyme", "both")
    for name, found in sorted(tallies.items(), key=lambda item: (item[0] == "other", item[0])):
        reports = [report for report in found if report is not None]
        kept = zip(*((r.keeps_metre, r.keeps_rhyme, r.ok) for r in reports), strict=True)
        cells = [f"{sum(column) / len(column):.1%}" for column in kept]
        table.add_row("no metre" if name == "other" else name, f"{len(found):,}", *cells)
    print_whole(table)
