"""The latents of a model that writes any form: a code for the poem, and one for every couplet.

A **unit** is two lines, or an odd last one. Its characters lie on a grid of two lines of C places
counted from the end of the line, so that one posterior and one set of dense heads serve the units
of all forms. The prior of a unit's code follows from the poem's code, from what is asked for, and
from the units before:

    p(z_0 | a) Π_k p(z_k | z_0, z_1 … z_{k−1}, a)

Shape letters: K samples, B batch, T places, U units, C places a line, H hidden, d latent.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poetry_vae.model.asked import Asked
from poetry_vae.model.attention import AttentionBlock
from poetry_vae.model.config import ModelConfig
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import Level, LevelRecord, Placing, gaussian_of
from poetry_vae.model.layers import gated_stack, zero_init
from poetry_vae.model.layout import Layout, PlaceEmbedding
from poetry_vae.text.form import Form

_MOST_UNITS = 8  # of which each has a vector of its own, counted from either end
_PRIOR_LAYERS = 2


class UnitGrid:
    """Between places [B, T, H] and the grid of their units [B, U, 2C, H]."""

    def __init__(self, layout: Layout, chars: int, units: int) -> None:
        self.units, self.cells = units, 2 * chars
        cell = layout.unit * self.cells + (layout.line % 2) * chars + layout.from_end
        self.cell = cell.masked_fill(~layout.there, units * self.cells)  # one extra cell: padding
        count = torch.zeros(len(cell), units + 1, device=cell.device)
        unit = layout.unit.masked_fill(~layout.there, units)
        self.present = count.scatter(1, unit, 1.0)[:, :units] > 0  # [B, U]

    def spread(self, h: Tensor) -> Tensor:
        """[B, T, H] → [B, U, 2C·H], 0 where the grid has no place."""
        B, T, H = h.shape
        empty = h.new_zeros(B, self.units * self.cells + 1, H)
        full = empty.scatter(1, self.cell.unsqueeze(-1).expand(B, T, H), h)
        return full[:, :-1].reshape(B, self.units, -1)

    def gather(self, grid: Tensor) -> Tensor:
        """[..., U, 2C·H] → [..., T, H], 0 where there is padding."""
        cells = grid.reshape(*grid.shape[:-2], self.units * self.cells, -1)
        cells = nn.functional.pad(cells, (0, 0, 0, 1))
        index = self.cell.unsqueeze(-1).expand(*cells.shape[:-2], -1, cells.shape[-1])
        return cells.gather(-2, index)


class UnitEmbedding(nn.Module):
    """A vector for every unit, by its number from the beginning and from the end of the poem."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.number = nn.Embedding(_MOST_UNITS, width)
        self.from_end = nn.Embedding(_MOST_UNITS, width)

    def forward(self, present: Tensor) -> Tensor:
        """Whether each unit is in its poem [B, U] → [B, U, width]."""
        last = _MOST_UNITS - 1
        number = torch.arange(present.shape[1], device=present.device)
        behind = (present.sum(1, keepdim=True) - 1 - number).clamp(0, last)
        out: Tensor = self.number(number.clamp_max(last)) + self.from_end(behind)
        return out


class AskedEmbedding(nn.Module):
    """One vector [B, width] for dynasty and subject; a part that is not asked for adds 0."""

    def __init__(self, config: ModelConfig, width: int) -> None:
        super().__init__()
        self.dynasty = nn.Embedding(len(config.dynasties) + 1, width)
        self.subject = nn.Linear(config.hidden, width)
        zero_init(self.dynasty, self.subject)

    def forward(self, asked: Asked, embedding: nn.Embedding) -> Tensor:
        out = torch.zeros((), device=asked.layout.line.device)
        if asked.dynasty is not None:
            out = out + self.dynasty(asked.dynasty) * (asked.dynasty > 0).unsqueeze(-1)
        present = asked.subject_present
        if asked.subject is not None and present is not None:
            each = self.subject(embedding(asked.subject)) * present.unsqueeze(-1)
            out = out + each.sum(1) / present.sum(1, keepdim=True).clamp_min(1)
        return out


@dataclass(frozen=True)
class Asking:
    """The input of the levels beside z: one vector for all that is asked for, and the grid."""

    asked: Asked
    vector: Tensor
    """[B, H]."""
    grid: UnitGrid

    @classmethod
    def of(cls, asked: Asked, vector: Tensor, chars: int) -> Asking:
        return cls(asked, vector, UnitGrid(asked.layout, chars, asked.units))

    @property
    def there(self) -> Tensor:
        """Whether a place belongs to the poem, [B, T]."""
        return self.asked.layout.there


class PoemLevel(Level):
    """The poem's code: q(z_0 | x) from the mean over its units, p(z_0 | a) from what is asked."""

    name, of_q = "poem", ("posterior",)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.size = config.latent
        self.posterior = nn.Sequential(
            nn.Linear(config.hidden, config.hidden),
            nn.GELU(),
            nn.Linear(config.hidden, 2 * config.latent),
        )
        self.prior = nn.Linear(config.hidden, 2 * config.latent)
        zero_init(self.prior)  # so that it starts as N(0, I)

    def forward(
        self, units: Tensor | None, above: Tensor | None, place: Placing, asking: Asking
    ) -> tuple[LevelRecord, Tensor]:
        """Place z_0 given features of the units [B, U, H], or without; z_0 is handed down."""
        prior = gaussian_of(self.prior(asking.vector).unsqueeze(-2))
        posterior = prior
        if units is not None:
            weight = asking.grid.present.unsqueeze(-1).to(units.dtype)
            mean = (units * weight).sum(1) / weight.sum(1).clamp_min(1)
            posterior = gaussian_of(self.posterior(mean).unsqueeze(-2))
        z = place(posterior, prior)
        return LevelRecord(z, posterior, prior), z


class UnitLevel(Level):
    """A code for every unit: q(z_k | x) from its own features, p(z_k | z_0 … z_{k−1}, a) by blocks
    of attention over the codes before it (Vaswani et al. 2017); and the dense heads that make the
    states of all places from the codes."""

    name, of_q = "couplet", ("posterior",)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        H, d = config.hidden, config.couplet_latent
        self.size = d
        self.posterior = nn.Linear(H, 2 * d)
        self.enter_poem, self.enter_unit = nn.Linear(config.latent, H), nn.Linear(d, H)
        self.number = UnitEmbedding(H)
        self.blocks = nn.ModuleList(AttentionBlock(H) for _ in range(_PRIOR_LAYERS))
        self.norm = nn.LayerNorm(H)
        self.prior = nn.Linear(H, 2 * d)
        zero_init(self.prior)
        self.heads = nn.Linear(d, 2 * config.chars * H)
        self.descend = nn.Linear(config.latent, H)
        self.places = PlaceEmbedding(config, H)

    def size_for(self, form: Form) -> int:
        """Coordinates of the codes of all units, side by side."""
        return form.units * self.size

    def forward(
        self, units: Tensor | None, above: Tensor, place: Placing, asking: Asking
    ) -> tuple[LevelRecord, Tensor]:
        """Place every unit's z given features [B, U, H], or without, and z_0 [K, B, d_0].

        Returns:
            The record, z [K, B, U·d], where units that a poem lacks have the same posterior and
            prior, N(0, I); and the states of all places [K, B, T, H].
        """
        record = self._placed(units, above, place, asking)
        heads = self.heads(torch.unflatten(record.z, -1, (-1, self.size)))
        h = asking.grid.gather(heads) + self.descend(above).unsqueeze(-2)
        return record, h + self.places(asking.asked.layout)

    def _placed(
        self, units: Tensor | None, poem: Tensor, place: Placing, asking: Asking
    ) -> LevelRecord:
        if units is not None:
            posterior = _flat(self.posterior(units), asking)
            shape = (*poem.shape[:-1], posterior.mean.shape[-1])
            drawn_from = DiagonalGaussian(
                posterior.mean.expand(shape), posterior.log_variance.expand(shape)
            )
            z = place(drawn_from, drawn_from)
            return LevelRecord(z, posterior, self._prior(z, poem, asking))
        d, U = self.size, asking.grid.units
        zeros = poem.new_zeros(*poem.shape[:-1], U * d)
        standard = DiagonalGaussian(zeros, zeros)
        noise = place(standard, standard)
        z = torch.zeros_like(noise)
        for k in range(U):  # each unit's prior reads the units before it
            prior = self._prior(z, poem, asking)
            now = slice(k * d, (k + 1) * d)
            drawn = prior.mean[..., now] + prior.stddev[..., now] * noise[..., now]
            z = torch.cat([z[..., : k * d], drawn, z[..., (k + 1) * d :]], -1)
        prior = self._prior(z, poem, asking)
        return LevelRecord(z, prior, prior)

    def _prior(self, z: Tensor, poem: Tensor, asking: Asking) -> DiagonalGaussian:
        """p(z_k | …) of all units at once, given z [K, B, U·d]: [K, B, U·d]."""
        lead, U = z.shape[:-1], asking.grid.units
        codes = self.enter_unit(torch.unflatten(z, -1, (U, self.size)))  # [K, B, U, H]
        first = (self.enter_poem(poem) + asking.vector).unsqueeze(-2)
        x = torch.cat([first, codes[..., :-1, :]], -2) + self.number(asking.grid.present)
        before = torch.ones(U, U, dtype=torch.bool, device=z.device).tril().unsqueeze(0)
        x = x.reshape(-1, U, x.shape[-1])
        for block in self.blocks:
            x = block(x, before)
        return _flat(self.prior(self.norm(x)).reshape(*lead, U, -1), asking)


def _flat(parameters: Tensor, asking: Asking) -> DiagonalGaussian:
    """Mean and log variance side by side [..., U, 2d] → [..., U·d], in float32; those of units that
    a poem lacks are 0."""
    return gaussian_of(parameters.float() * asking.grid.present.unsqueeze(-1))


class PlacedEncoder(nn.Module):
    """Embedding, gated convolutions over the whole poem, and the places of each unit side by side.

    It belongs to a model of any form, and makes one vector a unit, [B, U, H].
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        H = config.hidden
        self.embedding = nn.Embedding(config.vocabulary, H)
        self.places = PlaceEmbedding(config, H)
        self.stack = gated_stack(config.encoder_layers, H, config.kernel, normalise=True)
        self.side_by_side = nn.Sequential(
            nn.Linear(2 * config.chars * H, H), nn.GELU(), nn.LayerNorm(H)
        )

    def forward(self, ids: Tensor, label: Tensor | None, asking: Asking) -> tuple[Tensor, ...]:
        """ids [B, T] → features for the poem's level and for the units', which are the same."""
        layout = asking.asked.layout
        h = self.stack(self.embedding(ids) + self.places(layout), layout.there)
        units = self.side_by_side(asking.grid.spread(h))
        return units, units
