"""poetry-vae revise"""

from __future__ import annotations

import json
import secrets
import sys
from typing import TYPE_CHECKING, Any

import click

from poetry_vae.cli.options import reading_options
from poetry_vae.cli.reading import model_and_poem
from poetry_vae.cli.rule_options import rule_options, rules_from, wishes_from
from poetry_vae.text.poem import Poem
from poetry_vae.text.script import Script, present, to_simplified

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE


@click.command("revise")
@click.argument("poem")
@reading_options
@click.option(
    "--redraw",
    multiple=True,
    metavar="PLACES",
    help="Write these places anew: line3, or 2,3 or 2,3-4 (line, places). Without --redraw and "
    "--keep, the least likely characters are written anew.",
)
@click.option(
    "--keep", multiple=True, metavar="PLACES", help="Keep these places and redraw all others."
)
@click.option(
    "--alternatives",
    metavar="L,P",
    help="Show the other characters that fit at line L, place P, with probability, tone and rhyme.",
)
@click.option(
    "--nearness",
    type=click.FloatRange(0, 1),
    help="How near to stay to the poem; 0 uses only the characters that are kept.  [default: 0.6]",
)
@click.option("-n", "count", type=click.IntRange(1, 1000), default=3, show_default=True)
@click.option(
    "--seed", type=int, help="The same seed gives the same poems; without it, a fresh one."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@rule_options
def command(
    poem: str,
    form: str | None,
    model: str | None,
    script: Script,
    redraw: tuple[str, ...],
    keep: tuple[str, ...],
    alternatives: str | None,
    nearness: float | None,
    count: int,
    seed: int | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write a part of POEM anew, or list the other characters that fit at a place.

    \b
    poetry-vae revise 白日依山尽，黄河入海流。 --alternatives 2,5
    poetry-vae revise 白日依山尽，黄河入海流。 --redraw line2 --parallel
    poetry-vae revise 白日依山尽，黄河入海流。 --keep 1,1-2 --nearness 0.5
    poetry-vae revise 白日依山尽，黄河入海流。          the least likely characters
    """
    if redraw and keep:
        raise click.UsageError("--redraw changes places and --keep all others: give one of them")

    wishes = wishes_from(options)
    chosen, typed = model_and_poem(poem, form, model)
    if alternatives is not None:
        if redraw or keep:
            raise click.UsageError("--alternatives changes nothing: leave out --redraw and --keep")
        _show_alternatives(chosen, typed, alternatives, rules_from(chosen.form, wishes), as_json)
        return
    from poetry_vae.verse.as_json import as_json as entry_of
    from poetry_vae.verse.generate import in_script
    from poetry_vae.verse.revising import NEARNESS, TRIED, other_versions, places_of, revise

    rules = rules_from(chosen.form, wishes)
    if redraw:
        places = places_of(redraw, chosen.form)
    elif keep:
        places = set(range(chosen.form.positions)) - places_of(keep, chosen.form)
    else:
        places = _least_believed(chosen, typed, script)
    fresh = seed is None
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    near = NEARNESS if nearness is None else nearness
    sampler, written = revise(chosen, typed, places, rules=rules, near=near), 0
    for index, new in enumerate(other_versions(sampler, typed, count, seed=seed)):
        written = index + 1
        if as_json:
            entry = entry_of(new, script=script, seed=seed, index=index, asked=wishes)
            click.echo(json.dumps(entry, ensure_ascii=False))
        else:
            click.echo(in_script(new, script).one_line)
    if written < count:
        told = f"only {written} other version{'s' * (written > 1)}" if written else "no other one"
        advice = "redraw more places, or lower --nearness"
        click.echo(f"{told} in {TRIED * count} tries: {advice}", err=True)
    if fresh and sys.stderr.isatty():
        click.secho(f"--seed {seed} writes these again", err=True, dim=True)


def _least_believed(model: PoetryVAE, poem: Poem, script: Script) -> set[int]:
    from poetry_vae.verse.revising import least_believed

    found = least_believed(model, poem)
    told = [
        f"{present(poem.text[place], script)} (line {model.form.line_of[place] + 1}, place "
        f"{model.form.from_start[place] + 1}: {chance:.2%})"
        for place, chance in found
    ]
    click.echo(f"least believed: {', '.join(told)}", err=True)
    return {place for place, _ in found}


def _show_alternatives(model: PoetryVAE, poem: Poem, at: str, rules: Any, as_json: bool) -> None:
    from poetry_vae.verse.revising import alternatives, places_of

    (place,) = found if len(found := places_of([at], model.form)) == 1 else (None,)
    if place is None:
        raise click.BadParameter(f"{at!r} is not one place, as in 2,5", param_hint="--alternatives")
    line, before = model.form.line_of[place] + 1, model.form.from_start[place] + 1
    for each in alternatives(model, poem, line, before, rules=rules):
        if as_json:
            click.echo(json.dumps(vars(each), ensure_ascii=False))
            continue
        simple = to_simplified(each.character)
        shown = simple + (f"({each.character})" if simple != each.character else "")
        click.echo(f"{shown}\t{each.probability:.1%}\t{each.tones}\t{' '.join(each.rhymes)}")
