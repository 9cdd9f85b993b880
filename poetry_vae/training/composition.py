"""From settings to the parts that a run is composed of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from poetry_vae.model.critic import DensityRatioCritic
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.additions import MaskedReading, TotalCorrelation, WeightPrior
from poetry_vae.training.objectives import Addition, ImportanceWeighted, Objective, WeightedELBO
from poetry_vae.training.refinement import Refinement, RefinerAlone
from poetry_vae.training.semi_supervised import SemiSupervised
from poetry_vae.training.settings import TrainingConfig
from poetry_vae.training.updates import parameter_groups

_CRITIC_BETAS = (0.5, 0.9)  # Kim & Mnih 2018, appendix A


def build_critic(
    model: PoetryVAE, config: TrainingConfig, *, seed: int
) -> DensityRatioCritic | None:
    """The critic of the total correlation; None where nothing asks for one."""
    if not config.gamma:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return DensityRatioCritic(model.code_size)


def build_objective(
    model: PoetryVAE, config: TrainingConfig, critic: DensityRatioCritic | None, *, poems: int
) -> Objective:
    """The objective of a run over so many training poems."""
    if config.refiner_only:
        return RefinerAlone(config.blanked, config.distrust)
    if model.classifier is not None:
        return SemiSupervised(config.alpha)
    additions: list[Addition] = []
    if config.masked:
        additions.append(MaskedReading(config.masked))
    if critic is not None:
        additions.append(TotalCorrelation(config.gamma, critic))
    if model.refiner is not None:
        additions.append(Refinement(config.blanked, config.distrust))
    if config.kappa:
        additions.append(WeightPrior(config.kappa, poems))
    if config.bound == "importance":
        return ImportanceWeighted(config.samples, config.doubly_reparameterised, tuple(additions))
    return WeightedELBO(
        config.samples,
        config.beta,
        config.free_bits,
        config.warm_top_only,
        config.bound_share,
        config.bound == "sampled-elbo",
        tuple(additions),
    )


def build_optimiser(
    model: PoetryVAE, critic: DensityRatioCritic | None, config: TrainingConfig
) -> torch.optim.AdamW:
    """AdamW over the named groups of parameters, each with its name and the peak of its rate."""
    peaks = {"critic": config.critic_rate}
    groups = [
        {
            "name": name,
            "params": parameters,
            "peak": peaks.get(name, config.learning_rate),
            "weight_decay": 0.0 if name == "critic" else config.weight_decay,
            "betas": _CRITIC_BETAS if name == "critic" else (0.9, config.second_moment),
        }
        for name, parameters in parameter_groups(model, critic).items()
        if parameters[0].requires_grad
    ]
    fused = model.device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=fused)


def build_average(model: PoetryVAE, config: TrainingConfig) -> AveragedModel | None:
    """The moving average of a model's weights; None where the settings ask for none.

    Of n steps it goes back at most over the last tenth, so that random weights are soon forgotten.
    """
    if not config.average:
        return None

    @torch.no_grad()
    def update(averages: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        share = min(config.average, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(list(averages), list(current), 1 - share)

    return AveragedModel(model, multi_avg_fn=update)
