"""What a poem shall keep, as options of a command."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from poetry_vae.text.form import Form
    from poetry_vae.verse.constraints import Constraint

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--acrostic", metavar="TEXT", help="The heads of the lines, as in 春江花月."),
    click.option("--tail", metavar="TEXT", help="The last characters of the lines."),
    click.option(
        "--pin",
        multiple=True,
        metavar="L,P=字",
        help="One character at line L, place P (negative: from the end), as in 2,3=月.",
    ),
    click.option("--template", metavar="TEXT", help="A drawn poem with □ where you leave it free."),
    click.option("--first-line", metavar="TEXT", help="The first line, to be continued."),
    click.option("--near", metavar="POEM", help="Stay in the neighbourhood of this poem."),
    click.option(
        "--metre",
        metavar="strict|loose|NAME",
        help="Tones of regulated verse: any template by strict or loose rules, or the one named.",
    ),
    click.option(
        "--rhyme",
        metavar="字|any",
        help="Rhyme in the group of this name, or with this character, or in any one group.",
    ),
    click.option(
        "--rhyme-book",
        type=click.Choice(["pingshui", "cilin", "xinyun", "tongyun"]),
        default="pingshui",
        show_default=True,
        help="By which --metre, --rhyme and --parallel go; the last two are of today's sounds.",
    ),
    click.option("--theme", metavar="TEXT", help="Keywords of this text stand in the poem."),
    click.option("--avoid", metavar="字字", help="Characters that shall stand nowhere."),
    click.option("--no-repeat", is_flag=True, help="No character twice."),
    click.option(
        "--doublings", is_flag=True, help="With --no-repeat: 處處 and its like may stand."
    ),
    click.option(
        "--parallel", is_flag=True, help="对仗: couplets with opposed tones and like words."
    ),
)


def constraint_options(command: F) -> F:
    """All of them; the command gets their values as one dictionary of keyword arguments."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def constraint_from(form: Form, options: dict[str, Any]) -> Constraint | None:
    """The constraint that the options ask for; none where they ask for nothing."""
    from poetry_vae.text.keywords import keywords
    from poetry_vae.text.rhyme_books import rhyme_book
    from poetry_vae.verse import constraints as ask

    parts: list[Constraint] = []
    if options["acrostic"]:
        parts.append(ask.acrostic(options["acrostic"]))
    if options["tail"]:
        parts.append(ask.acrostic(options["tail"], tail=True))
    parts += map(ask.Pin.parse, options["pin"])
    if options["template"]:
        parts.append(ask.Template(options["template"]))
    if options["first_line"]:
        parts.append(ask.first_line(options["first_line"]))
    if options["near"]:
        parts.append(ask.Near(options["near"]))
    if metre := options["metre"]:
        named = metre not in ("strict", "loose")
        parts.append(ask.Metre(template=metre) if named else ask.Metre(metre))
    if rhyme := options["rhyme"]:
        parts.append(ask.Rhyme(None if rhyme == "any" else rhyme))
    if options["rhyme_book"] != "pingshui":
        parts.append(ask.Sounds(rhyme_book(options["rhyme_book"])))
    if options["avoid"]:
        parts.append(ask.Avoid(options["avoid"]))
    if options["doublings"] and not options["no_repeat"]:
        raise click.UsageError("--doublings is an exception from --no-repeat: give both")
    if options["no_repeat"]:
        parts.append(ask.NoRepeat(options["doublings"]))
    if options["parallel"]:
        parts.append(ask.Parallel())
    if options["theme"]:
        words = keywords(options["theme"], longest=max(form.lengths))
        if not words:
            raise click.UsageError(f"--theme {options['theme']!r}: no word was found in it")
        parts += [ask.Words(words), ask.Favour("".join(words))]
        click.echo(f"keywords: {' '.join(words)}", err=True)
    return ask.together(parts) if parts else None
