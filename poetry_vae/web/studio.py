"""Requests to models: each is a generator of (event, value) that the worker runs."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.named import model_folder
from poetry_vae.model.pretrained import CONFIG, default_model, figures_of
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.cleaning import clean_typed
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.keywords import boundaries
from poetry_vae.text.poem import Poem, split_lines, typed_form
from poetry_vae.text.script import present, to_simplified
from poetry_vae.verse.as_json import as_json
from poetry_vae.verse.generate import choose_model, in_script
from poetry_vae.verse.morph import interpolate
from poetry_vae.verse.replying import reply
from poetry_vae.verse.revising import (
    NEARNESS,
    alternatives,
    least_believed,
    other_versions,
    places_of,
    revise,
)
from poetry_vae.verse.rulebook import Rulebook
from poetry_vae.verse.rules.rule import Rule, RuleError, together
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings, trust_in
from poetry_vae.verse.wishes import form_of, occasion_of, rules_of, subject_notes
from poetry_vae.web.bodies import (
    AlternativesBody,
    AskedBody,
    InterpolateBody,
    PoemsBody,
    ReplyBody,
    ReviseBody,
)
from poetry_vae.web.refusals import of_field

Events = Iterator[tuple[str, Any]]
_FRESH_SEEDS = 1_000_000
_QUALIFIERS = ("rhyme_book",)
"""Wishes that only change the meaning of others."""


class Studio:
    """One model: the one that is named, or else the one that ships, loaded when first needed."""

    def __init__(self, model: str | PoetryVAE | None = None) -> None:
        """
        Raises:
            CheckpointError: there is no such model, or it cannot be loaded.
        """
        self._model = model if isinstance(model, PoetryVAE) else None
        self._folder, self._name = Path(), ""
        if self._model is None:
            self._folder = model_folder(model) if isinstance(model, str) else default_model()
            self._name = self._folder.name
        if isinstance(model, str):
            self._model = PoetryVAE.from_pretrained(model)
            self._name = self._model.source or self._name

    @property
    def _base(self) -> PoetryVAE:
        if self._model is None:
            self._model = PoetryVAE.from_pretrained(self._folder)
        return self._model

    @property
    def config(self) -> ModelConfig:
        """Of the model served, which need not be loaded for it."""
        if self._model is not None:
            return self._model.config
        return ModelConfig.from_json((self._folder / CONFIG).read_text("utf-8"))

    def models(self) -> list[dict[str, Any]]:
        """The model served: its name, form, whether it takes subjects and dynasties, and
        figures."""
        config = self.config
        return [
            {
                "name": self._name,
                "form": "any" if config.forms == "any" else str(config.form),
                "most_lines": config.lines,
                "most_characters": config.chars,
                "takes_subject": config.subject > 0,
                "dynasties": config.dynasties,
                "figures": figures_of(self._folder),
            }
        ]

    def warm(self) -> Events:
        """Load what the first request would otherwise wait for."""
        choose_model(None, self._base)
        boundaries(to_simplified("詩"))
        yield "warm", True

    def poems(self, body: PoemsBody) -> Events:
        notes: list[str] = []
        with of_field("acrostic"):
            form = body.form or ("" if self._base.written else form_of(body.wishes()) or "")
        if implied := occasion_of(body.wishes(), self._base, about=body.about):
            body = body.model_copy(update={"about": implied})
            notes.append(f"subject: {implied}")
        model = self._model_for(form, body)
        notes.extend(subject_notes(body.about, model))
        rules = _rules(body, model, notes)
        settings = SamplingSettings.of(model, sampling=body.sampling, trust=trust_in(rules))
        with _blamed(body, model):
            sampler = Sampler(model, settings, rules)
        yield from (("note", note) for note in notes)
        yield from _drawn(sampler, body)

    def revise(self, body: ReviseBody) -> Events:
        notes: list[str] = []
        model = self._model_of_poem(body)
        with of_field("poem"):
            poem = Poem.typed(body.poem, model.form)
            model.ids_of([poem])
        rules = _rules(body, model, notes)
        every = set(range(model.form.positions))
        with of_field("keep"):
            kept = places_of(body.keep, model.form)
        with of_field("redraw"):
            places = places_of(body.redraw, model.form) or (every if body.keep else set())
        if not body.redraw and not body.keep:
            places = {place for place, _ in least_believed(model, poem)}
        near = NEARNESS if body.nearness is None else body.nearness
        with _blamed(body, model):
            sampler = revise(model, poem, places - kept, rules=rules, near=near)
        yield from (("note", note) for note in notes)
        line, at = model.form.line_of, model.form.from_start
        yield "places", [f"{line[p] + 1},{at[p] + 1}" for p in sorted(places - kept)]
        yield from _drawn(sampler, body, unlike=poem)

    def alternatives(self, body: AlternativesBody) -> Events:
        model = self._model_of_poem(body)
        with of_field("poem"):
            poem = Poem.typed(body.poem, model.form)
        rules = _rules(body, model, [])
        with of_field("place"):
            found = alternatives(model, poem, body.line, body.place, n=body.n, rules=rules)
        for each in found:
            told = {**vars(each), "shown": present(each.character, body.script)}
            told["rhymes"] = [present(group, body.script) for group in each.rhymes]
            yield "alternative", told

    def reply(self, body: ReplyBody) -> Events:
        seed = secrets.randbelow(_FRESH_SEEDS) if body.seed is None else body.seed
        yield "seed", seed
        with of_field("line"):
            lines = split_lines(clean_typed(body.line))
            if len(lines) != 1:
                raise RuleError(f"{len(lines)} lines: give one, without punctuation inside")
            model = choose_model(Form.of(2, len(lines[0])), self._base)
            found = reply(body.line, body.n, model=model, seed=seed)
        for each in found:
            yield (
                "reply",
                {
                    "line": present(each.line, body.script),
                    "nats_per_character": round(-each.score, 3),
                    "given_up": each.given_up,
                },
            )

    def interpolate(self, body: InterpolateBody) -> Events:
        with of_field("form" if body.form else "start"):
            form = body.form or self._form_of(body.start, "start")
            model = choose_model(form or None, self._base)
        poems = []
        for field, text in (("start", body.start), ("end", body.end)):
            with of_field(field):
                poems.append(Poem.typed(text, model.form))
        for found in interpolate(model, *poems, steps=body.steps):
            lines = in_script(found, body.script).lines
            yield "poem", {"form": str(model.form), "lines": lines, "script": body.script}

    def _model_of_poem(self, body: ReviseBody | AlternativesBody) -> PoetryVAE:
        """The model for the form that is named, or else for that of the poem."""
        if body.form:
            return self._model_for(body.form, body)
        return self._model_for(self._form_of(body.poem, "poem"), body, field="poem")

    def _form_of(self, text: str, field: str) -> str:
        """The name of the form of a poem as it was typed; empty where the served model decides."""
        with of_field(field):
            lines = split_lines(clean_typed(text))
            if len(lines) < 2 and self._base.written:
                return ""
            return str(typed_form(lines))

    def _model_for(self, form: str, body: AskedBody, *, field: str = "form") -> PoetryVAE:
        with of_field(field):
            wanted = Form.parse(form) if form else None
            if not (body.about or body.dynasty):
                return choose_model(wanted, self._base)
        with of_field("dynasty"):
            choose_model(wanted, self._base, dynasty=body.dynasty)
        with of_field("about"):
            return choose_model(wanted, self._base, about=body.about, dynasty=body.dynasty)


def _rules(body: AskedBody, model: PoetryVAE, notes: list[str]) -> Rule | None:
    """The rules that are asked for; an error names the wish at fault."""
    found = []
    for name, value in body.wishes().items():
        with of_field(name):
            rule = rules_of({name: value}, model.form, note=notes.append)
        found += [rule] if rule is not None else []
    return together(found) if found else None


@contextmanager
def _blamed(body: AskedBody, model: PoetryVAE) -> Iterator[None]:
    """If rules are refused, the error names the first that no poem can keep even by itself."""
    try:
        yield
    except PoetryVAEError:
        wishes = body.wishes()
        beside = {name: wishes.pop(name) for name in _QUALIFIERS if name in wishes}
        for name, value in wishes.items():
            with of_field(name):
                if (rule := rules_of({name: value, **beside}, model.form)) is not None:
                    Rulebook(rule, model.form, model.tokenizer)
        raise


def _drawn(sampler: Sampler, body: PoemsBody | ReviseBody, *, unlike: Poem | None = None) -> Events:
    """The poems of a sampler, or those that are unlike one."""
    seed = secrets.randbelow(_FRESH_SEEDS) if body.seed is None else body.seed
    yield "seed", seed
    found: Iterator[Poem] = islice(sampler.stream(seed), body.n)
    if unlike is not None:
        found = other_versions(sampler, unlike, body.n, seed=seed)
    for index, poem in enumerate(found):
        entry = as_json(poem, script=body.script, seed=seed, index=index, asked=body.asked())
        yield "poem", entry
