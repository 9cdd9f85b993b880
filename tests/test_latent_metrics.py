"""Metrics of the latent on Gaussians, where the truth is known."""

import math

import pytest
import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.density_ratio import fit_log_ratio
from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.estimates import auc
from poetry_vae.evaluation.metrics.latent import (
    disentanglement,
    gaussian_total_correlation,
    hole,
    information,
    total_correlation,
)
from poetry_vae.model.critic import permuted
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.training.diagnostics import log_aggregate


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(n: int, D: int, seed: int = 0) -> Tensor:
    return torch.randn(n, D, generator=seeded(seed))


class TestInformation:
    def test_a_linear_gaussian_has_the_closed_form(self) -> None:
        """x ~ N(0, I), z | x ~ N(ax, s²): I = D/2 · ln(1 + a²/s²), rate and KL as well."""
        D, a, s2, N = 2, 1.5, 0.3, 3000
        result = information(a * noise(N, D), torch.full((N, D), math.log(s2)), generator=seeded(1))
        assert result.mutual_information == pytest.approx(D / 2 * math.log(1 + a * a / s2), abs=0.1)
        variance = a * a + s2
        kl = D / 2 * (variance - 1 - math.log(variance))
        assert result.mutual_information is not None
        assert result.rate - result.mutual_information == pytest.approx(kl, abs=0.1)

    def test_a_collapsed_posterior_says_nothing(self) -> None:
        result = information(torch.zeros(100, 3), torch.zeros(100, 3), generator=seeded())
        assert result.rate == 0
        assert result.mutual_information == pytest.approx(0, abs=1e-12)

    def test_near_the_ceiling_only_the_ceiling_is_given(self) -> None:
        mean = noise(500, 4)
        sharp = information(mean, torch.full((500, 4), -6.0), generator=seeded())
        assert sharp.rate > math.log(500) - 2
        assert sharp.limit == math.log(500)
        assert sharp.mutual_information is None

    def test_the_aggregate_is_the_naive_mixture(self) -> None:
        q = DiagonalGaussian(noise(7, 3).double(), 0.3 * noise(7, 3, 1).double())
        z = noise(11, 3, 2).double()
        naive = torch.stack(
            [torch.logsumexp(q.log_prob(point), dim=0) - math.log(7) for point in z]
        )
        torch.testing.assert_close(log_aggregate(z, q), naive)

    def test_one_poem_is_too_few(self) -> None:
        with pytest.raises(MetricError, match="at least 2"):
            information(torch.zeros(1, 2), torch.zeros(1, 2), generator=seeded())


class TestAuc:
    def test_it_is_the_share_of_pairs_in_order(self) -> None:
        p, q = torch.randint(0, 6, (2, 40), generator=seeded()).float()
        naive = ((p[:, None] > q).double() + 0.5 * (p[:, None] == q).double()).mean().item()
        assert auc(p, q).mean == pytest.approx(naive)
        assert auc(q, p).mean == pytest.approx(1 - naive)

    def test_its_error_is_the_spread_of_repeated_draws(self) -> None:
        results = [auc(noise(200, 1, s)[:, 0] + 1, noise(100, 1, -s)[:, 0]) for s in range(1, 200)]
        spread = torch.tensor([r.mean for r in results]).std().item()
        assert results[0].error == pytest.approx(spread, rel=0.2)

    def test_extremes(self) -> None:
        low, high = torch.arange(5.0), torch.arange(5.0) + 10
        assert (auc(high, low).mean, auc(low, high).mean, auc(low, low).mean) == (1, 0, 0.5)
        assert math.isnan(auc(high[:1], low).error)
        with pytest.raises(MetricError, match="nothing to compare"):
            auc(high[:0], low)


class TestHole:
    def test_there_is_none_where_the_posterior_fills_the_prior(self) -> None:
        assert hole(noise(1500, 16), generator=seeded(1)).mean == pytest.approx(0.5, abs=0.04)

    @pytest.mark.parametrize("D", [2, 64])
    def test_a_shift_is_found_nearly_as_well_as_can_be(self, D: int) -> None:
        """Two unit Gaussians at distance d: the best critic has AUC Φ(d/√2)."""
        best = 0.5 * (1 + math.erf(1 / 2))  # d = 1
        found = hole(noise(3000, D) + 1 / math.sqrt(D), generator=seeded(1)).mean
        assert best - 0.04 < found < best + 0.02

    def test_a_ring_is_found_though_mean_and_spread_are_the_priors(self) -> None:
        direction = torch.nn.functional.normalize(noise(1500, 2), dim=1)
        assert hole(math.sqrt(2) * direction, generator=seeded(1)).mean > 0.8

    def test_the_same_seed_gives_the_same_and_touches_no_other(self) -> None:
        z = noise(300, 3) + 0.3
        before = torch.random.get_rng_state()
        assert hole(z, generator=seeded(1)) == hole(z, generator=seeded(1))
        assert torch.equal(before, torch.random.get_rng_state())

    def test_too_few_are_refused(self) -> None:
        with pytest.raises(MetricError, match="at least 10"):
            hole(noise(12, 3), generator=seeded())


class TestTotalCorrelation:
    @pytest.mark.parametrize(("D", "rho"), [(2, 0.8), (4, 0.5)])
    def test_correlated_gaussians(self, D: int, rho: float) -> None:
        """TC = −½ ln det of the correlations: 0.51 and 0.58 nats, found to within 0.15."""
        correlations = torch.full((D, D), rho).fill_diagonal_(1)
        z = noise(3000, D) @ torch.linalg.cholesky(correlations).T
        truth = -0.5 * torch.logdet(correlations).item()
        found = total_correlation(3 * z + 1, generator=seeded(1))  # neither scale nor place counts
        assert found.mean == pytest.approx(truth, abs=0.15)

    def test_the_linear_part_in_closed_form(self) -> None:
        correlations = torch.full((20, 20), 0.1).fill_diagonal_(1)
        z = noise(4000, 20) @ torch.linalg.cholesky(correlations).T
        truth = -0.5 * torch.logdet(correlations).item()
        assert gaussian_total_correlation(3 * z + 1) == pytest.approx(truth, abs=0.05)
        assert gaussian_total_correlation(noise(1000, 20)) == pytest.approx(0, abs=0.03)
        with pytest.raises(MetricError, match="at least 200"):
            gaussian_total_correlation(z[:199])
        with pytest.raises(MetricError, match="does not move"):
            gaussian_total_correlation(torch.cat([z, torch.ones(4000, 1)], dim=1))

    def test_many_weak_correlations_are_found_together(self) -> None:
        """Of 1,770, half are below the noise of the 3,000 samples that the critic is fitted to."""
        shared = 1.5 * noise(1, 60, 3) / math.sqrt(60)
        z = noise(6000, 60) + noise(6000, 1, 4) * shared
        assert torch.corrcoef(z.T).abs().median() < 1 / math.sqrt(3000)
        squares = shared.square()
        truth = 0.5 * (torch.log1p(squares).sum() - torch.log1p(squares.sum())).item()
        assert truth / 4 < total_correlation(z, generator=seeded(1)).mean < truth

    def test_independent_dimensions_have_none(self) -> None:
        assert total_correlation(noise(3000, 8), generator=seeded(1)).mean == pytest.approx(
            0, abs=0.03
        )

    def test_permuting_keeps_every_dimension(self) -> None:
        z = noise(50, 3)
        shuffled = permuted(z, generator=seeded(1))
        torch.testing.assert_close(shuffled.sort(dim=0).values, z.sort(dim=0).values)
        assert not torch.equal(shuffled, z)


def test_the_log_ratio_of_two_gaussians() -> None:
    """ln N(v; 1, 1)/N(v; 0, 1) = v − ½."""
    log_ratio = fit_log_ratio(noise(4000, 1, 1) + 1, noise(2000, 1, 2), generator=seeded())
    v = torch.linspace(-1, 2, 7)[:, None]
    torch.testing.assert_close(log_ratio(v), v[:, 0] - 0.5, atol=0.25, rtol=0)


class TestDisentanglement:
    @pytest.fixture
    def factors(self) -> dict[str, Tensor]:
        labels = torch.randint(0, 4, (3, 3000), generator=seeded())
        return {"metre": labels[0], "rhyme": labels[1], "dynasty": labels[2]}

    @staticmethod
    def code(factors: dict[str, Tensor]) -> Tensor:
        """A dimension a factor, two that mean something else, and one that does not move."""
        values = torch.stack(list(factors.values()), dim=1).float()
        still = torch.full((len(values), 1), 0.7) + 1e-3 * noise(len(values), 1, 1)
        return torch.cat([values + 0.05 * noise(*values.shape, 2), noise(len(values), 2), still], 1)

    def test_a_dimension_a_factor_is_perfect(self, factors: dict[str, Tensor]) -> None:
        assert disentanglement(self.code(factors), factors, generator=seeded()) == 1.0

    def test_rotated_it_is_not(self, factors: dict[str, Tensor]) -> None:
        code = self.code(factors)
        rotation = torch.linalg.qr(noise(6, 6, 7))[0]
        assert disentanglement(code @ rotation, factors, generator=seeded()) < 0.9

    def test_a_code_that_knows_no_factor_is_left_to_chance(
        self, factors: dict[str, Tensor]
    ) -> None:
        score = disentanglement(noise(3000, 6, 5), factors, generator=seeded())
        assert score == pytest.approx(1 / 3, abs=0.08)

    def test_what_has_no_score_is_refused(self, factors: dict[str, Tensor]) -> None:
        code = self.code(factors)
        with pytest.raises(MetricError, match="compares at least 2"):
            disentanglement(code, {"metre": factors["metre"]}, generator=seeded())
        rare = {**factors, "poem": torch.arange(3000)}
        with pytest.raises(MetricError, match="'poem': 0 of 3000 values"):
            disentanglement(code, rare, generator=seeded())
        with pytest.raises(MetricError, match="no dimension"):
            disentanglement(torch.zeros(3000, 4), factors, generator=seeded())
