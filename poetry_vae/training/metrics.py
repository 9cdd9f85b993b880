"""What a run logs: a JSON object a line, in the run's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
