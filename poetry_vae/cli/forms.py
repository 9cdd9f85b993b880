"""poetry-vae forms"""

from __future__ import annotations

import json

import click

from poetry_vae.text.form import named_forms


@click.command("forms")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def command(as_json: bool) -> None:
    """List the forms that have a name: of 诗, and the 词 tunes that have one pattern.

    Commas separate the lines of a tune, a stroke its two stanzas. Name any other form by its size
    (6x7) or its lengths (7,7,3,3,7).

    \b
    poetry-vae forms
    poetry-vae forms --json
    """
    from rich.cells import set_cell_size

    for form, name, others in named_forms():
        if as_json:
            told: dict[str, object] = {"name": name, "others": others, "lengths": form.lengths}
            told |= {"second_stanza": form.second_stanza, "characters": form.positions}
            click.echo(json.dumps(told, ensure_ascii=False))
        else:
            row = f"{set_cell_size(name, 11)}{form.pattern:<32}{' '.join(others)}"
            click.echo(row.rstrip())
