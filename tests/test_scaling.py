"""Small corpora: how often they are gone through, and what they are validated on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.encoded import encode_corpus
from poetry_vae.text.errors import CorpusError
from poetry_vae.training.corpora import with_validation
from poetry_vae.training.settings import TrainingConfig
from poetry_vae.training.train import batches_in_epoch, scaled, train
from tests.small import CHARACTERS, COUPLET, small_corpus, small_model

PRESET = TrainingConfig(epochs=2.0)


@pytest.mark.parametrize(
    ("poems", "given", "steps", "between"),
    [
        (1_000_000, (), 1000, 1000),  # of few epochs, min_steps is not what counts
        (683, (), 100, 10),
        (85, (), 20, 2),
        (17, (), 20, 2),
        (683, ("epochs",), 1, 10),
        (683, ("min_steps", "validate_every"), 1000, 1000),
    ],
)
def test_defaults_go_by_the_number_of_poems(
    poems: int, given: tuple[str, ...], steps: int, between: int
) -> None:
    corpus = small_corpus()
    rows = np.broadcast_to(corpus.parts["train"][:1], (poems, 10))
    corpus = replace(corpus, parts={**corpus.parts, "train": rows})
    fitted = scaled(PRESET, given, batches_in_epoch(corpus, PRESET.batch_size))
    assert (fitted.min_steps, fitted.validate_every) == (steps, between)
    assert replace(fitted, min_steps=1000, validate_every=1000) == PRESET


def test_epochs_that_are_asked_for_are_gone_through(tmp_path: Path) -> None:
    small = {"hidden": 8, "latent": 4, "batch_size": 16, "patience": 0}
    result = train(small_corpus(), tmp_path / "m", overrides={**small, "epochs": 2})
    assert result.steps == 8


def test_poems_are_taken_to_validate_on_where_there_are_none() -> None:
    corpus = small_corpus(20, is_labelled=True)
    none = {**corpus.parts, "validation": corpus.parts["validation"][:0]}
    column = corpus.labels["dynasty"]
    unlabelled = {**column.parts, "validation": column.parts["validation"][:0]}
    labels = {"dynasty": replace(column, parts=unlabelled)}
    fitted = with_validation(replace(corpus, parts=none, labels=labels))
    assert fitted.sizes == {"train": 16, "validation": 4, "test": 16}
    rows = np.concatenate([fitted.parts["train"], fitted.parts["validation"]])
    assert sorted(map(tuple, rows.tolist())) == sorted(map(tuple, corpus.parts["train"].tolist()))
    moved = fitted.parts["validation"][:, 0] > 11
    assert (fitted.labels["dynasty"].parts["validation"] == moved).all()
    assert with_validation(corpus) is corpus


def test_too_few_poems_are_counted_and_the_next_step_is_said() -> None:
    corpus = small_corpus(8)
    parts = {**corpus.parts, "validation": corpus.parts["validation"][:1]}
    with pytest.raises(CorpusError, match=r"9 poems of the form 五言联 beside the 16 .*takes 10"):
        with_validation(replace(corpus, parts=parts))


def test_twenty_poems_tune_a_model(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    lines = ["".join(rng.choice(list(CHARACTERS), 10)) for _ in range(20)]
    text = "".join(f"{line[:5]}，{line[5:]}。\n" for line in lines)
    (tmp_path / "poems.txt").write_text(text, encoding="utf-8")
    assert encode_corpus(read_corpus(tmp_path / "poems.txt"), COUPLET).sizes["validation"] < 4
    result = train(tmp_path / "poems.txt", tmp_path / "m", start=small_model())
    assert result.steps <= 20
    assert result.kept is not None


def test_a_model_with_codes_for_couplets_is_tuned_without_masked_reading(tmp_path: Path) -> None:
    start = small_model(couplet_latent=4, prior="learned", pooling="positions")
    result = train(small_corpus(), tmp_path / "m", start=start, overrides={"epochs": 1})
    assert result.model.config == start.config
