"""Tables of any width, and terminals that show no styles."""

import os
import subprocess
import sys

import pytest
from rich.table import Table

from poetry_vae.cli import console
from tests.commands import run

POEM = "白日依山尽，黄河入海流。"


def _printed(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    table = Table("", *(f"the model {i}" for i in range(5)), title="All of them")
    for label in ("characters reconstructed", "rate"):
        table.add_row(label, *(f"{i}00.25 ± 0.0{i}" for i in range(5)))
    console.print_table(table)
    out: str = capsys.readouterr().out
    return out


@pytest.mark.parametrize("width", [34, 40, 60, 80, 200])
def test_a_narrow_terminal_loses_no_figure(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    out = _printed(width, monkeypatch, capsys)
    for i in range(5):
        assert out.count(f"{i}00.25 ± 0.0{i}") == 2
    assert "…" not in out
    assert max(map(len, out.splitlines())) <= width
    assert (out.count("rate") > 1) == (width < 120)


def test_long_names_are_folded_and_not_cut(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    name = "/a/folder/with/a/long/name/" + "abcdefgh" * 4
    table = Table("", name)
    table.add_row("characters reconstructed", "3.257 ± 0.055")
    console.print_table(table)
    out = capsys.readouterr().out
    assert name in "".join(row.strip("┃ ") for row in out.splitlines() if row.startswith("┃"))
    assert "3.257 ± 0.055" in out


def test_a_pipe_has_no_width(capsys: pytest.CaptureFixture) -> None:
    table = Table(*(f"column {i}" for i in range(40)))
    table.add_row(*map(str, range(40)))
    console.print_table(table)
    assert len(capsys.readouterr().out.splitlines()) == 5


@pytest.mark.parametrize("width", ["40", "60"])
def test_models_shows_all_its_columns(width: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    out = run("models").stdout
    for heading in ("form", "nats/char", "R", "second judge"):
        assert f" {heading} " in out
    assert max(len(row) for row in out.split("nats/char: ")[0].splitlines()) <= int(width)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_nothing_is_styled_where_it_is_not_wanted(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from poetry_vae.cli import main

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    commands = (["presets"], ["metre", POEM])
    for command in commands:
        assert "\x1b[" in CliRunner().invoke(main, command, color=True).stdout
    monkeypatch.setenv(name, value)
    for command in commands:
        assert "\x1b" not in CliRunner().invoke(main, command, color=True).stdout
    monkeypatch.setenv("FORCE_COLOR", "1")
    with console.stdout_console().capture() as captured:
        console.stdout_console().print("[bold]a[/] [dim]b[/] [red]c[/]", end="")
    assert "\x1b" not in captured.get()


@pytest.mark.skipif(os.name != "posix", reason="locales of POSIX")
@pytest.mark.parametrize(
    ("argument", "told"),
    [(POEM, "set LC_ALL=C.UTF-8"), ("nosuch.txt", "nosuch.txt: there is no such file")],
)
def test_a_locale_without_chinese_is_named(argument: str, told: str) -> None:
    locale = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "poetry_vae", "metre", argument.encode()],
        env={**os.environ, **locale},
        capture_output=True,
    )
    (line,) = done.stderr.decode("utf-8").splitlines()
    assert line.startswith("Error: ")
    assert told in line


@pytest.mark.skipif(os.name != "posix", reason="names of files are bytes")
def test_an_error_is_shown_whatever_bytes_a_name_has() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "poetry_vae", "metre", b"/nosuch\xff.txt"], capture_output=True
    )
    assert done.stderr.decode("utf-8").startswith("Error: /nosuch\\udcff.txt: ")


def test_one_poem_is_no_poems() -> None:
    assert [console.counted(n) for n in (0, 1, 2, 1234)] == [
        "0 poems",
        "1 poem",
        "2 poems",
        "1,234 poems",
    ]
