"""Two sets of vectors told apart by a classifier: how well it can, and the ratio of densities.

The best classifier of samples of p and of q, seen equally often, answers log p(v)/q(v) (Sugiyama
et al. 2012, "Density Ratio Estimation in Machine Learning", section 4). Everything is reported on
vectors that the classifier was not fitted to.

The classifier is our own because it must find nothing where there is nothing: of 3,000 vectors with
64 independent dimensions it finds a total correlation of 0.00 nats, where scikit-learn's
MLPClassifier with early stopping, given the Gaussians' ratio as one more input, finds 0.17.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.model.inference import inference

LogRatio = Callable[[Tensor], Tensor]
"""Vectors [N, D] → log p(v)/q(v) [N]."""

_HIDDEN, _BATCH, _RATE = 128, 256, 1e-3
_MOST_EPOCHS = 200
_PATIENCE, _PATIENT_STEPS = 8, 300  # epochs without gain, but never fewer steps than these
_HELD_BACK = 0.2  # share of the samples that decides how far the fit is trusted
_BELIEVED = (0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.99)


def fit_log_ratio(p: Tensor, q: Tensor, *, generator: torch.Generator) -> LogRatio:
    """The log-ratio of the densities that samples p [N, D] and q [M, D] come from.

    Two Gaussians first, shrunk towards each other, then a small network for what they leave. A
    fifth of the samples is held back: they decide how far the Gaussians are shrunk and when the
    network stops, so chance patterns of the fitted samples stay out. The same generator state gives
    the same answer.

    Raises:
        MetricError: fewer than 10 samples on a side.
    """
    if min(len(p), len(q)) < 10:
        raise MetricError(f"{len(p)} and {len(q)} vectors: a critic takes at least 10 of each")
    both = torch.cat([p, q])
    mean, scale = both.mean(0), both.std(0)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))

    def parts(side: Tensor) -> tuple[Tensor, Tensor]:
        side = ((side - mean) / scale)[torch.randperm(len(side), generator=generator)]
        held = int(_HELD_BACK * len(side))
        return side[held:], side[:held]

    (p, p_held), (q, q_held) = parts(p), parts(q)
    gaussians = _shrunk_gaussians(p, q, p_held, q_held)
    network = _network(p, q, p_held, q_held, gaussians, generator)

    @inference()
    def log_ratio(vectors: Tensor) -> Tensor:
        v = (vectors - mean) / scale
        result: Tensor = gaussians(v) + network(v)[:, 0]
        return result

    return log_ratio


def _loss(of_p: Tensor, of_q: Tensor) -> Tensor:
    """Logistic loss of log-ratios of samples of either side; the sides weigh the same."""
    return nn.functional.softplus(-of_p).mean() + nn.functional.softplus(of_q).mean()


def _shrunk_gaussians(p: Tensor, q: Tensor, p_held: Tensor, q_held: Tensor) -> LogRatio:
    """The log-ratio of a Gaussian fitted to each side, as far as it helps on what was held back.

    Only a share of each side's means, variances and correlations is kept (as Friedman 1989,
    "Regularized Discriminant Analysis"): thousands of weak correlations, each below the noise, are
    found together, where a classifier that fits them one by one learns the noise.
    """
    sides = [(v.mean(0), v.var(0), torch.corrcoef(v.T).reshape(v.shape[1], -1)) for v in (p, q)]

    def log_ratio(means: float, variances: float, correlations: float) -> LogRatio:
        believed = [
            (
                means * mean,
                (1 + variances * (variance - 1)).clamp_min(1e-6).sqrt(),
                torch.linalg.cholesky(
                    correlations * correlation.nan_to_num()
                    + (1 - correlations) * torch.eye(len(mean), dtype=mean.dtype)
                ),
            )
            for mean, variance, correlation in sides
        ]

        def of(v: Tensor) -> Tensor:
            one, other = (_log_normal(v, *side) for side in believed)
            return one - other

        return of

    def held_back(shares: tuple[float, float, float]) -> float:
        of = log_ratio(*shares)
        return _loss(of(p_held), of(q_held)).item()

    # Means and variances first: every pair of shares, while dimensions count as independent.
    first = min(((a, b, 0.0) for a, b in product(_BELIEVED, _BELIEVED)), key=held_back)
    return log_ratio(*min(((first[0], first[1], c) for c in _BELIEVED), key=held_back))


def _log_normal(v: Tensor, mean: Tensor, stddev: Tensor, root: Tensor) -> Tensor:
    """log N(v; mean, S L Lᵀ S) without its constant, S = diag(stddev), L = root [D, D]."""
    white = torch.linalg.solve_triangular(root, ((v - mean) / stddev).T, upper=False)
    log_determinant = (stddev.log() + root.diagonal().log()).sum()
    result: Tensor = -0.5 * white.square().sum(0) - log_determinant
    return result


def _network(
    p: Tensor, q: Tensor, p_held: Tensor, q_held: Tensor, base: LogRatio, generator: torch.Generator
) -> nn.Module:
    """What a network [N, D] → [N, 1] adds to ``base``, as far as it helps on what was held back."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(torch.randint(2**62, (), generator=generator)))
        network = nn.Sequential(
            nn.Linear(p.shape[1], _HIDDEN), nn.GELU(), nn.Linear(_HIDDEN, _HIDDEN), nn.GELU(),
            nn.Linear(_HIDDEN, 1),
        ).to(p.dtype)  # fmt: skip
    for parameter in network[-1].parameters():
        nn.init.zeros_(parameter)
    bases = [base(v) for v in (p, q, p_held, q_held)]
    optimiser = torch.optim.Adam(network.parameters(), _RATE)

    @inference()
    def held_back() -> float:
        of_p, of_q = bases[2] + network(p_held)[:, 0], bases[3] + network(q_held)[:, 0]
        return _loss(of_p, of_q).item()

    batches = max(1, (len(p) + len(q)) // _BATCH)
    patience = max(_PATIENCE, math.ceil(_PATIENT_STEPS / batches))
    best, waited, kept = held_back(), 0, copy.deepcopy(network.state_dict())
    for _ in range(_MOST_EPOCHS):
        orders = (torch.randperm(len(v), generator=generator).chunk(batches) for v in (p, q))
        for i, j in zip(*orders, strict=False):
            optimiser.zero_grad()
            of_p, of_q = bases[0][i] + network(p[i])[:, 0], bases[1][j] + network(q[j])[:, 0]
            _loss(of_p, of_q).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        if (now := held_back()) < best:
            best, waited, kept = now, 0, copy.deepcopy(network.state_dict())
        elif (waited := waited + 1) >= patience:
            break
    network.load_state_dict(kept)
    return network
