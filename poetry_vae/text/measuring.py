"""Measure any poem, 诗 or 词, by the metre that it comes nearest to."""

from __future__ import annotations

from poetry_vae.text.cleaning import clean_typed
from poetry_vae.text.errors import FormError
from poetry_vae.text.metre import Rules, metred_form
from poetry_vae.text.poem import Poem, split_lines
from poetry_vae.text.rhyme_books import rhyme_book as book_named
from poetry_vae.text.scansion import MetreReport, Readings, check
from poetry_vae.text.script import understand
from poetry_vae.text.tune_metre import TuneReport, check_tune, tune_of


def typed(text: str) -> Poem:
    """A poem as it was typed, with punctuation or without.

    Raises:
        FormError: it cannot become a poem.
        MetreError: it has no punctuation, and its length does not tell its form.
    """
    lines = split_lines(understand(clean_typed(text)))
    if not lines:
        raise FormError(f"{text!r} has no verse in it")
    if len(lines) == 1:
        lines = list(metred_form(len(lines[0])).cut(lines[0]))
    return Poem(tuple(lines))


def measure(
    poem: Poem,
    *,
    rules: Rules = "strict",
    readings: Readings = "lenient",
    rhyme_book: str | None = None,
) -> MetreReport | TuneReport:
    """Measure a poem in traditional script by its tune, or by regulated verse.

    Args:
        rhyme_book: a name of ``text.rhyme_books``; by default the usual book for 诗 or for 词.

    Raises:
        MetreError: its form has no metre.
    """
    if tune := tune_of(poem):
        return check_tune(poem.lines, tune, book=book_named(rhyme_book or "cilin"))
    book = book_named(rhyme_book or "pingshui")
    return check(poem.lines, rules=rules, readings=readings, book=book)
