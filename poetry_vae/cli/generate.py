"""poetry-vae generate"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poetry_vae import __version__
from poetry_vae.cli.console import COPIED as _COPIED
from poetry_vae.cli.console import counted, plain, watched
from poetry_vae.cli.options import (
    SAMPLING_OPTIONS,
    form_option,
    label_option,
    model_option,
    output_option,
    said,
    sampling_options,
    script_option,
    settings_from,
    with_label,
)
from poetry_vae.cli.rule_options import rule_options, rules_from, wishes_from
from poetry_vae.cli.suggesting import WithoutText

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.poem import Poem
    from poetry_vae.text.script import Script

    _Found = tuple[Poem, Sequence[bool] | None, dict[str, Any]]


@click.command("generate", cls=WithoutText)
@form_option
@model_option
@click.option(
    "-n",
    "count",
    type=click.IntRange(1, 1_000_000_000),
    default=3,
    show_default=True,
    help="How many.",
)
@click.option(
    "--seed", type=int, help="The same seed gives the same poems; without it, a fresh one."
)
@sampling_options
@click.option(
    "--sampling",
    type=click.Choice(["chosen", "plain"]),
    default="chosen",
    show_default=True,
    help="chosen takes few risks and shows the best of several poems; plain is near the model's "
    "own distribution.",
)
@click.option("--greedy", is_flag=True, help="The same as --temperature 0.")
@label_option
@click.option(
    "--about",
    default="",
    metavar="WORDS",
    callback=said,
    help="The subject, in free words such as 秋夜怀友.",
)
@click.option(
    "--dynasty",
    default="",
    metavar="NAME",
    callback=said,
    help="Write as poets of 唐, 宋, 元, 明 or 清.",
)
@rule_options
@script_option
@click.option(
    "--one-line/--lines",
    "one_line",
    default=None,
    help="Print each poem on one line (the default if the output is no terminal), or line by line.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line.")
@click.option(
    "--check-copies",
    "corpus",
    metavar="[CORPUS]",
    is_flag=False,
    flag_value="",
    help=f"Mark with {_COPIED} every line that this corpus has; without a corpus, every line of "
    "the poems that a shipped model was trained on.",
)
@click.option("--verbose", is_flag=True, help="Say how the rules were kept.")
@click.option(
    "--save",
    type=click.Path(dir_okay=False, path_type=Path),
    callback=lambda _, __, path: _to_append(path),
    help="Also append the poems to this file, a JSON object a line, with the request and the seed.",
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
    verbose: bool,
    save: Path | None,
    output: Path | None,
    **options: Any,
) -> None:
    """Write poems.

    \b
    poetry-vae generate
    poetry-vae generate --form 五言联 -n 5 --seed 7 --script traditional
    poetry-vae generate --about 秋夜怀友 --dynasty 唐 --form 七律
    poetry-vae generate -n 1000000 --one-line | head
    poetry-vae generate -n 10 --save poems.jsonl       keeps them, with their seed
    poetry-vae generate --sampling plain               nearer to what the model has learned
    poetry-vae generate --temperature 1 --passes 0     the decoder's own samples, as they come
    poetry-vae generate --acrostic 春江花月 --metre strict --rhyme 东
    poetry-vae generate --theme "秋夜思乡，月照大江" --no-repeat
    poetry-vae generate --template "□□□□□□月，□□江□□□□" --avoid 花柳
    """
    if greedy and options["temperature"]:
        raise click.UsageError("--greedy means --temperature 0: give one of the two")

    from poetry_vae.text.files import appending, replacing
    from poetry_vae.verse.generate import choose_model
    from poetry_vae.verse.sampler import Sampler
    from poetry_vae.verse.sampling_settings import trust_in
    from poetry_vae.verse.wishes import occasion_of, subject_notes

    if greedy:
        options["temperature"] = 0.0
    to_terminal = output is None and sys.stdout.isatty()
    if one_line is None:
        one_line = not to_terminal
    fresh = seed is None
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    asked = {"about": about, "dynasty": dynasty}
    wishes = wishes_from(options)
    if form is None and model is None:
        form = _form_of(wishes)
    chosen = choose_model(form, model, **asked)
    if implied := occasion_of(wishes, chosen, about=about):
        click.echo(f"subject: {implied}", err=True)
        asked["about"] = implied
        chosen = choose_model(chosen.form, chosen, **asked)
    chosen = with_label(chosen, label)
    for note in subject_notes(about, chosen):
        click.echo(note, err=True)
    rules = rules_from(chosen.form, wishes)
    beside = _beside(chosen.source or model, label, options)
    if options["trust"] is None:
        options["trust"] = trust_in(rules)
    sampler = Sampler(chosen, settings_from(chosen, options), rules)
    written = sampler.stream(seed)
    is_known = None if corpus is None else _known(chosen, model, corpus)
    seen = watched(islice(written, count), count, "writing poems", first=output is None)
    found = _with_entries(_marked(seen, is_known), seed, script, {**wishes, **asked})
    with ExitStack() as files:
        if save is not None:
            found = _saved(found, files.enter_context(appending(save)), beside)
        texts = _as_json(found) if as_json else _as_text(found, script, one_line)
        if output is not None:
            file = files.enter_context(replacing(output))
            for text in texts:
                file.write(f"{text}\n".encode())
        else:
            for text in texts:
                click.echo(text)
    if save is not None:
        click.echo(f"poems appended to {plain(save)}: {count} (seed {seed})", err=True)
    if output is not None:
        click.echo(f"{counted(count)} in {plain(output)} (seed {seed})", err=True)
        return
    if verbose and (told := sampler.tally.told()):
        click.secho(told, err=True, dim=True)
    if fresh and sys.stderr.isatty():
        click.secho(f"--seed {seed} writes these again", err=True, dim=True)


def _form_of(wishes: dict[str, Any]) -> str | None:
    """The form that the wishes choose by themselves, and a note of it."""
    from poetry_vae.verse.wishes import form_of

    form = form_of(wishes)
    if form is not None:
        click.echo(f"form: {form}", err=True)
    return form


def _known(
    model: PoetryVAE, name: str | None, corpus: str
) -> tuple[Callable[[Poem], Sequence[bool]], str]:
    """Which lines of a poem stand in a corpus, or in the training poems of a model; and where."""
    if corpus:
        from poetry_vae.cli.nearest import open_index

        return open_index(Path(corpus), model.form).lines_known, corpus
    from poetry_vae.model.named import model_folder
    from poetry_vae.model.pretrained import default_model
    from poetry_vae.text.files import stands
    from poetry_vae.text.known_lines import KnownLines, lines_file
    from poetry_vae.text.script import to_simplified
    from poetry_vae.verse.rules.alphabet import Alphabet

    folder = model_folder(name) if name else default_model()
    path = lines_file(folder, model.form.chars)
    if not stands(path):
        raise click.UsageError(
            f"{folder} does not say which lines it was trained on: --check-copies CORPUS"
        )
    lines = KnownLines.load(path)
    alphabet, tokenizer = Alphabet(model.tokenizer), model.tokenizer

    def is_known(line: str) -> bool:
        """Whether the line stands there, or one that looks the same in simplified script."""
        alike = [tokenizer.decode(alphabet.ids(to_simplified(character))) for character in line]
        return any("".join(choice) in lines for choice in product(*alike))

    return lambda poem: [is_known(line) for line in poem.lines], "the training poems"


def _marked(
    poems: Iterator[Poem], known: tuple[Callable[[Poem], Sequence[bool]], str] | None
) -> Iterator[tuple[Poem, Sequence[bool] | None]]:
    """The poems, each with which of its lines are known, and at the end how many there were."""
    if known is None:
        yield from ((poem, None) for poem in poems)
        return
    is_known, where = known
    total = found = 0
    for poem in poems:
        copied = is_known(poem)
        total, found = total + len(copied), found + sum(copied)
        yield poem, copied
    click.echo(f"{_COPIED} {found} of {total} lines stand in {plain(where)}", err=True)


def _to_append(path: Path | None) -> Path | None:
    if path == Path("-"):
        raise click.BadParameter("what is printed has this form with --json")
    return path


def _beside(model: str | None, label: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """What was asked for beside wishes and seed, without which the poems are others."""
    settings = {name: options[name] for name in SAMPLING_OPTIONS if options[name] is not None}
    named = {"model": model, "label": label, "sampling": options["sampling"]}
    return {"version": __version__, **{name: it for name, it in named.items() if it}, **settings}


def _with_entries(
    poems: Iterator[tuple[Poem, Sequence[bool] | None]],
    seed: int,
    script: Script,
    asked: dict[str, Any],
) -> Iterator[_Found]:
    """The poems, with the entry in JSON of each."""
    from poetry_vae.verse.as_json import as_json

    for i, (poem, copied) in enumerate(poems):
        entry = as_json(poem, script=script, seed=seed, index=i, asked=asked, known_lines=copied)
        yield poem, copied, entry


def _saved(
    poems: Iterator[_Found], append: Callable[[str], None], beside: dict[str, Any]
) -> Iterator[_Found]:
    """The poems, each once it has been appended to a file."""
    for poem, copied, entry in poems:
        append(json.dumps({**entry, "asked": beside}, ensure_ascii=False))
        yield poem, copied, entry


def _as_text(poems: Iterator[_Found], script: Script, one_line: bool) -> Iterator[str]:
    from poetry_vae.verse.generate import in_script

    for i, (poem, copied, _) in enumerate(poems):
        shown = in_script(poem, script)
        if copied is not None:
            marks = zip(shown.lines, copied, strict=True)
            shown = shown.with_lines([line + _COPIED * is_copied for line, is_copied in marks])
        if one_line:
            yield shown.one_line
        else:
            yield f"\n{shown}" if i else str(shown)


def _as_json(poems: Iterator[_Found]) -> Iterator[str]:
    for _, _, entry in poems:
        yield json.dumps(entry, ensure_ascii=False)
