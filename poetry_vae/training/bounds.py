"""Lower bounds of log p(x), as pure functions of a forward pass: one value a poem, in nats."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from poetry_vae.model import labelling
from poetry_vae.model.latents import Record
from poetry_vae.model.vae import PoetryVAE


def rate(record: Record) -> Tensor:
    """KL(q(z|x) ‖ p(z)) of all levels, in closed form: [B]."""
    return torch.stack([level.kl.sum(-1) for level in record.levels]).sum(0)


def distortion(record: Record) -> Tensor:
    """−E_q[log p(x|z)], estimated with the K samples of the record: [B]."""
    return -record.log_likelihood.mean(0)


def elbo(record: Record) -> Tensor:
    """E_q[log p(x|z)] − KL(q(z|x) ‖ p(z)) <= log p(x): [B].

    Kingma & Welling 2014, equation 7: the divergence in closed form, the rest by K samples.
    """
    return -distortion(record) - rate(record)


def log_weights(record: Record, annealing: float = 1.0, *, is_path_only: bool = False) -> Tensor:
    """log p(x, z_k) − log q(z_k|x) of every sample, over all levels: [K, B].

    Args:
        annealing: scales log p(z_k) − log q(z_k|x).
        is_path_only: gradients reach the parameters of q only through z.
    """
    ratios = []
    for level in record.levels:
        q = level.posterior.detached() if is_path_only else level.posterior
        ratios.append(level.prior.log_prob(level.z) - q.log_prob(level.z))
    return record.log_likelihood + annealing * torch.stack(ratios).sum(0)


def importance_weighted(record: Record, annealing: float = 1.0) -> Tensor:
    """log (1/K) Σ_k p(x, z_k)/q(z_k|x) <= log p(x): [B].

    Burda et al. 2015, "Importance Weighted Autoencoders", equation 8; at K = 1 the sampled ELBO.
    """
    weights = log_weights(record, annealing)
    return torch.logsumexp(weights, dim=0) - math.log(len(weights))


def over_labels(
    model: PoetryVAE,
    ids: Tensor,
    bound: Callable[[Record], Tensor],
    *,
    samples: int = 1,
    generator: torch.Generator | None,
) -> Tensor:
    """log Σ_y p(y) exp bound(x|y), the bound of p(x) where the model has labels: ids [B, T].

    Args:
        bound: log of an unbiased estimate of p(x|y) from the record of a forward pass, [B] or
            [K, B]: :func:`importance_weighted`, or :func:`log_weights` before the mean over K. A
            sampled ELBO is not such a log: the sum favours the labels of lucky draws, and the
            result can exceed log p(x). An exact ELBO may be used.

    Returns:
        The shape of ``bound``; without labels it is ``bound`` itself.
    """
    if model.config.labels is None:
        return bound(model(ids, samples=samples, generator=generator))
    each = []
    for y, log_p in enumerate(labelling.prior(model)):
        label = torch.full((len(ids),), y, device=ids.device)
        each.append(log_p + bound(model(ids, label, samples=samples, generator=generator)))
    return torch.logsumexp(torch.stack(each), dim=0)
