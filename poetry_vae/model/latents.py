"""Stochastic levels. A level owns its posterior q and its prior p.

Given evidence a level draws from q, without it from p, so that training and generation walk the
same path (the shape of a ``DecBlock`` in Child 2021, "Very Deep VAEs").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poetry_vae.model.gaussian import DiagonalGaussian


@dataclass(frozen=True)
class LevelRecord:
    """What a level did: its sample z [K, B, D], and the two distributions it stands between."""

    z: Tensor
    posterior: DiagonalGaussian
    """q(z|x), [B, D]; the prior itself where the level had no evidence."""
    prior: DiagonalGaussian

    @property
    def kl(self) -> Tensor:
        """KL(q ‖ p) in nats a dimension, [B, D], in closed form."""
        return self.posterior.kl(self.prior)

    @property
    def log_ratio(self) -> Tensor:
        """log p(z) − log q(z|x) at the sample, [K, B]."""
        return self.prior.log_prob(self.z) - self.posterior.log_prob(self.z)


class GaussianLevel(nn.Module):
    """q(z|x) = N(μ(x), diag σ²(x)) and p(z) = N(0, I)."""

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.latent = latent
        self.mean = nn.Linear(features, latent)
        self.log_variance = nn.Linear(features, latent)

    def posterior(self, features: Tensor) -> DiagonalGaussian:
        """q(z|x) from features [B, F]: [B, D]. In float32 whatever the layers before it used."""
        return DiagonalGaussian(self.mean(features).float(), self.log_variance(features).float())

    def prior(self, batch: int) -> DiagonalGaussian:
        """p(z), [B, D]."""
        return DiagonalGaussian.standard(self.mean.bias.new_zeros(batch, self.latent))

    def forward(
        self,
        features: Tensor | None,
        batch: int,
        samples: int,
        *,
        generator: torch.Generator | None,
    ) -> LevelRecord:
        """Draw K = ``samples`` times: from q given features [B, F], else from p."""
        prior = self.prior(batch)
        posterior = prior if features is None else self.posterior(features)
        return LevelRecord(posterior.rsample(samples, generator=generator), posterior, prior)
