"""What poems are by chance: real ones dealt out anew."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poetry_vae.text.form import Form


def other_lines(texts: Sequence[str], form: Form, rng: np.random.Generator) -> list[str]:
    """The lines dealt out anew, each at its place: what poems are by chance, line by line."""
    lines = np.array([form.cut(text) for text in texts])
    return ["".join(row) for row in rng.permuted(lines, axis=0)]


def other_characters(texts: Sequence[str], rng: np.random.Generator) -> list[str]:
    """The characters dealt out anew, each at its place: chance, character by character."""
    characters = np.array([list(text) for text in texts])
    return ["".join(row) for row in rng.permuted(characters, axis=0)]
