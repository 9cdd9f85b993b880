"""M2: a VAE with a label that is known of some poems and inferred of the others.

Kingma et al. 2014, "Semi-supervised Learning with Deep Generative Models", section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.model import labelling
from poetry_vae.training import bounds
from poetry_vae.training.objectives import Step, Terms


@dataclass(frozen=True)
class SemiSupervised:
    """Σ_l −L(x, y) + Σ_u −U(x), a poem, and α times the classification loss on known labels.

    L(x, y) = E_q(z|x,y)[log p(x|y, z)] − KL(q(z|x,y) ‖ p(z)) + log p(y)        (equation 6)
    U(x)    = Σ_y q(y|x) L(x, y) + H(q(y|x))                                      (equation 7)
    J^α     = J + α E_l[−log q(y|x)]                                              (equation 9)

    Hidden labels are enumerated: a batch costs Y forward passes. α multiplies a mean of a nat or
    less, while bounds are 60 nats and more. If α is small, the classifier assigns whatever labels
    suit the bound, which need not be the labels that were meant.
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
