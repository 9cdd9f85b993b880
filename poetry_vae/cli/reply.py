"""poetry-vae reply"""

from __future__ import annotations

import json

import click

from poetry_vae.cli.options import model_option, script_option
from poetry_vae.text.script import Script, present


@click.command("reply")
@click.argument("line")
@click.option("-n", "count", type=click.IntRange(1, 200), default=5, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
@model_option
@script_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
def command(
    line: str, count: int, seed: int, model: str | None, script: Script, as_json: bool
) -> None:
    """Answer the first LINE of a couplet (对联) with second lines, the best first.

    The second line has the opposite tones at the even places and at the end, words of the same
    class, and repetitions at the same places as LINE. If too few lines keep all of these rules, the
    command says which it dropped.

    \b
    poetry-vae reply 白日依山尽
    poetry-vae reply 处处飞花飞处处 -n 10
    """
    from poetry_vae.verse.replying import reply

    given_up: tuple[str, ...] = ()
    for found in reply(line, count, model=model, seed=seed):
        shown = present(found.line, script)
        if as_json:
            entry = {
                "line": shown,
                "nats_per_character": round(-found.score, 3),
                "given_up": found.given_up,
            }
            click.echo(json.dumps(entry, ensure_ascii=False))
            continue
        if found.given_up != given_up:
            given_up = found.given_up
            click.echo(f"without {', without '.join(given_up)}:", err=True)
        click.echo(shown)
