"""Warm starts: a model before its first step, with random weights or those of another model.

A model of any form takes over the tables of characters and the refiner of a model of one form. The
old refiner becomes the first blocks of a refiner for all forms. While z is not trusted, the new
model writes poems of the old form nearly as before. Three things differ. Characters are matched by
the characters themselves, since the vocabularies differ. The vectors of places become sums over
positions in line and poem, fitted by least squares. And the decoder is new and zero-initialised:
the states of the old decoder for the code 0, which are the same for all poems, are kept as part of
the vectors of places.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.model.latents import HierarchicalLevel
from poetry_vae.model.layers import GatedConv, zero_init
from poetry_vae.model.layout import Layout, PlaceEmbedding
from poetry_vae.model.likelihoods import CharacterHeads
from poetry_vae.model.refiner import Refiner
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.widening import widen

_RARER = 1.0  # nats by which a new character is at first less likely than the rarest known one


def warm_started(
    config: ModelConfig, tokenizer: CharTokenizer, start: PoetryVAE | None, *, seed: int
) -> PoetryVAE:
    """A model of ``config``, with all weights that ``start`` has for it, and the rest at random.

    A refiner may be new, deeper or wider. If ``start`` writes another form, the parts that belong
    to places are new. There is one exception: a model with a code for each couplet takes over all
    of a model of couplets (:func:`joins_couplets`), and reads and writes every couplet as before,
    on its own. A model of any form begins with the characters and the refiner of a model of one
    form.

    Raises:
        ConfigError: ``start`` has no refiner for a model of any form, or one of another width.
    """
    model = PoetryVAE.build(config, tokenizer, seed=seed)
    if start is None:
        return model
    if config.forms == "any" and start.config.forms == "one":
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derived_seed(seed, "warm start"))
            _take_over(model, start)
        return model
    theirs = start.state_dict()
    begun = start.config.refiner_layers
    if model.refiner is not None and 0 < begun < config.refiner_layers:
        model.refiner.zero_init(begun)
    if joins_couplets(config, start.config):
        _let_couplets_through(model)
        theirs = _of_each_couplet(theirs, config)
    own = model.state_dict()
    fitting = {n: t for n, t in theirs.items() if n in own and t.shape == own[n].shape}
    model.load_state_dict({**own, **fitting})
    refiner, is_new = model.refiner, "refiner.embedding.weight" not in theirs
    if refiner and start.refiner and config.refiner_width > start.config.refiner_width:
        widen(refiner, start.refiner)
    if is_new and refiner and refiner.embedding and refiner.likelihood:
        refiner.embedding.load_state_dict(model.encoder.embedding.state_dict())
        refiner.likelihood.load_state_dict(model.decoder.likelihood.state_dict())
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
    """The weights of a model of couplets, renamed for a model that joins couplets."""
    out = dict(weights)
    for kind in ("weight", "bias"):
        halves = [out.pop(f"latents.0.{name}.{kind}") for name in ("mean", "log_variance")]
        out[f"latents.1.bottom_up.{kind}"] = torch.cat(halves)
        out[f"latents.1.enter.{kind}"] = out.pop(f"decoder.heads.{kind}")
    for name in ("refiner.from_place", "refiner.to_place"):
        if name in out:  # one row for each place, and one that means none
            places, none = out[name][:-1], out[name][-1:]
            out[name] = torch.cat([places.repeat(config.lines // 2, 1), none])
    return out


def _let_couplets_through(model: PoetryVAE) -> None:
    """Let the poem's own code change nothing at first."""
    top, couplets = model.levels
    assert isinstance(top, HierarchicalLevel)
    assert isinstance(couplets, HierarchicalLevel)
    zero_init(top.enter)
    for layer in couplets.modules():
        if isinstance(layer, GatedConv):
            nn.init.zeros_(layer.neighbours.weight)


@torch.no_grad()
def _take_over(model: PoetryVAE, start: PoetryVAE) -> None:
    """Copy characters and refiner of a model of one form into a new model of any form."""
    new, old = model.refiner, start.refiner
    if old is None or new is None or start.config.hidden != model.config.hidden:
        raise ConfigError(
            "a model of any form goes on from a model with a refiner and of its own hidden size: "
            f"hidden={start.config.hidden if old else model.config.hidden}"
        )
    if len(old.blocks) > len(new.blocks) or old.norm.weight.shape != new.norm.weight.shape:
        raise ConfigError(
            f"the refiner to go on from has {len(old.blocks)} blocks of width "
            f"{len(old.norm.weight)}: ask for at least as many, of that width"
        )
    same = _shared(model.tokenizer, start.tokenizer)
    _copy_rows(model.encoder.embedding, start.encoder.embedding, same)
    _copy_likelihood(model.decoder.likelihood, start.decoder.likelihood, same)
    if new.embedding is not None and new.likelihood is not None:
        _copy_rows(new.embedding, old.embedding or start.encoder.embedding, same)
        _copy_likelihood(new.likelihood, old.likelihood or start.decoder.likelihood, same)
    for name in ("characters", "norm", "change", "trust"):
        getattr(new, name).load_state_dict(getattr(old, name).state_dict())
    for mine, theirs in zip(new.blocks, old.blocks, strict=False):
        mine.load_state_dict(theirs.state_dict())
    new.zero_init(len(old.blocks))
    _zero_init_entries(new)
    _take_places(new, old, start)


def _shared(ours: CharTokenizer, theirs: CharTokenizer) -> tuple[Tensor, Tensor]:
    """The ids of all shared symbols, special ones included, in the first and second vocabulary."""
    numbers = torch.from_numpy(theirs.numbers_in(ours))
    known = numbers != CharTokenizer.UNKNOWN
    known[CharTokenizer.UNKNOWN] = True
    return numbers[known], known.nonzero()[:, 0]


def _copy_rows(own: nn.Embedding, other: nn.Embedding, same: tuple[Tensor, Tensor]) -> None:
    own.weight.mul_(other.weight.std() / own.weight.std())
    own.weight[same[0]] = other.weight[same[1]]


def _copy_likelihood(
    own: CharacterHeads, other: CharacterHeads, same: tuple[Tensor, Tensor]
) -> None:
    (weight, bias), (theirs, their_bias) = own.table, other.table
    weight.mul_(theirs.std() / weight.std())
    bias.fill_(float(their_bias[len(CharTokenizer.SPECIAL) :].min()) - _RARER)
    weight[same[0]], bias[same[0]] = theirs[same[1]], their_bias[same[1]]


def _zero_init_entries(refiner: Refiner) -> None:
    """Let nothing of a decoder that has yet to learn reach the blocks at first."""
    for part in (refiner.states, refiner.whole):
        zero_init(part[-1])
    assert refiner.dynasty is not None
    assert refiner.subject is not None
    nn.init.zeros_(refiner.dynasty.weight)
    nn.init.normal_(refiner.subject, std=0.02)


def _take_places(new: Refiner, old: Refiner, start: PoetryVAE) -> None:
    """Fit the vectors of places, to which the old decoder's states for the code 0 are added."""
    assert isinstance(old.from_place, nn.Parameter)
    assert isinstance(old.to_place, nn.Parameter)
    states = start.states(torch.zeros(1, start.code_size))[0]  # [T, H]
    kept = old.kept.bias
    nowhere = old.from_place[-1] + old.to_place[-1]
    always = nowhere + old.whole(states.mean(0)) + old.trust.bias
    new.trust.bias.copy_(always)
    layout = Layout.of(start.form)
    _fit(new.from_place, layout, old.from_place[:-1] - old.from_place[-1])
    _fit(new.to_place, layout, old.to_place[:-1] - old.to_place[-1] + old.states(states[None])[0])
    new.change.bias.add_((states * kept).mean(0))


def _fit(places: nn.Module | nn.Parameter, layout: Layout, wanted: Tensor) -> None:
    """Fit vectors whose sums come nearest to those ``wanted`` at each place, [T, width]. Of all
    solutions it takes the shortest, so that places that the old form lacks begin at 0."""
    assert isinstance(places, PlaceEmbedding)
    tables = [table for table in places.tables.values() if isinstance(table, nn.Embedding)]
    sizes = [len(table.weight) for table in tables]
    numbers = places.numbers(layout)
    design = torch.cat(
        [
            nn.functional.one_hot(numbers[name][0], size).double()
            for name, size in zip(places.tables, sizes, strict=True)
        ],
        dim=1,
    )  # [T, all rows]
    found = torch.linalg.pinv(design) @ wanted.double()
    for table, rows in zip(tables, torch.split(found, sizes), strict=True):
        table.weight.copy_(rows)
