"""What is opened: packed files, and everything that is no regular file of a sensible size."""

import gzip
import io
import json
import lzma
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from poetry_vae.text import opening
from poetry_vae.text.corpus import corpus_files, read_corpus
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.opening import load_text

Write = Callable[..., Path]

VERSE = "白日依山盡，黃河入海流。\n欲窮千里目，更上一層樓。\n"
OTHER = "空山不見人，但聞人語響。"
PARAGRAPHS = json.dumps([{"title": "甲", "paragraphs": [OTHER]}], ensure_ascii=False)


def zipped(files: dict[str, str | bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_a_packed_file_reads_as_the_file_itself(
    write: Write, pack: Callable[[bytes], bytes]
) -> None:
    suffix = ".gz" if pack is gzip.compress else ".xz"
    path = write("poet.tang.0.json" + suffix, pack(PARAGRAPHS.encode()))
    (poem,) = read_corpus(path).poems
    assert (poem.title, poem.dynasty) == ("甲", "唐")
    for name in ("a.txt" + suffix, "a.bin"):  # known by its content
        assert len(
            read_corpus(write(name, pack(VERSE.encode("gb18030"))), encoding="gb18030").poems
        )
    assert load_text(write("b.txt" + suffix, pack(VERSE.encode()))) == VERSE


def test_every_member_of_an_archive_is_read_and_none_is_written(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files: dict[str, str | bytes] = {
        "poet.song.0.json": PARAGRAPHS,
        "deep/a.txt": VERSE + "\n白日□盡",
        "../out.csv": "题目,内容\n乙,春眠不覺曉，處處聞啼鳥。\n",
        "/c.tsv": "题目\t内容\n丙\t夜來風雨聲，花落知多少。\n",
        "picture.png": b"\0",
        "__MACOSX/a.txt": b"\0",
        ".hidden.txt": b"\0",
    }
    path = write("in/poems.zip", zipped(files))
    corpus = read_corpus(path)
    assert [p.dynasty for p in corpus.poems][:1] == ["宋"]
    assert len(corpus.poems) == 4
    (reject,) = corpus.rejects
    assert (str(reject.file), reject.line) == (f"{path}/deep/a.txt", 4)
    assert [p.name for p in tmp_path.rglob("*")] == ["in", "poems.zip"]


def test_packed_files_in_a_folder(write: Write, tmp_path: Path) -> None:
    write("a.json.gz", gzip.compress(PARAGRAPHS.encode()))
    write("b.TXT.XZ", lzma.compress(VERSE.encode()))
    write("c.zip", zipped({"c.txt": "春眠不覺曉，處處聞啼鳥。"}))
    write("d.tar.gz", b"not looked at")
    assert [file.name for file in corpus_files(tmp_path)] == ["a.json.gz", "b.TXT.XZ", "c.zip"]
    assert len(read_corpus(tmp_path).poems) == 4


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt.gz", gzip.compress(VERSE.encode())[:-9]),
        ("a.txt.gz", gzip.compress(VERSE.encode())[:12] + b"damaged" * 9),
        ("a.txt.xz", lzma.compress(VERSE.encode())[:-9]),
        ("a.zip", zipped({"a.txt": VERSE})[:-30]),
        ("a.zip", b"no archive"),
        ("a.zip", zipped({"a.txt": VERSE}).replace(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\xbb")),
        ("a.zip", zipped({"a.txt": VERSE}).replace(b"\xe7", b"\xe8")[:40] + b"x" * 99),
    ],
)
def test_a_damaged_packed_file_is_named(write: Write, name: str, content: bytes) -> None:
    with pytest.raises(CorpusError, match=rf"{name}.*: cannot be unpacked"):
        read_corpus(write(name, content))


@pytest.mark.parametrize("flag", [1, 0x41])
def test_a_locked_member_is_named(write: Write, flag: int) -> None:
    content = bytearray(zipped({"a.txt": VERSE}))
    content[6] |= flag
    content[content.index(b"PK\1\2") + 8] |= flag
    with pytest.raises(CorpusError, match=r"a\.zip/a\.txt: cannot be unpacked \("):
        read_corpus(write("a.zip", bytes(content)))


def test_what_unpacks_without_end_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "MOST_UNPACKED", 1 << 20)
    bomb = b"0" * (3 << 20)
    half = {f"{i}.txt": b"0" * (600 << 10) for i in range(2)}
    packed = {
        "a.txt.gz": gzip.compress(bomb),
        "a.txt.xz": lzma.compress(bomb),
        "a.zip": zipped({"a.txt": bomb}),
        "b.zip": zipped(dict(half)),
    }
    for name, content in packed.items():
        with pytest.raises(CorpusError, match=rf"{name}: unpacks to more than 1,048,576 bytes"):
            read_corpus(write(name, content))


def test_an_archive_without_poems_says_so(write: Write) -> None:
    with pytest.raises(CorpusError, match="not a single poem in 0 file"):
        read_corpus(write("a.zip", zipped({"a.png": b"\0"})))


def test_a_pointer_of_git_lfs_is_known(write: Write) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n"
    for name, content in {"a.csv": pointer.encode(), "a.zip": zipped({"a.csv": pointer})}.items():
        with pytest.raises(CorpusError, match=r"a\.(csv|zip/a\.csv): a Git LFS pointer.*git lfs"):
            read_corpus(write(name, content))


# --- what is no file


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_and_a_device_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.txt")
    for path in (tmp_path / "a.txt", tmp_path, Path("/dev/zero")):
        with pytest.raises(CorpusError, match="not a regular file"):
            read_corpus(path)


def test_a_link_to_itself_is_refused(tmp_path: Path) -> None:
    try:
        (tmp_path / "a.txt").symlink_to(tmp_path / "a.txt")
    except OSError:
        pytest.skip("no links on this system")
    for path in (tmp_path / "a.txt", tmp_path):
        with pytest.raises(CorpusError, match=r"a\.txt: cannot be read"):
            read_corpus(path)


def test_a_name_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(CorpusError):
        read_corpus("a\0b")
    with pytest.raises(CorpusError):
        read_corpus("a" * 10_000)


def test_a_file_without_end_is_refused_by_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb") as file:
        try:
            file.truncate(100 << 30)  # of holes alone
        except OSError:
            pytest.skip("no sparse files on this system")
    with pytest.raises(CorpusError, match=r"107,374,182,400 bytes; .* 2,147,483,648 at most"):
        read_corpus(path)


def test_a_folder_that_cannot_be_read_is_named(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.txt", VERSE)
    write("locked/b.txt", VERSE)
    scan = os.scandir

    def guarded(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", guarded)  # permissions do not stop every user
    with pytest.raises(CorpusError, match=r"locked: cannot be read \(Permission denied\)"):
        read_corpus(tmp_path)


def test_sizes_are_asked_for_once(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(50):
        write(f"{i}.txt", chr(0x4E00 + i) * 5)
    asked = 0
    stat = Path.stat

    def counting(self: Path, **options: bool) -> os.stat_result:
        nonlocal asked
        asked += 1
        return stat(self, **options)

    monkeypatch.setattr(Path, "stat", counting)
    read_corpus(tmp_path, progress=lambda *_: None)
    assert asked <= 3 * 50 + 10
