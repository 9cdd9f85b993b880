"""The training loop: one for every objective, on any device, stoppable at any step.

The corpus is one integer tensor in memory. Every random number of step s comes from the seed and s
alone, so that a resumed run needs no generator state.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

import torch

from poetry_vae.model.config import ConfigError
from poetry_vae.model.pretrained import CheckpointError, figures_of, save_model
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training.card import measured, model_card
from poetry_vae.training.checkpoint import STATE, Progress, load_state, save_state
from poetry_vae.training.clock import Clock
from poetry_vae.training.composition import (
    build_average,
    build_critic,
    build_objective,
    build_optimiser,
)
from poetry_vae.training.data import data_of, note_of
from poetry_vae.training.device import Precision, find_device, find_precision
from poetry_vae.training.diagnostics import Figures, collapse_warning
from poetry_vae.training.folder import alone_in, check_folder
from poetry_vae.training.heart import BY_HEART, by_heart_warning
from poetry_vae.training.metrics import append_metrics, keep_metrics_until
from poetry_vae.training.objectives import Terms
from poetry_vae.training.plan import Plan
from poetry_vae.training.ranks import Ranks, local_device, ranks
from poetry_vae.training.record import Record, made_with, write_record
from poetry_vae.training.run import Observer, Result, Run, Stopped, TrainingError
from poetry_vae.training.updates import updates_of

_SAVE_EVERY_SECONDS = 60.0
_SAVING_SHARE = 0.01  # of the time, at most, goes into saving the state of large models
_LOG_EVERY = 20


def train(
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
        max_minutes: stop this call after so long; the schedule is that of the whole run.
        finish: let a constant learning rate fall to 0 over the last part of ``max_minutes``, the
            ``decay`` of the settings; a run that is resumed after that goes on at the full rate.
        keep_state: whether the folder can be resumed from when this call ends. The state is three
            times as large as the weights. One that ``should_stop`` ended is kept in any case.
        should_stop: asked before every step; a run that is stopped can be resumed.

    Raises:
        CorpusError: the corpus has no training or no validation poem.
        CheckpointError: the folder holds another run, or none where one is to be resumed; or
            another process is training into it.
        TrainingError: the bound is no number any more.
        FileWriteError: the folder cannot be written.
        DeviceError: this machine lacks the device.
    """
    where = local_device(find_device(device))
    with ranks(where) as among:
        observer = observer if observer and among.is_first else Observer()
        check_folder(folder, resume=resume)
        among.meet()  # before the first one writes
        with alone_in(folder) if among.is_first else nullcontext():
            if among.is_first:
                check_folder(folder, resume=resume)  # nobody else has written since
            trainer = _Trainer(run, folder, where, precision, resume, observer, among)
            clock = Clock(max_minutes, run.training.decay if finish else 0)
            return trainer.run(clock, should_stop, keep_state)


class _Trainer:
    """The moving parts of one call of :func:`train`."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        device: torch.device,
        precision: Precision,
        resume: bool,
        observer: Observer,
        among: Ranks,
    ) -> None:
        self.spec, self.folder, self.observer = run, folder, observer
        self.config, self.device, self.ranks = run.training, device, among
        if among.world > 1 and self.config.updates == "aggressive":
            raise ConfigError("updates=aggressive goes by the loss of one process: start one alone")
        self.model = run.begun()
        if self.config.refiner_only:
            self.model.requires_grad_(False)
            if self.model.refiner is not None:
                self.model.refiner.requires_grad_(True)
        self.model.to(self.device)
        self.config.check_with(run.model)
        self.data = data_of(run, self.device)
        self.batches = self.data.batches
        self.plan = Plan(self.config, self.batches.in_epoch)
        self.updates = updates_of(self.config.updates)
        self.critic = build_critic(self.model, self.config, seed=derived_seed(run.seed, "critic"))
        if self.critic is not None:
            self.critic.to(self.device)
        self.objective = build_objective(
            self.model, self.config, self.critic, poems=self.data.poems
        )
        self.optimiser = build_optimiser(self.model, self.critic, self.config)
        self.average = build_average(self.model, self.config)
        self.generator = torch.Generator(self.device)
        self.record = Record.read(folder)
        known = self.record.known(folder) if resume else None
        self.progress = Progress(run=run.fingerprint(known))
        if resume:
            self._load_state()
        self.dtype = self._settled_precision(precision)
        self.made = made_with(run, self.device, self.progress.precision, among.world)
        self.is_kept = self.progress.best < float("inf")
        self.by_heart = False

    def run(self, clock: Clock, should_stop: Callable[[], bool], keep_state: bool) -> Result:
        saved = logged = 0.0
        before, pause = self.progress.seconds, _SAVE_EVERY_SECONDS
        stopped: Stopped = "finished"
        if self.ranks.is_first:
            keep_metrics_until(self.folder, self.progress.step or -1)
        if self.data.lines is not None:
            self.observer.reads(self.data.lines)
        note = note_of(self.spec, self.model, self.data, self.dtype)
        self.observer.started(self.model, self.plan.steps, self.progress.step, note)
        if self.ranks.is_first:
            self._begin()
        while self.progress.step < self.plan.steps:
            stopped, pace = self._decided(clock, should_stop)
            if stopped != "finished":
                break
            terms = self._step(pace)
            self.progress.seconds = before + clock.passed
            if self.progress.step % _LOG_EVERY == 0:
                speed = _LOG_EVERY * self.batches.size / (clock.passed - logged)
                self._log_step(terms, speed)
                logged = clock.passed
            if not self.ranks.is_first:
                continue
            if self.plan.is_time_to_validate(self.progress.step):
                self._validate()
                saved = logged = clock.passed
            elif clock.passed - saved > pause:
                saving = clock.passed
                self._save_state()
                saved = clock.passed
                pause = max(_SAVE_EVERY_SECONDS, (saved - saving) / _SAVING_SHARE)
        if self.ranks.is_first:
            self._save_state()
            if not self.is_kept and (figures := self._figures()).is_finite:
                self._keep(figures)  # nothing better than random weights stood there
            if not keep_state and stopped != "interrupted":
                (self.folder / STATE).unlink()
        self.ranks.meet()
        best = PoetryVAE.from_pretrained(self.folder)
        kept = figures_of(self.folder).get("step")
        step, figures = self.progress.step, self._figures(best)
        return Result(best, self.folder, step, stopped, figures, kept)

    def _load_state(self) -> None:
        try:
            self.progress = load_state(
                self.folder, self._trained(), self.optimiser, run=self.progress.run
            )
        except CheckpointError as error:
            if other := self.record.other_settings(self.spec):
                raise CheckpointError(f"{error} (it has {', '.join(other)})") from error
            raise
        self.updates.memory.update(self.progress.updates)

    def _begin(self) -> None:
        """What is written and said before the first step of a call."""
        if self.progress.step == 0:
            # The state comes first: whatever else stands there, the run can be resumed.
            self._save_state()
        elif self.record.has_other_validation(self.made) and self.is_kept:
            best = PoetryVAE.from_pretrained(self.folder)
            self.progress.best = self._figures(best).bound
        for warning in self.record.differences(self.made):
            self.observer.warned(warning)
        write_record(self.folder, self.spec, self.made, self.record)
        if self.progress.step == 0:
            self._validate()

    def _decided(self, clock: Clock, should_stop: Callable[[], bool]) -> tuple[Stopped, float]:
        """Whether to go on, and the factor on the learning rate: the first process decides."""
        patience = self.config.patience
        ended: dict[Stopped, bool] = {
            "finished": False,
            "interrupted": should_stop(),
            "time is up": clock.is_up,
            "learned by heart": patience > 0 and self.by_heart,
            "no better bound": patience > 0 and self.progress.since_best >= patience,
        }
        reasons = list(ended)
        number = next((i for i, reason in enumerate(reasons) if ended[reason]), 0)
        said = self.ranks.agreed(torch.tensor([number, clock.pace], device=self.device))
        return reasons[int(said[0])], float(said[1])

    def _settled_precision(self, asked: Precision) -> torch.dtype:
        """The precision a run was begun with, since a resumed run must not change it."""
        if asked == "auto" and self.progress.precision:
            asked = self.progress.precision
        dtype = find_precision(self.device, asked)
        self.progress.precision = "bfloat16" if dtype == torch.bfloat16 else "float32"
        return dtype

    def _trained(self) -> dict[str, torch.nn.Module]:
        """All that has weights in training, by name."""
        others = {"critic": self.critic, "average": self.average}
        return {"model": self.model, **{n: m for n, m in others.items() if m is not None}}

    @property
    def kept(self) -> PoetryVAE:
        """The model that is validated and kept: the one in training, or its moving average."""
        if self.average is None:
            return self.model
        assert isinstance(self.average.module, PoetryVAE)
        return self.average.module

    def _step(self, pace: float = 1.0) -> Terms:
        step = self.progress.step
        turn = self.updates.groups(step)
        path = ("step", step) if self.ranks.is_first else ("step", step, self.ranks.rank)
        self.generator.manual_seed(derived_seed(self.spec.seed, *path))
        batch = self.batches(step)
        mine = batch if self.ranks.world == 1 else batch.rows(self.ranks.rows(len(batch.ids)))
        with torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16
        ):
            terms = self.objective(
                self.model,
                mine,
                annealing=self.plan.kl_weight(step),
                generator=self.generator,
            )
        self.optimiser.zero_grad(set_to_none=True)
        terms.loss.backward()  # type: ignore[no-untyped-call]
        parameters = (p for module in self._trained().values() for p in module.parameters())
        self.ranks.average(parameters, share=len(mine.ids) / len(batch.ids))
        for group in self.optimiser.param_groups:
            group["lr"] = pace * self.plan.learning_rate(group["peak"], step)
            if group["name"] not in turn:
                for parameter in group["params"]:
                    parameter.grad = None  # the optimiser passes over it
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.gradient_clip)
        self.optimiser.step()
        if self.average is not None:
            self.average.update_parameters(self.model)
        self.updates.trained(terms.loss)
        self.progress.step = step + 1
        return terms

    def _figures(self, model: PoetryVAE | None = None) -> Figures:
        """The figures of the model in training, or of another one on the same poems and noise."""
        self.generator.manual_seed(derived_seed(self.spec.seed, "validation"))
        model = self.kept if model is None else model.to(self.device)
        return self.data.figures(model, self.generator)

    def _validate(self) -> Figures:
        """Measure, keep the weights if they are the best so far, and save the state."""
        figures = self._figures()
        step = self.progress.step
        bound = figures.bound
        if not figures.is_finite:
            raise TrainingError(
                f"the training diverged: the bound at step {step} is {bound}; the weights and the "
                "state from before are kept; try a lower learning_rate"
            )
        # Random weights are kept so that the folder can be loaded at any moment; they are no model.
        is_best = bound < self.progress.best and (step > 0 or self.spec.start is not None)
        if is_best:
            self.progress.best = bound
        if is_best or step == 0:
            self._keep(figures)
        # While the KL warms up, the bound may rise though the model learns.
        learns = self.plan.is_warming_up(step) and figures.distortion < self.progress.distortion
        self.progress.distortion = min(figures.distortion, self.progress.distortion)
        is_better = is_best or step == 0 or learns
        self.progress.since_best = 0 if is_better else self.progress.since_best + 1
        self.by_heart = not is_best and (figures.known_lines or 0) >= BY_HEART
        self.updates.validated(figures.mutual_information)
        self._append({"validation": {**asdict(figures), "bound": bound}, "best": is_best})
        self._save_state()
        self.observer.validated(self.model, step, figures, is_best)
        is_under_way = self.plan.kl_weight(step) == 1 and step > 0.02 * self.plan.steps
        if is_under_way and (warning := collapse_warning(figures)):
            self.observer.warned(warning)
        if self.by_heart:
            self.observer.warned(by_heart_warning(figures.known_lines or 0.0))
        return figures

    def _keep(self, figures: Figures) -> None:
        """Write the weights as the model that the folder holds."""
        step = self.progress.step
        save_model(
            self.kept,
            self.folder,
            card=model_card(self.spec, figures, step),
            figures=measured(self.spec, figures, step),
        )
        self.is_kept = step > 0 or self.spec.start is not None

    def _log_step(self, terms: Terms, speed: float) -> None:
        named = {"loss": terms.loss, "elbo": terms.elbo, "rate": terms.rate}
        named |= {"distortion": terms.distortion, **terms.others}
        each = torch.stack([value.detach().float() for value in named.values()])
        means = self.ranks.total(each) / self.ranks.world
        if not self.ranks.is_first:
            return
        values = dict(zip(named, means.tolist(), strict=True))
        weight = self.plan.kl_weight(self.progress.step)
        extra = {"kl_weight": weight, "lr": self.optimiser.param_groups[0]["lr"]}
        self._append({**values, **extra, "poems_per_second": round(speed, 1)})
        self.observer.stepped(self.progress.step, speed, values)

    def _save_state(self) -> None:
        self.progress.updates = dict(self.updates.memory)
        save_state(self.folder, self._trained(), self.optimiser, self.progress)

    def _append(self, entry: dict[str, object]) -> None:
        seconds = round(self.progress.seconds, 2)
        append_metrics(self.folder, {"step": self.progress.step, "seconds": seconds, **entry})
