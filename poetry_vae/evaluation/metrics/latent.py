"""Figures of the latent: information, the hole in the prior, independence, factors. All are
computed from arrays: posterior means and log variances [N, D] of N poems, samples z [N, D], or
labels, on the CPU. Shape letters: N poems, D latent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.density_ratio import fit_log_ratio
from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.estimates import Estimate, auc, estimate
from poetry_vae.model.critic import permuted
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.training.diagnostics import ACTIVE_VARIANCE, mutual_information

# An estimate of mutual information closer than this to its ceiling shows the number of poems, not
# the information in the latent.
_ROOM = 2.0


@dataclass(frozen=True)
class Information:
    """I(x; z) in nats, of N encoded poems."""

    rate: float
    """E_x KL(q(z|x) ‖ p(z)) = mutual information + KL(q_agg ‖ p)."""
    limit: float
    """log N: no estimate from N poems can be above it."""
    mutual_information: float | None
    """None where the rate is above log N − 2: the estimate would then just be the limit."""


def information(mean: Tensor, log_variance: Tensor, *, generator: torch.Generator) -> Information:
    """I(x; z) = rate − KL(q_agg ‖ p), q_agg(z) = (1/N) Σ_n q(z|x_n) and p = N(0, I).

    Hoffman & Johnson 2016, "ELBO surgery", section 2, with one sample z_n ~ q(z|x_n) a poem:
    I ≈ (1/N) Σ_n log q(z_n|x_n) − log q_agg(z_n), which is at most log N.

    Args:
        mean, log_variance: of q(z|x_n), [N, D].

    Raises:
        MetricError: fewer than two poems.
    """
    if len(mean) < 2:
        raise MetricError(f"{len(mean)} poem(s): information takes at least 2")
    posterior = DiagonalGaussian(mean.double(), log_variance.double())
    rate = posterior.kl(DiagonalGaussian.standard(posterior.mean)).sum(-1).mean().item()
    limit = math.log(len(mean))
    if rate > limit - _ROOM:
        return Information(rate, limit, None)
    return Information(rate, limit, mutual_information(posterior, generator=generator))


def hole(z: Tensor, *, generator: torch.Generator) -> Estimate:
    """AUC of a critic that tells z [N, D] from as many draws of p = N(0, I): 0.5 is no hole.

    z ~ q(z|x) must be one sample each of poems that the model was not trained on. The critic is
    fitted to half of both sides and asked about the other half, so a hole that it finds is real;
    more poems may show one that it misses. Exactly 0.5 without an error means that it found nothing
    at all.

    Raises:
        MetricError: fewer than 20 samples.
    """
    prior = torch.randn(z.shape, generator=generator, dtype=z.dtype)
    order = torch.randperm(len(z), generator=generator)
    half = len(z) // 2
    log_ratio = fit_log_ratio(z[order[:half]], prior[:half], generator=generator)
    return auc(log_ratio(z[order[half:]]), log_ratio(prior[half:]))


def total_correlation(z: Tensor, *, generator: torch.Generator) -> Estimate:
    """TC = KL(q(z) ‖ Π_j q(z_j)) of samples z [N, D], in nats: 0 where dimensions are independent.

    Kim & Mnih 2018, "Disentangling by Factorising", equations 2 and 3: a critic tells z from the
    same values shuffled in every dimension, and TC is the mean of its log-ratio on samples. Fitted
    to one half, the mean taken over the other. With finite samples a critic misses some dependence:
    a strong one (several nats) is underestimated. The error is that of the mean; how well the
    critic was fitted adds a few hundredths of a nat. Weak dependence between many dimensions shows
    better in :func:`gaussian_total_correlation`.

    Raises:
        MetricError: fewer than 20 samples.
    """
    order = torch.randperm(len(z), generator=generator)
    half = len(z) // 2
    fitted, asked = z[order[:half]], z[order[half:]]
    log_ratio = fit_log_ratio(fitted, permuted(fitted, generator=generator), generator=generator)
    return estimate(log_ratio(asked))


def gaussian_total_correlation(z: Tensor) -> float:
    """−½ ln det of the correlations of z [N, D], in nats: the TC that linear dependence makes.

    Where every dimension is Gaussian by itself, as the aggregate posterior nearly is, no q(z) with
    these correlations has less. The chance value of independent dimensions, D(D − 1)/4N, is
    subtracted, so the figure can be slightly below 0.

    Raises:
        MetricError: fewer than 10·D samples, so that chance dominates, or a constant dimension.
    """
    N, D = z.shape
    if N < 10 * D:
        raise MetricError(f"{N} samples of {D} dimensions: correlations take at least {10 * D}")
    correlations = torch.corrcoef(z.double().T).reshape(D, D)
    if not correlations.isfinite().all():
        raise MetricError("a dimension of z does not move: it correlates with nothing")
    return -0.5 * torch.logdet(correlations).item() - D * (D - 1) / (4 * N)


def disentanglement(
    means: Tensor,
    factors: Mapping[str, Tensor],
    *,
    generator: torch.Generator,
    votes: int = 1000,
    batch: int = 64,
) -> float:
    """The FactorVAE score: from 1/K, K factors, by chance, to 1 where each has its dimension.

    Kim & Mnih 2018, section 4. A vote takes ``batch`` poems that agree in one factor, drawn with
    its value at random; the dimension that varies least among them, measured against its standard
    deviation over all poems, votes for the factor. The majority of half of the votes says which
    factor a dimension stands for; the score is the share of the other half that agrees. Dimensions
    that do not move with the poem are left out.

    Args:
        means: of q(z|x), [N, D].
        factors: labels [N] by name; values with fewer than ``batch`` poems are not drawn.
        votes: their number in all.

    Raises:
        MetricError: fewer than two factors, a factor without two values that enough poems have, or
            no dimension that moves.
    """
    if len(factors) < 2:
        raise MetricError(f"{len(factors)} factor(s): the score compares at least 2")
    spread = means.std(dim=0)
    active = means[:, spread.square() > ACTIVE_VARIANCE] / spread[spread.square() > ACTIVE_VARIANCE]
    if not active.shape[1]:
        raise MetricError("no dimension of the latent moves with the poem")
    groups = [_groups(name, labels, batch) for name, labels in factors.items()]
    counts = torch.zeros(2, active.shape[1], len(groups), dtype=torch.long)
    for i in range(votes):
        factor = i // 2 % len(groups)  # each factor equally often, in either half
        values = groups[factor]
        rows = values[int(torch.randint(len(values), (), generator=generator))]
        chosen = rows[torch.randperm(len(rows), generator=generator)[:batch]]
        counts[i % 2, active[chosen].var(dim=0).argmin(), factor] += 1
    stands_for = counts[0].argmax(dim=1)
    agreeing = counts[1].gather(1, stands_for[:, None]).sum()
    return (agreeing / counts[1].sum()).item()


def _groups(name: str, labels: Tensor, batch: int) -> list[Tensor]:
    """The rows of every value of a factor that at least ``batch`` poems have."""
    values = sorted(set(labels.tolist()))
    everywhere = [(labels == value).nonzero()[:, 0] for value in values]
    groups = [rows for rows in everywhere if len(rows) >= batch]
    if len(groups) < 2:
        raise MetricError(
            f"factor {name!r}: {len(groups)} of {len(values)} values have {batch} poems or more, "
            "and it takes 2"
        )
    return groups
