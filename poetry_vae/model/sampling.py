"""Characters from logits."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from poetry_vae.text.errors import PoetryVAEError


class SamplingError(PoetryVAEError):
    """Sampling settings that make no distribution."""


def draw(logits: Tensor, temperature: float, *, generator: torch.Generator | None) -> Tensor:
    """One symbol a row from softmax(logits / temperature); the likeliest at temperature 0.

    By inverting the cumulative sum: one uniform number a row instead of one a symbol, which is
    what makes the library's categorical sampler slower than the network that feeds it.

    Args:
        logits: [R, V]; they are overwritten.
        temperature: >= 0.

    Returns:
        [R] ids.

    Raises:
        SamplingError: the temperature is negative or not a number.
    """
    if not 0 <= temperature < float("inf"):
        raise SamplingError(f"temperature is {temperature}: it must be a number >= 0")
    if temperature == 0:
        return logits.argmax(dim=-1)
    if temperature != 1:
        # Shifted first, so that the smallest temperature makes 0 and −∞, not infinities.
        logits -= logits.amax(dim=-1, keepdim=True)
        logits /= max(temperature, 1e-6)
    cumulative = torch.softmax(logits, dim=-1, dtype=torch.float32).cumsum(dim=-1)
    uniform = torch.rand(
        (len(logits), 1), generator=generator, device=logits.device, dtype=cumulative.dtype
    )
    # The total is 1 only up to rounding: scaling by it keeps every draw inside the row.
    below = uniform * cumulative[:, -1:]
    return torch.searchsorted(cumulative, below, right=True)[:, 0].clamp_max(logits.shape[-1] - 1)


def derived_seed(seed: int, *path: int | str) -> int:
    """A seed for one purpose of many (a training step, a block of poems) from the one given.

    Stateless, so that nothing has to be stored to continue a run, and poem i of a seed does not
    depend on how many are asked for.
    """
    text = ":".join(map(str, (seed, *path)))
    return int.from_bytes(hashlib.blake2b(text.encode("ascii"), digest_size=7).digest(), "big")
