"""Errors of data that a metric cannot be computed from."""

from poetry_vae.text.errors import PoetryVAEError


class MetricError(PoetryVAEError):
    """Data on which a figure has no meaning: too few poems, or labels that all are the same."""
