"""Objectives to minimise. Each takes a :class:`Step` and returns named terms.

A run chooses one of three: the weighted ELBO, the importance-weighted bound, or M2 for hidden
labels in ``semi_supervised.py``. ``additions.py`` has terms that may be added. A field with the
name of a setting holds that setting, see ``recipe.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from poetry_vae.model.latents import Record
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training import bounds
from poetry_vae.training.batches import Batch


@dataclass(frozen=True)
class Terms:
    """Batch means in nats a poem. ``loss`` is minimised, and is not a likelihood in general. The
    unweighted ELBO, rate and distortion are reported beside it, so that nobody takes it for one."""

    loss: Tensor
    elbo: Tensor
    rate: Tensor
    distortion: Tensor
    others: Mapping[str, Tensor] = field(default_factory=dict)
    """Whatever else an objective adds to its loss, by name."""


@dataclass(frozen=True)
class Step:
    """The input of an objective."""

    model: PoetryVAE
    batch: Batch
    annealing: float = 1.0
    """In [0, 1]: scales the weight of the rate while a schedule warms up."""
    generator: torch.Generator | None = None

    def forward(self, share: float = 1.0, samples: int = 1) -> Record:
        """The model's reading of a share of the batch, scored as it is trained."""
        batch = self.batch.first(share)
        out: Record = self.model(
            batch.ids,
            batch.labels,
            samples=samples,
            as_trained=True,
            generator=self.generator,
            asked=batch.asked,
        )
        return out


Objective = Callable[[Step], Terms]


class Addition(Protocol):
    """A term beside the bound, [], from the same forward pass; None where nothing is added yet."""

    name: ClassVar[str]

    def __call__(self, step: Step, record: Record) -> Tensor | None: ...


@dataclass(frozen=True)
class WeightedELBO:
    """distortion + β·rate with free bits, estimated with K samples.

    β = 1 is the VAE; other β are Higgins et al. 2017, "beta-VAE". ``free_bits`` is λ of Kingma et
    al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", equation 15: nats
    a latent dimension, averaged over the batch, below which the rate is not reduced further.
    """

    samples: int = 1
    beta: float = 1.0
    free_bits: float = 0.0
    warm_top_only: bool = False
    """Whether annealing holds for the top level alone; those below pay the full rate at once."""
    bound_share: float = 1.0
    """The share of a batch that the bound is computed on; additions see all of it."""
    is_sampled: bool = False
    """Whether the rate is estimated with the samples too, not computed in closed form. This Monte
    Carlo ELBO estimates the same bound, but its gradient varies more."""
    additions: tuple[Addition, ...] = ()

    def __call__(self, step: Step) -> Terms:
        record = step.forward(self.bound_share, self.samples)
        loss = bounds.distortion(record).mean()
        for j, level in enumerate(record.levels):
            if self.is_sampled:
                rate = -level.log_ratio.mean()
            else:
                rate = level.kl.mean(0).clamp_min(self.free_bits).sum()
            is_annealed = j == 0 or not self.warm_top_only
            loss = loss + (step.annealing if is_annealed else 1.0) * self.beta * rate
        return _terms(step, record, loss, self.additions)


@dataclass(frozen=True)
class ImportanceWeighted:
    """−log (1/K) Σ_k p(x, z_k)/q(z_k|x), Burda et al. 2015, equation 8.

    While the rate warms up, log p(z) − log q(z|x) is scaled within the weights.

    ``doubly_reparameterised``: the gradient of the encoder's parameters is Σ_k w̃_k² ∂ log w_k/∂z
    · ∂z/∂φ (Tucker et al. 2019, "Doubly Reparameterized Gradient Estimators", equation 8), whose
    signal does not vanish against its noise as K grows. With the ratio scaled by a, one of the two
    w̃_k becomes 1 − a + a·w̃_k. All other parameters have the usual gradient.
    """

    samples: int = 8
    doubly_reparameterised: bool = False
    additions: tuple[Addition, ...] = ()

    def __call__(self, step: Step) -> Terms:
        record = step.forward(samples=self.samples)
        if self.doubly_reparameterised:
            loss = _doubly_reparameterised(record, step.annealing)
        else:
            loss = -bounds.importance_weighted(record, step.annealing).mean()
        return _terms(step, record, loss, self.additions)


def _doubly_reparameterised(record: Record, annealing: float) -> Tensor:
    """The importance-weighted loss with gradients after Tucker et al. 2019."""
    weights = bounds.log_weights(record, annealing, is_path_only=True)  # [K, B]
    share = weights.detach().softmax(0)

    def weigh(gradient: Tensor) -> Tensor:
        """Weigh the gradient of z a second time. It has been weighed by w̃_k once, as the decoder's
        own gradient must be."""
        return (1 - annealing + annealing * share[..., None]) * gradient

    for level in record.levels:
        if level.z.requires_grad:
            level.z.register_hook(weigh)  # type: ignore[no-untyped-call]
    value = -bounds.importance_weighted(record, annealing).mean().detach()
    surrogate = -(share * weights).sum(0).mean()
    return value + surrogate - surrogate.detach()


def _terms(step: Step, record: Record, loss: Tensor, additions: tuple[Addition, ...]) -> Terms:
    others = {}
    for addition in additions:
        value = addition(step, record)
        if value is not None:
            loss = loss + value
            others[addition.name] = value.detach()
    rate, distortion = bounds.rate(record).mean(), bounds.distortion(record).mean()
    elbo = -(distortion + rate).detach()
    return Terms(loss, elbo, rate.detach(), distortion.detach(), others)
