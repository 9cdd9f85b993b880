"""The training loop: one for every objective, on any device, stoppable at any step.

The corpus is one integer tensor in memory. Every random number of step s comes from the seed and s
alone, so that a resumed run needs no generator state.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import torch

from poetry_vae.model.config import ConfigError
from poetry_vae.model.pretrained import CheckpointError, figures_of, save_model
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.card import figures_to_keep, model_card
from poetry_vae.training.checkpoint import STATE, Counters, load_state, save_state
from poetry_vae.training.data import data_of, note_of
from poetry_vae.training.device import Precision, find_device, find_precision
from poetry_vae.training.diagnostics import Figures, collapse_warning
from poetry_vae.training.folder import alone_in, append_metrics, check_folder, keep_metrics_until
from poetry_vae.training.heart import BY_HEART, by_heart_warning
from poetry_vae.training.objectives import Terms
from poetry_vae.training.ranks import Ranks, local_device, ranks
from poetry_vae.training.recipe import check
from poetry_vae.training.run import Observer, Result, Run, Stopped, StoppingRule, TrainingError
from poetry_vae.training.run_file import RunFile, made_with, write_run_file
from poetry_vae.training.schedules import TrainingPlan
from poetry_vae.training.step import Trained

_SAVE_EVERY_SECONDS = 60.0
_SAVING_SHARE = 0.01  # of the time, at most, goes into saving the state of large models
_LOG_EVERY = 20


def run_training(
    run: Run,
    folder: Path,
    *,
    device: str = "auto",
    precision: Precision = "auto",
    resume: bool = False,
    max_minutes: float | None = None,
    finish: bool = False,
    keep_state: bool = True,
    observer: Observer | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train a model into ``folder``: the best weights so far, the state to resume from, metrics.

    Args:
        max_minutes: stop this call after so long, and validate the last weights; the schedule is
            that of the whole run.
        finish: let a constant learning rate fall to 0 over the last part of ``max_minutes``, the
            ``decay`` of the settings; a run that is resumed after that goes on at the full rate.
        keep_state: whether the run can be resumed from the folder after this call. The state is
            three times as large as the weights. It is kept in any case if ``should_stop`` ended it.
        should_stop: asked before every step; a run that is stopped can be resumed.

    Raises:
        ConfigError: settings do not go together, see :func:`check`, or ``finish`` stands alone.
        CorpusError: the corpus has no training or no validation poem.
        CheckpointError: the folder holds another run, or has no run to resume, or another process
            is training into it.
        TrainingError: the bound is no longer a number.
        FileWriteError: the folder cannot be written.
        DeviceError: this machine lacks the device.
    """
    check(run.training, run.model)
    if finish and max_minutes is None:
        raise ConfigError("finish: the rate falls over the last part of max_minutes; give both")
    where = local_device(find_device(device))
    with ranks(where) as among:
        observer = observer if observer and among.is_first else Observer()
        check_folder(folder, resume=resume)
        among.meet()  # before the first one writes
        with alone_in(folder) if among.is_first else nullcontext():
            if among.is_first:
                check_folder(folder, resume=resume)  # nobody else has written since
            loop = _Loop(run, folder, where, precision, observer, among, resume=resume)
            decay = run.training.decay if finish else 0.0
            rule = StoppingRule(should_stop, max_minutes, run.training.patience, decay)
            return loop.until(rule, keep_state=keep_state)


class _Loop:
    """One call of :func:`run_training`."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        device: torch.device,
        precision: Precision,
        observer: Observer,
        among: Ranks,
        *,
        resume: bool,
    ) -> None:
        self.spec, self.folder, self.observer, self.ranks = run, folder, observer, among
        if among.world > 1 and run.training.updates == "aggressive":
            raise ConfigError("updates=aggressive goes by the loss of one process: start one alone")
        self.data = data_of(run, device)
        self.plan = TrainingPlan(run.training, self.data.batches.in_epoch)
        self.trained = Trained.begin(run, device, poems=self.data.poems)
        self.generator = torch.Generator(device)
        self.file = RunFile.read(folder)
        known = self.file.known(folder) if resume else None
        self.counters = Counters(run=run.fingerprint(known))
        if resume:
            self._load_state()
        # A resumed run must not change its precision.
        asked = self.counters.precision or "auto" if precision == "auto" else precision
        self.dtype = find_precision(device, asked)
        self.counters.precision = "bfloat16" if self.dtype == torch.bfloat16 else "float32"
        self.by_heart = False
        self.validated = self.counters.step
        """The step of the last validation of this call, or the one that it began with."""

    def until(self, rule: StoppingRule, *, keep_state: bool) -> Result:
        """Train until the rule says why to stop, or all steps are done."""
        saved = logged = 0.0
        before, pause = self.counters.seconds, _SAVE_EVERY_SECONDS
        self.observer.reads(lambda: self.data.lines)
        note = note_of(self.spec, self.trained.model, self.data, self.dtype)
        self.observer.started(self.trained.model, self.plan.steps, self.counters.step, note)
        if self.ranks.is_first:
            self._begin()
        stopped: Stopped = "finished"
        while self.counters.step < self.plan.steps:
            stopped, pace = self._decided(rule)
            if stopped != "finished":
                break
            terms = self._step(pace)
            self.counters.seconds = before + rule.passed
            if self.counters.step % _LOG_EVERY == 0:
                speed = _LOG_EVERY * self.data.batches.size / (rule.passed - logged)
                self._log_step(terms, speed)
                logged = rule.passed
            if not self.ranks.is_first:
                continue
            if self.plan.is_time_to_validate(self.counters.step):
                self._validate()
                saved = logged = rule.passed
            elif rule.passed - saved > pause:
                saving = rule.passed
                self._save_state()
                saved = rule.passed
                pause = max(_SAVE_EVERY_SECONDS, (saved - saving) / _SAVING_SHARE)
        if self.ranks.is_first:
            if stopped == "time is up" and self.counters.step > self.validated:
                self._validate()  # the rate may have fallen since the last time
            else:
                self._save_state()
            if not self._has_a_best() and (figures := self._figures()).is_finite:
                self._keep(figures)  # the folder held only random weights
            if not keep_state and stopped != "interrupted":
                (self.folder / STATE).unlink()
        self.ranks.meet()
        best = PoetryVAE.from_pretrained(self.folder)
        kept = figures_of(self.folder).get("step")
        step, figures = self.counters.step, self._figures(best)
        return Result(best, self.folder, step, stopped, figures, kept)

    def _load_state(self) -> None:
        trained = self.trained
        try:
            self.counters = load_state(
                self.folder, trained.modules, trained.optimiser, run=self.counters.run
            )
        except CheckpointError as error:
            if other := self.file.other_settings(self.spec):
                raise CheckpointError(f"{error} (it has {', '.join(other)})") from error
            raise
        trained.updates.memory.update(self.counters.updates)

    def _begin(self) -> None:
        """Write the files of the run, and tell the observer, before the first step of a call."""
        keep_metrics_until(self.folder, self.counters.step or -1)
        device, precision = self.trained.model.device, self.counters.precision
        made = made_with(self.spec, device, precision, self.ranks.world)
        if self.counters.step == 0:
            # The state comes first: with it the run can be resumed, whatever else is missing.
            self._save_state()
        elif self.file.has_other_validation(made) and self._has_a_best():
            self.counters.best = self._figures(PoetryVAE.from_pretrained(self.folder)).bound
        for warning in self.file.differences(made):
            self.observer.warned(warning)
        write_run_file(self.folder, self.spec, made, self.file)
        if self.counters.step == 0:
            self._validate()

    def _decided(self, rule: StoppingRule) -> tuple[Stopped, float]:
        """Whether to go on, and the factor on the learning rate: the first process decides."""
        reasons: tuple[Stopped, ...] = get_args(Stopped)
        reason = rule.reason(by_heart=self.by_heart, since_best=self.counters.since_best)
        if self.ranks.world == 1:
            return reason, rule.pace  # without waiting for the accelerator
        said = torch.tensor([reasons.index(reason), rule.pace], device=self.trained.model.device)
        number, pace = self.ranks.agreed(said).tolist()
        return reasons[int(number)], pace

    def _step(self, pace: float) -> Terms:
        step = self.counters.step
        path = ("step", step) if self.ranks.is_first else ("step", step, self.ranks.rank)
        self.generator.manual_seed(derived_seed(self.spec.seed, *path))
        terms = self.trained.step(
            step,
            self.data.batches(step),
            self.plan,
            self.generator,
            dtype=self.dtype,
            pace=pace,
            ranks=self.ranks,
        )
        self.counters.step = step + 1
        return terms

    def _figures(self, model: PoetryVAE | None = None) -> Figures:
        """The figures of the model in training, or of another one on the same poems and noise."""
        self.generator.manual_seed(derived_seed(self.spec.seed, "validation"))
        model = self.trained.kept if model is None else model.to(self.trained.model.device)
        return self.data.figures(model, self.generator)

    def _has_a_best(self) -> bool:
        """Whether the folder holds weights that were kept for their bound."""
        return self.counters.best < float("inf")

    def _validate(self) -> None:
        """Measure, keep the weights if they are the best so far, and save the state."""
        figures, counters = self._figures(), self.counters
        self.validated = counters.step
        step, bound = counters.step, figures.bound
        if not figures.is_finite:
            raise TrainingError(
                f"the training diverged: the bound at step {step} is {bound}; the weights and the "
                "state from before are kept; try a lower learning_rate"
            )
        # Random weights are kept so that the folder can be loaded at any moment. They are no best.
        is_best = bound < counters.best and (step > 0 or self.spec.start is not None)
        if is_best:
            counters.best = bound
        if is_best or step == 0:
            self._keep(figures)
        # While the KL warms up, the bound may rise though the model learns.
        learns = self.plan.is_warming_up(step) and figures.distortion < counters.distortion
        counters.distortion = min(figures.distortion, counters.distortion)
        is_better = is_best or step == 0 or learns
        counters.since_best = 0 if is_better else counters.since_best + 1
        self.by_heart = not is_best and (figures.known_lines or 0) >= BY_HEART
        self.trained.updates.validated(figures.mutual_information)
        self._append({"validation": {**asdict(figures), "bound": bound}, "best": is_best})
        self._save_state()
        self.observer.validated(self.trained.model, step, figures, is_best)
        is_under_way = self.plan.kl_weight(step) == 1 and step > 0.02 * self.plan.steps
        if is_under_way and (warning := collapse_warning(figures)):
            self.observer.warned(warning)
        if self.by_heart:
            self.observer.warned(by_heart_warning(figures.known_lines or 0.0))

    def _keep(self, figures: Figures) -> None:
        """Write the weights as the model that the folder holds."""
        step = self.counters.step
        card = model_card(self.spec, figures, step)
        measures = figures_to_keep(self.spec, figures, step)
        save_model(self.trained.kept, self.folder, card=card, figures=measures)

    def _log_step(self, terms: Terms, speed: float) -> None:
        named = {"loss": terms.loss, "elbo": terms.elbo, "rate": terms.rate}
        named |= {"distortion": terms.distortion, **terms.others}
        each = torch.stack([value.detach().float() for value in named.values()])
        means = self.ranks.total(each) / self.ranks.world
        if not self.ranks.is_first:
            return
        values = dict(zip(named, means.tolist(), strict=True))
        weight = self.plan.kl_weight(self.counters.step)
        extra = {"kl_weight": weight, "lr": self.trained.optimiser.param_groups[0]["lr"]}
        self._append({**values, **extra, "poems_per_second": round(speed, 1)})
        self.observer.stepped(self.counters.step, speed, values)

    def _save_state(self) -> None:
        self.counters.updates = dict(self.trained.updates.memory)
        save_state(self.folder, self.trained.modules, self.trained.optimiser, self.counters)

    def _append(self, entry: dict[str, object]) -> None:
        seconds = round(self.counters.seconds, 2)
        append_metrics(self.folder, {"step": self.counters.step, "seconds": seconds, **entry})
