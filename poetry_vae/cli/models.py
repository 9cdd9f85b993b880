"""poetry-vae models"""

from __future__ import annotations

import json
import shutil
from typing import Any

import click

from poetry_vae.cli.console import print_table


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def command(as_json: bool) -> None:
    """List the models that come with the package: size, version, source, figures by form.

    \b
    poetry-vae models
    poetry-vae models --json
    """
    from poetry_vae.model.pretrained import figures_of
    from poetry_vae.model.versions import shipped_models, version_of

    models = shipped_models()
    for name, folder in models.items():
        size = sum(file.stat().st_size for file in folder.iterdir())
        row = {"name": name, "bytes": size, "version": version_of(folder), **figures_of(folder)}
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            _tell(row)
    if models and not as_json:
        told = (
            "nats/char: of unseen Tang and Song poems, -log p, nothing known of z, or the bound of "
            "100 samples of a model of one form. R: 100 where poems cannot be told from real ones."
        )
        click.echo(click.wrap_text(told, min(100, shutil.get_terminal_size().columns)))


def _tell(row: dict[str, Any]) -> None:
    from rich.box import SIMPLE
    from rich.table import Column, Table

    writes = "poems of any form" if len(row["log_loss"]) > 1 else next(iter(row["log_loss"]))
    about = (
        f"{row['name']} writes and reads {writes}. {row['bytes'] / 1e6:.1f} MB, version "
        f"{row['version']}, step {row['step']:,} of the preset {row['preset']}. "
        f"It learned from {row['training_poems']:,} poems of {row['corpus']}."
    )
    click.echo(click.wrap_text(about, min(100, shutil.get_terminal_size().columns)))
    figures = (Column(name, justify="right") for name in ("nats/char", "R", "R, second judge"))
    table = Table("form", *figures, box=SIMPLE, padding=(0, 1, 0, 0))
    for form, nats in row["log_loss"].items():
        r = row.get("r", {}).get(form, {})
        judged = [f"{r[name]:.0f}" if name in r else "–" for name in ("first", "second")]
        table.add_row(form, f"{nats:.2f}", *judged)
    print_table(table)
