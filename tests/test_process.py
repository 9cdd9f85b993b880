"""The command as a real process: pipes, encodings, signals, full disks."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from poetry_vae.model.vae import PoetryVAE
from tests.small import small_corpus, small_model, small_treasury

COMMAND = [sys.executable, "-c", "from poetry_vae.cli import main; main(prog_name='poetry-vae')"]


def start(*arguments: str | Path, **options: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        [*COMMAND, *map(str, arguments)],
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        **options,
    )


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "m"
    small_model().save_pretrained(folder)
    return folder


def test_a_million_poems_stop_when_nobody_reads(model: Path) -> None:
    process = start("generate", "--model", model, "-n", "1000000", "--seed", "1")
    assert process.stdout is not None
    first = [process.stdout.readline() for _ in range(10)]
    process.stdout.close()
    begun = time.monotonic()
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - begun < 20
    assert len(first[0].decode("utf-8").strip()) == 12
    assert b"Traceback" not in errors
    assert b"Exception" not in errors


@pytest.mark.parametrize(
    "locale",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"PYTHONIOENCODING": "cp1252"},
        {"PYTHONUTF8": "0", "LC_ALL": "C"},
    ],
)
def test_into_a_pipe_it_is_utf8_whatever_the_locale(model: Path, locale: dict[str, str]) -> None:
    process = start("generate", "--model", model, "-n", "1", env={**os.environ, **locale})
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert len(output.decode("utf-8").strip()) == 12


def test_a_terminal_that_cannot_show_chinese_gets_one_clear_line(model: Path) -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    process = start(
        "generate",
        "--model",
        model,
        stdout=follower,
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
    )
    _, errors = process.communicate(timeout=60)
    os.close(follower)
    os.close(leader)
    assert process.returncode == 1
    (line,) = errors.decode("utf-8").splitlines()
    assert "cp1252" in line
    assert "PYTHONIOENCODING=utf-8" in line


def test_help_appears_even_there() -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    process = start("generate", "--help", stdout=follower, env=environment)
    _, errors = process.communicate(timeout=60)
    os.close(follower)
    shown = os.read(leader, 10_000)
    os.close(leader)
    assert (process.returncode, errors) == (0, b"")
    assert b"--temperature" in shown


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_gets_one_clear_line(model: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        process = start("generate", "--model", model, "-n", "5000", stdout=full)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    (line,) = errors.decode("utf-8").splitlines()
    assert "No space left" in line


def _train(corpus: Path, folder: Path, *more: str) -> "subprocess.Popen[bytes]":
    settings = ("hidden=8", "latent=4", "batch_size=16", "validate_every=50", "patience=0")
    pairs = [part for setting in settings for part in ("--set", setting)]
    return start("train", corpus, "--output", folder, *pairs, *more)


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_is_stopped_can_be_loaded_and_resumed(tmp_path: Path, number: int) -> None:
    corpus, folder = tmp_path / "c.safetensors", tmp_path / "m"
    small_corpus().save(corpus)
    process = _train(corpus, folder, "--set", "epochs=100000")
    deadline = time.monotonic() + 60
    metrics = folder / "metrics.jsonl"
    while time.monotonic() < deadline and not (
        metrics.is_file() and metrics.read_text(encoding="utf-8").count("validation") >= 1
    ):
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 0, errors
        assert b"interrupted after" in errors
    assert PoetryVAE.from_pretrained(folder).form.positions == 10
    again = _train(corpus, folder, "--set", "epochs=100000", "--resume", "--max-minutes", "0.01")
    _, errors = again.communicate(timeout=60)
    assert again.returncode == 0, errors
    assert b"time is up" in errors


@pytest.mark.parametrize("preset", ["base", "poet"])
def test_the_script_for_bare_machines_trains(tmp_path: Path, preset: str) -> None:
    corpus = tmp_path / "c.safetensors"
    (small_treasury() if preset == "poet" else small_corpus()).save(corpus)
    script = Path(__file__).parents[1] / "scripts" / "train_encoded.py"
    missing = ("click", "rich", "opencc", "jieba", "platformdirs")
    code = (
        "import runpy, sys\n"
        f"sys.modules.update(dict.fromkeys({missing!r}))\n"  # importing any of them now fails
        f"sys.argv[1:] = [{str(corpus)!r}, '--output', {str(tmp_path / 'm')!r}, "
        f"'--preset', {preset!r}, '--set', 'refiner_layers=1', "
        "'--set', 'epochs=1', '--set', 'min_steps=4', '--set', 'hidden=8', '--set', 'latent=4']\n"
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert result.returncode == 0, result.stderr
    assert "finished after" in result.stdout


def test_a_name_of_an_earlier_version_is_noted_in_one_line() -> None:
    process = start("generate", "--model", "jueju5", "-n", "1", "--candidates", "1", "--seed", "1")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert len(output.decode("utf-8").strip()) == 24
    told = errors.decode("utf-8").splitlines()
    assert told == ["note: jueju5 names a form, no longer a model: poet writes 五绝"]
