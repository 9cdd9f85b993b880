"""What poems have in common with the training poems, word for word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poetry_vae.text.form import Form
from poetry_vae.text.ngrams import Hashes, IntArray, among, hashed, hashed_lines

NAMES = ("3-grams", "4-grams", "lines", "poems")


@dataclass(frozen=True)
class Copies:
    """Every 3-gram, 4-gram, line and poem of a set of poems; n-grams run on from line to line."""

    form: Form
    known: Mapping[str, Hashes]
    """By :data:`NAMES`, sorted."""

    @classmethod
    def fit(cls, poems: IntArray, form: Form) -> Copies:
        """Remember poems of any symbols, [N, T]."""
        return cls(form, {name: np.unique(_strings(poems, form, name)) for name in NAMES})

    def count(self, poems: IntArray) -> npt.NDArray[np.int64]:
        """How many 3-grams, 4-grams, lines and whole poems are known: [N, T] → [N, 4]."""
        found = [
            among(_strings(poems, self.form, name), self.known[name]).sum(axis=1) for name in NAMES
        ]
        return np.stack(found, axis=1)


def _strings(poems: IntArray, form: Form, name: str) -> Hashes:
    """The n-grams, lines or the whole of each poem, as numbers: [N, how many a poem has]."""
    if name == "lines":
        return hashed_lines(poems, form.lengths)
    size = {"3-grams": 3, "4-grams": 4, "poems": form.positions}[name]
    if size > form.positions:
        return np.empty((len(poems), 0), np.uint64)
    return hashed(poems, size, chars=form.positions)
