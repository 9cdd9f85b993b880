"""The tables that come with the package, compiled by scripts."""

from __future__ import annotations

from importlib import resources


def rows(name: str) -> list[list[str]]:
    """The rows of ``name``.tsv as cells; those that begin with # are comments and left out."""
    text = resources.files("poetry_vae.text").joinpath(f"{name}.tsv").read_text(encoding="utf-8")
    return [row.split("\t") for row in text.splitlines() if not row.startswith("#")]
