"""Poems by chance: real ones with their lines or characters shuffled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poetry_vae.text.form import Form


def other_lines(texts: Sequence[str], form: Form, rng: np.random.Generator) -> list[str]:
    """The lines shuffled between poems, each at its place: chance line by line."""
    lines = np.array([form.cut(text) for text in texts])
    return ["".join(row) for row in rng.permuted(lines, axis=0)]


def other_characters(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The characters shuffled between poems, each at its place: chance character by character."""
    characters = np.array([list(text) for text in texts])
    return ["".join(row) for row in rng.permuted(characters, axis=0)]
