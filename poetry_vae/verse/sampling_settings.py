"""How poems are drawn from a model: temperature, passes, trust in z, guidance and the rest."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from poetry_vae.model.orders import passes_of
from poetry_vae.model.sampling import SamplingError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.verse.rules.near import Near
from poetry_vae.verse.rules.rule import Rule

_TEMPERATURE = 0.5  # of models without a refiner
_SHORT, _QUATRAIN = 10, 28  # characters of a couplet of five, and of a quatrain of seven
_GENTLE = {"guidance": 0.1, "repetition": 1.0}
MOST_CANDIDATES = 256
Sampling = Literal["chosen", "plain"]
OF_A_POEM = 0.85
"""The trust in latents that were read from a poem instead of drawn from the prior."""


def _refined(form: Form, *, in_turn: bool) -> dict[str, Any]:
    """With a refiner, and as many passes as its order takes.

    Measured in docs/poet.md for models of any form, which write lines ``in_turn``, and in
    docs/quality.md for models of one form. There, prior and posterior of longer poems lie further
    apart, so their codes are trusted less, and longer poems repeat themselves more.
    """
    passes = passes_of(form, in_turn=in_turn)
    if in_turn:
        return {"temperature": 0.95, "passes": passes, "trust": 0.3, **_GENTLE}
    is_short, is_long = form.positions <= _SHORT, form.lines > 4
    own = {"guidance": 0.2} if is_short else {"repetition": 2.0} if is_long else {}
    trust = 0.85 if is_short else 0.6
    return {"temperature": 0.9, "passes": passes, "trust": trust, **_GENTLE, **own}


def _chosen(form: Form, *, is_told: bool) -> dict[str, Any]:
    """The settings for readers, measured in docs/poet.md and docs/quality.md.

    Guidance and emphasis make a model that is told a subject follow it more closely. Such a model
    needs little from the code.
    """
    if is_told:
        told = {"temperature": 0.35, "guidance": 0.15, "trust": 0.3, "repetition": 3.0}
        return {**told, "emphasis": 1.3, "candidates": 5}
    candidates = 16 if form.positions <= _QUATRAIN else 8
    return {"temperature": 0.6, "guidance": 0.2, "repetition": 2.0, "candidates": candidates}


# Beyond these, probabilities are no numbers any more.
_LARGEST, _COLDEST = 1000, 1e-6


@dataclass(frozen=True)
class SamplingSettings:
    """The settings by which poems are sampled.

    A pass of a refiner settles some characters, see ``verse.passes``. With no pass, and in models
    without a refiner, poems are the decoder's own.
    """

    temperature: float
    """Of the characters given the latent; 0 takes the likeliest."""
    passes: int
    trust: float = 1.0
    """How far the passes of a refiner follow the latent, from 0 to 1; other models ignore it."""
    guidance: float = 0.0
    """How much a refiner sharpens the conditional against the unconditional, see
    ``verse.passes``."""
    repetition: float = 0.0
    """Penalty in nats of a refiner for characters that the poem has already."""
    candidates: int = 1
    """Poems written for each one returned, which is the best of them; see ``verse.choosing``."""
    emphasis: float = 0.0
    """How much a refiner sharpens towards what was asked for, against the same poem with nothing
    asked; see ``verse.passes``."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise SamplingError(f"temperature is {self.temperature}: it must be a number >= 0")
        if 0 < self.temperature < _COLDEST:
            raise SamplingError(
                f"temperature is {self.temperature:g}: it must be 0, or {_COLDEST:g} at least"
            )
        if self.passes < 0:
            raise SamplingError(f"passes is {self.passes}: it must be a number >= 0")
        if not 0 <= self.trust <= 1:
            raise SamplingError(f"trust is {self.trust}: it must be a number between 0 and 1")
        for name in ("guidance", "repetition", "emphasis"):
            if not 0 <= (value := getattr(self, name)) <= _LARGEST:
                raise SamplingError(
                    f"{name} is {value:g}: it must be a number >= 0, and {_LARGEST:,} at most"
                )
        if not 1 <= self.candidates <= MOST_CANDIDATES:
            raise SamplingError(
                f"candidates is {self.candidates}: it must be 1 to {MOST_CANDIDATES}"
            )

    def __str__(self) -> str:
        told = f"temperature {self.temperature:g}, {self.passes} passes"
        told += f", trust {self.trust:g}" if self.trust < 1 else ""
        told += f", guidance {self.guidance:g}" if self.guidance else ""
        told += f", repetition {self.repetition:g}" if self.repetition else ""
        told += f", emphasis {self.emphasis:g}" if self.emphasis else ""
        return told + (f", the best of {self.candidates}" if self.candidates > 1 else "")

    @classmethod
    def of(
        cls,
        model: PoetryVAE,
        *,
        sampling: Sampling = "plain",
        temperature: float | None = None,
        passes: int | None = None,
        trust: float | None = None,
        guidance: float | None = None,
        repetition: float | None = None,
        emphasis: float | None = None,
        candidates: int | None = None,
    ) -> SamplingSettings:
        """The settings that are given; the others are those that suit the model.

        Args:
            sampling: ``plain`` is near the model's own distribution, for figures; ``chosen`` is for
                readers: fewer risks, and the best of several poems.

        Raises:
            SamplingError: a value is out of range.
        """
        if model.refiner is None or passes == 0:
            usual = cls(_TEMPERATURE, 0)
        else:
            usual = cls(**_refined(model.form, in_turn=model.config.in_turn))
            if sampling == "chosen":
                told = model.config.forms == "any"
                usual = replace(usual, **_chosen(model.form, is_told=told))
        return cls(
            usual.temperature if temperature is None else temperature,
            usual.passes if passes is None else passes,
            usual.trust if trust is None else trust,
            usual.guidance if guidance is None else guidance,
            usual.repetition if repetition is None else repetition,
            usual.candidates if candidates is None else candidates,
            usual.emphasis if emphasis is None else emphasis,
        )


LIKELIEST = SamplingSettings(temperature=0.0, passes=0)
"""The likeliest characters that the decoder makes of a code."""


def trust_in(rules: Rule | None) -> float | None:
    """The trust in latents that rules ask for; None leaves it to the model.

    Latents near a poem describe that poem; latents drawn from the prior describe none.
    """
    parts = () if rules is None else rules.parts
    return OF_A_POEM if any(isinstance(part, Near) for part in parts) else None
