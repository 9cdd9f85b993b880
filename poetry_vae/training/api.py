"""``poetry_vae.train``: from a corpus on disk to a model, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from poetry_vae.model.config import ConfigError, Labels, ModelConfig
from poetry_vae.model.pretrained import CheckpointError, load_model
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.corpus import Corpus, read_corpus
from poetry_vae.text.encoded import EncodedCorpus, encode_corpus, looks_encoded
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.files import name_of
from poetry_vae.text.form import Form
from poetry_vae.text.labels import metre_column
from poetry_vae.text.treasury import Treasury, encode_poems
from poetry_vae.training.beginning import joins_couplets
from poetry_vae.training.device import Precision
from poetry_vae.training.loop import train as run_training
from poetry_vae.training.presets import PRESETS
from poetry_vae.training.record import Record
from poetry_vae.training.run import Observer, Result, Run
from poetry_vae.training.scaling import FEWEST, batches_in_epoch, scaled, with_validation
from poetry_vae.training.settings import TrainingConfig

_OF_JOINED = ("latent", "couplet_latent", "prior", "posterior")
_OF_REFINERS = ("refiner_layers", "refiner_hidden", "refiner_tables")


def load_training_corpus(
    path: Path | str,
    form: Form | str | None = None,
    *,
    usual: Form | None = None,
    read: Callable[[Path], Corpus] = read_corpus,
) -> EncodedCorpus:
    """An encoded corpus from its file, or one made now of what ``read`` finds at the path.

    Args:
        usual: the form of poems that are not encoded yet, where ``form`` names none.

    Raises:
        CorpusError: nothing readable there, or no poem of the form.
        FormError: no form given for poems that are not encoded yet, or another one than theirs.
    """
    path = Path(path)
    wanted = Form.parse(form) if isinstance(form, str) else form
    if looks_encoded(path):
        return EncodedCorpus.load(path, wanted)
    wanted = wanted or usual
    if wanted is None:
        raise FormError(f"{path}: which form shall be learned? Give --form, as in --form 七绝")
    return encode_corpus(read(path), wanted, source=name_of(path))


def settings_of(
    preset: str, corpus: EncodedCorpus, overrides: Mapping[str, str] | None = None
) -> tuple[EncodedCorpus, ModelConfig, TrainingConfig]:
    """What a preset makes of a corpus: the corpus with the labels it takes, and the two settings.

    Raises:
        ConfigError: no such preset, or overrides that name no setting. Whether the settings go with
            the model is not known before it is, see :meth:`TrainingConfig.check_with`.
        CorpusError, MetreError: see :func:`with_labels`.
    """
    if preset not in PRESETS:
        raise ConfigError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    model, training = PRESETS[preset].configs(corpus.form, len(corpus.tokenizer), overrides)
    if training.label:
        corpus, labels = with_labels(corpus, training.label)
        model = replace(model, labels=labels, classifier=training.classifier)
    return corpus, model, training


def writes_any(preset: str | None, start: PoetryVAE | None) -> bool:
    """Whether a model of any form is to be trained."""
    if start is not None and start.config.forms == "any":
        return True
    return preset in PRESETS and PRESETS[preset].model.get("forms") == "any"


def _run_of_any(
    corpus: Path | str | EncodedCorpus | Treasury,
    preset: str | None,
    start: PoetryVAE | None,
    overrides: Mapping[str, str],
    begun_with: Mapping[str, str],
    seed: int,
) -> Run:
    """A run over poems of all forms, from random weights, from a model of any form, or from what
    one of one form knows."""
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
    goes_on = start is not None and start.config.forms == "any"
    preset = preset or ("poet-finetune" if goes_on else "poet")
    if not writes_any(preset, None):
        others = " or ".join(name for name in PRESETS if writes_any(name, None))
        raise ConfigError(
            f"the preset {preset!r} makes models of one form, and the one to start from writes any "
            f"form: leave it out, or take {others}"
        )
    if start is not None and goes_on:
        corpus = corpus.in_vocabulary(start.tokenizer)
    given = {**begun_with, **overrides}
    model, training = PRESETS[preset].configs(None, len(corpus.tokenizer), given)
    training = scaled(training, given, batches_in_epoch(corpus, training.batch_size))
    if start is not None and goes_on:
        for name in sorted(set(overrides) & set(vars(model))):
            raise ConfigError(f"{name} is settled by the model to start from: leave it out")
        model = start.config
    training.check_with(model)
    return Run(corpus, model, training, seed, preset, start)


def load_treasury(path: Path | str, *, read: Callable[[Path], Corpus] = read_corpus) -> Treasury:
    """A corpus of all forms from its encoded file, or one made now of what ``read`` finds there.

    Raises:
        CorpusError: nothing readable there.
    """
    path = Path(path)
    if looks_encoded(path):
        return Treasury.open(path)
    return encode_poems(read(path), source=name_of(path))


def with_labels(corpus: EncodedCorpus, kind: str) -> tuple[EncodedCorpus, Labels]:
    """A corpus that has the labels of a kind, and what a model has to know of them.

    ``metre`` is read off the poems; ``dynasty`` and ``author`` the corpus must have kept.

    Raises:
        CorpusError: the corpus does not know them, or they are the same for all poems.
        MetreError: the form has no metre.
    """
    labels = dict(corpus.labels)
    if kind == "metre":
        texts = {part: corpus.tokenizer.decode_rows(ids) for part, ids in corpus.parts.items()}
        if column := metre_column(texts, corpus.form):
            labels[kind] = column
    if kind not in labels:
        known = ", ".join(sorted({*corpus.labels, "metre"} - {kind})) or "no labels"
        raise CorpusError(
            f"the corpus has no {kind} that tells its poems apart; it has {known} (one that was "
            "encoded by an earlier version has to be encoded again)"
        )
    column = labels[kind]
    return replace(corpus, labels=labels), Labels(kind, column.values, column.shares())


def train(
    corpus: Path | str | EncodedCorpus | Treasury,
    output: Path | str,
    *,
    form: Form | str | None = None,
    preset: str | None = None,
    start: PoetryVAE | str | Path | None = None,
    overrides: Mapping[str, str] | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    resume: bool = False,
    max_minutes: float | None = None,
    finish: bool = False,
    keep_state: bool = True,
    observer: Observer | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train a model of ``corpus`` into the folder ``output``.

    Args:
        corpus: poems in any known format, or an encoded corpus (then ``form`` is known).
        preset: without one ``base``, or where there is a ``start`` of the form ``finetune``, or
            ``poet-finetune`` if it writes any form.
        start: a model, its folder or shipped name, to go on from, in its own vocabulary. Of one of
            another form all is taken over but what belongs to places.
        overrides: settings of the preset to change, as text: ``{"epochs": "2"}``. How often a small
            corpus is gone through and validated on goes by its size, unless it is said here.
        resume: go on with the run in ``output``, with the settings that it was begun with.

    Returns:
        The best model by validation bound, and how the run ended.

    Raises:
        PoetryVAEError: of a kind that says what was wrong; see :func:`load_training_corpus`,
            :meth:`Preset.configs` and :func:`poetry_vae.training.loop.train`.
    """
    if start is not None and not isinstance(start, PoetryVAE):
        start = load_model(start)
    begun = Record.read(Path(output)) if resume else Record()
    if preset and begun.preset not in (None, preset):
        raise CheckpointError(
            f"{output}: belongs to a run with the preset {begun.preset}, not {preset}"
        )
    preset = preset or begun.preset
    overrides = overrides or {}
    if writes_any(preset, start):
        run = _run_of_any(corpus, preset, start, overrides, begun.training, seed)
    else:
        run = _run_of_one(corpus, form, preset, start, overrides, begun.training, seed)
    return run_training(
        run,
        Path(output),
        device=device,
        precision=precision,
        resume=resume,
        max_minutes=max_minutes,
        finish=finish,
        keep_state=keep_state,
        observer=observer,
        should_stop=should_stop,
    )


def _run_of_one(
    corpus: Path | str | EncodedCorpus | Treasury,
    form: Form | str | None,
    preset: str | None,
    start: PoetryVAE | None,
    overrides: Mapping[str, str],
    begun_with: Mapping[str, str],
    seed: int,
) -> Run:
    """A run over poems of one form, from random weights or from a model of one form."""
    if isinstance(corpus, Treasury):
        raise CorpusError("a model of one form learns from poems of one form: name it")
    if not isinstance(corpus, EncodedCorpus):
        corpus = load_training_corpus(corpus, form, usual=start.form if start else None)
    corpus = with_validation(corpus)
    preset = preset or ("finetune" if start and start.form == corpus.form else "base")
    given = {**begun_with, **overrides}
    corpus, model, training = settings_of(preset, corpus, given)
    training = scaled(training, given, batches_in_epoch(corpus, training.batch_size))
    if start is not None:
        if start.form != corpus.form and form is None:
            raise FormError(
                f"the poems are {corpus.form}, and the model to start from writes {start.form}: "
                "name the form to go on from a model of another one"
            )
        # Of what the model is made of, only a refiner that it does not have yet can be chosen, or
        # one with more layers.
        settled = [name for name in _OF_REFINERS if getattr(start.config, name)]
        asked = model.refiner_layers if "refiner_layers" in overrides else 0
        if asked > start.config.refiner_layers > 0:
            settled.remove("refiner_layers")
        if start.config.refiner_layers:
            settled.append("refiner_hidden")
        new = {n: getattr(model, n) for n in _OF_REFINERS if n not in settled}
        if joins_couplets(model, start.config):
            new |= {name: getattr(model, name) for name in _OF_JOINED}
        elif model.couplet_latent not in (0, start.config.couplet_latent):
            raise ConfigError(
                "a code for each couplet goes on from a flat model of couplets of such lines, with "
                f"latent={model.couplet_latent}: name one with --from, or leave out --from"
            )
        for name in sorted((set(overrides) & set(vars(model))) - set(new)):
            raise ConfigError(f"{name} is settled by the model to start from: leave it out")
        if start.config.labels or training.label:
            raise ConfigError(
                "a model with labels is trained anew: leave out the one to start from"
            )
        corpus = corpus.in_vocabulary(start.tokenizer)
        model = replace(start.config, lines=corpus.form.lines, chars=corpus.form.chars, **new)
        if model.is_hierarchical and "masked" not in overrides:
            training = replace(training, masked=0.0)  # which takes one level of latents
    elif training.refiner_only:
        raise ConfigError(
            "a refiner is trained for a model that is trained already: name it with --from"
        )
    training.check_with(model)
    return Run(corpus, model, training, seed, preset, start)
