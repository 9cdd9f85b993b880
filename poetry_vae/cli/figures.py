"""The tables of an evaluation in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from poetry_vae.cli.console import plain
from poetry_vae.evaluation.report.columns import (
    LATENT,
    VERSE,
    ColumnGroups,
    ReportPart,
    density_columns,
    in_order,
    shown,
    usage_columns,
)
from poetry_vae.verse.sampling_settings import SamplingSettings


def density_table(report: dict[str, Any]) -> Table:
    """Models as densities and their latent space, a column a model."""
    models = report["models"]
    poems = models[0]["density"]["poems"]
    return _table(
        models,
        {**density_columns(models), **usage_columns(models), **LATENT},
        title=f"On {poems:,} poems of the test part (± standard error)",
    )


def verse_table(report: dict[str, Any]) -> Table:
    """Poems as poems, a column a source."""
    wrote = (
        f"{plain(m['name'])} wrote with {SamplingSettings(**m['manner'])}" for m in report["models"]
    )
    title = "Poems compared with real ones and chance"
    return _table(in_order(report["verse"]), VERSE, title=title, caption="; ".join(wrote))


def _table(parts: Sequence[ReportPart], groups: ColumnGroups, **about: str) -> Table:
    found = shown(parts, groups)
    table = Table("", *map(plain, found.names), **about)  # type: ignore[arg-type]
    for _, rows in found.groups:
        for column, cells in rows:
            table.add_row(column.label, *cells)
    return table
