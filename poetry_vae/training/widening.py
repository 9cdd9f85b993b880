"""A wider refiner that computes what a narrower one does (Chen et al. 2016, "Net2Net").

The new channels of the residual stream begin at 0: nothing writes to them, while all that read
them have random weights, so that both learn from the first step on. A layer norm would notice them,
since it takes the mean and the variance over all channels. So everything that is written is first
made to sum to 0 over the old channels, which a layer norm does not notice, and the scale of every
layer norm makes up for the smaller variance.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from poetry_vae.model.attention import HEADS, AttentionBlock
from poetry_vae.model.refiner import Refiner


@torch.no_grad()
def widen(new: Refiner, old: Refiner) -> None:
    """Give a refiner with random weights those of a narrower one, which has as many blocks or
    fewer; blocks beyond those change nothing."""
    for name in ("characters", "states", "whole"):
        _write(getattr(new, name)[-1], getattr(old, name)[-1])
        getattr(new, name)[0].load_state_dict(getattr(old, name)[0].state_dict())
    _write(new.trust, old.trust)
    added = ("from_place", "to_place", "subject", "dynasty")
    for name, rows in old.named_parameters():
        if name.split(".")[0] in added:
            _write_rows(new.get_parameter(name), rows)
    for block, narrower in zip(new.blocks, old.blocks, strict=False):
        assert isinstance(block, AttentionBlock)
        assert isinstance(narrower, AttentionBlock)
        _widen_block(block, narrower)
    _norm(new.norm, old.norm)
    new.change.weight[:, : len(old.norm.weight)] = old.change.weight
    new.change.bias.copy_(old.change.bias)
    new.kept.load_state_dict(old.kept.state_dict())


def _widen_block(new: AttentionBlock, old: AttentionBlock) -> None:
    old_width, width = len(old.attention_norm.weight), len(new.attention_norm.weight)
    _norm(new.attention_norm, old.attention_norm)
    _norm(new.dense_norm, old.dense_norm)
    # Queries, keys and values of a head become longer; the last coordinates of keys are 0.
    here, there = _by_head(width), _by_head(old_width)
    size = there.shape[-1]
    scale = torch.tensor([math.sqrt(here.shape[-1] / size), 1.0, 1.0])  # of queries, keys, values
    rows, old_rows = here[..., :size].flatten(), there.flatten()
    factor = scale.repeat_interleave(old_width)
    new.query.bias.zero_()
    new.query.weight[here[1, :, size:].flatten()] = 0.0
    new.query.weight[rows, :old_width] = old.query.weight[old_rows] * factor[:, None]
    new.query.bias[rows] = old.query.bias[old_rows] * factor
    _write(new.leave, old.leave, here[0, :, :size].flatten())
    new.widen.weight[: len(old.widen.weight), :old_width] = old.widen.weight
    new.widen.bias[: len(old.widen.bias)] = old.widen.bias
    _write(new.narrow, old.narrow, torch.arange(old.narrow.in_features))


def _by_head(width: int) -> Tensor:
    """The rows of queries, keys and values in a block's table: [3, heads, width/heads]."""
    return torch.arange(3 * width).view(3, HEADS, -1)


def _write(new: nn.Linear, old: nn.Linear, inputs: Tensor | None = None) -> None:
    """Take over a layer that writes to the residual stream.

    Args:
        inputs: where the old inputs are among the new ones; by default they are the same.
    """
    inputs = torch.arange(old.in_features) if inputs is None else inputs
    nn.init.zeros_(new.weight)
    nn.init.zeros_(new.bias)
    new.weight[: old.out_features, inputs] = old.weight - old.weight.mean(0)
    new.bias[: old.out_features] = old.bias - old.bias.mean()


def _write_rows(new: Tensor, old: Tensor) -> None:
    """Take over a table of vectors that are added to the residual stream."""
    new.zero_()
    new[:, : old.shape[1]] = old - old.mean(1, keepdim=True)


def _norm(new: nn.LayerNorm, old: nn.LayerNorm) -> None:
    old_width, width = len(old.weight), len(new.weight)
    new.weight.fill_(1.0)
    new.bias.zero_()
    new.weight[:old_width] = old.weight * math.sqrt(old_width / width)
    new.bias[:old_width] = old.bias
