"""The training loop: one for every objective, on any device, stoppable at any step.

The corpus is one integer tensor in memory. Every random number of step s comes from the seed and s
alone, so that a resumed run needs no generator state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from poetry_vae.model import pretrained
from poetry_vae.model.config import ConfigError
from poetry_vae.model.pretrained import (
    CARD,
    CONFIG,
    TOKENIZER,
    WEIGHTS,
    CheckpointError,
    save_model,
)
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.files import replace_file
from poetry_vae.training.card import measured, model_card
from poetry_vae.training.checkpoint import STATE, Progress, load_state, save_state
from poetry_vae.training.clock import Clock
from poetry_vae.training.composition import (
    build_average,
    build_critic,
    build_objective,
    build_optimiser,
)
from poetry_vae.training.data import data_of
from poetry_vae.training.device import Precision, find_device, find_precision
from poetry_vae.training.diagnostics import Figures, collapse_warning
from poetry_vae.training.metrics import METRICS, append_metrics, keep_metrics_until
from poetry_vae.training.objectives import Terms
from poetry_vae.training.ranks import Ranks, local_device, ranks
from poetry_vae.training.run import Observer, Result, Run, Stopped, TrainingError
from poetry_vae.training.schedules import kl_weight, learning_rate
from poetry_vae.training.updates import updates_of

RUN = "run.json"
_WRITTEN = (WEIGHTS, STATE, CONFIG, TOKENIZER, CARD, pretrained.FIGURES, METRICS, RUN)
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
    observer: Observer | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Train a model into ``folder``: the best weights so far, the state to resume from, metrics.

    Args:
        max_minutes: stop this call after so long; the schedule is that of the whole run.
        finish: let a constant learning rate fall to 0 over the last part of ``max_minutes``, the
            ``decay`` of the settings; a run that is resumed after that goes on at the full rate.
        should_stop: asked before every step; a run that is stopped can be resumed.

    Raises:
        CorpusError: the corpus has no training or no validation poem.
        CheckpointError: the folder holds another run, or none where one is to be resumed.
        TrainingError: the bound is no number any more.
        FileWriteError: the folder cannot be written.
        DeviceError: this machine lacks the device.
    """
    where = local_device(find_device(device))
    with ranks(where) as among:
        observer = observer if observer and among.is_first else Observer()
        trainer = _Trainer(run, folder, where, precision, resume, observer, among)
        return trainer.run(Clock(max_minutes, run.training.decay if finish else 0), should_stop)


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
        if not resume and (there := [name for name in _WRITTEN if (folder / name).exists()]):
            raise CheckpointError(
                f"{folder}: already holds {there[0]}; continue a run with --resume, or train into "
                "another folder"
            )
        among.meet()  # before the first one writes
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
        steps = round(self.config.epochs * self.batches.in_epoch)
        self.total_steps = max(self.config.min_steps, steps)
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
        self.progress = Progress(run=run.fingerprint())
        if resume:
            self.progress = load_state(
                folder, self._trained(), self.optimiser, run=self.progress.run
            )
            self.updates.memory.update(self.progress.updates)
        self.dtype = self._settled_precision(precision)
        self.is_kept = self.progress.best < float("inf")

    def run(self, clock: Clock, should_stop: Callable[[], bool]) -> Result:
        saved = logged = 0.0
        before, pause = self.progress.seconds, _SAVE_EVERY_SECONDS
        stopped: Stopped = "finished"
        if self.ranks.is_first:
            keep_metrics_until(self.folder, self.progress.step)
        self.observer.started(self.model, self.total_steps, self.progress.step, self._note())
        if self.progress.step == 0 and self.ranks.is_first:
            self._save_state()  # before the weights, so that a run with weights can be resumed
            self._validate()
        while self.progress.step < self.total_steps:
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
            if self._is_time_to_validate():
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
        self.ranks.meet()
        best = PoetryVAE.from_pretrained(self.folder)
        return Result(best, self.folder, self.progress.step, stopped, self._figures(best))

    def _decided(self, clock: Clock, should_stop: Callable[[], bool]) -> tuple[Stopped, float]:
        """Whether to go on, and the factor on the learning rate: the first process decides."""
        reasons: tuple[Stopped, ...] = ("finished", "interrupted", "time is up", "no better bound")
        patience = self.config.patience
        is_worse = patience > 0 and self.progress.since_best >= patience
        number = 1 if should_stop() else 2 if clock.is_up else 3 if is_worse else 0
        said = self.ranks.agreed(torch.tensor([number, clock.pace], device=self.device))
        return reasons[int(said[0])], float(said[1])

    def _settled_precision(self, asked: Precision) -> torch.dtype:
        """The precision a run was begun with, since a resumed run must not change it."""
        if asked == "auto" and self.progress.precision:
            asked = self.progress.precision
        dtype = find_precision(self.device, asked)
        self.progress.precision = "bfloat16" if dtype == torch.bfloat16 else "float32"
        if self.ranks.is_first:
            replace_file(self.folder / RUN, self.spec.to_json(self.progress.precision))
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
                annealing=self._annealing(),
                generator=self.generator,
            )
        self.optimiser.zero_grad(set_to_none=True)
        terms.loss.backward()  # type: ignore[no-untyped-call]
        parameters = (p for module in self._trained().values() for p in module.parameters())
        self.ranks.average(parameters, share=len(mine.ids) / len(batch.ids))
        for group in self.optimiser.param_groups:
            group["lr"] = pace * learning_rate(
                group["peak"],
                step,
                self.total_steps,
                schedule=self.config.schedule,
                decay=self.config.decay,
            )
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

    def _annealing(self) -> float:
        return kl_weight(
            self.config.kl_schedule,
            self.progress.step / self.total_steps,
            warmup=self.config.warmup,
            cycles=self.config.cycles,
        )

    def _is_time_to_validate(self) -> bool:
        step = self.progress.step
        every = max(1, min(self.config.validate_every, self.total_steps // 10))
        return step % every == 0 or step == self.total_steps

    def _figures(self, model: PoetryVAE | None = None) -> Figures:
        """The figures of the model in training, or of another one on the same poems and noise."""
        self.generator.manual_seed(derived_seed(self.spec.seed, "validation"))
        model = self.kept if model is None else model.to(self.device)
        return self.data.figures(model, self.generator)

    def _validate(self) -> Figures:
        """Measure, keep the weights if they are the best so far, and save the state."""
        figures = self._figures()
        step = self.progress.step
        bound = figures.nats_per_character
        if self.config.refiner_only and figures.refined is not None:
            bound = figures.refined
        bound = bound if figures.untold is None else figures.untold
        if not figures.is_finite:
            raise TrainingError(
                f"the training diverged: the bound at step {step} is {bound}; the weights and the "
                "state from before are kept; try a lower learning_rate"
            )
        # While the KL warms up, the bound says little about where the run is going.
        is_best = bound < self.progress.best or self._is_warming_up()
        if is_best:
            # Random weights are kept so that the folder can be loaded at any moment, but even an
            # overfitted model of a tiny corpus shall take their place.
            self.progress.best = bound if step or self.spec.start else float("inf")
            self.progress.since_best = 0
            self._keep(figures)
        else:
            self.progress.since_best += 1
        self.updates.validated(figures.mutual_information)
        self._append({"validation": asdict(figures), "best": is_best})
        self._save_state()
        self.observer.validated(self.model, step, figures, is_best)
        done = step / self.total_steps
        if self._annealing() == 1 and done > 0.02 and (warning := collapse_warning(figures)):
            self.observer.warned(warning)
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

    def _is_warming_up(self) -> bool:
        """Whether the first rise of the KL weight is not over."""
        share = self.config.warmup
        if self.config.kl_schedule == "cyclical":
            share /= self.config.cycles
        done = self.progress.step / self.total_steps
        return self.config.kl_schedule != "constant" and done < share

    def _log_step(self, terms: Terms, speed: float) -> None:
        named = {"loss": terms.loss, "elbo": terms.elbo, "rate": terms.rate}
        named |= {"distortion": terms.distortion, **terms.others}
        each = torch.stack([value.detach().float() for value in named.values()])
        means = self.ranks.total(each) / self.ranks.world
        if not self.ranks.is_first:
            return
        values = dict(zip(named, means.tolist(), strict=True))
        extra = {"kl_weight": self._annealing(), "lr": self.optimiser.param_groups[0]["lr"]}
        self._append({**values, **extra, "poems_per_second": round(speed, 1)})
        self.observer.stepped(self.progress.step, speed, values)

    def _save_state(self) -> None:
        self.progress.updates = dict(self.updates.memory)
        save_state(self.folder, self._trained(), self.optimiser, self.progress)

    def _append(self, entry: dict[str, object]) -> None:
        seconds = round(self.progress.seconds, 2)
        append_metrics(self.folder, {"step": self.progress.step, "seconds": seconds, **entry})

    def _note(self) -> str:
        parameters = sum(p.numel() for p in self.model.parameters())
        precision = str(self.dtype).removeprefix("torch.")
        return (
            f"{parameters:,} parameters, {self.data.poems:,} poems, vocabulary of "
            f"{self.spec.model.vocabulary:,}; {self.device}, {precision}"
        )
