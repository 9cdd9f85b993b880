"""The model as a density: bounds of log p(x), rate, and whether the latent is used."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.estimates import Estimate, estimate
from poetry_vae.model import labelling
from poetry_vae.model.inference import inference
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training import bounds
from poetry_vae.training.diagnostics import active_units

# Samples times poems in one forward pass: hidden states stay in tens of megabytes.
_AT_ONCE = 1000


@dataclass(frozen=True)
class Density:
    """Figures of a model on poems; bounds in nats a character, rate and distortion a poem."""

    poems: int
    bounds: dict[int, Estimate]
    """By the number K of importance samples: −(1/T) log (1/K) Σ_k p(x, z_k)/q(z_k|x)."""
    rate: Estimate
    distortion: Estimate
    active_units: int
    latent: int
    reconstruction: float
    """Share of characters that are the likeliest ones given the posterior's mean."""
    whole_poems: float
    """Share of poems reconstructed without a single error."""
    unknown: float
    """Share of characters outside the vocabulary; they are scored as the symbol ``<unk>``."""
    still_falls: bool
    """Whether the bound still falls at the largest K: by more than twice the error of its
    difference from the second largest. More samples would then tighten it."""


@inference()
def importance_bounds(
    model: PoetryVAE,
    ids: Tensor,
    samples: tuple[int, ...],
    *,
    generator: torch.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[int, Tensor]:
    """The bound of every poem by number of samples: ids [N, T] → {K: log p̂(x) [N], in nats}.

    Burda et al. 2015, equation 8. All K share one set of samples, so that the bounds of one poem
    can be compared with each other. ``progress`` is told poems done and all.
    """
    most = max(samples)
    poems_at_once = max(1, _AT_ONCE // most)
    parts: dict[int, list[Tensor]] = {k: [] for k in samples}
    for i, batch in enumerate(torch.split(ids, poems_at_once)):
        progress(i * poems_at_once, len(ids))
        bound = partial(bounds.over_labels, model, batch, bounds.log_weights, generator=generator)
        together = [bound(samples=min(_AT_ONCE, rest)) for rest in range(most, 0, -_AT_ONCE)]
        weights = torch.cat(together)
        for k in samples:
            parts[k].append(torch.logsumexp(weights[:k], dim=0) - math.log(k))
    return {k: torch.cat(values) for k, values in parts.items()}


@inference()
def density(
    model: PoetryVAE,
    ids: Tensor,
    *,
    samples: tuple[int, ...],
    generator: torch.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Density:
    """All figures of a model on poems ids [N, T] of its form and vocabulary."""
    by_samples = importance_bounds(model, ids, samples, generator=generator, progress=progress)
    rates, distortions, means, right = [], [], [], []
    for batch in torch.split(ids, _AT_ONCE):
        label = labelling.infer(model, batch)
        record = model(batch, label, generator=generator)
        rates.append(bounds.rate(record))
        distortions.append(bounds.distortion(record))
        means.append(model.encode(batch, label).mean)
        right.append(model.rewrite(batch, label) == batch)
    hits = torch.cat(right)
    T = model.form.positions
    return Density(
        poems=len(ids),
        bounds={k: estimate(-values / T) for k, values in by_samples.items()},
        rate=estimate(torch.cat(rates)),
        distortion=estimate(torch.cat(distortions)),
        active_units=active_units(torch.cat(means)),
        latent=means[0].shape[1],
        reconstruction=hits.float().mean().item(),
        whole_poems=hits.all(dim=1).float().mean().item(),
        unknown=(ids == model.tokenizer.UNKNOWN).float().mean().item(),
        still_falls=_still_falls(by_samples),
    )


def _still_falls(by_samples: dict[int, Tensor]) -> bool:
    most = sorted(by_samples)[-2:]
    if len(most) < 2:
        return True
    gain = estimate(by_samples[most[1]] - by_samples[most[0]])
    return gain.mean > 2 * gain.error


@inference()
def rate_by_dimension(model: PoetryVAE, ids: Tensor) -> Tensor:
    """Mean KL(q(z_j|x) ‖ p(z_j)) of every latent dimension over poems ids [N, T], in nats: [D]."""
    kl = []
    for batch in torch.split(ids, _AT_ONCE):
        label = labelling.infer(model, batch)
        record = model(batch, label, generator=torch.Generator().manual_seed(0))
        kl.append(torch.cat([level.kl for level in record.levels], dim=-1))
    return torch.cat(kl).mean(0)
