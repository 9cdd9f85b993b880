"""Stochastic levels. A level owns its posterior q and its prior p.

Levels are walked from the top: each is given the state that the levels above it have made, places
its z, and hands its own state down. How z is placed is the only difference between training, where
it is drawn from q, and generation, where it is drawn from p, so that both walk the same path (the
shape of a ``DecBlock`` in Child 2021, "Very Deep VAEs").

Shape letters: K samples, B batch, u units of a level (1 poem, L/2 couplets, L lines or T
characters), d latent dimensions a unit, D = u·d, H hidden.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.layers import gated_stack, zero_init
from poetry_vae.text.form import Form

Placing = Callable[[DiagonalGaussian, DiagonalGaussian], Tensor]
"""Makes z [K, B, D] from posterior and prior, which are equal where there is no evidence."""


@dataclass(frozen=True)
class LevelRecord:
    """One pass through a level: its sample z [K, B, D], with its posterior and its prior.

    The shape of a distribution is [D] if it depends on nothing, [B, D] if it depends on the poem
    alone, and [K, B, D] if it also depends on the levels above.
    """

    z: Tensor
    posterior: DiagonalGaussian
    """q(z|x, levels above); the prior itself where the level had no evidence."""
    prior: DiagonalGaussian

    @property
    def kl(self) -> Tensor:
        """KL(q ‖ p) in nats a dimension, [B, D]: in closed form given the levels above, averaged
        over their K samples."""
        kl = self.posterior.kl(self.prior)
        return kl.mean(0) if kl.dim() == 3 else kl

    @property
    def log_ratio(self) -> Tensor:
        """log p(z) − log q(z|x) at the sample, [K, B]."""
        return self.prior.log_prob(self.z) - self.posterior.log_prob(self.z)

    @property
    def code(self) -> Tensor:
        """z in standard deviations of its prior from the prior's mean, [K, B, D]."""
        return (self.z - self.prior.mean) / self.prior.stddev


@dataclass(frozen=True)
class Record:
    """One forward pass: log p(x|z) [K, B] in nats, and the record of each level."""

    log_likelihood: Tensor
    levels: tuple[LevelRecord, ...]

    @property
    def code(self) -> Tensor:
        """The samples of all levels in the coordinates of their priors, [K, B, D]."""
        return torch.cat([level.code for level in self.levels], dim=-1)


class Level(nn.Module):
    """Base of all levels."""

    name: str
    size: int
    """Coordinates of z, or of z a unit where poems differ in units."""
    of_q: tuple[str, ...]
    """Names of the parts that belong to q and not to p."""

    def size_for(self, form: Form) -> int:
        """Coordinates of z for poems of a form."""
        return self.size


class GaussianLevel(Level):
    """The one level of a flat VAE: q(z|x) = N(μ(x), diag σ²(x)) and p(z) = N(0, I)."""

    name, of_q = "poem", ("mean", "log_variance")

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.size = latent
        self.mean = nn.Linear(features, latent)
        self.log_variance = nn.Linear(features, latent)

    def forward(
        self, features: Tensor | None, above: Tensor | None, place: Placing, asking: object = None
    ) -> tuple[LevelRecord, Tensor]:
        """Place z given features [B, F], or without evidence; the state handed down is z itself."""
        prior = DiagonalGaussian.standard(torch.zeros(self.size, device=self.mean.bias.device))
        posterior = prior
        if features is not None:  # in float32 whatever the layers before it used
            posterior = DiagonalGaussian(
                self.mean(features).float(), self.log_variance(features).float()
            )
        z = place(posterior, prior)
        return LevelRecord(z, posterior, prior), z


class HierarchicalLevel(Level):
    """A level among several: h_j = Decoder_{j+1}(h_{j+1}) + G_j z_j, with u units of d dimensions.

    A unit is as many neighbouring characters as u allows, all T of them at the poem's level, and
    its z is read from their features and written onto their states, side by side. So every h_j is
    [T, H], and the poem's level alone is the flat VAE.

    The prior is N(0, I) (Rezende et al. 2014, "Stochastic Backpropagation") or a Gaussian whose
    parameters are read from Decoder_{j+1}(h_{j+1}) (Burda et al. 2015; Sønderby et al. 2016). The
    posterior is read from the features of its own level. With ``merged`` it is multiplied by the
    prior, so that the features only have to say how the poem differs from the expectation of the
    levels above (Sønderby et al. 2016, "Ladder Variational Autoencoders").
    """

    of_q = ("bottom_up",)

    def __init__(
        self, name: str, units: int, latent: int, config: ModelConfig, *, is_top: bool
    ) -> None:
        """
        Args:
            latent: dimensions a unit.
            is_top: whether there is no level above; the prior is then always N(0, I).
        """
        super().__init__()
        self.name, self.units, self.size = name, units, units * latent
        self.hidden = config.hidden
        side_by_side = config.form.positions // units * config.hidden
        self.bottom_up = nn.Linear(side_by_side, 2 * latent)
        self.enter = nn.Linear(latent, side_by_side)
        self.is_merged = config.posterior == "merged" and not is_top
        self.descend: nn.Module | None = None
        self.top_down: nn.Module | None = None
        if not is_top:
            self.descend = gated_stack(1, config.hidden, config.kernel, normalise=config.normalise)
            if config.prior == "learned":
                self.top_down = nn.Linear(side_by_side, 2 * latent)
                zero_init(self.top_down)  # so that it starts as N(0, I)

    def forward(
        self, features: Tensor | None, above: Tensor | None, place: Placing, asking: object = None
    ) -> tuple[LevelRecord, Tensor]:
        """Place z given features [B, T, H], or without, and the state above [..., T, H].

        Returns:
            The record, and the state h [..., T, H].
        """
        h = None if self.descend is None else self.descend(above)
        prior = DiagonalGaussian.standard(torch.zeros(self.size, device=self.enter.bias.device))
        if self.top_down is not None and h is not None:
            prior = gaussian_of(self.top_down(self._units_of(h)))
        posterior = prior
        if features is not None:
            posterior = gaussian_of(self.bottom_up(self._units_of(features)))
            if self.is_merged:
                posterior = posterior.merged(prior)
        z = place(posterior, prior)
        entered = self.enter(torch.unflatten(z, -1, (self.units, -1)))  # [..., u, T/u·H]
        entered = torch.unflatten(entered.flatten(-2), -1, (-1, self.hidden))
        return LevelRecord(z, posterior, prior), entered if h is None else h + entered

    def _units_of(self, h: Tensor) -> Tensor:
        """[..., T, H] → [..., u, T/u·H]."""
        return torch.unflatten(h, -2, (self.units, -1)).flatten(-2)


def build_levels(config: ModelConfig) -> list[Level]:
    """The levels of a model of one form, from the top."""
    if not config.is_hierarchical:
        return [GaussianLevel(config.features, config.latent)]
    return [
        HierarchicalLevel(name, units, latent, config, is_top=j == 0)
        for j, (name, units, latent) in enumerate(named_levels(config))
    ]


def named_levels(config: ModelConfig) -> list[tuple[str, int, int]]:
    """Name, units u and dimensions a unit d of every level, from the top."""
    each = [
        ("poem", 1, config.latent),
        ("couplet", config.lines // 2, config.couplet_latent),
        ("line", config.lines, config.line_latent),
        ("character", config.form.positions, config.character_latent),
    ]
    return [level for level in each if level[2]]


def gaussian_of(parameters: Tensor) -> DiagonalGaussian:
    """Mean and log variance side by side a unit, [..., u, 2d] → [..., D]. In float32."""
    mean, log_variance = parameters.float().chunk(2, dim=-1)
    return DiagonalGaussian(mean.flatten(-2), log_variance.flatten(-2))
