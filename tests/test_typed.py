"""What is typed where a poem, a file or a command is wanted, and is not quite that."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from poetry_vae.cli import main
from tests.commands import fails, run
from tests.small import small_corpus, small_model

POEM = "不人山无风，一日何有来。"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("typed")
    small_corpus().save(path / "corpus.safetensors")
    small_model().save_pretrained(path / "model")
    return path


def _arguments(name: str, source: str | Path, folder: Path) -> tuple[str | Path, ...]:
    if name == "nearest":
        return (name, source, "--corpus", folder / "corpus.safetensors", "--cache", folder)
    if name == "traverse":
        return (name, folder / "model", "--poem", source)
    if name == "interpolate":
        return (name, source, POEM, "--model", folder / "model")
    return (name, source, "--model", folder / "model")


READERS = ("score", "nearest", "reconstruct", "interpolate", "traverse")


@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_not_there_is_named(name: str, folder: Path) -> None:
    assert "nosuch.txt: there is no such file, and" in fails(
        1, *_arguments(name, "nosuch.txt", folder)
    )
    assert "no poem and no file" in fails(2, *_arguments(name, " ", folder))


@pytest.mark.parametrize("name", READERS)
def test_standard_input_and_files_are_read_as_what_is_typed(
    name: str, folder: Path, tmp_path: Path
) -> None:
    typed = run(*_arguments(name, POEM, folder))
    assert typed.exit_code == 0, typed.output
    arguments = list(map(str, _arguments(name, "-", folder)))
    for text in (f"{POEM}\n", POEM.replace("，", "，\n") + "\n"):
        assert CliRunner().invoke(main, arguments, input=text).stdout == typed.stdout
    empty = CliRunner().invoke(main, arguments, input=" \n")
    assert "standard input is empty" in empty.stderr
    file = tmp_path / "poem.txt"
    file.write_text(POEM, encoding="utf-8")
    assert run(*_arguments(name, file, folder)).stdout == typed.stdout


def test_where_one_poem_is_wanted_a_file_has_one(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "poems.txt"
    file.write_text(f"{POEM}\n\n{POEM[6:]}{POEM[:6]}\n", encoding="utf-8")
    told = fails(1, *_arguments("reconstruct", file, folder))
    assert f"{file}: it has 2 poems, but one is needed here" in told


def test_a_single_line_is_looked_up(folder: Path, tmp_path: Path) -> None:
    corpus = small_corpus()
    poem = corpus.tokenizer.decode(corpus.parts["train"][0])
    result = run(*_arguments("nearest", poem[:5], folder), "-k", "1")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("1.000  ")
    assert "word for word in the training poems: " in result.stderr
    poems = tmp_path / "poems.txt"
    poems.write_text("白日依山尽，黄河入海流。\n", encoding="utf-8")
    arguments = ("--corpus", poems, "--cache", tmp_path)
    found = run("nearest", "黄河入海流", *arguments)
    assert found.stdout == "1.000  白日依山尽，黄河入海流。\n"
    assert "two characters" in fails(2, "nearest", "月", *arguments)
    assert "needs 2 lines" in fails(2, *_arguments("nearest", "一日", folder), "--by", "both")


def test_what_was_meant_is_suggested() -> None:
    assert "Did you mean 'generate'?" in fails(2, "generat")
    assert "Did you mean" not in fails(2, "春江花月")
    told = fails(2, "generate", "春江花月")
    assert "(春江花月)" in told
    assert "--acrostic" in told


def test_a_dash_is_standard_output(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    common = ("generate", "--model", folder / "model", "--seed", 1)
    assert run(*common, "--output", "-").stdout == run(*common).stdout != ""
    assert not list(tmp_path.iterdir())


def test_evaluate_quick_needs_no_classifiers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    common = ("evaluate", folder / "model", "--corpus", folder / "corpus.safetensors")
    told = fails(1, *common)
    assert "poetry-vae[evaluate]" in told
    assert "--quick" in told
    result = run(*common, "--quick")
    assert result.exit_code == 0, result.output


def test_traverse_says_which_level_every_model_has() -> None:
    told = " ".join(run("traverse", "--help").output.split())
    assert "every model has poem; models with more levels have" in told
