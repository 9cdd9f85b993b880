"""poetry-vae nearest"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from poetry_vae.cli.console import work_bar
from poetry_vae.cli.options import encoding_option, form_option, model_option, script_option
from poetry_vae.cli.reading import PoemText
from poetry_vae.text.cleaning import clean_typed
from poetry_vae.text.form import Form
from poetry_vae.text.lines import split_lines
from poetry_vae.text.poem import Poem, typed_form
from poetry_vae.text.script import Script, present, understand

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.verse.neighbours import Index, Neighbour

_TITLES = {"ngrams": "by what they share", "latent": "by latent"}


@click.command("nearest")
@click.argument("text", type=PoemText(), metavar="TEXT|FILE|-")
@click.option(
    "--corpus",
    required=True,
    type=click.Path(path_type=Path),
    help="Search the training part of these poems, in any known format or encoded.",
)
@form_option
@model_option
@click.option(
    "--by",
    type=click.Choice(["ngrams", "latent", "both"]),
    help="Compare neighbouring characters, or the model's latents.  "
    "[default: ngrams; both with --model]",
)
@click.option(
    "-k", "count", type=click.IntRange(1), default=5, show_default=True, help="How many poems."
)
@script_option
@encoding_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the index in this folder; by default the user's cache folder.",
)
def command(
    text: str,
    corpus: Path,
    form: str | None,
    model: str | None,
    by: Literal["ngrams", "latent", "both"] | None,
    count: int,
    script: Script,
    encoding: str,
    as_json: bool,
    cache: Path | None,
) -> None:
    """Find the training poems nearest to a poem, and the lines that they share with it.

    \b
    poetry-vae nearest 白日依山尽，黄河入海流。 --corpus POEMS
    poetry-vae nearest 白日依山尽，黄河入海流。 --corpus couplets.safetensors --by both -k 3
    poetry-vae nearest 床前明月光 --corpus POEMS --form 五绝

    By n-grams, a poem that has all n-grams of the text scores 1, and rare n-grams count most; by
    latent, a poem in the same direction of the latent space scores 1. A single line is searched by
    n-grams, in couplets unless --form is given. Use - for standard input. The first search makes
    an index and keeps it.
    """
    by = by or ("both" if model else "ngrams")
    if by == "ngrams" and model:
        raise click.UsageError("--by ngrams compares characters: leave out --model")

    wanted, reader = _form_and_reader(text, corpus, form, model, by)
    lines = _lines(text)
    is_part = by == "ngrams" and len(lines) == 1 and len(lines[0]) <= max(wanted.lengths)
    poem = Poem(tuple(lines)) if is_part else Poem.typed(text, wanted)
    index = open_index(corpus, wanted, model=reader, encoding=encoding, cache=cache)
    if missing := index.tokenizer.unknown("".join(split_lines(clean_typed(text)))):
        click.echo(f"in no {wanted} of the corpus: {' '.join(missing)}", err=True)
    found: dict[str, list[Neighbour]] = {}
    if by != "latent":
        found["ngrams"] = index.nearest(poem, count)
    if reader is not None:
        found["latent"] = index.nearest_by_latent(poem, count, reader)
    copies = index.copied(poem)
    if as_json:
        entry = {
            "form": str(wanted),
            "lines": poem.lines,
            "known_lines": copies.lines,
            "known_poem": copies.poem,
            "script": script,
            **{
                way: [{"score": n.score, "lines": _shown(n, script).lines} for n in nearest]
                for way, nearest in found.items()
            },
        }
        click.echo(json.dumps(entry, ensure_ascii=False))
        return
    for way, nearest in found.items():
        if len(found) > 1:
            click.echo(_TITLES[way])
        for neighbour in nearest:
            click.echo(f"{neighbour.score:.3f}  {_shown(neighbour, script).one_line}")
        if not nearest:
            click.echo("no training poem shares two neighbouring characters with it", err=True)
    known = [line for line, known in zip(poem.lines, copies.lines, strict=True) if known]
    if known:
        click.echo(f"word for word in the training poems: {' '.join(known)}", err=True)


def open_index(
    corpus: Path,
    form: Form,
    *,
    model: PoetryVAE | None = None,
    encoding: str = "utf-8",
    cache: Path | None = None,
) -> Index:
    """The index of a corpus, from the user's cache or made behind a progress bar."""
    import platformdirs

    from poetry_vae.verse.index_file import cached_index

    folder = cache or Path(platformdirs.user_cache_dir("poetry-vae")) / "indexes"
    with work_bar("reading") as progress:
        return cached_index(corpus, form, folder, model=model, encoding=encoding, progress=progress)


def _form_and_reader(
    text: str, corpus: Path, form: str | None, model: str | None, by: str
) -> tuple[Form, PoetryVAE | None]:
    """What form the text is searched as, and the model that reads it where latents are compared."""
    from poetry_vae.text.encoded import EncodedCorpus, looks_encoded

    chosen = None
    if model is not None:
        from poetry_vae.model.vae import PoetryVAE
        from poetry_vae.verse.generate import choose_model

        chosen = PoetryVAE.from_pretrained(model)
        if chosen.written is not None:
            chosen = choose_model(form, chosen)
            return chosen.form, chosen
    if form is not None:
        wanted = Form.parse(form)
    elif looks_encoded(corpus):
        wanted = EncodedCorpus.load(corpus).form
    else:
        wanted = typed_form(_lines(text))
        if wanted.positions == 1:
            raise click.UsageError(f"{text!r}: a search needs at least two characters")
        if wanted.lines == 1:
            wanted = Form.of(2, wanted.positions)
    if by == "ngrams":
        return wanted, None

    from poetry_vae.verse.generate import choose_model

    return wanted, choose_model(wanted, chosen)


def _shown(neighbour: Neighbour, script: Script) -> Poem:
    return neighbour.poem.with_lines([present(line, script) for line in neighbour.poem.lines])


def _lines(text: str) -> list[str]:
    return split_lines(understand(clean_typed(text)))
