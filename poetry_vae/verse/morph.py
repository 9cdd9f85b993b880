"""From one poem to another through the latent space."""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.model import labelling
from poetry_vae.model.inference import inference
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.poem import Poem
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import LIKELIEST


def spherical(a: Tensor, b: Tensor, share: Tensor) -> Tensor:
    """Points on the great arc from ``a`` to ``b`` [D], at each ``share`` [N] of the way: [N, D].

    A straight line between two draws of a wide Gaussian passes through the middle, where the prior
    has hardly any mass; the arc keeps to the shell (White 2016, "Sampling Generative Networks").
    The lengths change evenly from that of a to that of b.
    """
    length_a, length_b = a.norm(), b.norm()
    if length_a == 0 or length_b == 0:
        return torch.lerp(a[None], b[None], share[:, None])
    cosine = torch.clamp((a @ b) / (length_a * length_b), -1.0, 1.0)
    angle = torch.arccos(cosine)
    if angle < 1e-4 or torch.pi - angle < 1e-4:  # parallel, or opposite: no unique arc
        return torch.lerp(a[None], b[None], share[:, None])
    t = share[:, None]
    direction = (
        torch.sin((1 - t) * angle) * a / length_a + torch.sin(t * angle) * b / length_b
    ) / torch.sin(angle)
    points: Tensor = direction * torch.lerp(length_a, length_b, t)
    return points


@inference()
def interpolate(
    model: PoetryVAE, start: Poem | str, end: Poem | str, *, steps: int = 8
) -> list[Poem]:
    """``steps`` poems on the way from one poem to the other, both ends as the model reads them.

    Raises:
        FormError: a poem does not have the model's form.
        ValueError: fewer than two steps.
    """
    if steps < 2:
        raise ValueError(f"{steps} steps: from one poem to another it takes at least 2")
    model = labelling.as_of(model, start)
    first, last = model.encode([start, end]).typical()
    code = spherical(first, last, torch.linspace(0, 1, steps, device=first.device))
    return Sampler(model, LIKELIEST).poems_of_codes(code)
