"""From settings to an objective: which parts it has, and whether they go together.

A part of an objective is a dataclass. A field of it with the name of a setting holds that setting.
A setting that belongs to no part of a run has to keep its default.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.model.critic import DensityRatioCritic
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.additions import MaskedReading, TotalCorrelation, WeightPrior
from poetry_vae.training.objectives import (
    ImportanceWeighted,
    Objective,
    SemiSupervised,
    WeightedELBO,
)
from poetry_vae.training.refinement import Refinement, RefinerAlone
from poetry_vae.training.settings import TrainingConfig

_OBJECTIVES = {
    WeightedELBO: "the ELBO (bound=elbo)",
    ImportanceWeighted: "the importance-weighted bound (bound=importance)",
    SemiSupervised: "the bound of M2 (classifier=true)",
    RefinerAlone: "what a refiner learns alone (refiner_only=true)",
}
_ADDITIONS = (MaskedReading, TotalCorrelation, Refinement, WeightPrior)


def build_objective(
    model: PoetryVAE, config: TrainingConfig, critic: DensityRatioCritic | None, *, poems: int
) -> Objective:
    """The objective of a run over so many training poems."""
    given = {**vars(config), "critic": critic, "poems": poems}
    given["is_sampled"] = config.bound == "sampled-elbo"

    def made(kind: Any) -> Any:
        return kind(**{f.name: given[f.name] for f in fields(kind) if f.name in given})

    objective, *others = _parts(config, model.config)
    given["additions"] = tuple(map(made, others))
    found: Objective = made(objective)
    return found


def _parts(config: TrainingConfig, model: ModelConfig) -> list[Any]:
    """The classes of an objective and of the terms added to it."""
    if config.refiner_only:
        return [RefinerAlone]
    if model.classifier:
        return [SemiSupervised]
    objective = ImportanceWeighted if config.bound == "importance" else WeightedELBO
    wanted = (config.masked, config.gamma, model.refiner_layers, config.kappa)
    return [objective, *(kind for kind, is_in in zip(_ADDITIONS, wanted, strict=True) if is_in)]


def check(config: TrainingConfig, model: ModelConfig) -> None:
    """Check that settings go with each other, and with a model.

    Raises:
        ConfigError: two of them exclude each other; the message says which, and what to change.
    """
    below, refiner, is_elbo = model.is_hierarchical, model.refiner_layers, config.bound == "elbo"
    _refuse(
        config.masked and (below or model.labels),
        "masked reading takes one level of latents and no labels: set masked=0",
    )
    _refuse(
        (config.refiner_only or config.blanked) and not refiner,
        "refiner_only and blanked take a refiner: set refiner_layers=4, say",
    )
    _refuse(
        refiner and (model.classifier or config.bound == "importance"),
        "a refiner learns beside the ELBO: train without it first, then with the preset refine",
    )
    _refuse(config.classifier and not config.label, "classifier=true takes labels: label=dynasty")
    _refuse(
        config.labelled < 1 and model.labels and not model.classifier,
        "labels that are hidden take classifier=true, as in the preset m2",
    )
    _refuse(model.classifier and not is_elbo, "classifier=true: the bound is M2's: leave out bound")
    _refuse(config.gamma and not is_elbo, "gamma takes bound=elbo")
    _refuse(config.free_bits and config.bound == "sampled-elbo", "free_bits takes bound=elbo")
    _refuse(
        config.warm_top_only and not below,
        "warm_top_only takes levels below the poem's: set couplet_latent, line_latent or "
        "character_latent",
    )
    _refuse(
        config.doubly_reparameterised and model.posterior == "merged",
        "doubly_reparameterised takes posteriors that do not depend on the levels above: set "
        "posterior=bottom-up",
    )
    objective, *others = _parts(config, model)
    if objective is RefinerAlone:
        return  # the other parts are already trained, by whichever settings
    taken, of_parts = (
        {field.name for kind in kinds for field in fields(kind)}
        for kinds in ((objective, *others), (*_OBJECTIVES, *_ADDITIONS))
    )
    for field in fields(config):
        is_idle = field.name in of_parts - taken and getattr(config, field.name) != field.default
        told = _OBJECTIVES[objective]
        _refuse(is_idle, f"{field.name} changes nothing of {told}: leave it out")


def _refuse(is_wrong: object, message: str) -> None:
    if is_wrong:
        raise ConfigError(message)
