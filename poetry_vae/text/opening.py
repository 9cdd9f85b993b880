"""Open the files that a person names: regular, of a sensible size, and unpacked if packed.

Members of archives are read into memory under a limit. Nothing is written, and no name that an
archive holds is ever used as a path.
"""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from poetry_vae.text import files
from poetry_vae.text.errors import CorpusError

SUFFIXES = (".json", ".jsonl", ".csv", ".tsv", ".txt")
"""Files of a folder that may hold poems, by the ends of their names."""
PACKED_SUFFIXES = (".gz", ".xz")
ARCHIVE_SUFFIX = ".zip"
MOST_BYTES = 2 << 30
"""The largest file that is read."""
MOST_UNPACKED = 1 << 30
"""The most that a packed file, or all members of an archive together, may unpack to."""

_LFS_POINTER = b"version https://git-lfs.github.com/spec/v1"
_GZIP, _XZ, _ZIP = b"\x1f\x8b", b"\xfd7zXZ\0", (b"PK\3\4", b"PK\5\6")
# zipfile raises RuntimeError for passwords, and for methods that it has not implemented.
_PACKED_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    LookupError,
    RuntimeError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
_CHUNK = 1 << 20
_Packed = IO[bytes] | gzip.GzipFile | lzma.LZMAFile


def may_hold_poems(name: str) -> bool:
    """Whether a file of this name in a folder is looked into."""
    name = name.lower()
    for packed in PACKED_SUFFIXES:
        name = name.removesuffix(packed)
    return name.endswith((*SUFFIXES, ARCHIVE_SUFFIX))


def size_of(path: Path) -> int:
    """The size in bytes of a file that can be read. It is not opened, so that nothing can hang.

    Raises:
        CorpusError: it is missing, not a regular file (a pipe, a device), or too large.
    """
    size = files.size_of(path, error=CorpusError)
    if size > MOST_BYTES:
        raise CorpusError(
            f"{path}: {size:,} bytes; a file of poems may have {MOST_BYTES:,} at most: "
            "split it into several in one folder"
        )
    return size


def read_members(path: Path) -> Iterator[tuple[Path, bytes]]:
    """The content of a file, or of each file packed in it that may hold poems, with its path. The
    path of a member (``poems.zip/tang.json``) only serves to be shown to people.

    Raises:
        CorpusError: the file cannot be read or unpacked, is too large, or is a Git LFS pointer.
    """
    size_of(path)
    data = files.read_file(path, most=MOST_BYTES, error=CorpusError)
    if data.startswith(_ZIP) or path.suffix.lower() == ARCHIVE_SUFFIX:
        yield from _members(path, data)
    elif data.startswith(_GZIP):
        yield _unpacked(path, gzip.GzipFile(fileobj=io.BytesIO(data)))
    elif data.startswith(_XZ):
        packed = lzma.LZMAFile(io.BytesIO(data))  # noqa: SIM115 (closed where it is read)
        yield _unpacked(path, packed)
    else:
        yield path, _no_pointer(path, data)


def decode(path: Path, data: bytes, encoding: str = "utf-8") -> str:
    """Bytes as text; a byte order mark decides over ``encoding``.

    Raises:
        CorpusError: they are binary or in another encoding; the message names the byte, and the
            encoding that fits where one does.
    """
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif b"\0" in data and not encoding.lower().startswith(("utf-16", "utf16", "utf-32", "utf32")):
        raise CorpusError(f"{path}: a binary file (byte {data.index(0)} is zero), not text")
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except LookupError as error:
        raise CorpusError(f"no text encoding is called {encoding!r}; try gb18030") from error
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path}: byte {error.start} (0x{data[error.start]:02x}) is not {encoding}"
            + _encoding_hint(data, encoding)
        ) from error
    except UnicodeError as error:
        raise CorpusError(f"{path}: cannot be read as {encoding} ({error})") from error


def load_text(path: Path, encoding: str = "utf-8") -> str:
    """The text of a file, or of the one file packed in it.

    Raises:
        CorpusError: as :func:`read_members` and :func:`decode`, or several files are packed in it.
    """
    members = list(read_members(path))
    if len(members) != 1:
        raise CorpusError(f"{path}: {len(members)} files of text in it, and one is wanted here")
    return decode(*members[0], encoding)


def _members(path: Path, data: bytes) -> Iterator[tuple[Path, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = [
                info
                for info in archive.infolist()
                if not info.is_dir()
                and info.filename.lower().endswith(SUFFIXES)
                # __MACOSX holds what one system adds about each file, under the file's own name
                and not any(
                    part.startswith(".") or part == "__MACOSX" for part in _parts(info.filename)
                )
            ]
            room = MOST_UNPACKED
            if sum(info.file_size for info in infos) > room:
                raise _too_much(path)
            for info in infos:
                shown = path.joinpath(*_parts(info.filename))
                try:
                    content = _unpack(path, archive.open(info), room)
                except _PACKED_ERRORS as error:
                    raise CorpusError(f"{shown}: cannot be unpacked ({error})") from error
                room -= len(content)
                yield shown, _no_pointer(shown, content)
    except _PACKED_ERRORS as error:
        raise CorpusError(f"{path}: cannot be unpacked ({error})") from error


def _parts(name: str) -> list[str]:
    """The parts of a member's path, for people: none leads elsewhere or has hidden signs."""
    shown = "".join(c if c.isprintable() else "?" for c in name)
    return [part for part in shown.replace("\\", "/").split("/") if part not in ("", ".", "..")]


def _unpacked(path: Path, packed: _Packed) -> tuple[Path, bytes]:
    name = path.with_suffix("") if path.suffix.lower() in PACKED_SUFFIXES else path
    return name, _no_pointer(path, _unpack(path, packed))


def _unpack(path: Path, packed: _Packed, most: int | None = None) -> bytes:
    content, most = bytearray(), MOST_UNPACKED if most is None else most
    try:
        with packed as file:
            while chunk := file.read(_CHUNK):
                content += chunk
                if len(content) > most:
                    raise _too_much(path)
    except _PACKED_ERRORS as error:
        raise CorpusError(f"{path}: cannot be unpacked ({error})") from error
    return bytes(content)


def _too_much(path: Path) -> CorpusError:
    return CorpusError(
        f"{path}: unpacks to more than {MOST_UNPACKED:,} bytes, the most that is read from one "
        "packed file; unpack it yourself and give the folder"
    )


def _no_pointer(path: Path, data: bytes) -> bytes:
    if data.startswith(_LFS_POINTER):
        raise CorpusError(
            f"{path}: a Git LFS pointer stands in place of the file; fetch it with `git lfs pull`"
        )
    return data


def _encoding_hint(data: bytes, tried: str) -> str:
    for other in ("gb18030", "big5"):
        with suppress(UnicodeDecodeError):
            if other != tried.lower() and data.decode(other):
                return f"; the file reads as {other}: give --encoding {other}"
    return "; give the right one with --encoding"
