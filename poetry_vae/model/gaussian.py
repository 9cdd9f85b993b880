"""The only Gaussian of the project: density, divergence and reparameterised sample."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DiagonalGaussian:
    """N(mean, diag exp(log_variance)); both [..., D], the last axis is the vector."""

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def standard(cls, like: Tensor) -> DiagonalGaussian:
        """N(0, I) of the shape of ``like`` [..., D]."""
        zeros = torch.zeros_like(like)
        return cls(zeros, zeros)

    @property
    def stddev(self) -> Tensor:
        return torch.exp(0.5 * self.log_variance)

    def rsample(self, samples: int, *, generator: torch.Generator | None) -> Tensor:
        """``samples`` draws [K, ..., D] through which gradients flow: μ + σ ⊙ ε, ε ~ N(0, I).

        Kingma & Welling 2014, "Auto-Encoding Variational Bayes", section 2.4.
        """
        noise = torch.randn(
            (samples, *self.mean.shape),
            generator=generator,
            device=self.mean.device,
            dtype=self.mean.dtype,
        )
        return self.mean + self.stddev * noise

    def merged(self, other: DiagonalGaussian) -> DiagonalGaussian:
        """The normalised product of both densities: precisions add up, means are weighted by them.

        Sønderby et al. 2016, "Ladder Variational Autoencoders", equations 17 to 19.
        """
        ours, theirs = torch.exp(-self.log_variance), torch.exp(-other.log_variance)
        log_variance = -torch.logaddexp(-self.log_variance, -other.log_variance)
        mean = (self.mean * ours + other.mean * theirs) * torch.exp(log_variance)
        return DiagonalGaussian(mean, log_variance)

    def blurred(self, trust: Tensor) -> DiagonalGaussian:
        """The distribution of t·z + √(1 − t²)·ε, ε ~ N(0, I), for t in [0, 1]: [..., 1] or [].

        N(0, I) does not change; every other distribution comes nearer to it as t falls.
        """
        variance = trust.square() * torch.exp(self.log_variance) + 1 - trust.square()
        return DiagonalGaussian(trust * self.mean, variance.log())

    def typical(self) -> Tensor:
        """The mean, as far out as draws of N(0, I) are: [..., D].

        Means lie nearer to 0 than any z that a decoder has been trained on. Where posteriors q(z|x)
        add up to the prior N(0, I), the variance of μ_j over all x is 1 − σ_j². Here the mean of a
        poem is scaled so that Σ_j w_j μ_j² = Σ_j w_j. The weight w_j = max(0, 1 − σ_j²) measures
        how much coordinate j tells of the poem; it is 0 if that is nothing.
        """
        told = (1 - torch.exp(self.log_variance)).clamp_min(0)
        length = (told * self.mean.square()).sum(-1, keepdim=True)
        wanted = told.sum(-1, keepdim=True)
        longer = torch.where(length > 0, (wanted / length).sqrt(), torch.ones_like(length))
        return self.mean * longer

    def detached(self) -> DiagonalGaussian:
        """The same distribution, through whose parameters no gradient flows."""
        return DiagonalGaussian(self.mean.detach(), self.log_variance.detach())

    def log_prob(self, z: Tensor) -> Tensor:
        """log N(z; mean, variance) in nats, summed over D: [..., D] → [...]."""
        squared = (z - self.mean).square() * torch.exp(-self.log_variance)
        return -0.5 * (squared + self.log_variance + math.log(2 * math.pi)).sum(-1)

    def kl(self, other: DiagonalGaussian) -> Tensor:
        """KL(self ‖ other) in nats, a value a dimension: [..., D].

        Against N(0, I) this is ½(μ² + σ² − 1 − log σ²) (Kingma & Welling 2014, appendix B).
        """
        difference = self.log_variance - other.log_variance
        shift = (self.mean - other.mean).square() * torch.exp(-other.log_variance)
        return 0.5 * (torch.exp(difference) + shift - 1.0 - difference)
