"""``poetry_vae.train``: from a corpus on disk to a model, in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from poetry_vae.model.config import ConfigError
from poetry_vae.model.pretrained import load_model
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.corpus import Corpus, read_corpus
from poetry_vae.text.encoded import EncodedCorpus, encode_corpus, looks_encoded
from poetry_vae.text.errors import FormError
from poetry_vae.text.poem import Form
from poetry_vae.training.device import Precision
from poetry_vae.training.loop import train as run_training
from poetry_vae.training.presets import PRESETS
from poetry_vae.training.run import Observer, Result, Run


def load_training_corpus(
    path: Path | str,
    form: Form | str | None = None,
    *,
    read: Callable[[Path], Corpus] = read_corpus,
) -> EncodedCorpus:
    """An encoded corpus from its file, or one made now of what ``read`` finds at the path.

    Raises:
        CorpusError: nothing readable there, or no poem of the form.
        FormError: no form given for poems that are not encoded yet, or another one than theirs.
    """
    path = Path(path)
    wanted = Form.parse(form) if isinstance(form, str) else form
    if looks_encoded(path):
        encoded = EncodedCorpus.load(path)
        if wanted is not None and encoded.form != wanted:
            raise FormError(f"{path} was encoded as {encoded.form}, not {wanted}")
        return encoded
    if wanted is None:
        raise FormError(f"{path}: which form shall be learned? Give --form, as in --form 七绝")
    return encode_corpus(read(path), wanted, source=path.name)


def train(
    corpus: Path | str | EncodedCorpus,
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
    observer: Observer | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train a model of ``corpus`` into the folder ``output``.

    Args:
        corpus: poems in any known format, or an encoded corpus (then ``form`` is known).
        preset: without one ``base``, or ``finetune`` where there is a ``start``.
        start: a model, its folder or shipped name, to go on from, in its own vocabulary.
        overrides: settings of the preset to change, as text: ``{"epochs": "2"}``.

    Returns:
        The best model by validation bound, and how the run ended.

    Raises:
        PoetryVAEError: of a kind that says what was wrong; see :func:`load_training_corpus`,
            :meth:`Preset.configs` and :func:`poetry_vae.training.loop.train`.
    """
    if start is not None and not isinstance(start, PoetryVAE):
        start = load_model(start)
    if not isinstance(corpus, EncodedCorpus):
        corpus = load_training_corpus(corpus, form or (start.form if start else None))
    preset = preset or ("finetune" if start else "base")
    if preset not in PRESETS:
        raise ConfigError(f"no preset {preset!r}; there are {', '.join(PRESETS)}")
    model, training = PRESETS[preset].configs(corpus.form, len(corpus.tokenizer), overrides)
    if start is not None:
        if start.form != corpus.form:
            raise FormError(
                f"the poems are {corpus.form}, and the model to start from writes {start.form}"
            )
        for name in sorted(set(overrides or ()) & set(vars(model))):
            raise ConfigError(f"{name} is settled by the model to start from: leave it out")
        corpus, model = corpus.in_vocabulary(start.tokenizer), start.config
    return run_training(
        Run(corpus, model, training, seed, preset, start),
        Path(output),
        device=device,
        precision=precision,
        resume=resume,
        max_minutes=max_minutes,
        observer=observer,
        should_stop=should_stop,
    )
