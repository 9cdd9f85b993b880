"""Several processes that train one model: each takes a part of every batch.

Started by torch's own launcher, ``torchrun --nproc-per-node N -m poetry_vae train …``. Gradients
are averaged after the backward pass, since objectives call parts of the model and not its
``forward`` alone. The first process makes all decisions that depend on the clock, and writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Ranks:
    """This process among those that train together; alone by default."""

    rank: int = 0
    world: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process decides and writes."""
        return self.rank == 0

    def rows(self, poems: int) -> slice:
        """The rows of a batch that this process takes: every ``world``-th."""
        return slice(self.rank, poems, self.world)

    def average(self, parameters: Iterable[nn.Parameter], *, share: float) -> None:
        """Make the gradients of all processes the mean over the whole batch.

        Args:
            share: the share of the batch's poems that this process had.
        """
        if self.world == 1:
            return
        trained = [p for p in parameters if p.requires_grad]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
        flat = torch.cat([grad.flatten() for grad in grads]) * share
        dist.all_reduce(flat)
        parts = torch.split(flat, [grad.numel() for grad in grads])
        for parameter, part in zip(trained, parts, strict=True):
            parameter.grad = part.view_as(parameter)

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def agreed(self, values: Tensor) -> Tensor:
        """The values of the first process, for all."""
        if self.world > 1:
            dist.broadcast(values, 0)
        return values

    def meet(self) -> None:
        """Wait for the others."""
        if self.world > 1:
            dist.barrier()


def is_first() -> bool:
    """Whether this is the only process or the first of several; can be asked before they meet."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def ranks(device: torch.device) -> Iterator[Ranks]:
    """The processes that ``torchrun`` has started, or this one alone."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1 or dist.is_initialized():
        yield Ranks() if world == 1 else Ranks(dist.get_rank(), dist.get_world_size())
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Ranks(dist.get_rank(), world)
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """The accelerator of this process, where each of several has its own."""
    number = os.environ.get("LOCAL_RANK")
    if device.type != "cuda" or device.index is not None or number is None:
        return device
    local = torch.device("cuda", int(number))
    torch.cuda.set_device(local)
    return local
