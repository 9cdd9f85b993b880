"""What is minimised. Each objective takes (model, batch, record) and returns named terms."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from poetry_vae.model.vae import PoetryVAE, Record
from poetry_vae.training import bounds


@dataclass(frozen=True)
class Terms:
    """Batch means in nats a poem. ``loss`` is what is minimised and is no likelihood in general:
    the unweighted ELBO, rate and distortion stand beside it so that nobody takes it for one."""

    loss: Tensor
    elbo: Tensor
    rate: Tensor
    distortion: Tensor


@dataclass(frozen=True)
class WeightedELBO:
    """distortion + β·rate, with free bits.

    β = 1 is the VAE; other β are Higgins et al. 2017, "beta-VAE". ``free_bits`` is λ of Kingma et
    al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", equation 15: nats
    a latent dimension, averaged over the batch, below which the rate is not pressed further.
    """

    beta: float = 1.0
    free_bits: float = 0.0

    def __call__(
        self, model: PoetryVAE, batch: Tensor, record: Record, *, annealing: float = 1.0
    ) -> Terms:
        """``annealing`` in [0, 1] scales β while a schedule warms up."""
        distortion, rate = bounds.distortion(record).mean(), bounds.rate(record).mean()
        penalised = rate
        if self.free_bits > 0:
            per_dimension = [level.kl.mean(0).clamp_min(self.free_bits) for level in record.levels]
            penalised = sum(kl.sum() for kl in per_dimension)  # type: ignore[assignment]
        loss = distortion + annealing * self.beta * penalised
        return Terms(loss, -(distortion + rate).detach(), rate.detach(), distortion.detach())
