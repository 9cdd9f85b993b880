"""How a model is trained: one frozen dataclass, a setting a field."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Literal

from poetry_vae.model.config import ConfigError, ValueCheck, check_values
from poetry_vae.training.schedules import KLSchedule, Schedule
from poetry_vae.training.updates import UpdateRule


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. Shares are of all steps; β and free bits as in ``WeightedELBO``.

    :func:`poetry_vae.training.recipe.check` decides which settings go together, and with a model.
    """

    epochs: float = 5.0
    min_steps: int = 1000
    """The least number of steps: a small corpus is gone through more often than ``epochs``."""
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 0.01
    gradient_clip: float = 5.0
    bound: Literal["elbo", "sampled-elbo", "importance"] = "elbo"
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
    """The label that the model is conditioned on: dynasty, author or metre; empty for none."""
    labelled: float = 1.0
    """Share of the training poems whose label is shown; the others' is inferred."""
    classifier: bool = False
    """Whether a classifier infers the labels that are hidden (M2)."""
    alpha: float = 50.0
    """Weight of the classification loss on labels that are shown."""
    refiner_only: bool = False
    """Whether only the refiner of a trained model learns, and all else stays unchanged."""
    blanked: float = 0.0
    """The most characters of a poem, as a share, that are hidden from a refiner while it learns. It
    keeps the refiner from learning a few poems by heart."""
    distrust: float = 0.1
    """Share of the poems for which a refiner learns to write without z."""
    bound_share: float = 1.0
    """Share of a batch on which the bound is computed. A refiner still learns from all of it."""
    schedule: Schedule = "cosine"
    """Schedule of the learning rate: half a cosine over the run, or ``constant`` until its
    ``decay``."""
    decay: float = 0.1
    """Share of the steps, at the end, over which a constant rate falls to 0."""
    second_moment: float = 0.999
    """β₂ of AdamW."""
    average: float = 0.0
    """Validate and keep a moving average of the weights, of which this share stays in each step;
    0 keeps the weights as they are trained."""
    updates: UpdateRule = "together"
    """Encoder and decoder together, in-turn, or the encoder ahead (aggressive)."""
    kl_schedule: KLSchedule = "constant"
    warmup: float = 0.2
    warm_top_only: bool = False
    """Whether only the rate of the top level warms up, and the levels below pay theirs at once."""
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
)


def kind_of(default: object) -> str:
    """The kind of values that a setting with such a default has, in words for people."""
    kinds = {bool: "true or false", int: "a whole number", float: "a number", tuple: "a list"}
    return kinds.get(type(default), "a word")


def is_of_kind(value: object, default: object) -> bool:
    """Whether a setting with such a default can have the value. A float may be a whole number."""
    return type(value) is type(default) or (type(default) is float and type(value) is int)
