"""Objectives to minimise. Each takes a :class:`Step` and returns named terms.

A run chooses one of three: the weighted ELBO, the importance-weighted bound, or M2 for hidden
labels. ``additions.py`` has terms that may be added. A field with the name of a setting holds that
setting, see ``recipe.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from poetry_vae.model import labelling
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
        """The model's reading of a share of the batch, at least one poem, scored as in training."""
        batch = self.batch.rows(slice(max(1, round(share * len(self.batch.ids)))))
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


@dataclass(frozen=True)
class SemiSupervised:
    """M2, for a label that is known of some poems and inferred of the others.

    Σ_l −L(x, y) + Σ_u −U(x), a poem, and α times the classification loss on known labels:

    L(x, y) = E_q(z|x,y)[log p(x|y, z)] − KL(q(z|x,y) ‖ p(z)) + log p(y)        (equation 6)
    U(x)    = Σ_y q(y|x) L(x, y) + H(q(y|x))                                      (equation 7)
    J^α     = J + α E_l[−log q(y|x)]                                              (equation 9)

    Hidden labels are enumerated: a batch costs Y forward passes. α multiplies a mean of a nat or
    less, while bounds are 60 nats and more. If α is small, the classifier assigns whatever labels
    suit the bound, which need not be the labels that were meant. Kingma et al. 2014,
    "Semi-supervised Learning with Deep Generative Models", section 3.1.
    """

    alpha: float = 50.0

    def __call__(self, step: Step) -> Terms:
        model, batch = step.model, step.batch
        assert model.classifier is not None
        assert batch.labels is not None
        log_q = model.classifier(batch.ids)  # [B, Y]
        known = batch.labels >= 0
        weights = log_q.exp()
        entropy = -(weights * log_q).sum(-1)
        # A known label acts as a q(y|x) with all its weight on one value, and no entropy.
        sure = torch.nn.functional.one_hot(batch.labels.clamp_min(0), log_q.shape[1])
        weights = torch.where(known[:, None], sure.to(weights.dtype), weights)
        entropy = torch.where(known, torch.zeros_like(entropy), entropy)

        distortion, rate = _by_label(step, known)  # [B, Y] each
        log_p = labelling.prior(model)
        cost = distortion + step.annealing * rate - log_p
        joint = (weights * cost).sum(-1) - entropy
        loss = joint.mean()
        others = {}
        if batch.taught is not None:
            ids, labels = batch.taught
            classification = torch.nn.functional.nll_loss(model.classifier(ids), labels)
            loss = loss + self.alpha * classification
            others["classification"] = classification.detach()
        mean_rate = (weights * rate).sum(-1).mean().detach()
        mean_distortion = (weights * distortion).sum(-1).mean().detach()
        elbo = ((weights * (log_p - distortion - rate)).sum(-1) + entropy).mean().detach()
        return Terms(loss, elbo, mean_rate, mean_distortion, others)


def _by_label(step: Step, known: Tensor) -> tuple[Tensor, Tensor]:
    """Distortion and rate given every label, [B, Y] each; 0 where a known label is another."""
    model, batch = step.model, step.batch
    assert batch.labels is not None
    Y = len(labelling.prior(model))
    values = torch.arange(Y, device=batch.ids.device)
    wanted = ~known[:, None] | (batch.labels[:, None] == values)  # [B, Y]
    poem, label = wanted.nonzero(as_tuple=True)
    record = model(batch.ids[poem], label, as_trained=True, generator=step.generator)
    empty = torch.zeros(wanted.shape, device=wanted.device)
    each = (bounds.distortion(record).float(), bounds.rate(record).float())
    return tuple(empty.masked_scatter(wanted, value) for value in each)  # type: ignore[return-value]


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
