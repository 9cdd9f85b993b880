"""What comes from outside (names, paths, files) is shown as it is, and is never obeyed."""

import os
import stat
import sys
from pathlib import Path

import pytest

from poetry_vae.cli.console import plain
from poetry_vae.text.files import (
    FileReadError,
    FileWriteError,
    name_of,
    read_file,
    read_text,
    replace_file,
)
from poetry_vae.text.json_values import JsonError, parse_json
from poetry_vae.text.tokenizer import CharTokenizer, TokenizerError
from tests.commands import fails, run

POEMS = "白日依山盡，黃河入海流。\n\n床前明月光，疑是地上霜。\n"
posix = pytest.mark.skipif(os.name != "posix", reason="pipes and names of POSIX systems")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("白日 [red] (a)", "白日 [red] (a)"),
        ("a\x1b[31m\x07", "a\\x1b[31m\\x07"),
        ("a\nb\r\u2028", "a\\nb\\r\\u2028"),
        ("a\u202eb", "a\\u202eb"),
        ("\udcff", "\\udcff"),
        (Path("x"), "x"),
    ],
)
def test_only_characters_that_do_something_are_escaped(text: object, shown: str) -> None:
    assert plain(text) == shown


def test_names_with_control_codes_and_brackets(tmp_path: Path) -> None:
    for name in ("a\x1b[2J[red][].txt", "b\n[x].txt"):
        path = tmp_path / name
        path.write_text(POEMS + "\n\x1b[31m壞\n", encoding="utf-8")
        told = run("corpus", "stats", "--verbose", path).output
        assert "\x1b" not in told
        assert plain(name) in told
        assert "壞" in told
        assert plain(name) in fails(1, "generate", "--model", path)
    (tmp_path / "[red][").mkdir()
    assert "[red][" in fails(1, "compare", tmp_path / "[red][")


@posix
@pytest.mark.skipif(sys.platform == "darwin", reason="names are Unicode there")
def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/x\xff.txt"))
    path.write_text(POEMS, encoding="utf-8")
    assert name_of(path) == "x\\xff.txt"
    encoded = path.with_suffix(".safetensors")
    result = run("corpus", "encode", path, encoded, "--form", "五言联")
    assert result.exit_code == 0, result.output
    assert "x\\udcff.safetensors: 五言联" in result.stdout
    found = run("nearest", "白日依山盡，黃河入海流。", "--corpus", path, "--cache", tmp_path)
    assert found.exit_code == 0, found.output
    assert "x\\udcff.txt" in fails(1, "generate", "--model", path)


@posix
def test_links_that_lead_to_themselves(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for path in (loop, loop / "x"):
        with pytest.raises(FileWriteError, match=r"loop.*: cannot be written \(Too many levels"):
            replace_file(path, "x")
    assert loop.is_symlink()
    with pytest.raises(FileReadError, match="Too many levels"):
        read_file(loop)
    poem = "白日依山盡，黃河入海流。"
    assert "Too many levels" in fails(1, "nearest", poem, "--corpus", loop, "--cache", tmp_path)


def test_a_name_that_cannot_be_one() -> None:
    with pytest.raises(FileReadError, match="null"):
        read_file(Path("a\0b"))
    with pytest.raises(FileWriteError, match="null"):
        replace_file(Path("a\0b"), "x")


@posix
@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_only_regular_files_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(FileReadError, match=r"a: cannot be read \((it is a folder|not a regular)"):
        read_file(path)


def test_a_file_beyond_its_size_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(100 << 30)
    with pytest.raises(FileReadError, match=r"has 107,374,182,400 bytes; such a file may have"):
        read_text(tmp_path / "a")


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_a_file_that_is_rewritten_keeps_its_permissions(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a"
    path.write_text("old", encoding="utf-8")
    path.chmod(mode)
    replace_file(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "line 1, column 1"),
        ('{"a": 1', "line 1"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 200 + "]" * 200, "nested too deeply"),
        ('{"a": ' * 200 + "1" + "}" * 200, "nested too deeply"),
        ("1" * 5000, "too many digits"),
        ("[" + "1" * 400 + "]", "too many digits"),
        ('{"\\ud800": 1}', "half a character"),
        ('[["\\udfff x"]]', "half a character"),
    ],
)
def test_json_that_would_do_harm_later(text: str, told: str) -> None:
    with pytest.raises(JsonError, match=told):
        parse_json(text)


def test_json_as_it_is_written() -> None:
    assert parse_json('{"a": [1.5, -2, null, "\\ud83d\\ude00", Infinity]}') == {
        "a": [1.5, -2, None, "😀", float("inf")]
    }


@pytest.mark.parametrize("character", ["\x1b", "\n", "\u202e", "\ud800"])
def test_a_vocabulary_holds_nothing_that_does_something(character: str) -> None:
    with pytest.raises(TokenizerError):
        CharTokenizer.from_json(CharTokenizer(["山", character]).to_json())
