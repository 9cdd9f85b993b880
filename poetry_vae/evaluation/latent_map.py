"""The latent space on a plane, and what its points can be coloured by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.errors import MetricError
from poetry_vae.text.metre import templates
from poetry_vae.text.poem import Form
from poetry_vae.text.scansion import check

Floats = npt.NDArray[np.floating]

METHOD = "principal components of posterior means"
NO_METRE = "—"


def latent_map(means: Floats) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The first two principal components of posterior means [N, D]: x [N] and y [N].

    A component's sign is open; here the dimension that weighs most in it counts positively, so
    that the same means always give the same picture. With one dimension y is 0.

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


def template_labels(texts: Sequence[str], form: Form) -> list[str]:
    """The metre template that each poem of T characters keeps; — where it keeps none.

    Raises:
        MetreError: the form has no metre.
    """
    templates(form)
    reports = [check(form.cut(text)) for text in texts]
    return [report.template.name if report.keeps_metre else NO_METRE for report in reports]
