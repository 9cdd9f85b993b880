"""How judges that are networks learn, and how they are stored."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from poetry_vae.evaluation.judges.judge import Judge

Steps = Callable[[int, int], None]
"""Told how many steps of learning are done, and how many there are."""

_DECAY, _WARMUP = 0.01, 0.05
_M = TypeVar("_M", bound=nn.Module)


def learn(
    module: nn.Module, losses: Iterable[Tensor], steps: int, *, rate: float, progress: Steps
) -> None:
    """Take a step down each of the ``losses``, which are computed one by one as they are asked for.

    The rate rises at first and then falls to 0 in a straight line. The module is left in evaluation
    mode.
    """
    optimiser = torch.optim.AdamW(module.parameters(), lr=rate, weight_decay=_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser,
        lambda step: min(1.0, (step + 1) / (_WARMUP * steps)) * max(0.0, 1 - step / steps),
    )
    module.train()
    for step, loss in zip(range(steps), losses, strict=False):
        progress(step, steps)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    module.eval()


def known_vectors(judge: Judge) -> Tensor:
    """The first judge's vectors of its symbols, at unit scale: [symbols, width]."""
    known = np.concatenate(
        [v for a in judge.affinities.values() for v in (a.first, a.second)], axis=1
    )
    return torch.from_numpy(known / max(1e-6, float(np.sqrt((known**2).mean()))))


@contextlib.contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Weights and dropout come from torch's own generator, which is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def weights_of(module: nn.Module) -> dict[str, npt.NDArray[np.float32]]:
    """What was learned, by name."""
    return {name: p.detach().numpy() for name, p in module.named_parameters()}


def with_weights(make: Callable[[], _M], weights: Mapping[str, npt.NDArray[np.float32]]) -> _M:
    """The inverse of :func:`weights_of`.

    Raises:
        RuntimeError: weights of another module.
    """
    with seeded(0):
        module = make().eval()
    module.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
    return module
