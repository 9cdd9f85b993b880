"""Figures of a model's latent space, as JSON holds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.latent import (
    disentanglement,
    gaussian_total_correlation,
    hole,
    information,
    total_correlation,
)
from poetry_vae.model import labelling
from poetry_vae.model.inference import inference
from poetry_vae.model.vae import PoetryVAE

_AT_ONCE = 1000


@dataclass(frozen=True)
class Effort:
    """The numbers of poems to measure."""

    density_poems: int = 500
    importance_samples: tuple[int, ...] = (1, 10, 100, 1000)
    latent_poems: int = 25_000
    verse_poems: int = 10_000
    samples: int = 25_000
    subjects: int = 200
    """Titles that a poem each is written to."""


@dataclass(frozen=True)
class Codes:
    """Poems in the latent space, [N, D]: one sample each, and the posteriors."""

    samples: Tensor
    means: Tensor
    log_variances: Tensor | None
    """None where the posterior of the whole code is no Gaussian."""


@inference()
def codes_of(model: PoetryVAE, ids: Tensor, *, generator: torch.Generator) -> Codes:
    """Codes of poems ids [N, T]; labels, where the model has them, are inferred."""
    samples, means, log_variances = [], [], []
    for batch in torch.split(ids, _AT_ONCE):
        label = labelling.infer(model, batch)
        posterior = model.encode(batch, label)
        means.append(posterior.mean)
        log_variances.append(posterior.log_variance)
        if model.has_gaussian_code:
            samples.append(posterior.rsample(1, generator=generator)[0])
        else:
            samples.append(model(batch, label, generator=generator).code[0])
    known = torch.cat(log_variances) if model.has_gaussian_code else None
    return Codes(torch.cat(samples), torch.cat(means), known)


def latent_figures(
    codes: Codes,
    *,
    seeded: Callable[[str], torch.Generator],
    labels: Mapping[str, Sequence[str]] | None = None,
    missing: Callable[[str, str], None] = lambda figure, why: None,
) -> dict[str, Any]:
    """Information, hole, total correlation and, with labels of the poems, disentanglement.

    Args:
        seeded: a generator for a purpose.
        missing: is told which figure cannot be taken, and why.
    """

    def known() -> dict[str, Any]:
        if codes.log_variances is None:
            raise MetricError("the posterior of its code is no Gaussian")
        found = information(codes.means, codes.log_variances, generator=seeded("information"))
        return asdict(found)

    code = codes.samples
    figures: dict[str, Callable[[], Any]] = {
        "information": known,
        "hole": lambda: asdict(hole(code, generator=seeded("hole"))),
        "total_correlation": lambda: asdict(
            total_correlation(code, generator=seeded("correlation"))
        ),
        "gaussian_total_correlation": lambda: gaussian_total_correlation(code),
    }
    if labels is not None:
        numbers = {kind: np.unique(x, return_inverse=True)[1] for kind, x in labels.items()}
        factors = {kind: torch.from_numpy(values) for kind, values in numbers.items()}
        figures["disentanglement"] = lambda: disentanglement(
            codes.means, factors, generator=seeded("votes")
        )
    found = {}
    for figure, take in figures.items():
        try:
            found[figure] = take()
        except MetricError as error:
            missing(figure, str(error))
    return found
