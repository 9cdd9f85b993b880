"""What `poetry-vae train` says of a run: marks, copies, and what was kept."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from poetry_vae.cli import main
from poetry_vae.cli.console import stderr_console
from poetry_vae.cli.train import _what_was_kept
from poetry_vae.cli.watching import Display
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.run import Result, Stopped
from tests.small import small_corpus, small_model

FIGURES = Figures(-60, 12.0, 48, 30, 0.6, 10, {"poem": 12.0}, {"poem": 30}, 6.0)


@pytest.mark.parametrize(
    ("kept", "stopped", "words"),
    [
        (20, "finished", "the weights of step 20, the last"),
        (12, "no better bound", "step 12, which have the best bound: later steps did not improve"),
        (12, "learned by heart", "step 12, which have the best bound"),
        (12, "interrupted", "step 12, which have the best bound so far"),
        (0, "no better bound", "jueju7 as it was: no step improved its bound"),
        (None, "finished", "the weights with the best bound"),
    ],
)
def test_what_was_kept_is_said_in_words(kept: int | None, stopped: Stopped, words: str) -> None:
    result = Result(small_model(), Path("m"), 20, stopped, FIGURES, kept)
    assert re.search(words, _what_was_kept(result, "jueju7"))


@pytest.mark.parametrize("width", [40, 60, 200])
def test_lines_of_training_are_broken_between_figures(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")  # a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    stderr_console.cache_clear()
    try:
        display = Display()
        display.started(small_model(), 10, 0, "1,234 parameters, 16 poems and 4 to validate on")
        forms = {"七绝": 4.8, "七绝/told": 4.7, "浣溪沙": 5.25}
        display.validated(small_model(), 5, replace(FIGURES, by_form=forms, kept_by="untold"), True)
        display.validated(small_model(), 6, FIGURES, False)
    finally:
        stderr_console.cache_clear()
    told = capsys.readouterr().err
    assert max(cell_len(line) for line in told.splitlines()) <= width
    assert "step 5: -log p 5.025 nats/char *" in told
    assert "step 6: bound 6.000 nats/char" in told
    for part in ("bound 6.000", "distortion 48.0", "reconstructed 60.0%", "浣溪沙 5.250"):
        assert part in told
    assert ("\n  distortion" in told) == (width < 200)


@pytest.mark.parametrize("width", [40, 60])
def test_the_bar_loses_no_figure(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("FORCE_COLOR", "1")
    stderr_console.cache_clear()
    try:
        display = Display()
        display.bar.update(display.task, total=1600, completed=1234)
        display.stepped(1234, 4632.0, {"loss": 127.7})
        with display.console.capture() as shown:
            display.console.print(display.bar.get_renderable(), soft_wrap=False)
    finally:
        stderr_console.cache_clear()
    told = re.sub(r"\x1b\[[\d;]*m", "", shown.get())
    assert max(map(cell_len, told.splitlines())) <= width
    for part in ("4,632", "poems/s", "loss", "127.7", "1234/1600"):
        assert part in told
    assert "…" not in told


def test_marks_are_explained_and_copies_are_counted(tmp_path: Path) -> None:
    corpus, target = tmp_path / "c.safetensors", tmp_path / "m"
    small_corpus(16).save(corpus)
    strong = ("hidden=32", "latent=16", "epochs=300", "validate_every=20", "learning_rate=0.01")
    settings = [word for setting in (*strong, "masked=0") for word in ("--set", setting)]
    words = ["train", str(corpus), "--output", str(target), "--no-state", *settings]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert "* the best so far by the first figure: these weights are kept" in result.stderr
    assert "※ a line of the training poems" in result.stderr
    assert "learned by heart after" in result.stderr
    assert re.search(r"※ \d+%", result.stderr)
    assert "kept: the weights of step" in result.stderr
    assert not (target / "training.safetensors").exists()
    assert (target / "model.safetensors").is_file()
