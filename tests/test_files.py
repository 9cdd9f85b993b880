"""Files are written whole or not at all."""

import os
from pathlib import Path

import pytest

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.files import FileWriteError, appending, replace_file, replacing


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_text_is_written_as_utf8_and_bytes_as_they_are(tmp_path: Path) -> None:
    replace_file(tmp_path / "a", "白日\r\n")
    assert (tmp_path / "a").read_bytes() == "白日\r\n".encode()
    replace_file(tmp_path / "b", b"\0\xff")
    assert (tmp_path / "b").read_bytes() == b"\0\xff"


def test_the_old_content_is_replaced_and_nothing_else_remains(tmp_path: Path) -> None:
    path = tmp_path / "poem.txt"
    for content in ("a long first version", "second"):
        replace_file(path, content)
        assert path.read_text(encoding="utf-8") == content
        assert names(tmp_path) == ["poem.txt"]


def test_missing_folders_are_made(tmp_path: Path) -> None:
    replace_file(tmp_path / "runs" / "deep" / "a", "x")
    assert (tmp_path / "runs" / "deep" / "a").read_text() == "x"


def test_the_old_file_stands_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def break_off(path: Path, error: BaseException) -> None:
    with replacing(path) as file:
        file.write(b"half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_while_writing_keeps_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(error):
        break_off(path, error())
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(FileWriteError, match=r"a: cannot be written \(No space left on device\)"):
        break_off(path, OSError(28, "No space left on device"))
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize(("owner", "step"), [(os, "fsync"), (Path, "replace")])
def test_whichever_step_fails_the_old_file_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    path = tmp_path / "a"
    path.write_text("old")
    monkeypatch.setattr(owner, step, fail)
    with pytest.raises(FileWriteError, match="Input/output error"):
        replace_file(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_a_folder_in_the_way_is_an_error_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(PoetryVAEError, match=r"a: cannot be written \(it is a folder\)"):
        replace_file(tmp_path / "a", "x")
    assert names(tmp_path) == ["a"]


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(FileWriteError, match="cannot be written"):
        replace_file(tmp_path / "a" / "b", "x")
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX systems")
def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        replace_file(tmp_path / "a", "x")
        assert os.umask(0o027) == 0o027  # left as it was
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_lines_are_put_behind_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.jsonl"
    for before, after in ((None, "一\n二\n"), ("", "一\n二\n"), ("零", "零\n一\n二\n")):
        if before is not None:
            path.write_text(before, encoding="utf-8")
        with appending(path) as append:
            append("一")
            append("二")
        assert path.read_text(encoding="utf-8") == after
    with appending(path) as append:
        append("三")
    assert path.read_text(encoding="utf-8") == "零\n一\n二\n三\n"


def test_nothing_is_put_into_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, why in ((".", "it is a folder"), ("pipe", "not a regular file")):
        with pytest.raises(FileWriteError, match=why), appending(tmp_path / name):
            pass


def test_a_line_that_does_not_fit_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"whole\n")
    write = os.write
    with appending(path) as append:
        monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:3]))
        with pytest.raises(FileWriteError, match="No space left"):
            append("a line")
    assert path.read_bytes() == b"whole\n"
