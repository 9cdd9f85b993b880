"""poetry-vae generate"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poetry_vae.cli.console import plain
from poetry_vae.cli.constraint_options import constraint_from, constraint_options
from poetry_vae.cli.options import (
    form_option,
    label_option,
    manner_from,
    manner_options,
    model_option,
    output_option,
    script_option,
    with_label,
)

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.form import Form
    from poetry_vae.text.poem import Poem
    from poetry_vae.text.script import Script


_COPIED = "※"


@click.command("generate")
@form_option
@model_option
@click.option(
    "-n", "count", type=click.IntRange(1, sys.maxsize), default=3, show_default=True, help="Poems."
)
@click.option("--seed", type=int, help="The same seed gives the same poems; else a fresh one.")
@manner_options
@click.option(
    "--sampling",
    type=click.Choice(["chosen", "plain"]),
    default="chosen",
    show_default=True,
    help="For readers: few risks, and the best of several poems; or near the model's own "
    "distribution.",
)
@click.option("--greedy", is_flag=True, help="The same as --temperature 0.")
@label_option
@click.option("--about", default="", metavar="WORDS", help="The subject, in free words: 秋夜怀友.")
@click.option("--dynasty", default="", metavar="NAME", help="In whose manner: 唐 宋 元 明 清.")
@constraint_options
@script_option
@click.option(
    "--one-line/--lines",
    "one_line",
    default=None,
    help="A poem a line (the default when the output is no terminal), or a verse a line.",
)
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
@click.option(
    "--check-copies",
    "corpus",
    metavar="[CORPUS]",
    is_flag=False,
    flag_value="",
    help=f"Mark with {_COPIED} every line that stands in this corpus, or without one in the poems "
    "that a shipped model was trained on.",
)
@output_option
def command(
    form: str | None,
    model: str | None,
    count: int,
    seed: int | None,
    greedy: bool,
    label: str | None,
    about: str,
    dynasty: str,
    script: Script,
    one_line: bool | None,
    as_json: bool,
    corpus: str | None,
    output: Path | None,
    **options: Any,
) -> None:
    """Write poems.

    \b
    poetry-vae generate
    poetry-vae generate --form 五言联 -n 5 --seed 7 --script traditional
    poetry-vae generate --about 秋夜怀友 --dynasty 唐 --form 七律
    poetry-vae generate -n 1000000 --one-line | head
    poetry-vae generate --sampling plain               nearer to what the model has learned
    poetry-vae generate --temperature 1 --passes 0     the decoder's own samples, as they come
    poetry-vae generate --acrostic 春江花月 --metre strict --rhyme 东
    poetry-vae generate --theme "秋夜思乡，月照大江" --no-repeat
    poetry-vae generate --template "□□□□□□月，□□江□□□□" --avoid 花柳
    """
    if greedy and options["temperature"]:
        raise click.UsageError("--greedy means --temperature 0: give one of the two")

    from poetry_vae.text.files import replacing
    from poetry_vae.verse.generate import choose_model, in_script, stream, trust_in
    from poetry_vae.verse.steer import steer

    if greedy:
        options["temperature"] = 0.0
    to_terminal = output is None and sys.stdout.isatty()
    if one_line is None:
        one_line = not to_terminal
    fresh = seed is None
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    asked = {"about": about, "dynasty": dynasty}
    chosen = with_label(choose_model(form, model, **asked), label)
    constraint = constraint_from(chosen.form, options)
    if options["trust"] is None:
        options["trust"] = trust_in(constraint)
    manner = manner_from(chosen, options)
    steering = None if constraint is None else steer(chosen, constraint, manner)
    written = stream(chosen, manner, seed=seed, steering=steering)
    is_known = None if corpus is None else _known(chosen, model, corpus)
    poems = (in_script(poem, script) for poem in _marked(islice(written, count), is_known))
    said = {name: words for name, words in asked.items() if words}
    texts = (
        _as_json(poems, chosen.form, seed, script, said) if as_json else _as_text(poems, one_line)
    )
    if output is not None:
        with replacing(output) as file:
            for text in texts:
                file.write(f"{text}\n".encode())
        click.echo(f"{count} poems in {plain(output)} (seed {seed})", err=True)
        return
    for text in texts:
        click.echo(text)
    if steering is not None and to_terminal:
        click.secho(steering.tally.told(steering.candidates), err=True, dim=True)
    if fresh and to_terminal:
        click.secho(f"--seed {seed} writes these again", err=True, dim=True)


def _known(
    model: PoetryVAE, name: str | None, corpus: str
) -> tuple[Callable[[Poem], Sequence[bool]], str]:
    """Which lines of a poem stand in a corpus, or in the training poems of a model; and where."""
    if corpus:
        from poetry_vae.cli.nearest import open_index

        return open_index(Path(corpus), model.form).lines_known, corpus
    from poetry_vae.model.pretrained import default_model, model_folder
    from poetry_vae.text.files import stands
    from poetry_vae.text.known_lines import KnownLines, lines_file
    from poetry_vae.text.script import to_simplified
    from poetry_vae.verse.forms import Forms

    folder = model_folder(name) if name else default_model(model.form)
    path = lines_file(folder, model.form.chars)
    if not stands(path):
        raise click.UsageError(
            f"{folder} does not say which lines it was trained on: --check-copies CORPUS"
        )
    lines = KnownLines.load(path)
    forms, tokenizer = Forms(model.tokenizer.characters), model.tokenizer

    def is_known(line: str) -> bool:
        """Whether the line stands there, or one that looks the same in simplified script."""
        alike = [tokenizer.decode(forms.of(to_simplified(character))) for character in line]
        return any("".join(choice) in lines for choice in product(*alike))

    return lambda poem: [is_known(line) for line in poem.lines], "the training poems"


def _marked(
    poems: Iterator[Poem], known: tuple[Callable[[Poem], Sequence[bool]], str] | None
) -> Iterator[Poem]:
    """The poems, their known lines marked, and at the end how many there were."""
    if known is None:
        yield from poems
        return
    is_known, where = known
    total = found = 0
    for poem in poems:
        copied = is_known(poem)
        total, found = total + len(copied), found + sum(copied)
        marks = zip(poem.lines, copied, strict=True)
        yield poem.with_lines([line + _COPIED * is_copied for line, is_copied in marks])
    click.echo(f"{_COPIED} {found} of {total} lines stand in {plain(where)}", err=True)


def _as_text(poems: Iterator[Poem], one_line: bool) -> Iterator[str]:
    for i, poem in enumerate(poems):
        if one_line:
            yield poem.one_line
        else:
            yield f"\n{poem}" if i else str(poem)


def _as_json(
    poems: Iterator[Poem], form: Form, seed: int, script: str, said: dict[str, str]
) -> Iterator[str]:
    for i, poem in enumerate(poems):
        entry = {
            "form": str(form),
            "lines": poem.lines,
            "script": script,
            "seed": seed,
            "index": i,
            **said,
        }
        yield json.dumps(entry, ensure_ascii=False)
