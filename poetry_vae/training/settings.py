"""How a model is trained: one frozen dataclass, a setting a field."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from poetry_vae.model.config import ConfigError, ValueCheck, check_values, one_of
from poetry_vae.training.schedules import KLSchedule, Schedule
from poetry_vae.training.updates import UpdateRule

BoundName = Literal["elbo", "sampled-elbo", "importance"]


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. Shares are of all steps; β and free bits as in ``WeightedELBO``.

    Which go with each other, and with which model: see :func:`poetry_vae.training.recipe.check`.
    """

    epochs: float = 5.0
    min_steps: int = 1000
    """A small corpus is gone through more often than ``epochs`` says, until so many steps."""
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    gradient_clip: float = 5.0
    bound: BoundName = "elbo"
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
    updates: UpdateRule = "together"
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
        for field in fields(self):
            if not is_of_kind(value := getattr(self, field.name), field.default):
                what = kind_of(field.default)
                raise ConfigError(f"{field.name} is {value!r}: it must be {what}")
        check_values(self, _RULES)


_RULES: tuple[ValueCheck, ...] = (
    (
        "batch_size samples cycles validate_every validation_poems min_steps",
        lambda n: n >= 1,
        "at least 1",
    ),
    (
        "epochs learning_rate gradient_clip critic_rate",
        lambda x: 0 < x < math.inf,
        "a number above 0",
    ),
    (
        "weight_decay beta free_bits patience gamma kappa alpha",
        lambda x: 0 <= x < math.inf,
        "a number >= 0",
    ),
    (
        "warmup masked blanked labelled distrust bound_share decay",
        lambda x: 0 <= x <= 1,
        "a share between 0 and 1",
    ),
    one_of("kl_schedule", KLSchedule),
    one_of("bound", BoundName),
    one_of("updates", UpdateRule),
    one_of("schedule", Schedule),
)


def kind_of(default: object) -> str:
    """What values a setting with such a default has, for people."""
    kinds = {bool: "true or false", int: "a whole number", float: "a number", tuple: "a list"}
    return kinds.get(type(default), "a word")


def is_of_kind(value: object, default: object) -> bool:
    """Whether a setting with such a default can have the value: a whole number is a number."""
    return type(value) is type(default) or (type(default) is float and type(value) is int)
