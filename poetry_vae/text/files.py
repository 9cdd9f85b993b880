"""Files are read if they are regular files of a sensible size, and written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from poetry_vae.text.errors import PoetryVAEError

MOST_TEXT = 1 << 24
"""The most bytes that a file of settings, a vocabulary or the like may have."""


class FileReadError(PoetryVAEError):
    """A file that is missing, cannot be read, or is not a regular file."""


class FileWriteError(PoetryVAEError):
    """A file that could not be written; what stood there before is untouched."""


@contextlib.contextmanager
def _reading(path: Path, error: type[PoetryVAEError]) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as reason:
        raise error(f"{path}: cannot be read ({_why(reason)})") from reason


def size_of(path: Path, *, error: type[PoetryVAEError] = FileReadError) -> int:
    """The bytes of a regular file; it is not opened, so that nothing can hang.

    Raises:
        error: it is missing, out of reach, or not a regular file (a folder, a pipe, a device).
    """
    with _reading(path, error):
        return _size(path.stat())


def open_regular(
    path: Path, *, most: int | None = None, error: type[PoetryVAEError] = FileReadError
) -> BinaryIO:
    """A regular file to read bytes from.

    Args:
        most: the most bytes that it may have; without it, any number.
        error: the exception to raise, chosen by the caller.

    Raises:
        error: as :func:`size_of`, or the file is larger.
    """
    size_of(path, error=error)  # opening some devices has effects
    with contextlib.ExitStack() as unfit, _reading(path, error):
        # A pipe that replaced the file in the meantime must not make us wait.
        file = os.fdopen(os.open(path, os.O_RDONLY | _NOT_WAITING | _AS_IT_IS), "rb")
        unfit.callback(file.close)
        size = _size(os.fstat(file.fileno()))
        if most is not None and size > most:
            raise error(f"{path}: has {size:,} bytes; such a file may have {most:,} at most")
        unfit.pop_all()
    return file


def read_file(
    path: Path, *, most: int | None = MOST_TEXT, error: type[PoetryVAEError] = FileReadError
) -> bytes:
    """The content of a regular file.

    Raises:
        error: as :func:`open_regular`.
    """
    with open_regular(path, most=most, error=error) as file, _reading(path, error):
        return file.read(os.fstat(file.fileno()).st_size)


def read_text(
    path: Path, *, most: int = MOST_TEXT, error: type[PoetryVAEError] = FileReadError
) -> str:
    """The content of a regular file in UTF-8.

    Raises:
        error: as :func:`open_regular`, or it is not UTF-8.
    """
    try:
        return read_file(path, most=most, error=error).decode("utf-8")
    except UnicodeDecodeError as reason:
        raise error(f"{path}: damaged, byte {reason.start} is not UTF-8") from reason


def name_of(path: Path) -> str:
    """The name of a file or folder as text; bytes that are not UTF-8 become escapes."""
    return os.fsencode(path.name).decode("utf-8", errors="backslashreplace")


def stands(path: Path) -> bool:
    """Whether anything at all is there, even a link that leads nowhere."""
    return os.path.lexists(path)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of ``path`` when the block ends without an error.

    Raises:
        FileWriteError: the folder cannot be made or written, or the disk is full.
    """
    temporary: str | None = None
    try:
        mode = _mode(path)
        path = path.resolve()  # the target of a link is replaced, not the link
        if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            with path.open("wb") as device:  # /dev/null and its kind are written to as they are
                yield device
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        # A file that was there keeps its permissions; those of mkstemp are for the owner alone.
        Path(temporary).chmod(0o666 & ~_umask() if mode is None else stat.S_IMODE(mode))
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise FileWriteError(f"{path}: cannot be written ({_why(error)})") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def replace_file(path: Path, content: bytes | str) -> None:
    """Write ``content`` to ``path`` (text as UTF-8), replacing any file there in one step.

    Raises:
        FileWriteError: as :func:`replacing`.
    """
    with replacing(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


@contextlib.contextmanager
def appending(path: Path) -> Iterator[Callable[[str], None]]:
    """Append lines to a file; each is written as a whole or not at all.

    If the last line of the file lacks its end, the end is written first.

    Raises:
        FileWriteError: it is not a regular file, cannot be written, or the disk is full.
    """
    with contextlib.ExitStack() as opened:
        try:
            if (mode := _mode(path)) is not None:
                _check_regular(mode)  # some devices do something when they are opened
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | _NOT_WAITING | _AS_IT_IS
            handle = os.open(path, flags, 0o666)
            opened.callback(os.close, handle)
            _check_regular(os.fstat(handle).st_mode)
        except OSError as error:
            raise FileWriteError(f"{path}: cannot be written ({_why(error)})") from error

        def append(line: str) -> None:
            try:
                end = os.lseek(handle, 0, os.SEEK_END)
                os.lseek(handle, max(end - 1, 0), os.SEEK_SET)
                is_open = end > 0 and os.read(handle, 1) != b"\n"
                data = b"\n" * is_open + f"{line}\n".encode()
                if os.write(handle, data) < len(data):
                    os.ftruncate(handle, end)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError as error:
                raise FileWriteError(f"{path}: cannot be written ({_why(error)})") from error

        yield append


def left_over(path: Path) -> list[Path]:
    """Temporary files of :func:`replacing` beside ``path``, which only a kill can leave there."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}")  # as mkstemp names them
    if not path.parent.is_dir():
        return []
    return sorted(file for file in path.parent.iterdir() if name.fullmatch(file.name))


_NOT_WAITING: int = getattr(os, "O_NONBLOCK", 0)
_AS_IT_IS: int = getattr(os, "O_BINARY", 0)


def _size(status: os.stat_result) -> int:
    _check_regular(status.st_mode)
    return status.st_size


def _check_regular(mode: int) -> None:
    if not stat.S_ISREG(mode):
        raise OSError(0, "it is a folder" if stat.S_ISDIR(mode) else "not a regular file")


def _mode(path: Path) -> int | None:
    """Kind and permissions of what is there, if anything; a link that leads to itself fails."""
    try:
        return path.stat().st_mode
    except FileNotFoundError:
        return None
    except ValueError as error:  # a name that cannot be one
        raise OSError(0, str(error)) from error


def _why(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
