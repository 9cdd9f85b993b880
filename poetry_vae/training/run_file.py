"""``run.json``: the settings of a run, and all else that two runs with equal weights must share.

Corpus, settings and seed decide a run; a run with others is refused. The precision of matrix
products, the number of threads or the version of torch change the last digits of numbers, and so
in the end the weights. Such a difference gives a warning, and the run goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from poetry_vae import __version__
from poetry_vae.model.config import ConfigError
from poetry_vae.model.pretrained import CONFIG, CheckpointError
from poetry_vae.text.files import replace_file
from poetry_vae.text.json_values import read_json
from poetry_vae.text.treasury import Treasury
from poetry_vae.training.run import Run
from poetry_vae.training.settings import TrainingConfig

RUN = "run.json"
_SETTINGS = ("model", "training")
_MADE_WITH = "made_with"
_VALIDATION = "validation poems"


@dataclass(frozen=True)
class RunFile:
    """The content of the file. Earlier versions wrote fewer entries."""

    said: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> RunFile:
        """The file of the run in a folder; empty content if there is no such file.

        Raises:
            CheckpointError: the file is damaged.
        """
        path = folder / RUN
        if not path.is_file():
            return cls()
        said = read_json(path, error=CheckpointError)
        whole = isinstance(said, dict) and isinstance(said.get("preset", ""), str)
        if not whole or not all(
            isinstance(said.get(name, {}), dict) for name in (*_SETTINGS, _MADE_WITH)
        ):
            raise CheckpointError(f"{path}: damaged, it is no record of a run")
        try:
            TrainingConfig(**said.get("training", {}))
        except (ConfigError, TypeError) as error:
            raise CheckpointError(f"{path}: damaged, or of a later version ({error})") from error
        return cls(said)

    @property
    def is_of_a_run(self) -> bool:
        """Whether a run wrote the file; it may be another file of that name."""
        return "training" in self.said and "preset" in self.said

    @property
    def preset(self) -> str | None:
        return self.said.get("preset")

    @property
    def training(self) -> dict[str, Any]:
        """The settings of the training."""
        return dict(self.said.get("training", {}))

    def known(self, folder: Path) -> dict[str, Collection[str]]:
        """Names of the settings that existed when the run was begun, as far as the folder tells."""
        names: dict[str, Collection[str]] = {
            kind: set(self.said[kind]) for kind in _SETTINGS if kind in self.said
        }
        if "model" not in names and (folder / CONFIG).is_file():
            # A damaged file is reported when the model is loaded.
            with contextlib.suppress(CheckpointError, TypeError):
                names["model"] = set(read_json(folder / CONFIG, error=CheckpointError))
        return names

    def other_settings(self, run: Run) -> list[str]:
        """Settings of the file from which ``run`` differs, as ``beta=1.0``."""
        now: dict[str, Any] = json.loads(json.dumps({**run.settings, "seed": run.seed}))
        found = [
            f"{name}={value}"
            for kind in _SETTINGS
            for name, value in self.said.get(kind, {}).items()
            if name not in now[kind] or now[kind][name] != value
        ]
        if self.said.get("seed", run.seed) != run.seed:
            found.append(f"seed={self.said['seed']}")
        return found

    @property
    def made_with(self) -> dict[str, Any]:
        """The circumstances in which the run was begun, see :func:`made_with`."""
        earlier = {"precision": self.said["precision"]} if "precision" in self.said else {}
        return {**earlier, **self.said.get(_MADE_WITH, {})}

    def differences(self, made: Mapping[str, object]) -> list[str]:
        """Warnings about circumstances that have changed since the run was begun."""
        begun = self.made_with
        other = {n: (begun[n], now) for n, now in made.items() if begun.get(n, now) != now}
        warnings = []
        if other.pop(_VALIDATION, None):
            warnings.append(
                "the validation poems are not those the run was begun with: the kept weights are "
                "measured on the new ones, and the bounds from before cannot be compared"
            )
        if other:
            told = ", ".join(f"{name} {now} instead of {was}" for name, (was, now) in other.items())
            warnings.append(
                f"the run goes on with {told}: its weights will differ from those of a run that "
                "was not interrupted"
            )
        return warnings

    def has_other_validation(self, made: Mapping[str, object]) -> bool:
        """Whether the bounds so far were measured on other poems."""
        return bool(self.made_with.get(_VALIDATION, made[_VALIDATION]) != made[_VALIDATION])


def made_with(run: Run, device: torch.device, precision: str, processes: int) -> dict[str, object]:
    """Circumstances that change the weights of a run, beside corpus, settings and seed."""
    return {
        "precision": precision,
        "device": device.type,
        "threads": torch.get_num_threads(),
        "processes": processes,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "torch": str(torch.__version__),
        "poetry-vae": __version__,
        _VALIDATION: _validation(run),
    }


def _validation(run: Run) -> str:
    if isinstance(run.corpus, Treasury):
        return "of the corpus"  # all of which is in the fingerprint
    return hashlib.sha256(run.corpus.parts["validation"].tobytes()).hexdigest()[:16]


def write_run_file(folder: Path, run: Run, made: Mapping[str, object], before: RunFile) -> None:
    """Write how a run was begun. Where ``before`` already says it, that is kept.

    Raises:
        FileWriteError: the file cannot be written.
    """
    known = before.known(folder)
    about = {
        "preset": run.preset,
        "seed": run.seed,
        "corpus": run.corpus.source,
        "form": "any" if isinstance(run.corpus, Treasury) else run.corpus.form.slug,
        "poems": run.corpus.sizes,
        # Settings that were added later did not exist when the run was begun.
        **{
            kind: {name: value for name, value in now.items() if name in known.get(kind, now)}
            for kind, now in run.settings.items()
        },
        _MADE_WITH: {**made, **before.made_with},
    }
    replace_file(folder / RUN, json.dumps(about, ensure_ascii=False, indent=2) + "\n")
