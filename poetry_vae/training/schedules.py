"""How many steps a run has, and its learning rate and KL weight at each of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from poetry_vae.training.settings import TrainingConfig

KLSchedule = Literal["constant", "linear", "cyclical"]
Schedule = Literal["cosine", "constant"]
_RISING = 200  # steps over which the learning rate rises, or fewer in a short run


@dataclass(frozen=True)
class TrainingPlan:
    """The plan that settings make for a corpus of so many batches."""

    config: TrainingConfig
    in_epoch: int
    """Batches of an epoch."""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return max(self.config.min_steps, round(self.config.epochs * self.in_epoch))

    def learning_rate(self, peak: float, step: int) -> float:
        """Linear to ``peak`` over the first steps; then half a cosine down to a hundredth of it, or
        constant, and over the share ``decay`` of all steps, at the end, down to 0 as 1 − √done
        (Hägele et al. 2024, "Scaling Laws and Compute-Optimal Training Beyond Fixed Training
        Durations").
        """
        total = self.steps
        rising = min(_RISING, max(1, total // 10))
        if step < rising:
            return peak * (step + 1) / rising
        if self.config.schedule == "constant":
            left = max(0, total - step) / max(1.0, self.config.decay * total)
            return peak if left >= 1 else peak * (1 - math.sqrt(1 - left))
        done = (step - rising) / max(1, total - rising)
        return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def kl_weight(self, step: int) -> float:
        """The factor on β once ``step`` steps are done, in [0, 1].

        ``linear`` rises from 0 to 1 over the share ``warmup`` of all steps (Bowman et al. 2016,
        "Generating Sentences from a Continuous Space"); ``cyclical`` does so at the start of each
        of ``cycles`` equal parts, ``warmup`` being a share of the part (Fu et al. 2019, "Cyclical
        Annealing Schedule").
        """
        schedule, warmup, done = self.config.kl_schedule, self.config.warmup, step / self.steps
        if schedule == "constant" or warmup <= 0:
            return 1.0
        if schedule == "cyclical":
            done = (done * self.config.cycles) % 1.0 if done < 1.0 else 1.0
        return min(1.0, done / warmup)

    def is_warming_up(self, step: int) -> bool:
        """Whether the first rise of the KL weight is not over."""
        share = self.config.warmup
        if self.config.kl_schedule == "cyclical":
            share /= self.config.cycles
        return self.config.kl_schedule != "constant" and step / self.steps < share

    def is_time_to_validate(self, step: int) -> bool:
        """Whether to validate after ``step`` steps: at least ten times a run, and at its end."""
        every = max(1, min(self.config.validate_every, self.steps // 10))
        return step % every == 0 or step == self.steps
