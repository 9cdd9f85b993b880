"""From a configuration to the parts of a model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from poetry_vae.model.classifier import LabelClassifier
from poetry_vae.model.config import ModelConfig
from poetry_vae.model.decoder import ParallelDecoder
from poetry_vae.model.encoder import ConvEncoder
from poetry_vae.model.latents import build_levels
from poetry_vae.model.refiner import Refiner
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.units import AskedEmbedding, PlacedEncoder, PoemLevel, UnitLevel
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.tokenizer import CharTokenizer


def build(config: ModelConfig, tokenizer: CharTokenizer, *, seed: int) -> PoetryVAE:
    """A new model with random weights, the same for the same seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(derived_seed(seed, "weights"))
        if config.forms == "any":
            return _of_any_form(config, tokenizer)
        encoder = ConvEncoder(config)
        levels = build_levels(config, encoder.features)
        decoder = ParallelDecoder(config)
        return PoetryVAE(
            encoder,
            levels,
            decoder,
            config=config,
            tokenizer=tokenizer,
            classifier=LabelClassifier(config) if config.classifier else None,
            refiner=Refiner(config) if config.refiner_layers else None,
        )


class TooLargeError(PoetryVAEError):
    """A configuration of a model that has more numbers than it may."""


def outline(config: ModelConfig, tokenizer: CharTokenizer, *, most: int) -> PoetryVAE:
    """A model whose numbers mean nothing yet: every weight has to be put in.

    Args:
        most: how many numbers it may have.

    Raises:
        TooLargeError: it would have more; no room is taken for them.
    """
    with _Outline(most):
        return build(config, tokenizer, seed=0)


class _Outline(TorchFunctionMode):
    """Nothing is drawn at random, and room is taken for so many numbers at most."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.left = most

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in ("normal_", "uniform_", "kaiming_uniform_"):
            return args[0] if args else kwargs["tensor"]
        if name not in ("empty", "zeros", "ones", "randn"):
            return func(*args, **kwargs)
        self.left -= math.prod(args if len(args) != 1 or type(args[0]) is int else args[0])
        if self.left < 0:
            raise TooLargeError("a model of more numbers than it may have")
        kwargs.pop("generator", None)
        return (torch.empty if name == "randn" else func)(*args, **kwargs)


def _of_any_form(config: ModelConfig, tokenizer: CharTokenizer) -> PoetryVAE:
    return PoetryVAE(
        PlacedEncoder(config),
        [PoemLevel(config), UnitLevel(config)],
        ParallelDecoder(config),
        config=config,
        tokenizer=tokenizer,
        refiner=Refiner(config),
        asking=AskedEmbedding(config, config.hidden),
    )
