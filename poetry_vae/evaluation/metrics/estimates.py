"""Means and areas under a curve, with their standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.errors import MetricError


@dataclass(frozen=True)
class Estimate:
    """A mean over poems with its standard error."""

    mean: float
    error: float


def estimate(values: Tensor) -> Estimate:
    """Mean and standard error of values [N]."""
    n = len(values)
    spread = values.double().std().item() / math.sqrt(n) if n > 1 else float("nan")
    return Estimate(values.double().mean().item(), spread)


def auc(p: Tensor, q: Tensor) -> Estimate:
    """How often a score of p [N] is above one of q [M] (half where equal), with standard error.

    The area under the ROC curve; its error after DeLong et al. 1988, equations 2 to 5.

    Raises:
        MetricError: a side is empty.
    """
    if not len(p) or not len(q):
        raise MetricError(f"{len(p)} scores against {len(q)}: there is nothing to compare")
    above = _share_below(p, q)  # of every score of p
    below = 1 - _share_below(q, p)
    if min(len(p), len(q)) < 2:
        return Estimate(above.mean().item(), float("nan"))
    error = math.sqrt(above.var().item() / len(p) + below.var().item() / len(q))
    return Estimate(above.mean().item(), error)


def _share_below(scores: Tensor, others: Tensor) -> Tensor:
    """The share of ``others`` [M] below each of ``scores`` [N], equal ones counted half: [N]."""
    ordered = others.sort().values
    lower = torch.searchsorted(ordered, scores)
    upper = torch.searchsorted(ordered, scores, right=True)
    return (lower + upper).double() / (2 * len(others))
