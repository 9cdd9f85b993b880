"""One small frozen dataclass builds a model; a checkpoint stores it as ``config.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Literal

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.poem import Form

Pooling = Literal["mean", "positions"]


class ConfigError(PoetryVAEError):
    """A configuration value that makes no model."""


@dataclass(frozen=True)
class ModelConfig:
    """What a model is made of. Sizes are counted in units, ``vocabulary`` in symbols."""

    lines: int
    chars: int
    vocabulary: int
    hidden: int = 64
    latent: int = 64
    encoder_layers: int = 2
    decoder_layers: int = 1
    kernel: int = 3
    pooling: Pooling = "mean"
    """How the encoder's positions become one vector: their mean, or all of them side by side."""
    normalise: bool = False
    """Layer normalisation before every gated convolution, for stacks deeper than the article's."""

    def __post_init__(self) -> None:
        for name in ("lines", "chars"):
            if type(getattr(self, name)) is not int:
                raise ConfigError(f"{name} is {getattr(self, name)!r}: it must be a whole number")
        Form(self.lines, self.chars)
        for name in ("vocabulary", "hidden", "latent", "decoder_layers", "encoder_layers"):
            value = getattr(self, name)
            smallest = 0 if name.endswith("layers") else 1
            if not isinstance(value, int) or isinstance(value, bool) or value < smallest:
                raise ConfigError(f"{name} is {value!r}: it must be a whole number >= {smallest}")
        if not isinstance(self.kernel, int) or self.kernel < 1 or self.kernel % 2 == 0:
            raise ConfigError(f"kernel is {self.kernel!r}: it must be an odd number of positions")
        if self.pooling not in ("mean", "positions"):
            raise ConfigError(f"pooling is {self.pooling!r}: it must be 'mean' or 'positions'")
        if not isinstance(self.normalise, bool):
            raise ConfigError(f"normalise is {self.normalise!r}: it must be true or false")

    @property
    def form(self) -> Form:
        return Form(self.lines, self.chars)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The inverse of :meth:`to_json`.

        Raises:
            ConfigError: the text is not JSON, or an entry is unknown, missing or out of range.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"not valid JSON ({error})") from error
        if not isinstance(data, dict):
            raise ConfigError(f"expected an object, found {text[:40]!r}")
        if unknown := sorted(set(data) - {field.name for field in fields(cls)}):
            raise ConfigError(f"entry {unknown[0]!r} is unknown: written by another version?")
        try:
            return cls(**data)
        except TypeError as error:
            raise ConfigError(f"an entry is missing or of the wrong kind ({error})") from error
