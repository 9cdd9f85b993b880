"""Whether a model has learned its training poems by heart: its own poems consist of their lines.

The bound on other poems gets worse long before that, so this does not measure quality. But it is a
sign that people can see in the poems, and such poems are not the model's own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch

from poetry_vae.model import labelling
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.ngrams import Hashes, IntArray, among, hashed_lines, told_apart
from poetry_vae.text.poem import Poem

BY_HEART = 0.5
"""Share of known lines from which on a model is a collection of its training poems."""
_POEMS, _READINGS = 64, 4


@dataclass(frozen=True)
class TrainingLines:
    """The lines of the poems that a model is trained on."""

    hashes: Hashes
    """Sorted, each once."""
    chars: tuple[int, ...]

    @classmethod
    def of(
        cls, poems: Iterable[tuple[IntArray, tuple[int, ...]]], chars: tuple[int, ...]
    ) -> TrainingLines:
        """Those of poems ids [N, T] of several forms, each with the lengths of its lines, to be
        looked for in poems with lines of ``chars``."""
        each = [np.unique(hashed_lines(ids, lengths)) for ids, lengths in poems]
        return cls(np.unique(np.concatenate(each)), chars)

    def known(self, ids: IntArray) -> list[list[bool]]:
        """Which lines of poems ids [N, T] are among them, [N][L]."""
        told = told_apart(ids)
        found: list[list[bool]] = among(hashed_lines(told, self.chars), self.hashes).tolist()
        return found

    def known_in(self, model: PoetryVAE, poem: Poem) -> list[bool]:
        """Which lines of a poem in the model's own characters are among them."""
        return self.known(model.ids_of([poem]).cpu().numpy())[0]

    @torch.no_grad()
    def share_of(self, model: PoetryVAE) -> float:
        """The share of known lines in 64 of the model's likeliest poems.

        Their codes are drawn from the prior, and are always the same; the poems are then read and
        written again. So they show what the model takes verse to be.
        """
        generator = torch.Generator(model.device).manual_seed(derived_seed(0, "lines by heart"))
        labels = labelling.draw(model, _POEMS, generator=generator)
        size = (_POEMS, model.code_size)
        code = torch.randn(size, generator=generator, device=model.device)
        ids = model.draw(code, labels, temperature=0.0)
        for _ in range(_READINGS):
            ids = model.rewrite(ids, labels)
        return float(np.mean(self.known(ids.cpu().numpy())))


def by_heart_warning(share: float) -> str:
    """A warning that so large a share of the model's lines is known."""
    return (
        f"{share:.0%} of the lines this model writes are lines of the training poems: it learns "
        "them by heart; a small corpus goes on from a trained model (--from)"
    )
