"""poetry-vae reconstruct"""

from __future__ import annotations

import click

from poetry_vae.cli.options import reading_options
from poetry_vae.cli.reading import PoemText, model_and_poem
from poetry_vae.text.script import Script


@click.command("reconstruct")
@click.argument("text", type=PoemText(), metavar="TEXT|FILE|-")
@reading_options
def command(text: str, form: str | None, model: str | None, script: Script) -> None:
    """Encode a poem and decode it again: the likeliest characters given its z; use - for standard
    input.

    \b
    poetry-vae reconstruct 白日依山尽，黄河入海流。
    poetry-vae reconstruct "明月松間照 清泉石上流" --script traditional
    """
    from poetry_vae.verse.generate import in_script, reconstruct

    chosen, poem = model_and_poem(text, form, model)
    (result,) = reconstruct(chosen, [poem])
    kept = int((chosen.ids_of([poem]) == chosen.ids_of([result])).sum())
    click.echo(str(in_script(result, script)))
    click.echo(f"{kept} of {chosen.form.positions} characters are the same", err=True)
