"""Lower bounds of log p(x), as pure functions of a forward pass: one value a poem, in nats."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poetry_vae.model.vae import Record


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


def log_weights(record: Record) -> Tensor:
    """log p(x, z_k) − log q(z_k|x) of every sample, over all levels: [K, B]."""
    ratios = torch.stack([level.log_ratio for level in record.levels]).sum(0)
    return record.log_likelihood + ratios


def importance_weighted(record: Record) -> Tensor:
    """log (1/K) Σ_k p(x, z_k)/q(z_k|x) <= log p(x): [B].

    Burda et al. 2015, "Importance Weighted Autoencoders", equation 8; at K = 1 the sampled ELBO.
    """
    weights = log_weights(record)
    return torch.logsumexp(weights, dim=0) - math.log(len(weights))
