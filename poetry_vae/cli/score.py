"""poetry-vae score"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import click

from poetry_vae.cli.console import counted, print_table, stdout_console, work_bar
from poetry_vae.cli.options import encoding_option, load_for, reading_options
from poetry_vae.cli.reading import model_and_poem, typed_or_read
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.script import Script, present

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from poetry_vae.model.vae import PoetryVAE

_BOUND_SAMPLES = 100
_SUSPECTS, _EXPECTED = 3, 5


@click.command("score")
@click.argument("source", metavar="TEXT|FILE|-")
@reading_options
@click.option(
    "--samples",
    type=click.IntRange(1, 10_000),
    default=64,
    show_default=True,
    help=f"Latents for the surprises of characters; the bound always takes {_BOUND_SAMPLES}.",
)
@click.option(
    "-n",
    "most",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many characters of a file to show.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@encoding_option
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a poem.")
def command(
    source: str,
    form: str | None,
    model: str | None,
    script: Script,
    samples: int,
    most: int,
    seed: int,
    encoding: str,
    as_json: bool,
) -> None:
    """Show how likely a model finds a poem, and how surprising each character is.

    The surprise of a character is −log p(it | all others) in nats; wrong characters surprise most.
    For a file, the most surprising characters of all its poems are shown. Use - for standard input.

    \b
    poetry-vae score 春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多马。
    poetry-vae score poems.txt --form 七绝 -n 50
    """
    import torch

    from poetry_vae.evaluation.report.density import importance_bounds
    from poetry_vae.model.sampling import derived_seed
    from poetry_vae.verse.believing import surprises

    given = typed_or_read(source, encoding=encoding)
    if isinstance(given, str):
        chosen, poem = model_and_poem(given, form, model)
        poems = [poem]
    else:
        alone = given[0].one_line if len(given) == 1 else ""
        chosen = load_for(alone, form, model)
        poems = [part for poem in given for part in poem.of_form(chosen.form)]
        if not poems:
            raise CorpusError(
                f"{source}: not one of its {len(given)} poems is a {chosen.form}: give --form"
            )
        if others := sum(not any(poem.of_form(chosen.form)) for poem in given):
            note = f"{counted(others)} left out: no {chosen.form}; --form names another"
            click.echo(note, err=True)
    ids = chosen.ids_of(poems)
    generator = torch.Generator().manual_seed(derived_seed(seed, "score"))
    K = _BOUND_SAMPLES
    with work_bar("bounds") as told:
        bounds = partial(told, f"bounds of {counted(len(ids))}")
        bound = importance_bounds(chosen, ids, (K,), generator=generator, progress=bounds)[K]
        read = partial(told, f"characters of {counted(len(ids))}")
        found = surprises(chosen, ids, samples=samples, generator=generator, progress=read)
    if as_json:
        for one in zip(ids, bound, found, strict=True):
            click.echo(json.dumps(_entry(chosen, *one, script), ensure_ascii=False))
    elif len(poems) > 1:
        _print_suspects(chosen, ids, found, script, most)
    else:
        _print_poem(chosen, ids[0], bound[0], found[0], script, samples, generator)


def _shown(model: PoetryVAE, ids: Tensor, script: Script) -> list[str]:
    """Characters by themselves, so that each stays in its place."""
    characters = [model.tokenizer.decode([i]) for i in ids.tolist()]
    return present("\n".join(characters), script).split("\n")


def _entry(
    model: PoetryVAE, ids: Tensor, bound: Tensor, surprise: Tensor, script: Script
) -> dict[str, object]:
    T = len(ids)
    return {
        "lines": model.form.cut("".join(_shown(model, ids, script))),
        "bound_nats": round(bound.item(), 4),
        "nats_per_character": round(-bound.item() / T, 4),
        "importance_samples": _BOUND_SAMPLES,
        "surprise_nats": [
            [round(v, 3) for v in surprise[model.form.span(line)].tolist()]
            for line in range(model.form.lines)
        ],
    }


def _print_poem(
    model: PoetryVAE,
    ids: Tensor,
    bound: Tensor,
    surprise: Tensor,
    script: Script,
    samples: int,
    generator: torch.Generator,
) -> None:
    from rich.table import Table
    from rich.text import Text

    from poetry_vae.verse.believing import expected

    form = model.form
    characters = _shown(model, ids, script)
    suspects = surprise.topk(min(_SUSPECTS, len(ids))).indices.tolist()
    table = Table(show_header=False, box=None, padding=(0, 1))
    for line in range(form.lines):
        places = range(form.positions)[form.span(line)]
        styles = ["bold red" if i == suspects[0] else "" for i in places]
        table.add_row(*(Text(characters[i], s) for i, s in zip(places, styles, strict=True)))
        table.add_row(*(f"{surprise[i]:.1f}" for i in places), style="dim")
    print_table(table)
    console = stdout_console()
    console.print(
        f"log p ≥ {bound:.1f} nats with {_BOUND_SAMPLES} samples: {-bound / len(ids):.2f} nats a "
        "character"
    )
    for i in suspects:
        likely = expected(model, ids, i, samples=samples, generator=generator).topk(_EXPECTED)
        others = zip(_shown(model, likely.indices, script), likely.values.tolist(), strict=True)
        instead = "  ".join(f"{c} {p:.0%}" for c, p in others)
        console.print(
            f"line {form.line_of[i] + 1}, place {form.from_start[i] + 1}: {characters[i]} "
            f"surprises by {surprise[i]:.1f} nats; expected: {instead}"
        )


def _print_suspects(
    model: PoetryVAE, ids: Tensor, surprise: Tensor, script: Script, most: int
) -> None:
    from rich.table import Table

    form = model.form
    table = Table("nats", "character", "line, place", "line of verse")
    order = surprise.flatten().argsort(descending=True)[:most].tolist()
    for row, place in (divmod(i, form.positions) for i in order):
        characters = _shown(model, ids[row], script)
        line = form.line_of[place]
        table.add_row(
            f"{surprise[row, place]:.1f}",
            characters[place],
            f"{line + 1},{form.from_start[place] + 1}",
            "".join(characters[form.span(line)]),
        )
    print_table(table)
    console = stdout_console()
    console.print(f"of {len(ids)} poems; {surprise.mean():.2f} nats a character on average")
