"""One small frozen dataclass builds a model; a checkpoint stores it as ``config.json``."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from poetry_vae.text.errors import FormError, PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.json_values import JsonError, parse_json


class ConfigError(PoetryVAEError):
    """A configuration value of which no model can be built."""


class LabelError(PoetryVAEError):
    """A label that is missing, or that the model does not know."""


@dataclass(frozen=True)
class Labels:
    """One kind of label that poems have: its values, and how common each value is."""

    kind: str
    """``dynasty``, ``author`` or ``metre``."""
    values: tuple[str, ...]
    shares: tuple[float, ...]
    """p(y) of each value, from the training poems."""

    def __post_init__(self) -> None:
        if not (isinstance(self.values, tuple) and isinstance(self.shares, tuple)):
            raise ConfigError("labels: values and shares must be lists")
        if not all(isinstance(text, str) for text in (self.kind, *self.values)):
            raise ConfigError(f"labels: kind {self.kind!r} and its values must be texts")
        if len(self.values) < 2 or len(set(self.values)) != len(self.values):
            raise ConfigError(f"labels of the kind {self.kind!r} need at least two values")
        if len(self.shares) != len(self.values) or not all(0 < s < 1 for s in self.shares):
            raise ConfigError(
                f"labels of the kind {self.kind!r} need a share above 0 for each value"
            )

    def number(self, value: str) -> int:
        """The number of a value.

        Raises:
            LabelError: it is none of them.
        """
        if value not in self.values:
            raise LabelError(f"no {self.kind} {value!r}; there are {', '.join(self.values)}")
        return self.values.index(value)


ValueCheck = tuple[str, Callable[[Any], bool], str]
"""Names of settings, a test that each of their values must pass, and the same test in words."""


def check_values(settings: object, rules: Iterable[ValueCheck]) -> None:
    """Hold settings against rules, and those whose type is a ``Literal`` against its words.

    Raises:
        ConfigError: a setting has a value that its rule or its type does not allow.
    """
    for names, holds, what in rules:
        for name in names.split():
            if not holds(value := getattr(settings, name)):
                raise ConfigError(f"{name} is {value!r}: it must be {what}")
    for name, kind in get_type_hints(type(settings)).items():
        if get_origin(kind) is Literal and getattr(settings, name) not in get_args(kind):
            *others, last = get_args(kind)
            told = f"{', '.join(others)} or {last}"
            raise ConfigError(f"{name} is {getattr(settings, name)!r}: it must be {told}")


def _is_whole(value: object, least: float = -math.inf) -> bool:
    return type(value) is int and value >= least


_RULES: tuple[ValueCheck, ...] = (
    ("lines chars", _is_whole, "a whole number"),
    ("vocabulary hidden latent", lambda n: _is_whole(n, 1), "a whole number >= 1"),
    (
        "subject decoder_layers encoder_layers couplet_latent line_latent character_latent "
        "components refiner_layers refiner_hidden",
        lambda n: _is_whole(n, 0),
        "a whole number >= 0",
    ),
    ("kernel", lambda n: _is_whole(n, 1) and n % 2 == 1, "an odd number of positions"),
    ("normalise classifier refiner_tables in_turn", lambda b: type(b) is bool, "true or false"),
    ("dynasties", lambda x: type(x) is tuple and all(map(_is_text, x)), "a list of names"),
)


@dataclass(frozen=True)
class ModelConfig:
    """The parts of a model and their sizes. Layers are as wide as so many units; ``vocabulary``
    counts symbols."""

    lines: int
    """Lines of the one form that the model writes. If it writes any form: the most lines."""
    chars: int
    """Characters in a line. If the model writes any form: the most."""
    vocabulary: int
    hidden: int = 64
    latent: int = 64
    """Dimensions of z; with several levels, dimensions of the poem's level."""
    couplet_latent: int = 0
    """Dimensions of a level below the poem's, a couplet; 0 leaves the level out."""
    line_latent: int = 0
    """Dimensions of a level below the poem's, a line; 0 leaves the level out."""
    character_latent: int = 0
    """Dimensions of the lowest level, a character; 0 leaves the level out."""
    prior: Literal["standard", "learned"] = "standard"
    """Prior of the levels below the poem's: N(0, I), or learned from the levels above."""
    posterior: Literal["bottom-up", "merged"] = "bottom-up"
    """Posterior of those levels: read from the poem alone, or merged with their prior, as in the
    ladder VAE."""
    components: int = 0
    """Parts of z that each have a decoder of their own (F-VAE); 0 decodes z as a whole."""
    encoder_layers: int = 2
    decoder_layers: int = 1
    kernel: int = 3
    pooling: Literal["mean", "positions"] = "mean"
    """How the encoder's positions become one vector: their mean, or all of them side by side."""
    normalise: bool = False
    """Layer normalisation before every gated convolution, for stacks deeper than the article's."""
    likelihood: Literal["categorical", "gaussian", "bernoulli"] = "categorical"
    forms: Literal["one", "any"] = "one"
    """Whether the model writes one form, or any; then it has a level of couplets, whose prior is
    learned, and a refiner."""
    dynasties: tuple[str, ...] = ()
    """Dynasties that a model of any form can be asked for."""
    subject: int = 0
    """Characters of a subject that a model of any form reads at most."""
    in_turn: bool = False
    """Whether the refiner finishes a line before it begins the next. Otherwise each line begins one
    pass after the line above it."""
    labels: Labels | None = None
    """The labels that the model is conditioned on, beside z."""
    classifier: bool = False
    """Whether the model infers labels that are hidden (M2)."""
    refiner_layers: int = 0
    """Blocks of attention in the refiner; 0 leaves the refiner out."""
    refiner_hidden: int = 0
    """Units of the refiner, a multiple of 4; 0 takes as many as ``hidden``."""
    refiner_tables: bool = False
    """Whether the refiner has its own tables of characters, which start as copies of the VAE's."""

    def __post_init__(self) -> None:
        check_values(self, _RULES)
        Form.of(self.lines, self.chars)
        self._check_combinations()

    def _check_combinations(self) -> None:
        if self.forms == "any":
            self._check_any_form()
        elif self.dynasties or self.subject:
            raise ConfigError("dynasties and a subject are asked of a model of any form alone")
        if not self.is_hierarchical and (self.prior, self.posterior) != ("standard", "bottom-up"):
            raise ConfigError(
                "a learned prior or a merged posterior takes levels below the poem's: set "
                "couplet_latent, line_latent or character_latent"
            )
        if self.couplet_latent and self.lines % 2 and self.forms == "one":
            raise ConfigError(
                f"couplet_latent takes poems of couplets: {self.lines} is an odd number of lines"
            )
        if self.posterior == "merged" and self.prior != "learned":
            raise ConfigError("posterior=merged takes prior=learned, which it is merged with")
        if self.components and self.is_hierarchical:
            raise ConfigError("components and levels below the poem's cannot be combined")
        if self.components and self.latent % self.components:
            raise ConfigError(
                f"latent={self.latent} cannot be cut into {self.components} equal components"
            )
        if self.refiner_layers and self.refiner_width % 4:
            raise ConfigError(f"a refiner of {self.refiner_width} units: it takes a multiple of 4")
        if self.classifier and self.labels is None:
            raise ConfigError("classifier=true takes labels, as in --set label=dynasty")

    def _check_any_form(self) -> None:
        if not (self.couplet_latent and self.prior == "learned" and self.refiner_layers):
            raise ConfigError(
                "a model of any form has a learned prior of couplets and a refiner: set "
                "couplet_latent, prior=learned and refiner_layers"
            )
        others = ("line_latent", "character_latent", "components", "labels", "classifier")
        for name in others:
            if getattr(self, name):
                raise ConfigError(f"a model of any form has no {name}")
        if self.posterior != "bottom-up":
            raise ConfigError("a model of any form has posterior=bottom-up")

    @property
    def is_hierarchical(self) -> bool:
        return max(self.couplet_latent, self.line_latent, self.character_latent) > 0

    @property
    def refiner_width(self) -> int:
        """W, the units of the refiner."""
        return self.refiner_hidden or self.hidden

    @property
    def features(self) -> int:
        """F, the size of a flat encoder's output: its positions side by side, or their mean."""
        return self.hidden * (self.form.positions if self.pooling == "positions" else 1)

    @property
    def form(self) -> Form:
        """The one form that the model writes.

        Raises:
            FormError: it writes any.
        """
        if self.forms == "any":
            raise FormError("this model writes any form: give one, as in --form 七绝")
        return Form.of(self.lines, self.chars)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The inverse of :meth:`to_json`.

        Raises:
            ConfigError: the text is not JSON, or an entry is unknown, missing or out of range.
        """
        try:
            data = parse_json(text)
        except JsonError as error:
            raise ConfigError(str(error)) from error
        if not isinstance(data, dict):
            raise ConfigError(f"expected an object, found {text[:40]!r}")
        if unknown := sorted(set(data) - {field.name for field in fields(cls)}):
            raise ConfigError(f"entry {unknown[0]!r} is unknown: written by another version?")
        try:
            if isinstance(labels := data.get("labels"), dict):
                lists = {k: tuple(v) if isinstance(v, list) else v for k, v in labels.items()}
                data["labels"] = Labels(**lists)  # type: ignore[arg-type]
            if isinstance(dynasties := data.get("dynasties"), list):
                data["dynasties"] = tuple(dynasties)
            return cls(**data)
        except TypeError as error:
            raise ConfigError(f"an entry is missing or of the wrong kind ({error})") from error


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)
