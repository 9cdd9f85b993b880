"""Which parameters a step updates: all, encoder and decoder in turn, or the encoder ahead.

Parameters come in named groups: ``encoder`` (all that is part of q), ``decoder`` (all that is part
of p), ``refiner`` and ``critic``; the latter two are updated in every step. A rule keeps its memory
in a dictionary of numbers, which is stored with the run.
"""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn

from poetry_vae.model.critic import DensityRatioCritic
from poetry_vae.model.vae import PoetryVAE

ALWAYS = frozenset({"refiner", "critic"})
UpdateRule = Literal["together", "in-turn", "aggressive"]


class JointUpdates:
    """Every step updates everything. This is also the base of the other rules."""

    def __init__(self, **memory: float) -> None:
        self.memory = memory

    def groups(self, step: int) -> frozenset[str]:
        """The groups that step ``step`` updates."""
        return frozenset({"encoder", "decoder", *ALWAYS})

    def trained(self, loss: Tensor) -> None:
        """After a step."""

    def validated(self, mutual_information: float | None) -> None:
        """After a validation."""


class AlternatingUpdates(JointUpdates):
    """Encoder and decoder in alternation, as the F-VAE article trains them (Su Jianlin 2018)."""

    def groups(self, step: int) -> frozenset[str]:
        return frozenset({"encoder" if step % 2 == 0 else "decoder", *ALWAYS})


class AggressiveUpdates(JointUpdates):
    """The encoder is updated until its loss falls no further, then the decoder once.

    He et al. 2019, "Lagging Inference Networks and Posterior Collapse", algorithm 1: the loss is
    compared over windows of steps, and once the mutual information of the validation poems no
    longer rises, both are updated together for the rest of the run.
    """

    WINDOW, MOST = 10, 100

    def __init__(self) -> None:
        super().__init__(ahead=1.0, inner=0.0, sum=0.0, before=math.inf, best=0.0)

    def groups(self, step: int) -> frozenset[str]:
        if not self.memory["ahead"]:
            return super().groups(step)
        return frozenset({"decoder" if self.memory["inner"] < 0 else "encoder", *ALWAYS})

    def trained(self, loss: Tensor) -> None:
        m = self.memory
        if not m["ahead"]:
            return
        if m["inner"] < 0:  # that was the decoder's turn
            m.update(inner=0.0, sum=0.0, before=math.inf)
            return
        m["inner"] += 1
        m["sum"] += loss.item()
        if m["inner"] % self.WINDOW == 0:
            is_lower = m["sum"] < m["before"]
            m.update(before=m["sum"], sum=0.0)
            if not is_lower or m["inner"] >= self.MOST:
                m["inner"] = -1.0

    def validated(self, mutual_information: float | None) -> None:
        m = self.memory
        if mutual_information is None or not m["ahead"] or not math.isfinite(mutual_information):
            return
        if mutual_information < m["best"]:
            m["ahead"] = 0.0
        m["best"] = max(m["best"], mutual_information)


RULES: dict[UpdateRule, type[JointUpdates]] = {
    "together": JointUpdates,
    "in-turn": AlternatingUpdates,
    "aggressive": AggressiveUpdates,
}


def parameter_groups(
    model: PoetryVAE, critic: DensityRatioCritic | None
) -> dict[str, list[nn.Parameter]]:
    """Every parameter that is trained, in the group that it belongs to."""
    q = [model.encoder, *(getattr(level, name) for level in model.levels for name in level.of_q)]
    if model.classifier is not None:
        q.append(model.classifier)
    encoder = [p for part in q for p in part.parameters()]
    refiner = list(model.refiner.parameters()) if model.refiner is not None else []
    theirs = set(map(id, [*encoder, *refiner]))
    groups = {
        "encoder": encoder,
        "decoder": [p for p in model.parameters() if id(p) not in theirs],
        "refiner": refiner,
        "critic": list(critic.parameters()) if critic is not None else [],
    }
    return {name: parameters for name, parameters in groups.items() if parameters}
