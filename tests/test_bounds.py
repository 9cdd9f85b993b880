"""Bounds of log p(x): against the naive formula, and against a model whose log p(x) is known."""

import math

import torch

from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import LevelRecord, Record
from poetry_vae.training import bounds
from tests.small import small_model


def _linear_gaussian(
    posterior_shift: float, samples: int, seed: int, batch: int = 400
) -> tuple[Record, torch.Tensor]:
    """x = z + ε with z, ε ~ N(0, 1): log p(x) = log N(x; 0, 2), and q(z|x) = N(x/2, 1/2)."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(batch, 1, generator=g, dtype=torch.float64) * math.sqrt(2)
    half = torch.full_like(x, math.log(0.5))
    q = DiagonalGaussian(x / 2 + posterior_shift, half)
    z = q.rsample(samples, generator=g)
    likelihood = DiagonalGaussian(z, torch.zeros_like(z)).log_prob(x)
    record = Record(likelihood, (LevelRecord(z, q, DiagonalGaussian.standard(x)),))
    log_p = DiagonalGaussian(torch.zeros_like(x), torch.full_like(x, math.log(2))).log_prob(x)
    return record, log_p


def test_with_the_exact_posterior_the_bound_is_log_p_at_every_k() -> None:
    for samples in (1, 3, 50):
        record, log_p = _linear_gaussian(0.0, samples, seed=samples)
        torch.testing.assert_close(bounds.importance_weighted(record), log_p)


def test_with_another_posterior_the_bound_rises_towards_log_p() -> None:
    gaps = []
    for samples in (1, 10, 100):
        record, log_p = _linear_gaussian(1.0, samples, seed=0, batch=5000)
        gaps.append((log_p - bounds.importance_weighted(record)).mean().item())
    assert gaps[0] > gaps[1] > gaps[2] > 0
    assert gaps[2] < 0.1 * gaps[0]


def test_elbo_is_log_p_less_the_divergence_from_the_exact_posterior() -> None:
    record, log_p = _linear_gaussian(0.7, 20_000, seed=0, batch=20)
    exact = DiagonalGaussian(
        record.levels[0].posterior.mean - 0.7, torch.full((20, 1), -math.log(2))
    )
    gap = record.levels[0].posterior.kl(exact).sum(-1)
    torch.testing.assert_close(bounds.elbo(record), log_p - gap, atol=0.05, rtol=0)


def test_importance_bound_is_the_naive_formula() -> None:
    model = small_model()
    ids = torch.randint(2, 20, (3, 10))
    record = model(ids, samples=5, generator=torch.Generator().manual_seed(0))
    (level,) = record.levels
    joint = record.log_likelihood + level.prior.log_prob(level.z)
    ratios = (joint - level.posterior.log_prob(level.z)).double().exp()
    torch.testing.assert_close(
        bounds.importance_weighted(record).double(), ratios.mean(0).log(), atol=1e-4, rtol=0
    )


def test_at_one_sample_it_is_the_sampled_elbo() -> None:
    model = small_model()
    ids = torch.randint(2, 20, (3, 10))
    record = model(ids, samples=1, generator=torch.Generator().manual_seed(0))
    sampled = (record.log_likelihood + record.levels[0].log_ratio)[0]
    torch.testing.assert_close(bounds.importance_weighted(record), sampled)


def test_elbo_is_minus_rate_minus_distortion() -> None:
    model = small_model()
    ids = torch.randint(2, 20, (3, 10))
    record = model(ids, samples=2, generator=torch.Generator().manual_seed(0))
    total = bounds.rate(record) + bounds.distortion(record)
    torch.testing.assert_close(bounds.elbo(record), -total)
    assert (bounds.rate(record) >= 0).all()
