"""poetry-vae models"""

from __future__ import annotations

import json
from typing import Any

import click


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def command(as_json: bool) -> None:
    """List the models that come with the package: form, size, source, figures.

    \b
    poetry-vae models
    poetry-vae models --json
    """
    from poetry_vae.model.pretrained import figures_of, shipped_models
    from poetry_vae.model.versions import version_of

    rows: list[dict[str, Any]] = []
    for model in shipped_models():
        about = {"name": model.name, "form": str(model.form or "any"), "bytes": model.size}
        about["version"] = version_of(model.path)
        rows.append({**about, **figures_of(model.path)})
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
        return

    from rich.box import SIMPLE
    from rich.table import Table

    from poetry_vae.cli.console import print_table

    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in ("name", "form", "size", "preset"):
        table.add_column(heading)
    for heading in ("nats/char", "rate", "active", "kept", "R"):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(
            row["name"],
            row["form"],
            f"{row['bytes'] / 1e6:.1f} MB",
            row["preset"],
            f"{row['nats_per_character']:.2f}",
            f"{row['rate']:.1f}",
            str(row["active_units"]),
            f"{row['reconstruction']:.0%}",
            f"{min(row['r'], row['second_r']):.0f}" if "r" in row else "–",
        )
    print_table(table)
    click.echo(
        "nats/char: the bound -ELBO on unseen poems; rate: nats a poem; active: units in use;\n"
        "kept: characters reconstructed; R: 100 where poems cannot be told from real ones, by the\n"
        "stricter of two judges. Trained on:"
    )
    for row in rows:
        click.echo(f"  {row['name']}: {row['training_poems']:,} poems of {row['corpus']}")
