"""One step of training, and all that it changes: weights, their moving average, and moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from poetry_vae.model.critic import DensityRatioCritic
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.batches import Batch
from poetry_vae.training.objectives import Objective, Step, Terms
from poetry_vae.training.ranks import Ranks
from poetry_vae.training.recipe import build_objective
from poetry_vae.training.run import Run
from poetry_vae.training.schedules import TrainingPlan
from poetry_vae.training.settings import TrainingConfig
from poetry_vae.training.updates import RULES, JointUpdates, parameter_groups
from poetry_vae.training.warm_start import warm_started

_CRITIC_BETAS = (0.5, 0.9)  # Kim & Mnih 2018, appendix A


@dataclass(frozen=True)
class Trained:
    """The modules that a run trains, with their objective and optimiser."""

    model: PoetryVAE
    critic: DensityRatioCritic | None
    average: AveragedModel | None
    objective: Objective
    optimiser: torch.optim.AdamW
    updates: JointUpdates

    @classmethod
    def begin(cls, run: Run, device: torch.device, *, poems: int) -> Trained:
        """The state before the first step of a run over so many training poems."""
        config = run.training
        model = warm_started(run.model, run.corpus.tokenizer, run.start, seed=run.seed)
        if config.refiner_only:
            model.requires_grad_(False)
            if model.refiner is not None:
                model.refiner.requires_grad_(True)
        model.to(device)
        critic = None
        if config.gamma:
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(derived_seed(run.seed, "critic"))
                critic = DensityRatioCritic(model.code_size).to(device)
        return cls(
            model,
            critic,
            build_average(model, config) if config.average else None,
            build_objective(model, config, critic, poems=poems),
            _optimiser(model, critic, config),
            RULES[config.updates](),
        )

    @property
    def modules(self) -> nn.ModuleDict:
        """All that has weights, by name."""
        each = {"model": self.model, "critic": self.critic, "average": self.average}
        return nn.ModuleDict({name: module for name, module in each.items() if module is not None})

    @property
    def kept(self) -> PoetryVAE:
        """The model that is validated and kept: the one in training, or its moving average."""
        if self.average is None:
            return self.model
        assert isinstance(self.average.module, PoetryVAE)
        return self.average.module

    def step(
        self,
        number: int,
        batch: Batch,
        plan: TrainingPlan,
        generator: torch.Generator,
        *,
        dtype: torch.dtype = torch.float32,
        pace: float = 1.0,
        ranks: Ranks | None = None,
    ) -> Terms:
        """Step ``number`` of a plan, from 0.

        Args:
            batch: the poems of all processes that train together.
            dtype: the precision of matrix products.
            pace: a factor on the learning rate.
        """
        ranks = ranks or Ranks()
        turn = self.updates.groups(number)
        mine = batch if ranks.world == 1 else batch.rows(ranks.rows(len(batch.ids)))
        with torch.autocast(
            self.model.device.type, dtype=torch.bfloat16, enabled=dtype == torch.bfloat16
        ):
            terms = self.objective(Step(self.model, mine, plan.kl_weight(number), generator))
        self.optimiser.zero_grad(set_to_none=True)
        terms.loss.backward()  # type: ignore[no-untyped-call]
        ranks.average(self.modules.parameters(), share=len(mine.ids) / len(batch.ids))
        for group in self.optimiser.param_groups:
            group["lr"] = pace * plan.learning_rate(group["peak"], number)
            if group["name"] not in turn:
                for parameter in group["params"]:
                    parameter.grad = None  # the optimiser passes over it
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.config.gradient_clip)
        self.optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.updates.trained(terms.loss)
        return terms


def build_average(model: PoetryVAE, config: TrainingConfig) -> AveragedModel:
    """The moving average of a model's weights. It spans at most about the last tenth of the steps
    so far, so that random weights are soon forgotten."""

    @torch.no_grad()
    def update(averages: Sequence[Tensor], current: Sequence[Tensor], steps: Tensor | int) -> None:
        share = min(config.average, (1 + int(steps)) / (10 + int(steps)))
        torch._foreach_lerp_(list(averages), list(current), 1 - share)

    return AveragedModel(model, multi_avg_fn=update)


def _optimiser(
    model: PoetryVAE, critic: DensityRatioCritic | None, config: TrainingConfig
) -> torch.optim.AdamW:
    """AdamW over the groups of parameters, each with its name and its peak learning rate."""
    groups = [
        {
            "name": name,
            "params": parameters,
            "peak": config.critic_rate if name == "critic" else config.learning_rate,
            "weight_decay": 0.0 if name == "critic" else config.weight_decay,
            "betas": _CRITIC_BETAS if name == "critic" else (0.9, config.second_moment),
        }
        for name, parameters in parameter_groups(model, critic).items()
        if parameters[0].requires_grad
    ]
    fused = model.device.type in ("cpu", "cuda")
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=fused)
