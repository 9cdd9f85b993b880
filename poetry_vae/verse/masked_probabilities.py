"""The probabilities of independent heads, limited to the characters that are allowed."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.text.tokenizer import CharTokenizer

# Every allowed character is at least this likely, so that one can be drawn from whichever are left,
# at any temperature.
_LEAST = 1e-30


@dataclass(frozen=True)
class MaskedProbabilities:
    """Rows of poems still to be drawn: R rows, T positions, V characters.

    ``probs`` [R, T, V] are the probabilities of what is allowed at a place, normalised there;
    ``log_mass`` [R, T] is the log-probability of being allowed there, in nats. Kept apart, neither
    underflows where a rare character is pinned.
    """

    probs: Tensor
    log_mass: Tensor

    @classmethod
    def of(
        cls, logits: Tensor, allowed: Tensor, *, temperature: float = 1.0
    ) -> MaskedProbabilities:
        """From logits [R, T, V] and the ``allowed`` characters [T, V]. Characters that are allowed
        nowhere, such as special symbols, are left out of the sum.

        At temperature 0 the probabilities are those at 1; drawing then takes the likeliest.
        """
        # Characters allowed nowhere are left out; most places are free for all others.
        never = ~allowed.any(0)
        never[: len(CharTokenizer.SPECIAL)] = True
        scaled = logits.float() / (temperature or 1.0)
        scaled.masked_fill_(never, -torch.inf)
        probs = scaled.softmax(-1).clamp_min(_LEAST).masked_fill(never, 0.0)
        log_mass = probs.new_zeros(probs.shape[:2])
        limited = (~allowed[:, ~never]).any(1).nonzero()[:, 0]
        if len(limited):
            here = scaled[:, limited]
            within = here.masked_fill(~allowed[limited], -torch.inf)
            rows = torch.arange(len(probs))[:, None]
            within_probs = within.softmax(-1).clamp_min(_LEAST) * allowed[limited]
            probs = probs.index_put((rows, limited), within_probs)
            mass = within.logsumexp(-1) - here.logsumexp(-1)
            log_mass = log_mass.index_put((rows, limited), mass)
        return cls(probs, log_mass)

    def settled(self, ids: Tensor, where: Tensor) -> MaskedProbabilities:
        """The same with probability 1 on the characters of ids [R, T] ``where`` they are settled,
        [R, T]."""
        sure = torch.nn.functional.one_hot(ids, self.probs.shape[-1]).to(self.probs.dtype)
        return MaskedProbabilities(
            torch.where(where[..., None], sure, self.probs),
            self.log_mass.masked_fill(where, 0.0),
        )

    def __getitem__(self, rows: Tensor) -> MaskedProbabilities:
        return MaskedProbabilities(self.probs[rows], self.log_mass[rows])

    def within(self, rows: Tensor, positions: Tensor, allowed: Tensor) -> MaskedProbabilities:
        """Only ``allowed`` [N, V] at N places, given as rows [N] and positions [N]."""
        here = self.probs[rows, positions] * allowed
        mass = here.sum(-1)
        normed = here / mass[:, None]
        return MaskedProbabilities(
            self.probs.index_put((rows, positions), normed),
            self.log_mass.index_put((rows, positions), self.log_mass[rows, positions] + mass.log()),
        )
