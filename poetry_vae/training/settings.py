"""How a model is trained: one frozen dataclass, a setting a field."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.training.schedules import KLSchedule, Schedule
from poetry_vae.training.updates import Order

Bound = Literal["elbo", "sampled-elbo", "importance"]


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. Shares are of all steps; β and free bits as in ``WeightedELBO``."""

    epochs: float = 5.0
    min_steps: int = 1000
    """A small corpus is gone through more often than ``epochs`` says, until so many steps."""
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    gradient_clip: float = 5.0
    bound: Bound = "elbo"
    """ELBO with the rate in closed form, or by samples too, or the importance-weighted bound."""
    samples: int = 1
    doubly_reparameterised: bool = False
    """The gradient of Tucker et al. 2019, for ``bound=importance``."""
    beta: float = 1.0
    free_bits: float = 0.0
    masked: float = 0.0
    """Share of a batch that the encoder also reads with characters hidden, for verse under
    constraint and for scoring single characters."""
    gamma: float = 0.0
    """Weight of the total correlation of the latent (FactorVAE); above 0 a critic is trained."""
    critic_rate: float = 1e-3
    """The critic's learning rate."""
    kappa: float = 0.0
    """Precision of a Gaussian prior on the decoder's weights."""
    label: str = ""
    """What the model is conditioned on: dynasty, author or metre; empty for nothing."""
    labelled: float = 1.0
    """Share of the training poems whose label is shown; the others' is inferred."""
    classifier: bool = False
    """Whether a classifier infers the labels that are hidden (M2)."""
    alpha: float = 50.0
    """Weight of the classification loss on labels that are shown."""
    refiner_only: bool = False
    """Whether all of a trained model but its refiner stays as it is."""
    blanked: float = 0.0
    """The most characters of a poem that are hidden from a refiner while it learns, as a share: for
    few poems, which it would learn by heart."""
    distrust: float = 0.1
    """Share of the poems for which a refiner learns to write without z."""
    bound_share: float = 1.0
    """Share of a batch that the bound is taken of, beside a refiner that learns from all of it."""
    schedule: Schedule = "cosine"
    """Of the learning rate: half a cosine over the run, or ``constant`` until it ``decay``s."""
    decay: float = 0.1
    """Share of the steps, at the end, over which a constant rate falls to 0."""
    second_moment: float = 0.999
    """β₂ of AdamW."""
    average: float = 0.0
    """Of the weights that are validated and kept, the share that stays in each step of a moving
    average; 0 keeps the weights as they are trained."""
    updates: Order = "together"
    """Encoder and decoder together, in-turn, or the encoder ahead (aggressive)."""
    kl_schedule: KLSchedule = "constant"
    warmup: float = 0.2
    warm_top_only: bool = False
    """Of several levels only the top one's rate warms up; those below pay for theirs at once."""
    cycles: int = 4
    validate_every: int = 1000
    validation_poems: int = 2048
    patience: int = 8
    """Validations without a better bound after which training stops; 0 never stops early."""

    def __post_init__(self) -> None:
        counts = ("batch_size", "samples", "cycles", "validate_every", "validation_poems")
        for name in (*counts, "min_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)!r}: it must be at least 1")
        for name in ("epochs", "learning_rate", "gradient_clip", "critic_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)!r}: it must be a number above 0")
        at_least_0 = ("weight_decay", "beta", "free_bits", "patience", "gamma", "kappa", "alpha")
        for name in at_least_0:
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)!r}: it must be a number >= 0")
        for name in ("warmup", "masked", "blanked", "labelled", "distrust", "bound_share", "decay"):
            if not 0 <= getattr(self, name) <= 1:
                value = getattr(self, name)
                raise ConfigError(f"{name} is {value!r}: it must be a share between 0 and 1")
        for name, kind in (
            ("kl_schedule", KLSchedule),
            ("bound", Bound),
            ("updates", Order),
            ("schedule", Schedule),
        ):
            if getattr(self, name) not in get_args(kind):
                *others, last = get_args(kind)
                known = f"{', '.join(others)} or {last}"
                raise ConfigError(f"{name} is {getattr(self, name)!r}: it must be {known}")

    def check_with(self, model: ModelConfig) -> None:
        """Whether these settings go with a model.

        Raises:
            ConfigError: two of them exclude each other; which, and what to change.
        """
        if self.masked and (model.is_hierarchical or model.labels):
            raise ConfigError(
                "masked reading takes one level of latents and no labels: set masked=0"
            )
        if self.refiner_only and not model.refiner_layers:
            raise ConfigError("refiner_only=true takes a refiner: set refiner_layers=4, say")
        if self.blanked and not model.refiner_layers:
            raise ConfigError("blanked takes a refiner: set refiner_layers=4, say")
        if model.refiner_layers and (model.classifier or self.bound == "importance"):
            raise ConfigError(
                "a refiner learns beside the ELBO, or alone: train without it first, then with the "
                "preset refine"
            )
        if self.classifier and not self.label:
            raise ConfigError("classifier=true takes labels to infer: set label=dynasty, say")
        if self.labelled < 1 and model.labels and not model.classifier:
            raise ConfigError("labels that are hidden take classifier=true, as in the preset m2")
        of_other_bounds = {"bound": "elbo", "samples": 1, "beta": 1.0, "free_bits": 0.0}
        of_other_bounds |= {"gamma": 0.0, "kappa": 0.0, "warm_top_only": False}
        for name, usual in of_other_bounds.items():
            if model.classifier and getattr(self, name) != usual:
                raise ConfigError(f"with classifier=true the bound is M2's: leave out {name}")
        if self.gamma and self.bound != "elbo":
            raise ConfigError("gamma takes bound=elbo")
        if self.bound != "elbo" and (
            self.free_bits or (self.bound == "importance" and self.beta != 1)
        ):
            raise ConfigError(f"free_bits and beta do not go with bound={self.bound}")
        if self.warm_top_only and not (model.is_hierarchical and self.bound != "importance"):
            raise ConfigError(
                "warm_top_only takes levels below the poem's, and a bound of separate rates: set "
                "couplet_latent, line_latent or character_latent, and bound=elbo"
            )
        if self.doubly_reparameterised and self.bound != "importance":
            raise ConfigError("doubly_reparameterised takes bound=importance")
        if self.doubly_reparameterised and model.posterior == "merged":
            raise ConfigError(
                "doubly_reparameterised takes posteriors that do not depend on the levels above: "
                "set posterior=bottom-up"
            )
