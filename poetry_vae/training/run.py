"""What a training run is, how it ends, and who may watch it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.treasury import Treasury
from poetry_vae.training.beginning import begin
from poetry_vae.training.diagnostics import Figures
from poetry_vae.training.settings import TrainingConfig

Stopped = Literal["finished", "no better bound", "time is up", "interrupted"]


class TrainingError(PoetryVAEError):
    """A training that came to nothing."""


class Observer:
    """What a caller may want to see of a run; every method does nothing by default."""

    def started(self, model: PoetryVAE, steps: int, done: int, note: str) -> None:
        """Before the first step; ``done`` steps are behind us if the run is resumed."""

    def stepped(self, step: int, poems_per_second: float, terms: dict[str, float]) -> None:
        """Every few steps."""

    def validated(self, model: PoetryVAE, step: int, figures: Figures, best: bool) -> None:
        """After each validation."""

    def warned(self, message: str) -> None:
        """Something the person training should know."""


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    model: PoetryVAE
    """The best weights by validation bound."""
    folder: Path
    steps: int
    stopped: Stopped
    figures: Figures
    """Of those weights, on validation poems."""


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

    def begun(self) -> PoetryVAE:
        """The model before the first step, see :func:`begin`."""
        return begin(self.model, self.corpus.tokenizer, self.start, seed=self.seed)

    def to_json(self, precision: str) -> str:
        """What a run's folder says of it; ``precision`` is that of its matrix products."""
        about = {
            "preset": self.preset,
            "seed": self.seed,
            "corpus": self.corpus.source,
            "form": "any" if isinstance(self.corpus, Treasury) else self.corpus.form.slug,
            "poems": self.corpus.sizes,
            "precision": precision,
            "training": asdict(self.training),
        }
        return json.dumps(about, ensure_ascii=False, indent=2) + "\n"

    def fingerprint(self) -> str:
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
        settings = {"model": asdict(self.model), "training": asdict(self.training)}
        digest.update(json.dumps([settings, self.seed], sort_keys=True).encode("utf-8"))
        return digest.hexdigest()
