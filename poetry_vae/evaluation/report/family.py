"""Members of the family beside each other: the same figures of each, on the same poems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.latent import (
    gaussian_total_correlation,
    hole,
    information,
    total_correlation,
)
from poetry_vae.evaluation.report.density import density, rate_by_dimension
from poetry_vae.model import labelling
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.diagnostics import active_units

_AT_ONCE = 1000


@dataclass(frozen=True)
class Effort:
    """How much is measured: sizes in poems."""

    importance_samples: tuple[int, ...]
    density_poems: int
    latent_poems: int


FULL = Effort((1, 10, 100, 1000), 500, 10_000)
QUICK = Effort((1, 10), 100, 2_000)


@dataclass(frozen=True)
class Codes:
    """What is known of poems in the latent space, [N, D]: a sample each, and the posteriors."""

    samples: Tensor
    means: Tensor
    log_variances: Tensor


@torch.no_grad()
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
    return Codes(torch.cat(samples), torch.cat(means), torch.cat(log_variances))


def family_figures(
    model: PoetryVAE,
    ids: Tensor,
    *,
    labels: Tensor | None = None,
    effort: Effort = FULL,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """A row of the table, as JSON holds it.

    Args:
        ids: poems [N, T] of the test part, in an order that has nothing to do with them.
        labels: of those poems, [N], as numbers of the model's labels.

    Returns:
        ``bounds`` by K in nats a character with their errors; ``levels``, from the top: rate in
        nats a poem, active units, size; ``reconstruction``; ``mutual_information`` and its
        ``limit``; ``hole`` (AUC); ``total_correlation`` by a critic and by linear dependence, in
        nats; ``accuracy`` of inferred labels. A figure that cannot be taken is None.
    """

    def seeded(purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(derived_seed(seed, "family", purpose))

    some = ids[: effort.density_poems]
    progress("bound")
    found = density(model, some, samples=effort.importance_samples, generator=seeded("density"))
    rates = rate_by_dimension(model, some)
    progress("latent space")
    codes = codes_of(model, ids[: effort.latent_poems], generator=seeded("codes"))
    sizes = model.level_sizes
    levels = {}
    by_level = zip(
        sizes,
        torch.split(rates, list(sizes.values())),
        torch.split(codes.means, list(sizes.values()), dim=-1),
        strict=True,
    )
    for name, rate, means in by_level:
        levels[name] = {
            "rate": rate.sum().item(),
            "active": active_units(means),
            "size": sizes[name],
        }
    known = None
    if model.has_gaussian_code:
        known = information(codes.means, codes.log_variances, generator=seeded("information"))
    progress("independence")
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "poems": {"bounds": len(some), "latent": len(codes.means)},
        "bounds": {str(k): asdict(value) for k, value in found.bounds.items()},
        "still_falls": found.still_falls,
        "levels": levels,
        "reconstruction": found.reconstruction,
        "mutual_information": known and known.mutual_information,
        "limit": known and known.limit,
        "hole": _taken(lambda: asdict(hole(codes.samples, generator=seeded("hole")))),
        "total_correlation": {
            "critic": _taken(
                lambda: total_correlation(codes.samples, generator=seeded("correlation")).mean
            ),
            "linear": _taken(lambda: gaussian_total_correlation(codes.samples)),
        },
        "accuracy": _accuracy(model, ids[: effort.latent_poems], labels),
    }


def _taken(figure: Callable[[], Any]) -> Any:
    """A figure, or None where there are too few poems for it."""
    try:
        return figure()
    except MetricError:
        return None


def _accuracy(model: PoetryVAE, ids: Tensor, labels: Tensor | None) -> float | None:
    if labels is None or model.config.labels is None:
        return None
    right = [
        labelling.log_probs(model, batch).argmax(-1) == known
        for batch, known in zip(
            torch.split(ids, _AT_ONCE), torch.split(labels[: len(ids)], _AT_ONCE), strict=True
        )
    ]
    return torch.cat(right).float().mean().item()
