"""What a model has before its first step: random weights, and what another one has learned."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.latents import HierarchicalLevel
from poetry_vae.model.layers import GatedConv
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.one_to_any import take_over


def begin(
    config: ModelConfig, tokenizer: CharTokenizer, start: PoetryVAE | None, *, seed: int
) -> PoetryVAE:
    """A model of ``config``: what ``start`` has of it, and the rest at random.

    A refiner may be new to it or deeper. Where ``start`` writes another form, what belongs to
    places is new; but a model of couplets hands over all it has to one with a code for each couplet
    (:func:`joins_couplets`), which then reads and writes every couplet as before, on its own. A
    model of any form begins with the characters and the refiner of one of one form, see
    :mod:`poetry_vae.training.one_to_any`.
    """
    model = PoetryVAE.build(config, tokenizer, seed=seed)
    if start is None:
        return model
    if config.forms == "any" and start.config.forms == "one":
        take_over(model, start)
        return model
    theirs = start.state_dict()
    begun = start.config.refiner_layers
    if model.refiner is not None and 0 < begun < config.refiner_layers:
        model.refiner.silence(begun)
    if joins_couplets(config, start.config):
        _let_couplets_through(model)
        theirs = _of_each_couplet(theirs, config)
    own = model.state_dict()
    fitting = {n: t for n, t in theirs.items() if n in own and t.shape == own[n].shape}
    model.load_state_dict({**own, **fitting})
    if model.refiner is not None and "refiner.embedding.weight" not in theirs:
        model.refiner.begin_with(model.encoder.embedding, model.decoder.likelihood)
    return model


def joins_couplets(config: ModelConfig, start: ModelConfig) -> bool:
    """Whether a model with a code for each couplet begins with a flat one of such couplets."""
    return (
        config.couplet_latent == start.latent
        and not (config.line_latent or config.character_latent)
        and start.lines == 2 < config.lines
        and start.chars == config.chars
        and start.pooling == "positions"
        and not (start.is_hierarchical or start.components)
    )


def _of_each_couplet(weights: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """The weights of a model of couplets by the names they have in one that joins them."""
    out = dict(weights)
    for kind in ("weight", "bias"):
        halves = [out.pop(f"latents.0.{name}.{kind}") for name in ("mean", "log_variance")]
        out[f"latents.1.bottom_up.{kind}"] = torch.cat(halves)
        out[f"latents.1.enter.{kind}"] = out.pop(f"decoder.heads.{kind}")
    for name in ("refiner.from_place", "refiner.to_place"):
        if name in out:  # a row a place, and one that stands for none
            places, none = out[name][:-1], out[name][-1:]
            out[name] = torch.cat([places.repeat(config.lines // 2, 1), none])
    return out


def _let_couplets_through(model: PoetryVAE) -> None:
    """Let the poem's own code change nothing at first."""
    top, couplets = model.levels
    assert isinstance(top, HierarchicalLevel)
    assert isinstance(couplets, HierarchicalLevel)
    nn.init.zeros_(top.enter.weight)
    nn.init.zeros_(top.enter.bias)
    for layer in couplets.modules():
        if isinstance(layer, GatedConv):
            nn.init.zeros_(layer.neighbours.weight)
