"""`poetry-vae metre --character`: how verse reads a character, by every rhyme book."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from poetry_vae.text.cleaning import clean_typed
from poetry_vae.text.modern import ModernReadingsError
from poetry_vae.text.prosody import GROUPS, RhymeBook
from poetry_vae.text.rhyme_books import RHYME_BOOKS, companions, rhyme_book
from poetry_vae.text.script import Script, present


def show_characters(characters: str, script: Script, *, as_json: bool) -> None:
    """Print what the books say of each character, or a JSON object for each."""
    for character in dict.fromkeys(clean_typed(characters).replace("\n", "").strip()):
        books = _books()
        found = {name: list(_readings(character, book, script)) for name, book in books.items()}
        if as_json:
            click.echo(json.dumps({"character": character, "books": found}, ensure_ascii=False))
            continue
        click.echo(character)
        for name, readings in found.items():
            click.echo(f"  {name}")
            for reading in readings:
                group = f" {reading['group']}" if reading["group"] else ""
                tone = f"（{reading['classical_tone']}）" if reading["classical_tone"] else ""
                with_it = f": {reading['rhymes_with']}" if reading["rhymes_with"] else ""
                click.echo(f"    {reading['tone']}{tone}{group}{with_it}")
            if not readings:
                click.echo("    unknown")


def _books() -> dict[str, RhymeBook]:
    """The books by their Chinese names; those of today's sounds where pypinyin is installed."""
    books = {}
    for name, chinese in RHYME_BOOKS.items():
        try:
            books[chinese] = rhyme_book(name)
        except ModernReadingsError as error:
            click.echo(f"{chinese} is left out: {error}", err=True)
    return books


def _readings(character: str, book: RhymeBook, script: Script) -> Iterator[dict[str, str]]:
    """Each reading with the four tones of old where the group tells, and common rhymes."""
    for reading in sorted(book.readings(character)):
        others = present(companions(reading, book), script) if reading.group else ""
        yield {
            "tone": reading.tone,
            "classical_tone": GROUPS.get(reading.group, "") if book.name == "pingshui" else "",
            "group": present(reading.group, script),
            "rhymes_with": "".join(dict.fromkeys(others.replace(character, ""))),
        }
