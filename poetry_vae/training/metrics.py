"""What a run logs: a JSON object a line, in the run's folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poetry_vae.text.files import FileWriteError, read_file, replace_file, stands
from poetry_vae.text.json_values import JsonError, parse_json

METRICS = "metrics.jsonl"
_MOST_BYTES = 1 << 28


def read_metrics(folder: Path) -> list[dict[str, Any]] | None:
    """The rows a run has logged, every one with its ``step``; None where there is no log.

    Lines that a kill cut short, or that are no such rows, are left out.

    Raises:
        FileReadError: no regular file, or too large.
    """
    path = folder / METRICS
    if not stands(path):
        return None
    text = read_file(path, most=_MOST_BYTES).decode("utf-8", errors="replace")
    return [row for line in text.split("\n") if (row := _row(line)) is not None]


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except JsonError:
        return None
    is_row = isinstance(row, dict) and type(row.get("step")) is int
    return row if is_row else None


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
