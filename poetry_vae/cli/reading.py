"""Poems that a person gives: typed, in a file, or on standard input (-)."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from poetry_vae.cli.corpus import read_for_people
from poetry_vae.cli.options import load_for, tell_unknown
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.files import stands
from poetry_vae.text.poem import Poem

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE


class PoemText(click.ParamType[str]):
    """One poem as text: what was typed, or the one poem of a file or of standard input."""

    name = "text"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        found = typed_or_read(value, encoding="utf-8")
        if isinstance(found, str):
            return found
        if len(found) != 1:
            where = "standard input" if value == "-" else value
            raise CorpusError(f"{where}: it has {len(found)} poems, but one is needed here")
        return found[0].one_line


def model_and_poem(text: str, form: str | None, model: str | None) -> tuple[PoetryVAE, Poem]:
    """The model for a poem that was typed, and that poem; says which characters are unknown."""
    chosen = load_for(text, form, model)
    poem = Poem.typed(text, chosen.form)
    tell_unknown(chosen, text)
    return chosen, poem


def typed_or_read(source: str, *, encoding: str) -> str | list[Poem]:
    """A text that was typed, or on one line of standard input; or the poems of a file of any
    format, or of more lines of standard input.

    Raises:
        UsageError: nothing was given.
        CorpusError: the file is not there or cannot be read, or the input is empty.
    """
    if not source.strip():
        raise click.UsageError("no poem and no file was given")
    if source == "-":
        return _standard_input(encoding)
    if _is_path(source):
        if not stands(Path(source)):
            raise CorpusError(f"{source}: there is no such file, and it is no Chinese verse")
        return read_for_people(Path(source), encoding=encoding).poems
    return source


def _standard_input(encoding: str) -> str | list[Poem]:
    from poetry_vae.text.opening import decode

    data = sys.stdin.buffer.read()
    text = decode(Path("-"), data, encoding).strip()
    if not text:
        raise CorpusError("standard input is empty: there is no poem in it")
    if "\n" not in text:
        return text
    with TemporaryDirectory() as folder:
        file = Path(folder) / "input.txt"
        file.write_bytes(data)
        return read_for_people(file, encoding=encoding).poems


def _is_path(source: str) -> bool:
    """Whether a file is meant, be it there or not."""
    from poetry_vae.text.opening import may_hold_poems

    return source.isascii() or may_hold_poems(source) or stands(Path(source))
