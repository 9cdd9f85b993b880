"""The two-sample test R: how well a classifier tells poems from unseen real ones.

R = 200·(1 − AUC): 100 where the two sides cannot be told apart, 0 where each poem is recognised.
Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests"; AUC instead of accuracy, because
it needs no threshold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from poetry_vae.evaluation.metrics.estimates import auc
from poetry_vae.text.errors import PoetryVAEError

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]

MOST_A_SIDE = 25_000
_FEWEST_A_SIDE = 20
_TO_FIT = 0.7


class TwoSampleError(PoetryVAEError):
    """Two sets of poems that cannot be compared, or nothing to compare them with."""


def require_classifiers() -> None:
    """Call this before any figure that a classifier judges.

    Raises:
        TwoSampleError: scikit-learn is not installed.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise TwoSampleError(
            "the two-sample test needs scikit-learn: pip install 'poetry-vae[evaluate]', or take "
            "--quick, which leaves the test out"
        ) from error


@dataclass(frozen=True)
class TwoSample:
    """The result of one test."""

    r: float
    error: float
    """Standard error of R by DeLong's variance of the AUC; it leaves out the variance of fitting
    again."""
    n: int
    """Poems a side: 70% of them to fit the classifier, 30% to test it."""


Classifier = Callable[[Ints, Ints, Ints], Scores]
"""(poems to fit, whether they are samples, poems to test) → a score each, high for samples.

Poems are row numbers, the real ones before the samples."""


def two_sample(
    real: int, samples: int, classify: Classifier, rng: np.random.Generator
) -> TwoSample:
    """R of a classifier, on as many poems of the one side as of the other.

    Args:
        real, samples: how many there are; up to 25,000 of each are drawn.

    Raises:
        TwoSampleError: too few for a figure.
    """
    n = min(real, samples, MOST_A_SIDE)
    if n < _FEWEST_A_SIDE:
        raise TwoSampleError(
            f"{real} real poems and {samples} samples: the test takes {_FEWEST_A_SIDE} of each"
        )
    fit = round(_TO_FIT * n)
    sides = [rng.permutation(real)[:n], real + rng.permutation(samples)[:n]]
    rows = np.concatenate([side[:fit] for side in sides])
    tested = [side[fit:] for side in sides]
    scores = classify(rows, np.repeat([0, 1], fit), np.concatenate(tested))
    of_real, of_samples = torch.split(torch.from_numpy(scores), n - fit)
    found = auc(of_samples, of_real)
    return TwoSample(200 * (1 - found.mean), 200 * found.error, n)


def boosted_trees(features: Floats, seed: int) -> Classifier:
    """Histogram gradient boosting on the features [real + samples, F] of all poems."""
    require_classifiers()
    from sklearn.ensemble import HistGradientBoostingClassifier

    def classify(rows: Ints, is_sample: Ints, tested: Ints) -> Scores:
        trees = HistGradientBoostingClassifier(
            max_iter=250,
            max_leaf_nodes=31,
            learning_rate=0.08,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=seed % 2**32,
        )
        trees.fit(features[rows], is_sample)
        scores: Scores = trees.decision_function(features[tested])
        return scores

    return classify
