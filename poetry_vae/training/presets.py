"""Presets: a choice for each slot of the model, and an objective, under one name."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.text.form import Form
from poetry_vae.training.settings import TrainingConfig, is_of_kind, kind_of


@dataclass(frozen=True)
class Preset:
    """A named member of the family: its description, its source, and its settings."""

    name: str
    summary: str
    source: str
    changes: Mapping[str, Any]
    """Settings of the model and of its training that differ from their defaults."""

    def configs(
        self, form: Form | None, vocabulary: int, overrides: Mapping[str, Any] | None = None
    ) -> tuple[ModelConfig, TrainingConfig]:
        """The two configurations, with ``overrides`` by name put in.

        Args:
            form: of the poems; None if they have many forms.

        Raises:
            ConfigError: an override names no setting, or its value does not fit.
        """
        lines, chars = (form.lines, form.chars) if form is not None else _LARGEST
        model: dict[str, Any] = {"lines": lines, "chars": chars, "vocabulary": vocabulary}
        training: dict[str, Any] = {}
        for name, value in {**self.changes, **(overrides or {})}.items():
            default = _default(name)
            # A whole number may stand for a float, and JSON has lists but no tuples.
            if (type(value), type(default)) in ((int, float), (list, tuple)):
                value = type(default)(value)
            if not is_of_kind(value, default):
                raise ConfigError(f"{name}={value}: the value must be {kind_of(default)}")
            (model if name in _OF_MODEL else training)[name] = value
        return ModelConfig(**model), TrainingConfig(**training)

    def settings(self) -> dict[str, Any]:
        """Every setting that can be changed, with its value in this preset."""
        return {**_SETTINGS, **self.changes}


def parsed(name: str, text: str) -> Any:
    """The value of a setting, as it is typed.

    Raises:
        ConfigError: no setting has the name, or its values are of another kind.
    """
    default = _default(name)
    try:
        if isinstance(default, bool):
            return {"true": True, "false": False}[text.lower()]
        return type(default)(text)
    except (ValueError, KeyError) as error:
        raise ConfigError(f"{name}={text}: the value must be {kind_of(default)}") from error


def _defaults(kind: type, but: Collection[str] = ()) -> dict[str, Any]:
    return {
        f.name: f.default
        for f in dataclasses.fields(kind)
        if f.default is not dataclasses.MISSING and f.name not in but
    }


# Settings that follow from the corpus and its labels are not among them.
_OF_MODEL = _defaults(ModelConfig, ("labels", "classifier"))
_SETTINGS = {**_OF_MODEL, **_defaults(TrainingConfig)}


def _default(name: str) -> Any:
    if name not in _SETTINGS:
        raise ConfigError(f"no setting is called {name!r}; there are {', '.join(_SETTINGS)}")
    return _SETTINGS[name]


_LARGEST = (64, 9)  # lines, and characters of a line, of a model of any form
_LARGE: dict[str, Any] = {
    "hidden": 192,
    "latent": 128,
    "encoder_layers": 4,
    "decoder_layers": 3,
    "pooling": "positions",
    "normalise": True,
}
_LEVELS: dict[str, Any] = {
    **_LARGE,
    "latent": 64,
    "line_latent": 16,
    "character_latent": 4,
    "prior": "learned",
}
_WARMED: dict[str, Any] = {"kl_schedule": "linear", "warmup": 0.6}
# If all levels warm up, the level of characters takes everything while it costs nothing, and the
# levels above die. If only the top level warms up, those below never wake up without free bits.
_ALIVE: dict[str, Any] = {**_WARMED, "warm_top_only": True, "free_bits": 0.03}

_POET: dict[str, Any] = {
    "forms": "any",
    "hidden": 192,
    "latent": 64,
    "couplet_latent": 96,
    "prior": "learned",
    "encoder_layers": 3,
    "decoder_layers": 2,
    "normalise": True,
    "refiner_layers": 12,
    "refiner_tables": True,
    "dynasties": ("唐", "宋", "元", "明", "清"),
    "subject": 10,
    "in_turn": True,
    "learning_rate": 1e-3,
    "schedule": "constant",
    "second_moment": 0.98,
    "average": 0.999,
    "free_bits": 0.02,
    "distrust": 0.5,
    "bound_share": 0.3,
    "validation_poems": 128,
}

PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        Preset(
            "base",
            "the flat VAE that works best: positions side by side, deeper and wider",
            "Kingma & Welling 2014; gated convolutions of Dauphin et al. 2017",
            {**_LARGE, **_WARMED, "masked": 0.25},
        ),
        Preset(
            "finetune",
            "continues from a trained model (--from): no warm-up, a quarter of the learning rate",
            "Howard & Ruder 2018, Universal Language Model Fine-tuning",
            {"learning_rate": 1e-3, "epochs": 2.0, "masked": 0.25},
        ),
        Preset(
            "refine",
            "gives a trained model (--from) a refiner: characters agree with each other, not only "
            "with z",
            "Ghazvininejad et al. 2019, Mask-Predict; Pannatier et al. 2024, σ-GPTs",
            {
                "refiner_layers": 6,
                "refiner_tables": True,
                "refiner_only": True,
                "batch_size": 256,
                "learning_rate": 1.5e-3,
                "epochs": 10.0,
            },
        ),
        Preset(
            "poet",
            "one model for poems of any form, told form, dynasty and subject: a code for the poem "
            "and one for each couplet, and a refiner that writes line after line",
            "Sønderby et al. 2016; Pannatier et al. 2024, σ-GPTs",
            {
                **_POET,
                "epochs": 8.0,
                "kl_schedule": "linear",
                "warmup": 0.008,
                "patience": 0,
            },
        ),
        Preset(
            "poet-finetune",
            "continues from a model of any form (--from): no warm-up, half the learning rate, "
            "until validation poems get no likelier",
            "Howard & Ruder 2018, Universal Language Model Fine-tuning",
            {**_POET, "learning_rate": 5e-4, "epochs": 2.0},
        ),
        Preset(
            "shi",
            "exactly the article's model: two gated layers, mean pooling, 64 units",
            "Su Jianlin 2018, vae_shi.py",
            {
                "hidden": 64,
                "latent": 64,
                "encoder_layers": 2,
                "decoder_layers": 1,
                "batch_size": 64,
                "learning_rate": 1e-3,
                "weight_decay": 0.0,
            },
        ),
        Preset(
            "beta",
            "the rate has the weight β: above 1 the latent says less, below 1 more",
            "Higgins et al. 2017, beta-VAE",
            {**_LARGE, **_WARMED, "beta": 1.5},
        ),
        Preset(
            "freebits",
            "the first λ nats of every dimension cost nothing, so no warm-up is needed",
            "Kingma et al. 2016, Inverse Autoregressive Flow, equation 15",
            {**_LARGE, "free_bits": 0.1},
        ),
        Preset(
            "cyclical",
            "the weight of the rate rises from 0 to 1 four times",
            "Fu et al. 2019, Cyclical Annealing Schedule",
            {**_LARGE, "kl_schedule": "cyclical", "warmup": 0.5},
        ),
        Preset(
            "aggressive",
            "trains the encoder ahead of the decoder as long as z gains information",
            "He et al. 2019, Lagging Inference Networks",
            {**_LARGE, "updates": "aggressive"},
        ),
        Preset(
            "iwae",
            "the importance-weighted bound of 8 samples; also with doubly_reparameterised=true",
            "Burda et al. 2015; Tucker et al. 2019",
            {**_LARGE, **_WARMED, "bound": "importance", "samples": 8},
        ),
        Preset(
            "hierarchical",
            "levels for poem, lines and characters, each with a prior learned from those above; "
            "prior=standard makes them independent",
            "Rezende et al. 2014; Burda et al. 2015",
            {**_LEVELS, **_ALIVE},
        ),
        Preset(
            "ladder",
            "the same levels, whose posteriors are merged with their priors",
            "Sønderby et al. 2016, Ladder Variational Autoencoders",
            {**_LEVELS, "posterior": "merged", **_ALIVE},
        ),
        Preset(
            "joined",
            "a code for the poem and one for each couplet, whose prior is learned from the poem's; "
            "continues from a model of couplets (--from)",
            "Rezende et al. 2014; Howard & Ruder 2018",
            {
                **_LARGE,
                "latent": 32,
                "couplet_latent": 128,
                "prior": "learned",
                "learning_rate": 1e-3,
                "epochs": 10.0,
                "free_bits": 0.03,
            },
        ),
        Preset(
            "factor",
            "a penalty on the total correlation of z, by a critic",
            "Kim & Mnih 2018, Disentangling by Factorising",
            {**_LARGE, **_WARMED, "gamma": 10.0},
        ),
        Preset(
            "fvae",
            "four squashed parts of z, each with its own decoder; encoder and decoder take turns",
            "Su Jianlin 2018, F-VAE",
            {**_LARGE, "components": 4, "decoder_layers": 1, **_WARMED, "updates": "in-turn"},
        ),
        Preset(
            "m2",
            "some poems have a label, the others' is inferred (label=dynasty, author, metre)",
            "Kingma et al. 2014, Semi-supervised Learning",
            {**_LARGE, **_WARMED, "label": "dynasty", "labelled": 0.1, "classifier": True},
        ),
        Preset(
            "conditional",
            "all poems have a label: p(x|y, z) with y always known",
            "Kingma et al. 2014; Sohn et al. 2015",
            {**_LARGE, **_WARMED, "label": "dynasty"},
        ),
        Preset(
            "gaussian",
            "½‖x − x'‖² to fixed character vectors; figures are renormalised over characters",
            "Kingma & Welling 2014, appendix C.2",
            {**_LARGE, "likelihood": "gaussian", **_WARMED},
        ),
        Preset(
            "bernoulli",
            "a Bernoulli for each character of the vocabulary; figures are renormalised",
            "Kingma & Welling 2014, appendix C.1",
            {**_LARGE, "likelihood": "bernoulli", **_WARMED},
        ),
    )
}


def find_preset(name: str) -> Preset:
    """The preset of this name.

    Raises:
        ConfigError: there is none.
    """
    if name not in PRESETS:
        raise ConfigError(f"no preset {name!r}; there are {', '.join(PRESETS)}")
    return PRESETS[name]
