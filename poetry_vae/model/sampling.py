"""Characters from logits."""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from poetry_vae.text.errors import PoetryVAEError


class SamplingError(PoetryVAEError):
    """Sampling settings that do not make a distribution."""


def draw(
    logits: Tensor,
    temperature: float,
    *,
    refused: Tensor | None = None,
    generator: torch.Generator | None,
) -> Tensor:
    """One symbol a row from softmax(logits / temperature); the likeliest at temperature 0.

    It inverts the cumulative sum, which takes one uniform number a row. The library's categorical
    sampler takes one a symbol, which makes it slower than the network that feeds it.

    Args:
        logits: [R, V]; they are overwritten.
        temperature: >= 0.
        refused: ids that are never drawn. A row that hits one is drawn again, from a copy of the
            generator, so that all other rows are as they would be without it.

    Returns:
        [R] ids.

    Raises:
        SamplingError: the temperature is negative or not a number, or logits that decide are not
            numbers.
    """
    if not 0 <= temperature < float("inf"):
        raise SamplingError(f"temperature is {temperature}: it must be a number >= 0")
    if temperature == 0:
        if refused is not None:
            logits.index_fill_(1, refused, -torch.inf)
        return _heaviest(logits)
    if temperature != 1:
        # Shifted first, so that the smallest temperature makes 0 and −∞, not infinities.
        logits -= logits.amax(dim=-1, keepdim=True)
        logits /= max(temperature, 1e-6)
    ids = draw_weighted(torch.softmax(logits, dim=-1, dtype=torch.float32), generator=generator)
    if refused is not None and (hit := torch.isin(ids, refused).nonzero()[:, 0]).numel():
        left = logits[hit].index_fill(1, refused, -torch.inf)
        aside = None if generator is None else generator.clone_state()
        ids[hit] = draw_weighted(torch.softmax(left, -1, dtype=torch.float32), generator=aside)
    return ids


def lessen(logits: Tensor, ids: Tensor, nats: float) -> Tensor:
    """Lower the logits [R, V] of ids [R, S] by ``nats``, each once; the logits are overwritten.

    Negative ids are skipped.
    """
    rows, places = (ids >= 0).nonzero(as_tuple=True)
    columns = ids[rows, places]
    logits[rows, columns] = logits[rows, columns] - nats
    return logits


def drawn_at(weights: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """Symbols drawn from weights [..., V] to which the temperature is already applied: [...].

    At temperature 0 it is not applied, and the heaviest symbol is taken.

    Raises:
        SamplingError: a weight that decides is no number.
    """
    if temperature == 0:
        return _heaviest(weights)
    flat = draw_weighted(weights.flatten(0, -2), generator=generator)
    return flat.view(weights.shape[:-1])


# Symbols in a block: the sums of blocks are searched first, then the one block that was hit.
_BLOCK = 64
_BELOW_ONE = 1 - 2**-24


def draw_weighted(weights: Tensor, *, generator: torch.Generator | None) -> Tensor:
    """One index a row of weights [R, V] >= 0, with probability in proportion to its weight: [R].

    A cumulative sum over a whole row is a chain of additions; sums of blocks are not, so the row is
    searched in two steps, both of them short.

    Raises:
        SamplingError: a weight is no number.
    """
    R, V = weights.shape
    full = V // _BLOCK * _BLOCK
    sums = torch.unflatten(weights[:, :full], 1, (full // _BLOCK, _BLOCK)).sum(-1)
    if full < V:
        sums = torch.cat([sums, weights[:, full:].sum(-1, keepdim=True)], dim=-1)
    edges = sums.cumsum(-1)
    _check_finite(edges[:, -1])
    uniform = torch.rand((R, 1), generator=generator, device=weights.device, dtype=weights.dtype)
    # Rounding could reach the total: stay below it, so that no weight of 0 is ever hit.
    below = uniform.clamp_max(_BELOW_ONE) * edges[:, -1:]
    block = torch.searchsorted(edges, below, right=True).clamp_max(sums.shape[1] - 1)
    share = (below - (edges - sums).gather(1, block)) / sums.gather(1, block)
    index = block * _BLOCK + torch.arange(_BLOCK, device=weights.device)
    inside = weights.gather(1, index.clamp_max(V - 1)).masked_fill_(index >= V, 0.0).cumsum(-1)
    below = share.clamp(0.0, _BELOW_ONE) * inside[:, -1:]
    place = torch.searchsorted(inside, below, right=True).clamp_max(_BLOCK - 1)
    return (block * _BLOCK + place)[:, 0]


def _heaviest(weights: Tensor) -> Tensor:
    _check_finite(weights.amax(dim=-1))
    return weights.argmax(dim=-1)


def _check_finite(deciding: Tensor) -> None:
    if not deciding.isfinite().all():
        raise SamplingError(
            "the probabilities are not numbers: a setting is too large to compute with; lower "
            "--guidance, or raise --temperature"
        )


def derived_seed(seed: int, *path: int | str) -> int:
    """A seed for one purpose of many (a training step, a block of poems) from the one given.

    Stateless, so that nothing has to be stored to continue a run, and poem i of a seed does not
    depend on how many are asked for.
    """
    text = ":".join(map(str, (seed, *path)))
    return int.from_bytes(hashlib.blake2b(text.encode("ascii"), digest_size=7).digest(), "big")
