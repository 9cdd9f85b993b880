"""poetry-vae metre"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

import click

from poetry_vae.cli.options import encoding_option, script_option
from poetry_vae.cli.reading import typed_or_read
from poetry_vae.text.script import Script

if TYPE_CHECKING:
    from poetry_vae.text.metre import Rules
    from poetry_vae.text.scansion import MetreReport, Readings
    from poetry_vae.text.tune_metre import TuneReport


@click.command("metre")
@click.argument("sources", nargs=-1, metavar="TEXT|FILE|-...")
@click.option(
    "--character",
    "characters",
    metavar="字",
    help="Show the readings, tones and rhyme groups of these characters instead of poems.",
)
@click.option(
    "--rules",
    type=click.Choice(["strict", "loose"]),
    default="strict",
    show_default=True,
    help="Strict rules count 孤平 and 三平尾 as faults; loose ones do not.",
)
@click.option(
    "--readings",
    type=click.Choice(["lenient", "strict"]),
    default="lenient",
    show_default=True,
    help="Lenient readings let a character with both tones fit either, and line 1 borrow its rhyme "
    "from a neighbouring group; strict ones allow neither.",
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
@click.option("--verbose", is_flag=True, help="Show every poem of a file, not only the table.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a poem.")
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
    """Check the metre and rhyme of poems: typed with their punctuation, or in a file of any format.

    Shows the nearest template, the tone under every character (平 level, 仄 oblique, 中 both,
    ？ unknown), the rhyme group of each line, departures that another character saves (拗救), and
    every fault. For a file of many poems it shows the shares that keep the rules. 词 are compared
    with most poems of their tune; a tune is recognised by its name in a file, and by the lengths of
    its lines in a typed poem. Use - for standard input.

    \b
    poetry-vae metre 白日依山尽，黄河入海流。欲穷千里目，更上一层楼。
    poetry-vae metre POEMS --rules loose
    poetry-vae metre --character 看
    """
    from poetry_vae.cli.metre_character import show_characters
    from poetry_vae.cli.metre_text import print_table, shown
    from poetry_vae.text.measuring import measure, typed
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
        given = typed_or_read(source, encoding=encoding)
        poems = [typed(given)] if isinstance(given, str) else given
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
