"""A training run, when and how it ends, its result, and the observer that may watch it."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypedDict

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.treasury import Treasury
from poetry_vae.training.device import Precision
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.heart import TrainingLines
from poetry_vae.training.settings import TrainingConfig

Stopped = Literal["finished", "no better bound", "learned by heart", "time is up", "interrupted"]


class TrainingError(PoetryVAEError):
    """A training that failed."""


class Observer:
    """Events of a run that a caller may watch; every method does nothing by default."""

    def reads(self, lines: Callable[[], TrainingLines]) -> None:
        """Before all: how to get the lines of the training poems, which takes time."""

    def started(self, model: PoetryVAE, steps: int, done: int, note: str) -> None:
        """Before the first step; ``done`` steps are behind us if the run is resumed."""

    def stepped(self, step: int, poems_per_second: float, terms: dict[str, float]) -> None:
        """Every few steps."""

    def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
        """After each validation."""

    def warned(self, message: str) -> None:
        """Something the person training should know."""


class CallOptions(TypedDict, total=False):
    """How one call trains, which does not belong to the run: see :func:`run_training`."""

    device: str
    precision: Precision
    max_minutes: float | None
    finish: bool
    keep_state: bool
    observer: Observer | None
    should_stop: Callable[[], bool]


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    model: PoetryVAE
    """The best weights by validation bound."""
    folder: Path
    steps: int
    stopped: Stopped
    figures: Figures
    """Figures of those weights, on validation poems."""
    kept: int | None = None
    """The step of those weights; 0 if no step improved on the model that the run started from."""


@dataclass(frozen=True)
class Run:
    """Everything that decides the weights a run ends with."""

    corpus: EncodedCorpus | Treasury
    model: ModelConfig
    training: TrainingConfig
    seed: int
    preset: str = "custom"
    start: PoetryVAE | None = None
    """The model whose weights are trained on; without one, random weights."""

    @property
    def settings(self) -> dict[str, dict[str, Any]]:
        """All settings by name: those of the model, and those of its training."""
        return {"model": asdict(self.model), "training": asdict(self.training)}

    def fingerprint(self, known: Mapping[str, Collection[str]] | None = None) -> str:
        """A fingerprint of all that decides the run.

        Args:
            known: names of the settings, of the model and of its training, that existed when the
                run was begun. A newer setting does not count while it has its default.
        """
        digest = hashlib.sha256()
        if isinstance(self.corpus, Treasury):
            for tensor in self.corpus.tensors.values():
                digest.update(tensor.tobytes())
        else:
            digest.update(self.corpus.parts["train"].tobytes())
            if self.training.label:
                digest.update(self.corpus.labels[self.training.label].parts["train"].tobytes())
        for weights in self.start.state_dict().values() if self.start else ():
            digest.update(weights.cpu().numpy().tobytes())
        digest.update(self.corpus.tokenizer.to_json().encode("utf-8"))
        settings = self.settings
        for kind, names in (known or {}).items():
            for f in fields(getattr(self, kind)):
                if f.name not in names and settings[kind][f.name] == f.default:
                    del settings[kind][f.name]
        digest.update(json.dumps([settings, self.seed], sort_keys=True).encode("utf-8"))
        return digest.hexdigest()


@dataclass
class StoppingRule:
    """Ends a call: by a caller that is asked, by time, or when the bound no longer improves."""

    should_stop: Callable[[], bool]
    minutes: float | None
    patience: int
    """Validations without a better bound; 0 never stops early."""
    decay: float = 0.0
    """The last share of the time, over which the learning rate falls."""
    begun: float = field(default_factory=time.monotonic)

    @property
    def passed(self) -> float:
        """Seconds of the call so far."""
        return time.monotonic() - self.begun

    @property
    def pace(self) -> float:
        """The factor on the learning rate: 1, then falling as 1 − √done at the end of a call."""
        if self.minutes is None or not self.decay:
            return 1.0
        left = (60 * self.minutes - self.passed) / (self.decay * 60 * self.minutes)
        return 1.0 if left >= 1 else 1 - math.sqrt(1 - max(0.0, left))

    def reason(self, *, by_heart: bool, since_best: int) -> Stopped:
        """Why to stop now; ``finished`` if there is no reason to.

        Args:
            by_heart: whether the model writes lines of its training poems.
            since_best: validations since the bound last got better.
        """
        if self.should_stop():
            return "interrupted"
        if self.minutes is not None and self.passed > 60 * self.minutes:
            return "time is up"
        if self.patience and by_heart:
            return "learned by heart"
        return "no better bound" if 0 < self.patience <= since_best else "finished"
