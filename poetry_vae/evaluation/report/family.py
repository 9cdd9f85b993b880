"""Members of the family beside each other: the same figures of each, on the same poems."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from poetry_vae.evaluation.report.density import density, rate_by_dimension
from poetry_vae.evaluation.report.model import Effort, codes_of, latent_figures
from poetry_vae.model import labelling
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.diagnostics import active_units

FULL = Effort(500, (1, 10, 100, 1000), 10_000)
QUICK = Effort(100, (1, 10), 2_000)
_AT_ONCE = 1000


def family_figures(
    model: PoetryVAE,
    ids: Tensor,
    *,
    labels: Tensor | None = None,
    effort: Effort = FULL,
    seed: int = 0,
) -> dict[str, Any]:
    """A run in the table, in the shape of a model of a report.

    Args:
        ids: poems [N, T] of the test part, in random order.
        labels: of those poems, [N], as numbers of the model's labels.

    Returns:
        ``density`` and ``latent`` as in a report; ``levels``, from the top: rate in nats a poem,
        active units, size; ``accuracy`` of inferred labels, None without any.
    """

    def seeded(purpose: str) -> torch.Generator:
        return torch.Generator().manual_seed(derived_seed(seed, "family", purpose))

    some = ids[: effort.density_poems]
    found = density(model, some, samples=effort.importance_samples, generator=seeded("density"))
    codes = codes_of(model, ids[: effort.latent_poems], generator=seeded("codes"))
    sizes = model.level_sizes
    rates, means = (
        torch.split(values, list(sizes.values()), dim=-1)
        for values in (rate_by_dimension(model, some), codes.means)
    )
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "density": asdict(found),
        "levels": {
            name: {"rate": rate.sum().item(), "active": active_units(mean), "size": sizes[name]}
            for name, rate, mean in zip(sizes, rates, means, strict=True)
        },
        "latent": latent_figures(codes, seeded=seeded),
        "accuracy": _accuracy(model, ids[: effort.latent_poems], labels),
    }


def _accuracy(model: PoetryVAE, ids: Tensor, labels: Tensor | None) -> float | None:
    if labels is None or model.config.labels is None:
        return None
    inferred = [labelling.log_probs(model, some).argmax(-1) for some in torch.split(ids, _AT_ONCE)]
    return (torch.cat(inferred) == labels[: len(ids)]).float().mean().item()
