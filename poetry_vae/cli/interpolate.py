"""poetry-vae interpolate"""

from __future__ import annotations

import click

from poetry_vae.cli.options import load_for, reading_options, tell_unknown
from poetry_vae.cli.reading import PoemText
from poetry_vae.text.poem import Poem
from poetry_vae.text.script import Script


@click.command("interpolate")
@click.argument("start", type=PoemText())
@click.argument("end", type=PoemText())
@click.option(
    "--steps", type=click.IntRange(2, 1000), default=8, show_default=True, help="How many poems."
)
@reading_options
def command(
    start: str, end: str, steps: int, form: str | None, model: str | None, script: Script
) -> None:
    """Walk through the latent space from one poem to another; each step is a poem.

    \b
    poetry-vae interpolate 白日依山尽，黄河入海流。 明月松间照，清泉石上流。
    """
    from poetry_vae.verse.generate import in_script
    from poetry_vae.verse.morph import interpolate

    chosen = load_for(start, form, model)
    poems = [Poem.typed(text, chosen.form) for text in (start, end)]
    tell_unknown(chosen, start, end)
    for poem in interpolate(chosen, *poems, steps=steps):
        click.echo(in_script(poem, script).one_line)
