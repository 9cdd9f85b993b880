"""What `poetry-vae train` says of a run: marks, copies, and what was kept."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from poetry_vae.cli import main
from poetry_vae.cli.train import _what_was_kept
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.run import Result, Stopped
from tests.small import small_corpus, small_model

FIGURES = Figures(-60, 12.0, 48, 30, 0.6, 10, {"poem": 12.0}, {"poem": 30}, 6.0)


@pytest.mark.parametrize(
    ("kept", "stopped", "words"),
    [
        (20, "finished", "the weights of step 20, the last"),
        (12, "no better bound", "step 12, which have the best bound: after it the model got no"),
        (12, "learned by heart", "step 12, which have the best bound"),
        (12, "interrupted", "step 12, which have the best bound so far"),
        (0, "no better bound", "jueju7 as it was: no step made its bound .* better"),
        (None, "finished", "the weights with the best bound"),
    ],
)
def test_what_was_kept_is_said_in_words(kept: int | None, stopped: Stopped, words: str) -> None:
    result = Result(small_model(), Path("m"), 20, stopped, FIGURES, kept)
    assert re.search(words, _what_was_kept(result, "jueju7"))


def test_marks_are_explained_and_copies_are_counted(tmp_path: Path) -> None:
    corpus, target = tmp_path / "c.safetensors", tmp_path / "m"
    small_corpus(16).save(corpus)
    strong = ("hidden=32", "latent=16", "epochs=300", "validate_every=20", "learning_rate=0.01")
    settings = [word for setting in (*strong, "masked=0") for word in ("--set", setting)]
    words = ["train", str(corpus), "--output", str(target), "--no-state", *settings]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert "* the best bound so far: these weights are kept" in result.stderr
    assert "※ a line of the training poems" in result.stderr
    assert "learned by heart after" in result.stderr
    assert re.search(r"※ \d+%", result.stderr)
    assert "kept: the weights of step" in result.stderr
    assert not (target / "training.safetensors").exists()
    assert (target / "model.safetensors").is_file()
