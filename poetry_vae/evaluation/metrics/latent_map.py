"""The latent space on a plane, and what its points can be coloured by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.metrics.errors import MetricError

Floats = npt.NDArray[np.floating]


def latent_map(means: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The first two principal components of posterior means [N, D]: x [N] and y [N].

    A component's sign is arbitrary; here the dimension with the largest weight gets a positive one,
    so that the same means always give the same picture. With one dimension y is 0.

    Raises:
        MetricError: fewer than two poems, or means that are not numbers.
    """
    if len(means) < 2:
        raise MetricError(f"{len(means)} poem(s): a map of the latent space takes at least 2")
    centred = means.astype(np.float64) - means.mean(axis=0, dtype=np.float64)
    if not np.isfinite(centred).all():
        raise MetricError("posterior means that are not finite numbers cannot be mapped")
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    heaviest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    points = centred @ (axes * np.where(heaviest < 0, -1.0, 1.0)[:, None]).T
    return points[:, 0], points[:, 1] if points.shape[1] > 1 else np.zeros(len(points))
