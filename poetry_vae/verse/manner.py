"""How poems are drawn from a model: temperature, passes, and how far the passes go by z."""

from __future__ import annotations

from dataclasses import dataclass

from poetry_vae.model.sampling import SamplingError
from poetry_vae.model.vae import PoetryVAE

_TEMPERATURE, _PASSES = 0.5, 2
# With a refiner: nearly its own distribution, one or two characters a pass.
_REFINED_TEMPERATURE, _REFINED_PASSES, _REFINED_TRUST = 0.9, 14, 0.8


@dataclass(frozen=True)
class Manner:
    """The settings of drawing.

    A pass of a model with a refiner settles some characters, see ``verse.refine``; one of a model
    without reads the poem and writes it again, see ``verse.generate.write``. With no pass, poems
    are the decoder's own.
    """

    temperature: float
    """Of the characters given the latent; 0 takes the likeliest."""
    passes: int
    trust: float = 1.0
    """How far passes of a refiner go by the latent, from 0 to 1; nothing to other models."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise SamplingError(f"temperature is {self.temperature}: it must be a number >= 0")
        if self.passes < 0:
            raise SamplingError(f"passes is {self.passes}: it must be a number >= 0")
        if not 0 <= self.trust <= 1:
            raise SamplingError(f"trust is {self.trust}: it must be a number between 0 and 1")

    def __str__(self) -> str:
        told = f"temperature {self.temperature:g}, {self.passes} passes"
        return told + (f", trust {self.trust:g}" if self.trust < 1 else "")

    @classmethod
    def of(
        cls,
        model: PoetryVAE,
        *,
        temperature: float | None = None,
        passes: int | None = None,
        trust: float | None = None,
    ) -> Manner:
        """What is asked for, and for the rest what suits the model.

        Raises:
            SamplingError: a value is out of range.
        """
        if model.refiner is None:
            usual = cls(_TEMPERATURE, _PASSES, 1.0)
        else:
            usual = cls(_REFINED_TEMPERATURE, _REFINED_PASSES, _REFINED_TRUST)
            if passes == 0:
                usual = cls(_TEMPERATURE, 0, 1.0)
        return cls(
            usual.temperature if temperature is None else temperature,
            usual.passes if passes is None else passes,
            usual.trust if trust is None else trust,
        )
