"""Long work says how far it is: on standard error, on a terminal alone."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from rich.console import Console

from poetry_vae.cli import console
from poetry_vae.evaluation.report.density import importance_bounds
from poetry_vae.verse.believing import surprises
from tests.small import small_corpus, small_model


@pytest.fixture(params=[True, False])
def screen(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[bool, Console]:
    """A console that is a terminal, or none."""
    is_terminal = bool(request.param)
    shown = Console(file=io.StringIO(), force_terminal=is_terminal, width=100)
    monkeypatch.setattr(console, "stderr_console", lambda: shown)
    return is_terminal, shown


def _text(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.file.getvalue())


def test_a_bar_says_what_is_done_and_what_is_left(screen: tuple[bool, Console]) -> None:
    is_terminal, shown = screen
    with console.work_bar("reading") as told:
        told("writing", 3, 10)
        told("judging")
    assert ("judging" in _text(shown)) == is_terminal
    assert ("left" in _text(shown)) == is_terminal


@pytest.mark.parametrize("first", [True, False])
def test_items_pass_a_bar_unchanged(screen: tuple[bool, Console], first: bool) -> None:
    is_terminal, shown = screen
    assert list(console.watched(iter(range(20)), 20, "writing", first=first)) == list(range(20))
    assert ("writing" in _text(shown)) == is_terminal
    assert list(console.watched([], 0, "writing", first=first)) == []


def test_who_reads_no_further_leaves_no_bar(screen: tuple[bool, Console]) -> None:
    items = console.watched(iter(range(20)), 20, "writing", first=False)
    assert next(items) == 0
    items.close()  # type: ignore[attr-defined]
    assert screen[1]._live_stack == []


def test_bounds_and_surprises_say_how_far_they_are_and_stay_the_same() -> None:
    model, ids = small_model(), torch.from_numpy(small_corpus(6).parts["train"].astype("int64"))

    def seeded() -> torch.Generator:
        return torch.Generator().manual_seed(0)

    told: list[tuple[int, int]] = []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    bounds = importance_bounds(model, ids, (500,), generator=seeded(), progress=tell)[500]
    assert torch.equal(bounds, importance_bounds(model, ids, (500,), generator=seeded())[500])
    assert told == [(0, 6), (2, 6), (4, 6)]
    told.clear()
    found = surprises(model, ids, samples=64, generator=seeded(), progress=tell)
    assert torch.equal(found, surprises(model, ids, samples=64, generator=seeded()))
    assert told[:2] == [(0, 60), (8, 60)]


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
def test_generate_shows_a_bar_where_a_person_watches(tmp_path: Path) -> None:
    import pty

    small_model().save_pretrained(tmp_path / "m")
    target = tmp_path / "poems.txt"
    words = ["generate", "--model", tmp_path / "m", "-n", 40, "--seed", 1, "--output", target]
    code = "from poetry_vae.cli import main; main(prog_name='poetry-vae')"
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        check=False,
    )
    os.close(follower)
    shown = os.read(leader, 100_000).decode("utf-8", "replace")
    os.close(leader)
    assert (done.returncode, done.stdout) == (0, b"")
    assert "writing poems" in shown
    assert "40 poems in" in shown
    assert len(target.read_text(encoding="utf-8").splitlines()) == 40
