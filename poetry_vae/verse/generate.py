"""Poems from a model: generate, reconstruct, and everything that goes through whole poems."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poetry_vae.model import labelling
from poetry_vae.model.inference import inference
from poetry_vae.model.pretrained import DEFAULT_FORM, default_model
from poetry_vae.model.sampling import SamplingError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.script import Script, check_script, present
from poetry_vae.verse.rules.pins import heads_of
from poetry_vae.verse.rules.rule import Rule, RuleError, Together
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import LIKELIEST, Sampling, SamplingSettings, trust_in
from poetry_vae.verse.wishes import occasion_of, rules_of


def generate(
    n: int = 1,
    *,
    form: Form | str | None = None,
    model: PoetryVAE | str | Path | None = None,
    seed: int | None = None,
    temperature: float | None = None,
    passes: int | None = None,
    trust: float | None = None,
    guidance: float | None = None,
    repetition: float | None = None,
    emphasis: float | None = None,
    candidates: int | None = None,
    sampling: Sampling = "chosen",
    about: str = "",
    dynasty: str = "",
    rules: Rule | Mapping[str, Any] | None = None,
    script: Script = "simplified",
) -> list[Poem]:
    """``n`` poems.

        generate(2, seed=7)
        generate(form="七律", rules={"acrostic": "春江花月", "rhyme": "东"})

    Args:
        n: how many, 0 or more.
        form: a form or its name; without one and without a model, 七绝.
        model: a model, its folder or its name; without one, what ships for the form.
        temperature, passes, trust, guidance, repetition, emphasis, candidates: see
            :class:`~poetry_vae.verse.sampling_settings.SamplingSettings`; by default what suits
            model and ``sampling``.
        seed: the same seed gives the same poems, whatever ``n`` is; without one, they differ every
            time.
        sampling: ``chosen`` for readers, ``plain`` near the model's own distribution.
        about: what the poems are about, in free words and either script; ``dynasty``: in whose
            manner, as 唐. For models that write any form.
        rules: what every poem shall keep, as ``acrostic("春江花月") & Metre()``. Or wishes by name,
            as people type them; see ``poetry_vae.verse.wishes``. If the heads are a greeting
            (生日快乐), its occasion is the subject where none is given.
        script: ``simplified`` or ``traditional``: the script of the poems returned.

    Returns:
        Poems; ``print`` shows each line of verse on a line of its own.

    Raises:
        RuleError: no poem of the model can keep the rules.
        FormError: the name is no form, or the model writes another form.
        CheckpointError: no such model, or none for the form.
        SamplingError: ``n``, temperature, passes, trust, guidance or repetition out of range.
        ValueError: there is no such script.
    """
    if n < 0:
        raise SamplingError(f"n is {n}: it must be a number of poems")
    check_script(script)
    chosen = choose_model(form, model, about=about, dynasty=dynasty)
    if isinstance(rules, Mapping):
        wishes = rules
    elif rules is None or isinstance(rules, Rule):
        rule = rules or Together()
        wishes = {"acrostic": heads_of(rule), "tail": heads_of(rule, tail=True)}
    else:
        raise RuleError(
            f"{rules!r} is no rule: give one such as Metre(), or wishes by name, as in "
            '{"acrostic": "春江花月"}'
        )
    if implied := occasion_of(wishes, chosen, about=about):
        chosen = choose_model(chosen.form, chosen, about=implied, dynasty=dynasty)
    if isinstance(rules, Mapping):
        rules = rules_of(rules, chosen.form)
    settings = SamplingSettings.of(
        chosen,
        temperature=temperature,
        passes=passes,
        trust=trust_in(rules) if trust is None else trust,
        guidance=guidance,
        repetition=repetition,
        emphasis=emphasis,
        candidates=candidates,
        sampling=sampling,
    )
    if seed is None:
        seed = secrets.randbelow(1_000_000)
    poems = Sampler(chosen, settings, rules).stream(seed)
    return [in_script(next(poems), script) for _ in range(n)]


def choose_model(
    form: Form | str | None = None,
    model: PoetryVAE | str | Path | None = None,
    *,
    about: str = "",
    dynasty: str = "",
) -> PoetryVAE:
    """The model for a form and a model, either of which may be left out. A model that writes any
    form is returned as a view for what is asked, see :meth:`PoetryVAE.writing`.

    Raises:
        FormError: the model does not write the form.
        LabelError: the model cannot be told a subject or a dynasty, or not this one.
        CheckpointError: there is no such model.
    """
    wanted = Form.parse(form) if isinstance(form, str) else form
    if isinstance(model, PoetryVAE):
        chosen = model
    else:
        chosen = PoetryVAE.from_pretrained(default_model() if model is None else model)
    wanted = wanted or chosen.written or DEFAULT_FORM
    if wanted == chosen.written and not (about or dynasty):
        return chosen  # it may be a view that was asked for more
    return chosen.writing(wanted, about=about, dynasty=dynasty)


def in_script(poem: Poem, script: Script) -> Poem:
    """A poem of the models' orthography in the script asked for."""
    lines = [present(line, script) for line in poem.lines]
    return poem.with_lines(lines)


def reconstruct(model: PoetryVAE, poems: Sequence[Poem | str]) -> list[Poem]:
    """What the model remembers of poems: the likeliest characters given each typical code.

    See :meth:`~poetry_vae.model.gaussian.DiagonalGaussian.typical`.

    Raises:
        FormError: a poem does not have the model's form.
    """
    with inference():
        ids = model.ids_of(poems)
        labels = labelling.infer(model, ids)
        code = model.encode(ids, labels).typical()
    return Sampler(model, LIKELIEST).poems_of_codes(code, labels)
