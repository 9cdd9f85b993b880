"""Poems to subjects: titles of real poems are asked for, one poem each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from poetry_vae.evaluation.judges.learning import Steps
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.titles import says_a_subject
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings


def subjects_of(titles: Sequence[str], most: int, seed: int) -> list[str]:
    """Different titles that say a subject, at random; none with a character that is not known."""
    found = [t for t in dict.fromkeys(titles) if says_a_subject(t) and "□" not in t]
    order = np.random.default_rng(derived_seed(seed, "subjects")).permutation(len(found))
    return [found[row] for row in order[:most]]


def poems_to(
    model: PoetryVAE,
    subjects: Sequence[str],
    settings: Callable[[PoetryVAE], SamplingSettings],
    seed: int,
    progress: Steps = lambda done, total: None,
) -> list[str]:
    """A poem to each of the subjects, from a model that is told one."""
    texts = []
    for number, subject in enumerate(subjects):
        progress(number, len(subjects))
        told = model.writing(model.form, about=subject)
        generator = torch.Generator().manual_seed(derived_seed(seed, "subject", number))
        ids = Sampler(told, settings(told)).write(1, generator=generator)
        texts += [poem.text for poem in told.poems_of(ids)]
    return texts
