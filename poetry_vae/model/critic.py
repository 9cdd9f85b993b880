"""The density-ratio critic of the FactorVAE: is z a sample of q(z), or of its marginals?"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.func import functional_call

_WIDTH, _LAYERS, _SLOPE = 256, 4, 0.2


class DensityRatioCritic(nn.Module):
    """log q(z)/Π_j q(z_j) of codes [B, D], as the logit of a classifier of the two: [B].

    Kim & Mnih 2018, "Disentangling by Factorising", equation 3; the paper has six layers of 1000.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        widths = [size] + [_WIDTH] * _LAYERS
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.LeakyReLU(_SLOPE)]
        self.net = nn.Sequential(*layers, nn.Linear(_WIDTH, 1))

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.net(z).squeeze(-1)
        return out

    def frozen(self, z: Tensor) -> Tensor:
        """The same, [B], with a gradient for z and none for the critic."""
        fixed = {name: p.detach() for name, p in self.named_parameters()}
        out: Tensor = functional_call(self, fixed, (z,))
        return out


def permuted(z: Tensor, *, generator: torch.Generator | None) -> Tensor:
    """Every dimension of z [N, D] shuffled by itself: samples of Π_j q(z_j) (algorithm 1, ibid.)"""
    order = torch.rand(z.shape, generator=generator, device=z.device).argsort(dim=0)
    return z.gather(0, order)
