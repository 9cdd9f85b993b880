"""The steps of a run: how many there are, and what each of them is for."""

from __future__ import annotations

from dataclasses import dataclass

from poetry_vae.training.schedules import kl_weight, learning_rate
from poetry_vae.training.settings import TrainingConfig


@dataclass(frozen=True)
class Plan:
    """What the settings make of a number of batches."""

    config: TrainingConfig
    in_epoch: int
    """Batches of an epoch."""

    @property
    def steps(self) -> int:
        """Of the whole run."""
        return max(self.config.min_steps, round(self.config.epochs * self.in_epoch))

    def learning_rate(self, peak: float, step: int) -> float:
        """See :func:`learning_rate`."""
        schedule, decay = self.config.schedule, self.config.decay
        return learning_rate(peak, step, self.steps, schedule=schedule, decay=decay)

    def kl_weight(self, step: int) -> float:
        """The factor on β once ``step`` steps are done."""
        return kl_weight(
            self.config.kl_schedule,
            step / self.steps,
            warmup=self.config.warmup,
            cycles=self.config.cycles,
        )

    def is_warming_up(self, step: int) -> bool:
        """Whether the first rise of the KL weight is not over."""
        share = self.config.warmup
        if self.config.kl_schedule == "cyclical":
            share /= self.config.cycles
        return self.config.kl_schedule != "constant" and step / self.steps < share

    def is_time_to_validate(self, step: int) -> bool:
        """After so many steps, the last one included, and ten times at least."""
        every = max(1, min(self.config.validate_every, self.steps // 10))
        return step % every == 0 or step == self.steps
