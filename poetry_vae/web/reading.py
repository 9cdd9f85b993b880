"""Answers without a model: poems measured and read aloud, and the list of forms."""

from __future__ import annotations

from typing import Any

from poetry_vae.model.config import ModelConfig
from poetry_vae.text.form import NAMED_FORMS, Form, named_forms
from poetry_vae.text.keywords import boundaries
from poetry_vae.text.measuring import measure, typed
from poetry_vae.text.metre import MetreError
from poetry_vae.text.metre_record import record
from poetry_vae.text.script import to_simplified
from poetry_vae.web.bodies import MetreBody
from poetry_vae.web.refusals import of_field


def metre_of(body: MetreBody) -> dict[str, Any]:
    """A poem with tones, rhymes and faults, as `metre --json` has it; and beside that both scripts,
    where words end, and how it is read today (null without pypinyin)."""
    with of_field("poem"):
        poem = typed(body.poem)
    with of_field("rhyme_book"):
        try:
            report = measure(
                poem, rules=body.rules, readings=body.readings, rhyme_book=body.rhyme_book
            )
        except MetreError:
            report = None
    return {
        **record(poem, report, body.script),
        "traditional": poem.lines,
        "simplified": [to_simplified(line) for line in poem.lines],
        "words": [boundaries(line) for line in poem.lines],
        "pinyin": _pinyin(poem.lines),
    }


def forms(config: ModelConfig) -> dict[str, Any]:
    """The forms that have a name, and which of them a model writes."""

    def is_written(form: Form) -> bool:
        if config.forms == "one":
            return form == config.form
        return form.lines <= config.lines and max(form.lengths) <= config.chars

    return {
        "forms": [
            {
                "name": name,
                "others": others,
                "kind": "诗" if form in NAMED_FORMS else "词",
                "lengths": form.lengths,
                "second_stanza": form.second_stanza,
                "characters": form.positions,
                "is_written": is_written(form),
            }
            for form, name, others in named_forms()
        ]
    }


def _pinyin(lines: tuple[str, ...]) -> list[list[str]] | None:
    try:
        from pypinyin import lazy_pinyin
        from pypinyin.constants import Style
    except ImportError:
        return None
    found = []
    for line in lines:
        text = to_simplified(line)
        syllables = lazy_pinyin(text, style=Style.TONE)
        if len(syllables) != len(text):  # characters without a reading are grouped
            syllables = [""] * len(text)
        found.append(["" if s == c else s for s, c in zip(syllables, text, strict=True)])
    return found
