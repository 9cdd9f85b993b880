"""One command for all benchmarks: each of them still finds what it imports."""

import sys

import pytest

from scripts.benchmarks.__main__ import benchmarks, main


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command sets for the whole process is set back after each test."""
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_a_list_without_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    out = capsys.readouterr().out
    assert all(f"\n{name} " in out and line in out for name, line in benchmarks().items())


def test_an_unknown_name() -> None:
    with pytest.raises(SystemExit, match=r"no benchmark 'speed'; there are agreement, anchors"):
        main(["speed"])


@pytest.mark.parametrize("name", sorted(set(benchmarks()) - {"measure"}))
def test_each_says_how_it_is_used(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m scripts.benchmarks {name} ")


def test_the_machine_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    main(["measure"])
    assert "torch" in capsys.readouterr().out
