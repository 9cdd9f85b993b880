"""``poetry_vae.train``: from a corpus on disk to a model, in one call."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.model.pretrained import CheckpointError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.form import Form
from poetry_vae.text.treasury import Treasury
from poetry_vae.training.corpora import (
    FEWEST,
    load_training_corpus,
    load_treasury,
    with_labels,
    with_validation,
)
from poetry_vae.training.loop import run_training
from poetry_vae.training.many_forms import QUATRAIN, width_of
from poetry_vae.training.presets import PRESETS, find_preset
from poetry_vae.training.run import CallOptions, Result, Run
from poetry_vae.training.run_file import RunFile
from poetry_vae.training.settings import TrainingConfig
from poetry_vae.training.warm_start import joins_couplets

_OF_JOINED = ("latent", "couplet_latent", "prior", "posterior")
_OF_REFINERS = ("refiner_layers", "refiner_hidden", "refiner_tables")
_PASSES = 10  # a small corpus may be gone through so many times as often as the preset says
_BETWEEN = 2  # passes from one validation to the next, at most

if TYPE_CHECKING:
    from typing_extensions import Unpack


def train(
    corpus: Path | str | EncodedCorpus | Treasury,
    output: Path | str,
    *,
    form: Form | str | None = None,
    preset: str | None = None,
    start: PoetryVAE | str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    seed: int = 0,
    resume: bool = False,
    **options: Unpack[CallOptions],
) -> Result:
    """Train a model of ``corpus`` into the folder ``output``.

    Args:
        corpus: poems in any known format, or an encoded corpus (then ``form`` is known).
        preset: by default ``base``. If ``start`` is a model of the same form, it is ``finetune``;
            if ``start`` writes any form, ``poet-finetune``.
        start: a model, its folder or shipped name, to go on from, in its own vocabulary. If it
            writes another form, all is taken over except the parts that belong to places.
        overrides: settings of the preset to change: ``{"epochs": 2}``. For a small corpus, its size
            decides how often it is gone through and validated on, unless overridden here.
        resume: go on with the run in ``output``, with the settings that it was begun with.
        options: device, precision and the rest of this call, see :func:`run_training`.

    Returns:
        The best model by validation bound, and how the run ended.

    Raises:
        PoetryVAEError: one of the errors of :func:`load_training_corpus`, :meth:`Preset.configs`
            and :func:`run_training`.
    """
    start = model_to_start(start, Path(output), resume=resume)
    begun = RunFile.read(Path(output)) if resume else RunFile()
    if preset and begun.preset not in (None, preset):
        raise CheckpointError(
            f"{output}: belongs to a run with the preset {begun.preset}, not {preset}"
        )
    preset = preset or begun.preset
    given = {**begun.training, **(overrides or {})}
    if writes_any(preset, start, form):
        preset = preset or ("poet-finetune" if start and start.config.forms == "any" else "poet")
        corpus, model, training = _of_any_form(corpus, preset, start, overrides or {}, given)
    else:
        if not isinstance(corpus, (EncodedCorpus, Treasury)):
            corpus = load_training_corpus(corpus, form, usual=start.form if start else None)
        if isinstance(corpus, Treasury):
            raise CorpusError("a model of one form learns from poems of one form: name it")
        preset = preset or ("finetune" if start and start.form == corpus.form else "base")
        corpus, model, training = settings_of(preset, with_validation(corpus), given)
        if start is not None:
            if start.form != corpus.form and form is None:
                raise FormError(
                    f"the poems are {corpus.form}, and the model to start from writes "
                    f"{start.form}: name the form to go on from a model of another one"
                )
            corpus, model, training = _going_on(corpus, model, training, start, overrides or {})
        elif training.refiner_only:
            raise ConfigError(
                "a refiner is trained for a model that is trained already: name it with --from"
            )
    training = scaled(training, given, batches_in_epoch(corpus, training.batch_size))
    run = Run(corpus, model, training, seed, preset, start)
    return run_training(run, Path(output), resume=resume, **options)


def model_to_start(
    start: PoetryVAE | Path | str | None, output: Path, *, resume: bool
) -> PoetryVAE | None:
    """The model that a run goes on from.

    Raises:
        CheckpointError: the run in ``output`` was begun from a model, and none is named.
    """
    if start is None and resume and (RunFile.read(output).preset or "").endswith("finetune"):
        raise CheckpointError(
            f"{output}: this run was begun from a model: name it again (--from) to resume it"
        )
    return PoetryVAE.from_pretrained(start) if isinstance(start, (Path, str)) else start


def writes_any(preset: str | None, start: PoetryVAE | None, form: Form | str | None = None) -> bool:
    """Whether a model of any form is to be trained.

    Raises:
        FormError: one is, and a form is named.
    """
    goes_on = start is not None and start.config.forms == "any"
    is_any = goes_on or (preset in PRESETS and PRESETS[preset].changes.get("forms") == "any")
    if is_any and form is not None:
        raise FormError("a model of any form learns from poems of all: leave out --form")
    return is_any


def _of_any_form(
    corpus: Path | str | EncodedCorpus | Treasury,
    preset: str,
    start: PoetryVAE | None,
    overrides: Collection[str],
    given: Mapping[str, Any],
) -> tuple[Treasury, ModelConfig, TrainingConfig]:
    """A run over poems of all forms, from random weights, from a model of any form, or from the
    characters and the refiner of a model of one form.

    Args:
        given: the overrides, and the settings that the run was begun with.
    """
    if isinstance(corpus, EncodedCorpus):
        raise CorpusError(
            "a model of any form learns from poems of all forms: encode them without --form"
        )
    if not isinstance(corpus, Treasury):
        corpus = load_treasury(corpus)
    if (poems := corpus.sizes["train"] + corpus.sizes["validation"]) < FEWEST:
        raise CorpusError(
            f"{poems} poems beside the {corpus.sizes['test']} that are kept for tests are too few "
            f"to learn from: it takes {FEWEST} at least; add poems"
        )
    if not writes_any(preset, None):
        others = " or ".join(name for name in PRESETS if writes_any(name, None))
        raise ConfigError(
            f"the preset {preset!r} makes models of one form, and the one to start from writes any "
            f"form: leave it out, or take {others}"
        )
    goes_on = start is not None and start.config.forms == "any"
    if start is not None and goes_on:
        corpus = corpus.in_vocabulary(start.tokenizer)
    model, training = PRESETS[preset].configs(None, len(corpus.tokenizer), given)
    if start is not None and goes_on:
        sizes = {  # by which a refiner may be asked to be deeper or wider
            "refiner_layers": (model.refiner_layers, start.config.refiner_layers),
            "refiner_hidden": (model.refiner_width, start.config.refiner_width),
        }
        larger: dict[str, Any] = {
            name: asked
            for name, (asked, begun) in sizes.items()
            if name in overrides and asked > begun
        }
        _refuse((set(overrides) & set(vars(model))) - set(larger))
        model = replace(start.config, **larger)
    return corpus, model, training


def _going_on(
    corpus: EncodedCorpus,
    model: ModelConfig,
    training: TrainingConfig,
    start: PoetryVAE,
    overrides: Collection[str],
) -> tuple[EncodedCorpus, ModelConfig, TrainingConfig]:
    """A run over poems of one form from a model of one form, in its vocabulary."""
    new = _new_parts(model, start.config, overrides)
    _refuse((set(overrides) & set(vars(model))) - new)
    if start.config.labels or training.label:
        raise ConfigError("a model with labels is trained anew: leave out the one to start from")
    own: dict[str, Any] = {name: getattr(model, name) for name in new}
    model = replace(start.config, lines=corpus.form.lines, chars=corpus.form.chars, **own)
    if model.is_hierarchical and "masked" not in overrides:
        training = replace(training, masked=0.0)  # masked reading takes one level of latents
    return corpus.in_vocabulary(start.tokenizer), model, training


def _new_parts(model: ModelConfig, start: ModelConfig, overrides: Collection[str]) -> set[str]:
    """The settings of a model in which it differs from the model it starts from. Only these can be
    chosen: a refiner if that model has none, more layers for it, and a code for each couplet."""
    new = {name for name in _OF_REFINERS if not getattr(start, name)}
    asked = model.refiner_layers if "refiner_layers" in overrides else 0
    if asked > start.refiner_layers > 0:
        new.add("refiner_layers")
    if start.refiner_layers:
        new.discard("refiner_hidden")
    if joins_couplets(model, start):
        new.update(_OF_JOINED)
    elif model.couplet_latent not in (0, start.couplet_latent):
        raise ConfigError(
            "a code for each couplet goes on from a flat model of couplets of such lines, with "
            f"latent={model.couplet_latent}: name one with --from, or leave out --from"
        )
    return new


def _refuse(given: Iterable[str]) -> None:
    for name in sorted(given):
        raise ConfigError(f"{name} is given by the model to start from: leave it out")


def settings_of(
    preset: str, corpus: EncodedCorpus, overrides: Mapping[str, Any] | None = None
) -> tuple[EncodedCorpus, ModelConfig, TrainingConfig]:
    """The corpus with the labels that a preset takes, and the settings of model and training.

    Raises:
        ConfigError: there is no such preset, or an override names no setting. Whether the settings
            go with the model is checked later, see :func:`check`.
        CorpusError, MetreError: see :func:`with_labels`.
    """
    model, training = find_preset(preset).configs(corpus.form, len(corpus.tokenizer), overrides)
    if training.label:
        corpus, labels = with_labels(corpus, training.label)
        model = replace(model, labels=labels, classifier=training.classifier)
    return corpus, model, training


def batches_in_epoch(corpus: EncodedCorpus | Treasury, size: int) -> int:
    """About how many batches of so many poems make one epoch of a corpus. Poems of many forms are
    batched by their width, see :mod:`poetry_vae.training.many_forms`."""
    if isinstance(corpus, EncodedCorpus):
        return max(1, corpus.sizes["train"] // size)
    poems = Counter[int]()
    for block in corpus.of_part("train"):
        poems[width_of(block.form.positions)] += block.poems
    return sum(math.ceil(n * width / (size * QUATRAIN)) for width, n in poems.items())


def scaled(training: TrainingConfig, given: Collection[str], in_epoch: int) -> TrainingConfig:
    """Fit the settings that were not ``given`` to an epoch of so many batches.

    With a preset's ``min_steps`` a few poems would be gone through hundreds of times, long after
    the model knows them by heart, and its ``validate_every`` would miss when that begins. If
    ``epochs`` is given, it is kept.
    """
    steps, between = training.min_steps, training.validate_every
    if "epochs" in given:
        steps = 1
    fitted: dict[str, Any] = {
        "min_steps": min(steps, math.ceil(_PASSES * training.epochs * in_epoch)),
        "validate_every": min(between, _BETWEEN * in_epoch),
    }
    return replace(training, **{name: fitted[name] for name in fitted if name not in given})
