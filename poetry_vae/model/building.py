"""From a configuration to the parts of a model."""

from __future__ import annotations

import torch

from poetry_vae.model.classifier import LabelClassifier
from poetry_vae.model.config import ModelConfig
from poetry_vae.model.decoder import ParallelDecoder
from poetry_vae.model.encoder import ConvEncoder
from poetry_vae.model.latents import build_levels
from poetry_vae.model.refiner import Refiner
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.units import AskedEmbedding, PlacedEncoder, PoemLevel, UnitLevel
from poetry_vae.model.vae import PoetryVAE
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
