"""Move one dimension of the latent and keep all others: what does it control?"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.model import labelling
from poetry_vae.model.inference import inference
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.poem import Poem
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import LIKELIEST

_FURTHEST = 3.0  # standard deviations of the prior


class DimensionError(PoetryVAEError):
    """A dimension that the latent does not have."""


@dataclass(frozen=True)
class Traversal:
    """Poems along one dimension of the latent."""

    dimension: int
    """Counted from 1."""
    values: tuple[float, ...]
    poems: tuple[Poem, ...]
    """The likeliest poem at each value, in the models' orthography."""


@inference()
def traverse(
    model: PoetryVAE,
    poem: Poem | str | None = None,
    *,
    dimension: int | None = None,
    steps: int = 7,
) -> Traversal:
    """Move one dimension from −3 to 3 around a poem's typical code, or around the prior's mean, 0.

    Args:
        dimension: counted from 1; without it the one that changes most characters on the way.

    Raises:
        DimensionError: the latent has no such dimension.
        LabelError: the model needs a label, and there is no poem to infer it from.
        FormError: the poem does not have the model's form.
        ValueError: fewer than two steps.
    """
    if steps < 2:
        raise ValueError(f"{steps} steps: give at least 2")
    D = model.code_size
    if dimension is not None and not 1 <= dimension <= D:
        raise DimensionError(f"dimension {dimension}: the latent has the dimensions 1 to {D}")
    centre = (
        torch.zeros(D, device=model.device) if poem is None else model.encode([poem]).typical()[0]
    )
    model = labelling.as_of(model, poem)
    values = torch.linspace(-_FURTHEST, _FURTHEST, steps, device=model.device)
    if dimension is None:
        changes = [_changes(_written(model, centre, j, values)) for j in range(D)]
        dimension = 1 + changes.index(max(changes))
    ids = _written(model, centre, dimension - 1, values)
    return Traversal(dimension, tuple(values.tolist()), tuple(model.poems_of(ids)))


@inference()
def redraw(
    model: PoetryVAE,
    poem: Poem | str | None = None,
    *,
    level: str,
    n: int,
    generator: torch.Generator,
) -> list[Poem]:
    """A poem and ``n`` variants: each is the likeliest poem after one level of latents is drawn
    anew.

    The poem is the given one as the model reconstructs it, or else one of the model's own. All
    other levels are kept, so the changes show what the level controls.

    Args:
        level: ``poem``, ``line`` or ``character``, where the model has it.

    Raises:
        DimensionError: the model has no such level.
        LabelError: the model needs a label, and there is no poem to infer it from.
        FormError: the poem does not have the model's form.
    """
    sizes = model.level_sizes
    if level not in sizes:
        raise DimensionError(f"no level {level!r}: the model has {', '.join(sizes)}")
    start = sum(list(sizes.values())[: list(sizes).index(level)])
    model = labelling.as_of(model, poem)
    code = torch.randn(1, model.code_size, generator=generator, device=model.device)
    if poem is not None:
        code = model.encode([poem]).typical()
    codes = code.repeat(n + 1, 1)
    drawn = torch.randn(n, sizes[level], generator=generator, device=model.device)
    codes[1:, start : start + sizes[level]] = drawn
    return Sampler(model, LIKELIEST).poems_of_codes(codes)


def _written(model: PoetryVAE, centre: Tensor, j: int, values: Tensor) -> Tensor:
    """The likeliest poems with z_j at each of values [S], all else as in centre [D]: ids [S, T]."""
    code = centre.repeat(len(values), 1)
    code[:, j] = values
    return Sampler(model, LIKELIEST).write_from(code, generator=None)


def _changes(ids: Tensor) -> int:
    """How many characters change from each of ids [S, T] to the next."""
    return int((ids[1:] != ids[:-1]).sum())
