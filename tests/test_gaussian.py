"""The Gaussian against torch.distributions and against Monte Carlo."""

import math

import pytest
import torch
from torch.distributions import Independent, Normal, kl_divergence

from poetry_vae.model.gaussian import DiagonalGaussian


def _pair(seed: int) -> tuple[DiagonalGaussian, DiagonalGaussian]:
    g = torch.Generator().manual_seed(seed)
    draws = [torch.randn(3, 5, generator=g, dtype=torch.float64) for _ in range(4)]
    return DiagonalGaussian(draws[0], draws[1]), DiagonalGaussian(draws[2], draws[3])


def _reference(d: DiagonalGaussian) -> Independent:
    return Independent(Normal(d.mean, d.stddev), 1)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_density_and_divergence_are_those_of_the_library(seed: int) -> None:
    q, p = _pair(seed)
    z = q.rsample(4, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(q.log_prob(z), _reference(q).log_prob(z))
    torch.testing.assert_close(q.kl(p).sum(-1), kl_divergence(_reference(q), _reference(p)))


def test_divergence_from_the_standard_normal_in_closed_form() -> None:
    mean, variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.25, 1.0]])
    q = DiagonalGaussian(mean, variance.log())
    expected = 0.5 * (mean**2 + variance - 1 - variance.log())
    torch.testing.assert_close(q.kl(DiagonalGaussian.standard(mean)), expected)


def test_divergence_is_the_mean_log_ratio_of_samples() -> None:
    q, p = _pair(3)
    z = q.rsample(200_000, generator=torch.Generator().manual_seed(0))
    ratios = q.log_prob(z) - p.log_prob(z)
    error = ratios.std(0) / len(ratios) ** 0.5
    assert ((ratios.mean(0) - q.kl(p).sum(-1)).abs() < 5 * error).all()


def test_samples_have_the_mean_and_spread_asked_for() -> None:
    q, _ = _pair(4)
    z = q.rsample(100_000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(z.mean(0), q.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(z.std(0), q.stddev, atol=0.05, rtol=0.02)


def test_gradients_flow_through_samples() -> None:
    mean = torch.zeros(1, 2, requires_grad=True)
    log_variance = torch.zeros(1, 2, requires_grad=True)
    z = DiagonalGaussian(mean, log_variance).rsample(3, generator=torch.Generator().manual_seed(0))
    z.sum().backward()
    assert mean.grad is not None
    assert log_variance.grad is not None
    torch.testing.assert_close(mean.grad, torch.full((1, 2), 3.0))
    torch.testing.assert_close(log_variance.grad, 0.5 * z.detach().sum(0))


def test_a_typical_point_lies_where_draws_of_the_prior_do() -> None:
    """Of posteriors that add up to N(0, I): a third of the variance is left, or nothing is told."""
    g = torch.Generator().manual_seed(0)
    mean = (2 / 3) ** 0.5 * torch.randn(500, 300, generator=g)
    posterior = DiagonalGaussian(mean, torch.full_like(mean, math.log(1 / 3)))
    typical = posterior.typical()
    assert typical.square().mean().item() == pytest.approx(1)
    torch.testing.assert_close(typical / mean, (typical / mean)[:, :1].expand_as(mean))

    idle = DiagonalGaussian(
        torch.cat([mean, 0.01 * mean], dim=1),
        torch.cat([posterior.log_variance, torch.zeros_like(mean)], dim=1),
    )
    torch.testing.assert_close(idle.typical()[:, :300], typical)
    collapsed = DiagonalGaussian(0.01 * mean, torch.zeros_like(mean))
    torch.testing.assert_close(collapsed.typical(), collapsed.mean)
    at_zero = DiagonalGaussian.standard(mean)
    torch.testing.assert_close(at_zero.typical(), torch.zeros_like(mean))
