"""From a latent vector to a distribution over characters at every position at once."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layers import gated_stack
from poetry_vae.model.sampling import draw
from poetry_vae.model.softmax import block_rows, log_prob_of
from poetry_vae.text.tokenizer import CharTokenizer


class CategoricalHeads(nn.Module):
    """The categorical likelihood p(x_i = c | h_i) = softmax(W h_i + b)_c, one for all positions."""

    def __init__(self, hidden: int, vocabulary: int) -> None:
        super().__init__()
        self.output = nn.Linear(hidden, vocabulary)

    def logits(self, hidden: Tensor) -> Tensor:
        """[..., H] → [..., V]."""
        out: Tensor = self.output(hidden)
        return out

    def log_prob(self, hidden: Tensor, targets: Tensor) -> Tensor:
        """log p(x_i | h_i) in nats: hidden [..., H], targets [...] → [...]."""
        flat = log_prob_of(
            hidden.flatten(0, -2), self.output.weight, self.output.bias, targets.flatten()
        )
        return flat.view(targets.shape)

    def draw(
        self, hidden: Tensor, temperature: float, *, generator: torch.Generator | None
    ) -> Tensor:
        """Characters drawn independently given h, never a special symbol: [..., H] → ids [...]."""
        first = len(CharTokenizer.SPECIAL)
        weight, bias = self.output.weight[first:], self.output.bias[first:]
        rows = block_rows(len(weight), hidden)
        parts = [
            draw(nn.functional.linear(block, weight, bias), temperature, generator=generator)
            for block in torch.split(hidden.flatten(0, -2), rows)
        ]
        return (torch.cat(parts) + first).view(hidden.shape[:-1])


class ParallelDecoder(nn.Module):
    """One dense head a position, gated convolutions over their outputs, a softmax of characters.

    Given z the characters are independent: p(x|z) = Π_i p(x_i | h_i(z)).
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.positions, self.hidden = config.form.positions, config.hidden
        self.heads = nn.Linear(config.latent, self.positions * self.hidden)
        self.stack = gated_stack(
            config.decoder_layers, config.hidden, config.kernel, normalise=config.normalise
        )
        self.likelihood = CategoricalHeads(config.hidden, config.vocabulary)

    def forward(self, z: Tensor) -> Tensor:
        """z [..., D] → hidden states [..., T, H], from which the likelihood is read."""
        h = self.heads(z).unflatten(-1, (self.positions, self.hidden))
        out: Tensor = self.stack(h)
        return out
