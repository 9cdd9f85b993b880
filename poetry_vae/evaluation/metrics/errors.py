"""What a metric cannot be had from."""

from poetry_vae.text.errors import PoetryVAEError


class MetricError(PoetryVAEError):
    """Data on which a figure has no meaning: too few poems, or labels that all are the same."""
