"""What a run logs: a JSON object a line, in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poetry_vae.text.files import FileWriteError, replace_file

METRICS = "metrics.jsonl"


def read_metrics(folder: Path) -> list[dict[str, Any]] | None:
    """The rows a run has logged, every one with its ``step``; None where there is no log.

    Lines that a kill cut short are left out.
    """
    path = folder / METRICS
    if not path.is_file():
        return None
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            row["step"] + 0
        except (ValueError, TypeError, KeyError):
            continue
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
