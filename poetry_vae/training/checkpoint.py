"""The state of a training run, in one safetensors file that is replaced as a whole.

Weights, optimiser moments, and as metadata the counters: with the seed they decide every later
step, so that a run that was stopped continues to the same weights, bit for bit, on a CPU. The file
has checksums; one of an earlier version, without them, is read too.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from poetry_vae.model.pretrained import CheckpointError
from poetry_vae.model.weights import DTYPE_NAMES, Wanted, hold_against, save_weights, weights_in
from poetry_vae.text.json_values import JsonError, parse_json
from poetry_vae.text.tensor_file import TensorFile

STATE = "training.safetensors"


@dataclass
class Counters:
    """Where a run stands."""

    run: str = ""
    """A fingerprint of corpus, seed and settings. A run is continued only if it is the same."""
    step: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    """The lowest validation bound so far, nats a character."""
    since_best: int = 0
    """Validations since the bound was last improved."""
    distortion: float = float("inf")
    """The lowest of a validation so far, nats a poem."""
    updates: dict[str, float] = field(default_factory=dict)
    """The memory of the update rule."""
    moments: int = 0
    """How many parameters the optimiser has moments of."""
    precision: Literal["", "float32", "bfloat16"] = ""
    """Precision of the run's matrix products; empty until it is decided."""


def save_state(
    folder: Path, trained: nn.Module, optimiser: torch.optim.Optimizer, counters: Counters
) -> None:
    """Write the state of a run into its folder, replacing the one before in one step."""
    tensors = trained.state_dict()
    state = optimiser.state_dict()["state"]
    counters.moments = len(state)
    for index, moments in state.items():
        for name, value in moments.items():
            tensors[f"optimiser.{index}.{name}"] = value
    save_weights(folder / STATE, tensors, {"progress": json.dumps(asdict(counters))})


def load_state(
    folder: Path, trained: nn.Module, optimiser: torch.optim.Optimizer, *, run: str
) -> Counters:
    """Put the state of a run back into the trained modules and into the optimiser.

    Raises:
        CheckpointError: the state is damaged, or belongs to a run with another corpus, seed or
            settings.
    """
    path = folder / STATE
    file = TensorFile.open(path, "state of a run", known=("progress",), error=CheckpointError)
    counters = _counters_in(file)
    if counters.run != run:
        raise CheckpointError(
            f"{path}: belongs to a run with another corpus, preset, seed or settings; resume with "
            "those it was started with, or train into another folder"
        )
    hold_against(file, _wanted(file, trained, optimiser, counters.moments), "the run")
    tensors, moments = weights_in(file), dict[int, dict[str, torch.Tensor]]()
    trained.load_state_dict({name: tensors[name] for name in trained.state_dict()})
    for name in (name for name in tensors if name.startswith("optimiser.")):
        _, index, moment = name.split(".")
        moments.setdefault(int(index), {})[moment] = tensors[name]
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return counters


def _counters_in(file: TensorFile) -> Counters:
    try:
        found = Counters(**parse_json(file.metadata["progress"]))
        whole = (found.step, found.since_best, found.moments)
        numbers = (*whole, found.seconds, found.best, *found.updates.values())
        is_sound = all(type(n) is int and n >= 0 for n in whole) and not any(
            map(math.isnan, numbers)
        )
    except (KeyError, TypeError, AttributeError, JsonError) as error:
        raise file.refuse(f"damaged, the run cannot be resumed ({error})") from error
    if not is_sound:
        raise file.refuse("damaged, the run cannot be resumed (its counters cannot be read)")
    return found


def _wanted(
    file: TensorFile, trained: nn.Module, optimiser: torch.optim.Optimizer, moments: int
) -> Wanted:
    """The tensors that the state must hold: weights, and the moments of so many parameters."""
    wanted: Wanted = {name: _kind_of(tensor) for name, tensor in trained.state_dict().items()}
    parameters = [p for group in optimiser.param_groups for p in group["params"]]
    begun = [i for i in range(len(parameters)) if f"optimiser.{i}.step" in file.tensors]
    if len(begun) != moments:
        raise file.refuse(
            f"damaged, the optimiser has moments of {len(begun)} parameters and not of {moments}"
        )
    for i in begun:
        wanted[f"optimiser.{i}.step"] = (("F32",), ())
        for name in ("exp_avg", "exp_avg_sq"):
            wanted[f"optimiser.{i}.{name}"] = _kind_of(parameters[i])
    return wanted


def _kind_of(tensor: torch.Tensor) -> tuple[tuple[str], tuple[int, ...]]:
    return (DTYPE_NAMES[tensor.dtype],), tuple(tensor.shape)
