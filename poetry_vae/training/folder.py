"""The folder of a run: who may write into it, leftovers of killed runs, and the log of a run.

The log is a JSON object a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from poetry_vae.model.pretrained import CARD, CONFIG, FIGURES, TOKENIZER, WEIGHTS, CheckpointError
from poetry_vae.text.files import FileWriteError, left_over, read_file, replace_file, stands
from poetry_vae.text.json_values import JsonError, parse_json
from poetry_vae.training.checkpoint import STATE
from poetry_vae.training.run_file import RUN, RunFile

LOCK, METRICS = ".lock", "metrics.jsonl"
_MOST_BYTES = 1 << 28  # of the log
_WRITTEN = (WEIGHTS, STATE, CONFIG, TOKENIZER, CARD, FIGURES, METRICS, RUN)


def check_folder(folder: Path, *, resume: bool) -> None:
    """Check that a run can begin in a folder, or be resumed there.

    Raises:
        CheckpointError: the folder holds another run; or it is to be resumed, and there is none.
    """
    there = [name for name in _WRITTEN if (folder / name).exists()]
    if resume and STATE not in there:
        raise CheckpointError(
            f"{folder}: no run to resume in this folder"
            + (
                f", which has a model without {STATE}; go on from it with --from {folder}, into "
                "another folder"
                if WEIGHTS in there
                else "; train without --resume"
            )
        )
    if there == [RUN] and RunFile.read(folder).is_of_a_run:
        return  # the run there was killed before its first state
    if there and not resume:
        raise CheckpointError(
            f"{folder}: already holds {there[0]}; "
            + ("continue a run with --resume, or " if STATE in there else "")
            + "train into another folder"
        )


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep others from training into a folder, and remove temporary files that a kill left there.

    The system lets go of the lock when the process ends, however it ends.

    Raises:
        CheckpointError: another process, or thread, is training into it.
        FileWriteError: the folder cannot be made or written.
    """
    made = not folder.exists()
    handle = _locked(folder)
    try:
        for name in _WRITTEN:
            for file in left_over(folder / name):
                with contextlib.suppress(OSError):
                    file.unlink()
        yield
    finally:
        with contextlib.suppress(OSError):  # nobody else can have locked this very file
            (folder / LOCK).unlink()
        os.close(handle)
        if made:
            with contextlib.suppress(OSError):  # unless something was written
                folder.rmdir()


def _locked(folder: Path) -> int:
    """The handle of the folder's lock, which is held until it is closed."""
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            if not _lock(handle):
                holder = os.read(handle, 20).decode("ascii", "replace").strip()
                os.close(handle)
                raise CheckpointError(
                    f"{folder}: {f'process {holder}' if holder else 'another process'} is training "
                    "into this folder; wait until it ends, or train into another one"
                )
            if _is_still(path, handle):
                break
            os.close(handle)
    except OSError as error:
        raise FileWriteError(f"{folder}: cannot be written ({error.strerror or error})") from error
    with contextlib.suppress(OSError):  # a full disk keeps nobody from locking
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode("ascii"))
    return handle


def _is_still(path: Path, handle: int) -> bool:
    """Whether the locked file is still at its path; its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _lock(handle: int) -> bool:
    """Lock a file for this process; False where another holds it."""
    if sys.platform == "win32":
        import msvcrt

        try:
            os.lseek(handle, 100, os.SEEK_SET)  # past the text, so that others may read it
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            os.lseek(handle, 0, os.SEEK_SET)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def read_metrics(folder: Path) -> list[dict[str, Any]] | None:
    """The rows a run has logged, every one with its ``step``; None where there is no log.

    Lines that a kill cut short, or that are not such rows, are left out.

    Raises:
        FileReadError: the log is not a regular file, or too large.
    """
    path = folder / METRICS
    if not stands(path):
        return None
    text = read_file(path, most=_MOST_BYTES).decode("utf-8", errors="replace")
    rows = []
    for line in text.split("\n"):
        with contextlib.suppress(JsonError):
            row = parse_json(line)
            if isinstance(row, dict) and type(row.get("step")) is int:
                rows.append(row)
    return rows


def append_metrics(folder: Path, row: Mapping[str, object]) -> None:
    """Write one more row.

    Raises:
        FileWriteError: the file cannot be written.
    """
    path = folder / METRICS
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    except OSError as error:
        raise FileWriteError(f"{path}: cannot be written ({error.strerror})") from error


def keep_metrics_until(folder: Path, step: int) -> None:
    """Drop what a killed run wrote after the state that it is resumed from."""
    rows = read_metrics(folder)
    if rows is not None:
        kept = (json.dumps(row) for row in rows if row["step"] <= step)
        replace_file(folder / METRICS, "".join(f"{row}\n" for row in kept))
