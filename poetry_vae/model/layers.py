"""The gated convolution, the one layer that encoder and decoder are stacked from.

Dauphin et al. 2017, "Language Modeling with Gated Convolutional Networks", with the residual
connection of the article that this project grew from (Su Jianlin 2018, ``vae_shi.py``).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def convolved(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """A convolution of x [..., T, H] over positions: [..., T, C], of ``weight`` [C, kernel, H].

    On the processors this was measured on, in single precision the library's convolution of
    channels that lie side by side in memory is two to four times as fast as a matrix product over
    unfolded neighbours, and up to twice as fast with a kernel of 1. In half precision the matrix
    product is faster.
    """
    (T, H), kernel = x.shape[-2:], weight.shape[1]
    reach = kernel // 2
    if not x.numel():
        return x.new_zeros(*x.shape[:-1], len(weight))
    if torch.is_autocast_enabled(x.device.type):
        padded = nn.functional.pad(x, (0, 0, reach, reach)) if reach else x
        windows = torch.cat([padded[..., i : i + T, :] for i in range(kernel)], dim=-1)
        return nn.functional.linear(windows, weight.flatten(1), bias)
    image = x.reshape(-1, 1, T, H).permute(0, 3, 1, 2)
    weight = weight.unsqueeze(1).permute(0, 3, 1, 2)
    wide = nn.functional.conv2d(image, weight, bias, padding=(0, reach))
    return wide.permute(0, 2, 3, 1).reshape(*x.shape[:-1], len(weight))


def zero_init(*layers: nn.Module) -> None:
    """Let dense layers output only 0 before they have learned."""
    for layer in layers:
        for parameter in layer.parameters():
            nn.init.zeros_(parameter)


class Dense(nn.Linear):
    """The library's dense layer of [..., T, H], computed with whichever product is faster."""

    def forward(self, x: Tensor) -> Tensor:
        return convolved(x, self.weight.unsqueeze(1), self.bias)


class GatedConv(nn.Module):
    """x + a ⊙ σ(b), where (a, b) is a convolution of x over positions, [..., T, H] → the same."""

    def __init__(self, hidden: int, kernel: int, *, normalise: bool = False) -> None:
        super().__init__()
        self.kernel = kernel
        self.norm = nn.LayerNorm(hidden) if normalise else nn.Identity()
        self.neighbours = nn.Linear(kernel * hidden, 2 * hidden, bias=False)

    def forward(self, x: Tensor, there: Tensor | None = None) -> Tensor:
        """``there`` [B, T] is false where x is padding, which must not reach other places."""
        weight = self.neighbours.weight.view(-1, self.kernel, x.shape[-1])
        h = self.norm(x)
        if there is not None:
            h = h * there.unsqueeze(-1)
        values, gates = convolved(h, weight).chunk(2, dim=-1)
        out: Tensor = x + values * torch.sigmoid(gates)
        return out


class GatedStack(nn.Sequential):
    """Gated convolutions one after the other; the identity where there are none."""

    def forward(self, x: Tensor, there: Tensor | None = None) -> Tensor:
        for layer in self:
            x = layer(x, there)
        return x


def gated_stack(layers: int, hidden: int, kernel: int, *, normalise: bool) -> GatedStack:
    """A stack of ``layers``."""
    return GatedStack(*(GatedConv(hidden, kernel, normalise=normalise) for _ in range(layers)))
