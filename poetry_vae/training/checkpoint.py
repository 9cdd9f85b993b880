"""The state of a training run, in one safetensors file that is replaced as a whole.

Weights, optimiser moments, and as metadata the counters: with the seed they decide every later
step, so that a run that was stopped continues to the same weights, bit for bit, on a CPU.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import nn

from poetry_vae.model.pretrained import CheckpointError
from poetry_vae.text.files import replace_file

STATE = "training.safetensors"


@dataclass
class Progress:
    """Where a run stands."""

    run: str = ""
    """A fingerprint of corpus, seed and settings: only the same run can be continued."""
    step: int = 0
    seconds: float = 0.0
    best: float = float("inf")
    """The lowest validation bound so far, nats a character."""
    since_best: int = 0
    """Validations in which the run got no better."""
    distortion: float = float("inf")
    """The lowest of a validation so far, nats a poem."""
    updates: dict[str, float] = field(default_factory=dict)
    """What the rule of updates has to remember."""
    moments: int = 0
    """Parameters that the optimiser has moments of."""
    precision: Literal["", "float32", "bfloat16"] = ""
    """Of the run's matrix products, once it is settled."""


def save_state(
    folder: Path,
    trained: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    progress: Progress,
) -> None:
    """Write the state of a run into its folder, replacing the one before in one step."""
    tensors = {
        f"{owner}.{name}": tensor
        for owner, module in trained.items()
        for name, tensor in module.state_dict().items()
    }
    state = optimiser.state_dict()["state"]
    progress.moments = len(state)
    for index, moments in state.items():
        for name, value in moments.items():
            tensors[f"optimiser.{index}.{name}"] = value
    cpu = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    replace_file(folder / STATE, save(cpu, {"progress": json.dumps(asdict(progress))}))


def load_state(
    folder: Path,
    trained: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    *,
    run: str,
) -> Progress:
    """Put the state of a run back into what is trained, by name, and the optimiser.

    Raises:
        CheckpointError: there is no state, it is damaged, or it belongs to a run with another
            corpus, seed or settings.
    """
    path = folder / STATE
    if not path.is_file():
        raise CheckpointError(f"{path}: no run to resume in this folder; train without --resume")
    try:
        with safe_open(path, framework="pt") as file:
            progress = Progress(**json.loads((file.metadata() or {})["progress"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: damaged, the run cannot be resumed ({error})") from error
    if progress.run != run:
        raise CheckpointError(
            f"{path}: belongs to a run with another corpus, preset, seed or settings; resume with "
            "those it was started with, or train into another folder"
        )
    moments: dict[int, dict[str, torch.Tensor]] = {}
    weights: dict[str, dict[str, torch.Tensor]] = {owner: {} for owner in trained}
    for name, tensor in tensors.items():
        owner, _, rest = name.partition(".")
        if owner in weights:
            weights[owner][rest] = tensor
        else:
            index, _, moment = rest.partition(".")
            moments.setdefault(int(index), {})[moment] = tensor
    parameters = sum(len(group["params"]) for group in optimiser.param_groups)
    if len(moments) != progress.moments or not set(moments) <= set(range(parameters)):
        raise CheckpointError(f"{path}: damaged, moments of the optimiser are missing")
    try:
        for owner, module in trained.items():
            module.load_state_dict(weights[owner])
    except RuntimeError as error:
        raise CheckpointError(f"{path}: damaged, weights are missing") from error
    optimiser.load_state_dict({**optimiser.state_dict(), "state": moments})
    return progress
