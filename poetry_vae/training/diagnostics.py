"""Figures to watch during training, beside the loss: is the bound good, is the latent used?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from poetry_vae.model import labelling
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.inference import inference
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training import bounds
from poetry_vae.training.batches import Batch
from poetry_vae.training.refinement import rate_and_distortion

_BATCH = 512
_PAIRS = 2_000_000  # densities in memory at one time
ACTIVE_VARIANCE = 0.01

Measure = Literal["elbo", "refined", "untold"]
"""The value that decides which weights are kept: the bound, that of a refiner, or the refiner's
−log p when it is told nothing."""


@dataclass(frozen=True)
class Figures:
    """Means over poems that were not trained on; bound, rate and distortion in nats a poem."""

    elbo: float
    """Bound of log p(x). Labels of a model are summed over: log Σ_y p(y) p(x, z_y)/q(z_y)."""
    rate: float
    distortion: float
    active_units: int
    reconstruction: float
    """Share of characters that the model finds the likeliest given the posterior's mean."""
    positions: int
    level_rates: Mapping[str, float]
    level_active: Mapping[str, int]
    """Rate and active units of each level, from the top."""
    mutual_information: float | None
    """I(x; z) in nats, from N poems at most log N; None where the posterior of the code is no
    Gaussian."""
    accuracy: float | None = None
    """Share of labels inferred rightly; None without labels."""
    refined: float | None = None
    """Bound of the refiner in nats a character, over all amounts of trust; None without one."""
    by_form: Mapping[str, float] = field(default_factory=dict)
    """For a model of any form: −log p of a refiner that knows nothing of z, nats a character, by
    form; and once more when the refiner is told dynasty and title (``七绝/told``)."""
    known_lines: float | None = None
    """Share of lines of training poems among the lines of some of the model's likeliest poems."""
    kept_by: Measure = "elbo"

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.elbo) and math.isfinite(self.rate)

    @property
    def untold(self) -> float | None:
        """The mean of −log p by form, where nothing is told; None for a model of one form."""
        values = [value for name, value in self.by_form.items() if not name.endswith("/told")]
        return sum(values) / len(values) if values else None

    @property
    def nats_per_character(self) -> float:
        """−ELBO/T: lower is better."""
        return -self.elbo / self.positions

    @property
    def bound(self) -> float:
        """The value that decides which weights are kept, in nats a character: lowest is best."""
        values = {"elbo": self.nats_per_character, "refined": self.refined, "untold": self.untold}
        value = values[self.kept_by]
        assert value is not None
        return value

    def by_name(self) -> dict[str, float]:
        """Each figure as a number of its own; names of figures of a level end in its name."""
        values: dict[str, float] = {}
        for name, value in vars(self).items():
            if isinstance(value, Mapping):
                values |= {f"{name}/{level}": float(v) for level, v in value.items()}
            elif value is not None and name not in ("positions", "kept_by"):
                values[name] = float(value)
        return values


def active_units(posterior_means: Tensor) -> int:
    """How many of D dimensions move with x: Var_x(E_q[z_j]) > 0.01, from means [N, D].

    Burda et al. 2015, section 5.3. For levels with a learned prior pass the means of the codes:
    they are all 0 if the posterior never leaves the prior.
    """
    if len(posterior_means) < 2:
        return 0
    return int((posterior_means.var(dim=0) > ACTIVE_VARIANCE).sum())


@inference()
def watch(
    model: PoetryVAE, ids: Tensor, *, labels: Tensor | None = None, generator: torch.Generator
) -> Figures:
    """The figures of the poems ids [N, T], with one sample a poem.

    Labels of the poems, [N], are only used to count how many of them the model infers.
    """
    totals = torch.zeros(3, dtype=torch.float64)
    level_rates = dict.fromkeys(model.level_sizes, 0.0)
    correct, inferred, posteriors = 0, [], []
    for batch in torch.split(ids, _BATCH):
        label = labelling.infer(model, batch)
        record = model(batch, label, generator=generator)
        elbo = bounds.elbo(record)
        if label is not None:
            inferred.append(label)
            elbo = bounds.over_labels(model, batch, bounds.importance_weighted, generator=generator)
        for i, value in enumerate((elbo, bounds.rate(record), bounds.distortion(record))):
            totals[i] += value.cpu().double().sum()
        for name, level in zip(level_rates, record.levels, strict=True):
            level_rates[name] += level.kl.sum().item() / len(ids)
        correct += int((model.rewrite(batch, label) == batch).sum())
        posteriors.append(model.encode(batch, label))
    elbo_mean, rate, distortion = (totals / len(ids)).tolist()
    posterior = DiagonalGaussian(
        torch.cat([p.mean for p in posteriors]), torch.cat([p.log_variance for p in posteriors])
    )
    by_level = torch.split(posterior.mean, list(model.level_sizes.values()), dim=-1)
    accuracy = None
    if inferred and labels is not None:
        accuracy = (torch.cat(inferred) == labels).float().mean().item()
    return Figures(
        elbo_mean,
        rate,
        distortion,
        active_units(posterior.mean),
        correct / ids.numel(),
        model.form.positions,
        level_rates,
        {n: active_units(means) for n, means in zip(level_rates, by_level, strict=True)},
        mutual_information(posterior, generator=generator) if model.has_gaussian_code else None,
        accuracy,
        _refined(model, ids, generator) if model.refiner is not None else None,
    )


@inference()
def nothing_known(
    model: PoetryVAE, batch: Batch, *, generator: torch.Generator
) -> tuple[float, float]:
    """−log p in nats a character of a refiner that does not trust z at all: first when it is told
    all that is asked of the poems, then when it is told their form alone."""
    assert batch.asked is not None
    found = []
    for asked in (batch.asked, batch.asked.unsaid()):
        nats = 0.0
        for first in range(0, len(batch.ids), _BATCH):
            rows = slice(first, first + _BATCH)
            some, part = batch.ids[rows], asked[rows]
            trust = torch.zeros(len(some), device=some.device)
            _, each = rate_and_distortion(model, some, trust=trust, asked=part, generator=generator)
            nats += each.sum().item()
        found.append(nats / int(batch.asked.layout.there.sum()))
    return found[0], found[1]


def averaged(each: Sequence[Figures], by_form: Mapping[str, float]) -> Figures:
    """The figures of several forms as one: the mean of each figure, counts and rates included."""

    def mean(values: Sequence[Any]) -> Any:
        if isinstance(values[0], Mapping):
            return {name: mean([value[name] for value in values]) for name in values[0]}
        if None in values:
            return None
        found = sum(values) / len(values)
        return round(found) if isinstance(values[0], int) else found

    means = {
        name: mean([vars(figures)[name] for figures in each])
        for name in vars(each[0])
        if name != "kept_by"
    }
    return Figures(**{**means, "by_form": by_form}, kept_by="untold")


def _refined(model: PoetryVAE, ids: Tensor, generator: torch.Generator) -> float:
    found = [
        torch.stack(rate_and_distortion(model, batch, generator=generator)).sum(0)
        for batch in torch.split(ids, _BATCH)
    ]
    return torch.cat(found).mean().item() / model.form.positions


def mutual_information(posterior: DiagonalGaussian, *, generator: torch.Generator) -> float:
    """I(x; z) ≈ (1/N) Σ_n log q(z_n|x_n) − log (1/N) Σ_m q(z_n|x_m), z_n ~ q(z|x_n): at most log N.

    Hoffman & Johnson 2016, "ELBO surgery", section 2, from posteriors [N, D], in nats.
    """
    exact = DiagonalGaussian(posterior.mean.double(), posterior.log_variance.double())
    z = exact.rsample(1, generator=generator)[0]
    return (exact.log_prob(z) - log_aggregate(z, exact)).mean().item()


def log_aggregate(z: Tensor, posterior: DiagonalGaussian) -> Tensor:
    """log (1/N) Σ_n q(z|x_n) of every z [M, D], from posteriors [N, D]: [M].

    Written out, log q(z|x_n) is linear in z² and z, so all pairs are two products of matrices.
    """
    mean, log_variance = posterior.mean, posterior.log_variance
    precision = torch.exp(-log_variance)
    constant = (mean.square() * precision + log_variance + math.log(2 * math.pi)).sum(-1)
    N = len(mean)
    parts = []
    for some in torch.split(z, max(1, _PAIRS // N)):
        squares = some.square() @ precision.T - 2 * some @ (mean * precision).T
        parts.append(torch.logsumexp(-0.5 * (squares + constant), dim=1))
    return torch.cat(parts) - math.log(N)


def collapse_warning(figures: Figures) -> str | None:
    """A warning if the posterior has fallen onto the prior, else None."""
    if figures.rate >= 1.0 and figures.active_units > 0:
        return None
    return (
        f"the posterior has collapsed: {figures.rate:.2f} nats and {figures.active_units} active "
        "units, so the latent says nothing about the poem and samples are all alike; try "
        "pooling=positions, kl_schedule=linear with warmup=0.3, or free_bits=0.1"
    )
