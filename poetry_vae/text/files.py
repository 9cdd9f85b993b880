"""Files are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from poetry_vae.text.errors import PoetryVAEError


class FileWriteError(PoetryVAEError):
    """A file that could not be written; what stood there before is untouched."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to that takes the place of ``path`` when the block ends without an error.

    Raises:
        FileWriteError: the folder cannot be made or written, or the disk is full.
    """
    temporary: str | None = None
    try:
        path = path.resolve()  # what a link points to is replaced, not the link
        if path.exists() and not path.is_file() and not path.is_dir():
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
        Path(temporary).chmod(0o666 & ~_umask())  # mkstemp's own is for the owner alone
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        raise FileWriteError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def replace_file(path: Path, content: bytes | str) -> None:
    """Write ``content`` to ``path`` (text as UTF-8), replacing what stood there in one step.

    Raises:
        FileWriteError: as :func:`replacing`.
    """
    with replacing(path) as file:
        file.write(content.encode("utf-8") if isinstance(content, str) else content)


def left_over(path: Path) -> list[Path]:
    """Temporary files of :func:`replacing` beside ``path``, which only a kill can leave there."""
    name = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}")  # as mkstemp names them
    if not path.parent.is_dir():
        return []
    return sorted(file for file in path.parent.iterdir() if name.fullmatch(file.name))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
