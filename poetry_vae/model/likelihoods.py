"""p(x_i = c | h_i) for a vocabulary of V characters: three ways that the sources write it.

All of them offer the same four methods. ``log_prob`` is the log of a probability that sums to 1
over the vocabulary, so that nats mean the same in each. ``log_density`` is the density that the
source trains with; for the categorical likelihood both are the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.sampling import derived_seed, draw, lessen
from poetry_vae.model.softmax import block_rows, log_prob_of
from poetry_vae.text.tokenizer import CharTokenizer


class CharacterHeads(nn.Module):
    """Base of all likelihoods: each is a softmax over a table of characters."""

    def read(self, states: Tensor) -> Tensor:
        """Vectors that multiply the rows of the table, [..., H]: h itself, unless overridden."""
        return states

    @property
    def table(self) -> tuple[Tensor, Tensor]:
        """A row [V, H] and a bias [V] a character: logits are table · read(h) + bias."""
        raise NotImplementedError

    def logits(self, states: Tensor) -> Tensor:
        """[..., H] → [..., V]."""
        return nn.functional.linear(self.read(states), *self.table)

    def log_prob(self, states: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
        """log p(x_i | h_i) in nats: states [..., H], targets [...] → [...]; 0 where a place is not
        ``there`` [B, T]."""
        rows = self.read(states).flatten(0, -2)
        if there is not None:
            there = there.expand(targets.shape).flatten()
        return log_prob_of(rows, *self.table, targets.flatten(), there).view(targets.shape)

    def log_density(self, states: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
        """The log density that training maximises, [...]: ``log_prob`` unless overridden."""
        return self.log_prob(states, targets, there)

    def draw(
        self,
        states: Tensor,
        temperature: float,
        *,
        present: Tensor | None = None,
        repetition: float = 0.0,
        refused: Sequence[int] = (),
        generator: torch.Generator | None,
    ) -> Tensor:
        """Characters drawn independently given h, never a special symbol: [..., H] → ids [...].

        Args:
            present: ids [..., S] that lose ``repetition`` nats; special symbols among them do not.
            refused: more ids that are never drawn, see ``sampling.draw``.
        """
        first = len(CharTokenizer.SPECIAL)
        weight, bias = (values[first:] for values in self.table)
        read = self.read(states).flatten(0, -2)
        never = torch.tensor(refused, dtype=torch.long, device=read.device) - first
        parts = []
        for rows in torch.split(torch.arange(len(read)), block_rows(len(weight), read)):
            logits = nn.functional.linear(read[rows], weight, bias)
            if present is not None and repetition:
                logits = lessen(logits, present.flatten(0, -2)[rows] - first, repetition)
            parts.append(draw(logits, temperature, refused=never, generator=generator))
        return (torch.cat(parts) + first).view(states.shape[:-1])


class CategoricalHeads(CharacterHeads):
    """The categorical likelihood p(x_i = c | h_i) = softmax(W h_i + b)_c, one for all positions."""

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.output = nn.Linear(hidden, vocabulary)

    @property
    def table(self) -> tuple[Tensor, Tensor]:
        return self.output.weight, self.output.bias


class BernoulliHeads(CategoricalHeads):
    """A Bernoulli for each of V indicators, as for the pixels of Kingma & Welling 2014, appendix C.

    Σ_v x_v log σ(a_v) + (1 − x_v) log(1 − σ(a_v)) at the one-hot x. Among one-hot vectors alone its
    probability is proportional to exp(a_c), so that renormalised it is softmax(a).
    """

    def log_density(self, states: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
        """log of the product of V Bernoullis, [...]."""
        flat, wanted = self.read(states).flatten(0, -2), targets.flatten()
        rows = block_rows(len(self.output.weight), flat)
        parts = []
        for h, t in zip(torch.split(flat, rows), torch.split(wanted, rows), strict=True):
            a = nn.functional.linear(h, self.output.weight, self.output.bias).float()
            parts.append(a.gather(1, t[:, None])[:, 0] - nn.functional.softplus(a).sum(1))
        found = torch.cat(parts).view(targets.shape)
        return found if there is None else found * there


class GaussianHeads(CharacterHeads):
    """N(x_i; x'_i, I) over fixed character vectors of unit length: ½‖x − x'‖² and a constant.

    The vectors are random, from a seed that depends only on their sizes, and never trained. Of V
    vectors p(c | x') ∝ exp(−½‖e_c − x'‖²), and since all ‖e_c‖ = 1 that is softmax(e_c · x').
    """

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.mean = nn.Linear(hidden, hidden)
        generator = torch.Generator().manual_seed(derived_seed(0, "characters", vocabulary, hidden))
        rows = torch.randn(vocabulary, hidden, generator=generator)
        self.embeddings: Tensor
        self.register_buffer("embeddings", nn.functional.normalize(rows, dim=-1))

    def read(self, states: Tensor) -> Tensor:
        """x', [..., H]."""
        out: Tensor = self.mean(states)
        return out

    @property
    def table(self) -> tuple[Tensor, Tensor]:
        return self.embeddings, self.embeddings.new_zeros(len(self.embeddings))

    def log_density(self, states: Tensor, targets: Tensor, there: Tensor | None = None) -> Tensor:
        """log N(e_x; x', I), [...]: a density of vectors, not to be compared with probabilities."""
        x = self.read(states).float()
        distance = (self.embeddings[targets] - x).square().sum(-1)
        found = -0.5 * (distance + x.shape[-1] * math.log(2 * math.pi))
        return found if there is None else found * there


_LIKELIHOODS: dict[str, Callable[[int, int], CharacterHeads]] = {
    "categorical": CategoricalHeads,
    "gaussian": GaussianHeads,
    "bernoulli": BernoulliHeads,
}


def build_likelihood(config: ModelConfig) -> CharacterHeads:
    """The likelihood that a configuration names."""
    return _LIKELIHOODS[config.likelihood](config.hidden, config.vocabulary)
