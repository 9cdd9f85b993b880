"""Presets: a choice for each slot of the model, and an objective, under one name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.text.poem import Form
from poetry_vae.training.schedules import KLSchedule


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
    samples: int = 1
    beta: float = 1.0
    free_bits: float = 0.0
    masked: float = 0.0
    """Share of a batch that the encoder also reads with characters hidden, for verse under
    constraint and for scoring single characters."""
    kl_schedule: KLSchedule = "constant"
    warmup: float = 0.2
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
        for name in ("epochs", "learning_rate", "gradient_clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)!r}: it must be a number above 0")
        for name in ("weight_decay", "beta", "free_bits", "patience"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"{name} is {getattr(self, name)!r}: it must be a number >= 0")
        for name in ("warmup", "masked"):
            if not 0 <= getattr(self, name) <= 1:
                value = getattr(self, name)
                raise ConfigError(f"{name} is {value!r}: it must be a share between 0 and 1")
        if self.kl_schedule not in ("constant", "linear", "cyclical"):
            raise ConfigError(
                f"kl_schedule is {self.kl_schedule!r}: it must be constant, linear or cyclical"
            )


@dataclass(frozen=True)
class Preset:
    """A named member of the family: what it is, where it comes from, what differs from defaults."""

    name: str
    summary: str
    source: str
    model: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)

    def configs(
        self, form: Form, vocabulary: int, overrides: Mapping[str, str] | None = None
    ) -> tuple[ModelConfig, TrainingConfig]:
        """The two configurations, with ``overrides`` (name to text, as typed) put in.

        Raises:
            ConfigError: an override names no setting, or its value does not fit.
        """
        model = {
            "lines": form.lines,
            "chars": form.chars,
            "vocabulary": vocabulary,
            **self.model,
        }
        training = dict(self.training)
        for name, text in (overrides or {}).items():
            for kind, values in ((ModelConfig, model), (TrainingConfig, training)):
                if name in _settable(kind):
                    values[name] = _parsed(name, text, _settable(kind)[name])
                    break
            else:
                known = ", ".join([*_settable(ModelConfig), *_settable(TrainingConfig)])
                raise ConfigError(f"no setting is called {name!r}; there are {known}")
        return ModelConfig(**model), TrainingConfig(**training)


def _settable(kind: type) -> dict[str, Any]:
    """Settings with their defaults; what the corpus decides is not among them."""
    return {
        f.name: f.default for f in dataclasses.fields(kind) if f.default is not dataclasses.MISSING
    }


def _parsed(name: str, text: str, default: Any) -> Any:
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(default)(text)
    except (ValueError, KeyError) as error:
        kind = {bool: "true or false", int: "a whole number", float: "a number"}[type(default)]
        raise ConfigError(f"{name}={text}: the value must be {kind}") from error


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "base",
            "the flat VAE that works best: positions side by side, deeper and wider",
            "Kingma & Welling 2014; gated convolutions of Dauphin et al. 2017",
            model={
                "hidden": 192,
                "latent": 128,
                "encoder_layers": 4,
                "decoder_layers": 3,
                "pooling": "positions",
                "normalise": True,
            },
            training={"kl_schedule": "linear", "warmup": 0.6, "masked": 0.25},
        ),
        Preset(
            "finetune",
            "goes on from a trained model (--from): no warm-up, a quarter of the learning rate",
            "Howard & Ruder 2018, Universal Language Model Fine-tuning",
            training={"learning_rate": 1e-3, "epochs": 2.0, "masked": 0.25},
        ),
        Preset(
            "shi",
            "the article's model to the letter: two gated layers, mean pooling, 64 units",
            "Su Jianlin 2018, vae_shi.py",
            model={"hidden": 64, "latent": 64, "encoder_layers": 2, "decoder_layers": 1},
            training={"batch_size": 64, "learning_rate": 1e-3, "weight_decay": 0.0},
        ),
    )
}
