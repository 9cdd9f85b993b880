"""poetry-vae traverse"""

from __future__ import annotations

import secrets

import click

from poetry_vae.cli.options import form_option, label_option, script_option, with_label
from poetry_vae.cli.reading import PoemText, model_and_poem
from poetry_vae.text.script import Script


@click.command("traverse")
@click.argument("model", required=False)
@form_option
@click.option(
    "--poem",
    type=PoemText(),
    metavar="TEXT",
    help="Move around this poem; without it, around the prior's mean.",
)
@click.option(
    "--dimension",
    metavar="J|auto",
    help="Move this dimension, counted from 1; auto takes the one that changes most.  "
    "[default: auto]",
)
@click.option(
    "--level",
    metavar="NAME",
    help="Draw this level anew: every model has poem; models with more levels have couplet, line "
    "or character.",
)
@click.option("--steps", type=click.IntRange(2, 1000), default=7, show_default=True)
@click.option("--seed", type=int, help="The seed for --level; without it, a fresh one.")
@label_option
@script_option
def command(
    model: str | None,
    form: str | None,
    poem: str | None,
    dimension: str | None,
    level: str | None,
    steps: int,
    seed: int | None,
    label: str | None,
    script: Script,
) -> None:
    """Move one dimension or one level of the latent, and see how the poem changes.

    A dimension goes from −3 to 3 standard deviations of its prior, and all others stay; a level is
    drawn anew from its prior. Each row is the likeliest poem.

    \b
    poetry-vae traverse --form 五言联
    poetry-vae traverse --poem 白日依山尽，黄河入海流。 --dimension 12
    poetry-vae traverse my-ladder --level line --seed 1
    """
    if level is not None and dimension is not None:
        raise click.UsageError("--level draws, --dimension moves: give one of the two")
    if dimension not in (None, "auto") and not str(dimension).isdecimal():
        raise click.BadParameter(
            f"{dimension!r} is neither a number nor auto", param_hint="'--dimension'"
        )
    import torch

    from poetry_vae.verse.generate import choose_model, in_script
    from poetry_vae.verse.traversal import redraw, traverse

    if poem is None:
        chosen, start = choose_model(form, model), None
    else:
        chosen, start = model_and_poem(poem, form, model)
    chosen = with_label(chosen, label)
    if level is not None:
        seed = secrets.randbelow(1_000_000) if seed is None else seed
        generator = torch.Generator().manual_seed(seed)
        poems = redraw(chosen, start, level=level, n=steps, generator=generator)
        names = ["as it is", *("drawn" for _ in poems[1:])]
        about = f"level {level}, {chosen.level_sizes[level]} of {chosen.code_size} dimensions"
        about += f" (seed {seed})"
    else:
        wanted = None if dimension in (None, "auto") else int(str(dimension))
        found = traverse(chosen, start, dimension=wanted, steps=steps)
        poems = list(found.poems)
        names = [f"{value:+.1f}" for value in found.values]
        about = f"dimension {found.dimension} of {chosen.code_size}"
    for name, each in zip(names, poems, strict=True):
        click.echo(f"{name:>8}  {in_script(each, script).one_line}")
    click.echo(about, err=True)
