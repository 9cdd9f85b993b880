"""A reward model: the mark that readers would give a poem, from what a model knows of it.

Readers marked some thousands of poems that the model had written, and a linear function of a few
figures was fitted to the differences of marks under one title (ridge regression). The best of N
candidates by such a function is what they would choose (Stiennon et al. 2020, "Learning to
summarize from human feedback", section 4; docs/poet.md, "What readers mark").
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.files import replace_file, stands
from poetry_vae.text.json_values import read_json

REWARD = "reward.json"


class RewardError(PoetryVAEError):
    """A damaged reward model."""


@dataclass(frozen=True)
class Features:
    """What is known of B poems, each [B]."""

    surprise: Tensor
    """−log p of a character, given what was asked; in nats, the mean over the poem."""
    gained: Tensor
    """The nats a character that the poem gains from what was asked."""
    repeated: Tensor
    """The share of characters that stood in the poem before."""
    said: Tensor
    """The share of the subject's characters that the poem has."""
    states: Tensor
    """The mean of the refiner's hidden states at the characters of the poem, [B, H]."""


@dataclass(frozen=True)
class Reward:
    """Marks a unit of each feature. The defaults serve every model, since nats mean the same in
    each; those of a model's hidden states belong to its own weights."""

    surprise: float = -0.59
    gained: float = 0.35
    repeated: float = -3.9
    said: float = 0.18
    states: tuple[float, ...] = ()

    def of(self, found: Features) -> Tensor:
        """How much better readers would like poems than others to the same subject: [B]."""
        marks = (
            self.surprise * found.surprise
            + self.gained * found.gained
            + self.repeated * found.repeated
            + self.said * found.said
        )
        if not self.states:
            return marks
        return marks + found.states @ torch.tensor(self.states).to(found.states)

    def save(self, folder: Path) -> None:
        """Write it beside the weights."""
        replace_file(folder / REWARD, json.dumps(asdict(self)) + "\n")

    @classmethod
    def load(cls, folder: Path, hidden: int) -> Reward:
        """The reward model beside a model's weights, or the default one.

        Raises:
            RewardError: the file is damaged, or its states are not as wide as the model's.
        """
        path = folder / REWARD
        if not stands(path):
            return cls()
        found = read_json(path, error=RewardError)
        try:
            states = tuple(map(float, found["states"]))
            weights = {name: float(found[name]) for name in found if name != "states"}
            made = cls(**weights, states=states)
        except (KeyError, TypeError, ValueError) as error:
            raise RewardError(f"{path}: damaged, no reward model") from error
        is_finite = all(map(math.isfinite, (*weights.values(), *states)))
        if len(states) not in (0, hidden) or not is_finite:
            raise RewardError(f"{path}: damaged, or of another model than the weights beside it")
        return made
