"""poetry-vae presets"""

from __future__ import annotations

import json
from typing import Any

import click


@click.command("presets")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a preset.")
def command(name: str | None, as_json: bool) -> None:
    """List the presets of the family, each with its source and its settings.

    \b
    poetry-vae presets
    poetry-vae presets ladder        all settings of one, also defaults
    poetry-vae train POEMS --form 七绝 --preset ladder --set epochs=3 --output my-ladder
    """
    from poetry_vae.training.presets import PRESETS, find_preset

    chosen = list(PRESETS.values()) if name is None else [find_preset(name)]
    for preset in chosen:
        if as_json:
            entry: dict[str, Any] = {"name": preset.name, "summary": preset.summary}
            entry |= {"source": preset.source, "sets": preset.changes}
            if name is not None:
                entry["settings"] = preset.settings()
            click.echo(json.dumps(entry, ensure_ascii=False))
            continue
        click.secho(preset.name, bold=True, nl=False)
        click.echo(f"  {preset.summary}")
        click.secho(f"    {preset.source}", dim=True)
        sets = preset.settings() if name is not None else preset.changes
        click.echo(f"    {' '.join(f'{key}={_typed(value)}' for key, value in sets.items())}")


def _typed(value: object) -> str:
    """As it is typed after --set."""
    return str(value).lower() if isinstance(value, bool) else str(value)
