"""log softmax over a large vocabulary without the logits of a whole batch in memory.

The vocabulary softmax dominates the training of small text models, and most of its time goes into
moving [rows, vocabulary] arrays through memory. Here a block of rows is taken from logits to
gradient in one pass, while it is still in the processor's cache.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import linear

# Bytes of logits in a block: measured best on a CPU with 1 MiB of second-level cache a core.
_CPU_BLOCK = 2_500_000
_ACCELERATOR_BLOCK = 1 << 29


def block_rows(vocabulary: int, like: Tensor) -> int:
    """How many rows of logits of the kind of ``like`` to hold at once."""
    block = _CPU_BLOCK if like.device.type == "cpu" else _ACCELERATOR_BLOCK
    return max(16, block // (vocabulary * like.element_size()))


def log_prob_of(
    states: Tensor, weight: Tensor, bias: Tensor, targets: Tensor, there: Tensor | None = None
) -> Tensor:
    """log softmax(states · weightᵀ + bias)[target], exact, in nats.

    Args:
        states: [R, H]; weight: [V, H]; bias: [V]; targets: [R] ids below V.
        there: [R], false for rows that are padding: they give 0, and no gradient.

    Returns:
        [R] in float32 (float64 for float64 input). Products are taken in the autocast precision.
    """
    if torch.is_grad_enabled() and (states.requires_grad or weight.requires_grad):
        result: Tensor = _LogProb.apply(  # type: ignore[no-untyped-call]
            states, weight, bias, targets, there
        )
        return result
    rows = block_rows(len(weight), states)
    parts = []
    for h, t in zip(torch.split(states, rows), torch.split(targets, rows), strict=True):
        logits = linear(h, weight, bias)
        logits = logits.float() if logits.dtype != torch.float64 else logits
        parts.append(logits.gather(1, t[:, None])[:, 0] - logits.logsumexp(1))
    found = torch.cat(parts)
    return found if there is None else found * there


class _LogProb(torch.autograd.Function):
    """The gradient of row r is g_r·(onehot_r − p_r): its parts are made on the way forward.

    The gradient of ``states`` scales by row, so it can be finished backward whatever g is. That
    of ``weight`` sums over rows: its sum for g = 1 serves where all g_r are equal, as in the ELBO;
    otherwise (importance weights) the blocks are computed a second time.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        weight: Tensor,
        bias: Tensor,
        targets: Tensor,
        there: Tensor | None,
    ) -> Tensor:
        kind = states.device.type
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            h, w, b = states.to(dtype), weight.to(dtype), bias.to(dtype)
        else:
            h, w, b = states, weight, bias
        with torch.autocast(kind, enabled=False):  # else it would widen the softmax on some devices
            log_prob, residual_h, grad_w, grad_b = _blocks(
                h, w, b, targets, scale=there, is_table_trained=weight.requires_grad
            )
        if there is not None:
            log_prob = log_prob * there
        ctx.there = there
        ctx.save_for_backward(h, w, b, targets, residual_h, grad_w, grad_b)
        ctx.dtypes = states.dtype, weight.dtype, bias.dtype
        return log_prob

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        h, w, b, targets, residual_h, grad_w, grad_b = ctx.saved_tensors
        (g,) = grads
        hidden_dtype, weight_dtype, bias_dtype = ctx.dtypes
        grad_h = (residual_h * g[:, None].to(residual_h.dtype)).to(hidden_dtype)
        if not ctx.needs_input_grad[1]:
            return grad_h, None, None, None, None
        there = torch.ones_like(g, dtype=torch.bool) if ctx.there is None else ctx.there
        first = g[there.int().argmax()]
        if bool(((g == first) | ~there).all()):
            grad_w, grad_b = grad_w * first, grad_b * first
        else:
            _, _, grad_w, grad_b = _blocks(
                h, w, b, targets, scale=g * there, is_hidden_trained=False
            )
        return grad_h, grad_w.to(weight_dtype), grad_b.to(bias_dtype), None, None


def _blocks(
    h: Tensor,
    w: Tensor,
    b: Tensor,
    targets: Tensor,
    *,
    scale: Tensor | None,
    is_table_trained: bool = True,
    is_hidden_trained: bool = True,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """log p [R], (onehot − p)·w [R, H], and Σ_r scale_r (onehot − p)_r ⊗ h_r with its bias."""
    exact = torch.float64 if h.dtype == torch.float64 else torch.float32
    log_prob = torch.empty(len(h), dtype=exact, device=h.device)
    residual_h = torch.empty_like(h)
    grad_w = torch.zeros(w.shape, dtype=exact, device=h.device)
    grad_b = torch.zeros(b.shape, dtype=exact, device=h.device)
    rows = block_rows(len(w), h)
    smallest = torch.finfo(exact).tiny
    for start in range(0, len(h), rows):
        block = slice(start, start + rows)
        target = targets[block, None]
        p = torch.softmax(linear(h[block], w, b), dim=-1)
        p_target = p.gather(1, target)
        log_prob[block] = p_target[:, 0].to(exact).clamp_min(smallest).log()
        residual = p.neg_().scatter_(1, target, 1 - p_target)
        if scale is not None:
            residual *= scale[block, None].to(residual.dtype)
        if is_hidden_trained:
            torch.mm(residual, w, out=residual_h[block])
        if is_table_trained:
            grad_w += residual.T @ h[block]
            grad_b += residual.sum(0)
    return log_prob, residual_h, grad_w, grad_b
