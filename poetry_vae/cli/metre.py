"""poetry-vae metre"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from poetry_vae.cli.options import encoding_option, script_option

if TYPE_CHECKING:
    from poetry_vae.text.metre import Rules
    from poetry_vae.text.poem import Poem
    from poetry_vae.text.scansion import MetreReport, Readings
    from poetry_vae.text.script import Script
    from poetry_vae.text.tune_metre import TuneReport


@click.command("metre")
@click.argument("sources", nargs=-1, metavar="TEXT|FILE|-...")
@click.option(
    "--character",
    "characters",
    metavar="字",
    help="Instead of poems: the readings, tones and rhyme groups of these characters.",
)
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
    type=click.Choice(["pingshui", "cilin", "xinyun", "tongyun", "modern"]),
    help="Classical readings with the groups of 平水韵 or the wider ones of 词林正韵; or Mandarin "
    "with 中华新韵 (also: modern) or 中华通韵, which need pypinyin.  [default: pingshui; of 词, "
    "cilin or pingshui]",
)
@script_option
@encoding_option
@click.option("--verbose", is_flag=True, help="Every poem of a file, not only the table.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a poem.")
def command(
    sources: tuple[str, ...],
    characters: str | None,
    rules: Rules,
    readings: Readings,
    rhyme_book: str | None,
    script: Script,
    encoding: str,
    verbose: bool,
    as_json: bool,
) -> None:
    """Check the metre and rhyme of poems: typed with their punctuation, or in a file of any format;
    - is standard input.

    Shows the template a poem comes nearest to, the tone under every character (平 level,
    仄 oblique, 中 both, ？ unknown), the rhyme group of each line, what departs from the rules and
    is saved (拗救), and what breaks them and where. For a file of many poems it shows the shares
    that keep them. 词 are held against what most poems of the tune have; a tune is known by its
    name in a file and by the lengths of its lines where a poem is typed.

    \b
    poetry-vae metre 白日依山尽，黄河入海流。欲穷千里目，更上一层楼。
    poetry-vae metre POEMS --rules loose
    poetry-vae metre --character 看
    """
    from poetry_vae.cli.metre_character import show_characters
    from poetry_vae.cli.metre_text import print_table, shown
    from poetry_vae.text.measuring import measure
    from poetry_vae.text.metre import MetreError
    from poetry_vae.text.metre_record import record
    from poetry_vae.text.tune_metre import TuneReport

    if bool(sources) == (characters is not None):
        raise click.UsageError("give poems, or --character with characters, and not both")
    if characters is not None:
        show_characters(characters, script, as_json=as_json)
        return
    tallies: dict[str, list[MetreReport | TuneReport | None]] = defaultdict(list)
    for source in sources:
        poems = _poems(source, encoding)
        many = len(poems) > 1
        for poem in poems:
            report: MetreReport | TuneReport | None
            try:
                report = measure(poem, rules=rules, readings=readings, rhyme_book=rhyme_book)
            except MetreError:
                if not many:
                    raise
                report = None
            if as_json:
                click.echo(json.dumps(record(poem, report, script), ensure_ascii=False))
            elif report is None:
                tallies["other"].append(report)
            else:
                tune = report.metre.name if isinstance(report, TuneReport) else ""
                tallies[tune or str(poem.form)].append(report)
                if verbose or not many:
                    click.echo("\n".join(shown(poem, report, script)) + "\n")
    if not as_json and sum(map(len, tallies.values())) > len(sources):
        print_table(tallies)


def _poems(source: str, encoding: str) -> list[Poem]:
    """The poems of a file or of standard input, or the one that was typed."""
    from poetry_vae.cli.corpus import read_for_people
    from poetry_vae.text.measuring import typed

    if source == "-":
        return _poems_of_input(encoding)
    if _is_path(source):
        return read_for_people(Path(source), encoding=encoding).poems
    return [typed(source)]


def _poems_of_input(encoding: str) -> list[Poem]:
    """A poem on one line is read as if it were typed, more as a file of plain text."""
    from poetry_vae.cli.corpus import read_for_people
    from poetry_vae.text.errors import CorpusError
    from poetry_vae.text.measuring import typed
    from poetry_vae.text.opening import decode

    data = sys.stdin.buffer.read()
    text = decode(Path("-"), data, encoding).strip()
    if not text:
        raise CorpusError("standard input is empty: there is no poem in it")
    if "\n" not in text:
        return [typed(text)]
    with TemporaryDirectory() as folder:
        file = Path(folder) / "input.txt"
        file.write_bytes(data)
        return read_for_people(file, encoding=encoding).poems


def _is_path(source: str) -> bool:
    """Whether a file is meant, be it there or not."""
    from poetry_vae.text.opening import may_hold_poems

    if not source.strip():
        raise click.UsageError("no poem and no file was given")
    if source.isascii() or may_hold_poems(source):
        return True
    try:
        return Path(source).exists()
    except (OSError, ValueError):  # a poem too long for a name
        return False
