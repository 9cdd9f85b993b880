"""poetry-vae metre"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poetry_vae.cli.options import encoding_option, script_option

if TYPE_CHECKING:
    from poetry_vae.text.metre import Rules
    from poetry_vae.text.poem import Poem
    from poetry_vae.text.prosody import RhymeBook
    from poetry_vae.text.scansion import MetreReport, Readings
    from poetry_vae.text.script import Script


@click.command("metre")
@click.argument("sources", nargs=-1, required=True, metavar="TEXT|FILE...")
@click.option(
    "--rules",
    type=click.Choice(["strict", "loose"]),
    default="strict",
    show_default=True,
    help="Strict rules count 孤平 and 三平尾 as faults, loose ones let them pass.",
)
@click.option(
    "--readings",
    type=click.Choice(["lenient", "strict"]),
    default="lenient",
    show_default=True,
    help="Lenient: a character with both tones fits either, and line 1 may borrow its rhyme from a "
    "neighbouring group. Strict: neither.",
)
@click.option(
    "--rhyme-book",
    type=click.Choice(["pingshui", "modern"]),
    default="pingshui",
    show_default=True,
    help="Classical readings and the groups of 平水韵, or Mandarin and 十四韵 (needs pypinyin).",
)
@script_option
@encoding_option
@click.option("--verbose", is_flag=True, help="Every poem of a file, not only the table.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a poem.")
def command(
    sources: tuple[str, ...],
    rules: Rules,
    readings: Readings,
    rhyme_book: str,
    script: Script,
    encoding: str,
    verbose: bool,
    as_json: bool,
) -> None:
    """Check the metre and rhyme of poems: typed with their punctuation, or in a file of any format.

    Shows the template a poem comes nearest to, the tone under every character (平 level,
    仄 oblique, 中 both, ？ unknown), the rhyme group, and what breaks the rules and where. For a
    file of many poems it shows the shares that keep them.

    \b
    poetry-vae metre 白日依山尽，黄河入海流。欲穷千里目，更上一层楼。
    poetry-vae metre POEMS --rules loose
    """
    from poetry_vae.text.metre import MetreError
    from poetry_vae.text.scansion import check

    book = _book(rhyme_book)
    tallies: dict[str, list[MetreReport | None]] = defaultdict(list)
    for source in sources:
        poems = _poems(source, encoding)
        many = len(poems) > 1
        for poem in poems:
            try:
                report = check(poem.lines, rules=rules, readings=readings, book=book)
            except MetreError:
                if not many:
                    raise
                report = None
            if as_json:
                click.echo(json.dumps(_record(poem, report, script), ensure_ascii=False))
            elif report is None:
                tallies["other"].append(report)
            else:
                tallies[str(poem.form)].append(report)
                if verbose or not many:
                    click.echo("\n".join(_shown(poem, report, script)) + "\n")
    if not as_json and sum(map(len, tallies.values())) > len(sources):
        _print_table(tallies)


def _book(name: str) -> RhymeBook:
    from poetry_vae.text.modern import modern
    from poetry_vae.text.prosody import PINGSHUI

    return modern() if name == "modern" else PINGSHUI


def _poems(source: str, encoding: str) -> list[Poem]:
    """The poems of a file, or the one that was typed."""
    from poetry_vae.cli.corpus import read_for_people
    from poetry_vae.text.cleaning import clean_typed
    from poetry_vae.text.metre import metred_form
    from poetry_vae.text.poem import Poem, split_lines
    from poetry_vae.text.script import understand

    if _is_path(source):
        return read_for_people(Path(source), encoding=encoding).poems
    lines = split_lines(understand(clean_typed(source)))
    if len(lines) == 1:  # written without punctuation: its length tells the form
        lines = list(metred_form(len(lines[0])).cut(lines[0]))
    return [Poem(tuple(lines))]


def _is_path(source: str) -> bool:
    """Whether a file is meant, be it there or not."""
    from poetry_vae.text.opening import may_hold_poems

    if source.isascii() or may_hold_poems(source):
        return True
    try:
        return Path(source).exists()
    except (OSError, ValueError):  # a poem too long for a name
        return False


def _record(poem: Poem, report: MetreReport | None, script: Script) -> dict[str, object]:
    """A poem and its report for a program; template and what follows are null without a metre."""
    from poetry_vae.text.script import present

    lines = [present(line, script) for line in poem.lines]
    title, author = present(poem.title, script), present(poem.author, script)
    about: dict[str, object] = {"title": title, "author": author, "lines": lines}
    if report is None:
        return {**about, "template": None}
    return {
        **about,
        "form": str(poem.form),
        "template": {"name": report.template.name, "order": report.template.order},
        "types": "".join(report.types),
        "tones": report.tones,
        "rhymes": [present(group, script) for group in sorted(report.rhymes)],
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
        "unknown": report.unknown,
    }


def _shown(poem: Poem, report: MetreReport, script: Script) -> Iterator[str]:
    """A poem as people read it: every line with its tones below, then what is wrong."""
    from poetry_vae.text.script import present

    heading = " ".join(part for part in (poem.author, poem.title) if part)
    if heading:
        yield present(heading, script)
    group = "/".join(present(group, script) for group in sorted(report.rhymes)) or "？"
    yield f"{poem.form} {report.template.name} ({report.template.order})"
    for i, (line, tones) in enumerate(zip(report.lines, report.tones, strict=True)):
        rhymes = f"  韵 {group}" if i in report.template.rhyming_lines else ""
        yield f"  {present(line, script)}"
        yield f"  {tones}  {report.types[i]}{rhymes}"
    if report.unknown:
        yield f"  unknown readings: {' '.join(present(c, script) for c in report.unknown)}"
    for fault in report.faults:
        yield f"  {present(fault.explanation, script)}"
    if report.ok:
        yield "  keeps metre and rhyme"


def _print_table(tallies: dict[str, list[MetreReport | None]]) -> None:
    from rich.console import Console
    from rich.table import Table

    def share(kept: Sequence[bool]) -> str:
        return f"{sum(kept) / len(kept):.1%}"

    table = Table("form", "poems", "metre", "rhyme", "both")
    for name, found in sorted(tallies.items(), key=lambda item: (item[0] == "other", item[0])):
        reports = [report for report in found if report is not None]
        cells = ["", "", ""]
        if reports:
            cells = [
                share([report.keeps_metre for report in reports]),
                share([report.keeps_rhyme for report in reports]),
                share([report.ok for report in reports]),
            ]
        table.add_row("no metre" if name == "other" else name, f"{len(found):,}", *cells)
    Console().print(table)
