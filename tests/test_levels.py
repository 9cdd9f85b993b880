"""Several levels, components and likelihoods: against naive formulas and against each other."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Independent, Normal

from poetry_vae.model.config import ConfigError, Labels, ModelConfig
from poetry_vae.model.decoder import Components
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.likelihoods import BernoulliHeads, GaussianHeads
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training import bounds
from tests.small import small_config, small_model

LEVELS: list[dict[str, object]] = [
    {"line_latent": 3, "character_latent": 2},
    {"line_latent": 3, "prior": "learned"},
    {"couplet_latent": 3, "line_latent": 2, "prior": "learned"},
    {"character_latent": 2, "prior": "learned", "posterior": "merged"},
    {"line_latent": 3, "character_latent": 2, "prior": "learned", "posterior": "merged"},
]


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _shaken(**changes: object) -> PoetryVAE:
    """A model whose learned priors are not N(0, I), as they are at first."""
    model = small_model(**changes)
    with torch.no_grad():
        for level in model.latents:
            if getattr(level, "top_down", None) is not None:
                level.top_down.weight.normal_(0, 0.3, generator=_seeded(1))
                level.top_down.bias.normal_(0, 0.3, generator=_seeded(2))
    return model


def _ids(n: int = 6) -> Tensor:
    return torch.randint(2, 20, (n, 10), generator=_seeded(3))


def test_merging_is_the_normalised_product_of_densities() -> None:
    draws = iter(torch.randn(4, 5, generator=_seeded(), dtype=torch.float64))

    def some(values: Iterator[Tensor]) -> DiagonalGaussian:
        return DiagonalGaussian(next(values)[None], next(values)[None])

    a, b = some(draws), some(draws)
    merged = a.merged(b)
    grid = torch.linspace(-8, 8, 2001, dtype=torch.float64)
    for j in range(5):

        def log_density(of: DiagonalGaussian, j: int = j) -> Tensor:
            return Normal(of.mean[0, j], of.stddev[0, j]).log_prob(grid)

        product = log_density(a) + log_density(b)
        normalised = product - torch.logsumexp(product, 0) - math.log(grid[1] - grid[0])
        torch.testing.assert_close(log_density(merged), normalised, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("changes", LEVELS)
def test_codes_lead_to_what_the_levels_drew(changes: dict[str, object]) -> None:
    model, ids = _shaken(**changes), _ids()
    record = model(ids, samples=3, generator=_seeded())
    states = model.states(record.code)
    again = model.decoder.likelihood.log_prob(states, ids.expand(3, *ids.shape)).sum(-1)
    torch.testing.assert_close(again, record.log_likelihood)
    assert record.code.shape == (3, 6, model.code_size)
    assert model.code_size == sum(model.level_sizes.values())


@pytest.mark.parametrize("changes", LEVELS)
def test_the_joint_prior_of_the_latents_is_that_of_codes(changes: dict[str, object]) -> None:
    """Σ_j log p(z_j | z_>j) = log N(code; 0, I) − Σ log σ, the change of variables."""
    record = _shaken(**changes)(_ids(), samples=2, generator=_seeded())
    joint = torch.stack([level.prior.log_prob(level.z) for level in record.levels]).sum(0)
    standard = DiagonalGaussian.standard(record.code).log_prob(record.code)
    scales = [(0.5 * level.prior.log_variance).sum(-1) for level in record.levels]
    scale = torch.stack(torch.broadcast_tensors(*scales)).sum(0)
    torch.testing.assert_close(joint, standard - scale)


@pytest.mark.parametrize("changes", LEVELS)
def test_the_rate_of_levels_is_the_mean_of_their_log_ratios(changes: dict[str, object]) -> None:
    model, ids = _shaken(**changes), _ids(2)
    record = model(ids, samples=20_000, generator=_seeded())
    sampled = -torch.stack([level.log_ratio for level in record.levels]).sum(0)
    error = sampled.std(0) / math.sqrt(len(sampled))
    assert ((sampled.mean(0) - bounds.rate(record)).abs() < 5 * error + 1e-3).all()


def test_independent_levels_have_the_code_for_their_latent() -> None:
    model = small_model(line_latent=3, character_latent=2)
    record = model(_ids(), samples=2, generator=_seeded())
    torch.testing.assert_close(record.code, torch.cat([level.z for level in record.levels], -1))
    posterior = model.encode(_ids())
    means = [level.posterior.mean for level in record.levels]
    torch.testing.assert_close(posterior.mean, torch.cat(means, -1))
    assert model.level_sizes == {"poem": 4, "line": 6, "character": 20}


def test_a_level_of_a_line_writes_on_its_own_line_first() -> None:
    """Without convolutions below, a line's latent cannot reach another line."""
    model = small_model(line_latent=3, decoder_layers=0)
    code = torch.zeros(2, model.code_size)
    code[1, 4:7] = 3.0  # the first line's three dimensions
    before, after = model.states(code)
    assert not torch.allclose(before[:5], after[:5])
    torch.testing.assert_close(before[5:], after[5:])


def test_components_add_up_logits() -> None:
    config = small_config(components=2, latent=6)
    torch.manual_seed(0)
    parts = Components(config)
    with torch.no_grad():
        parts.weights.copy_(torch.tensor([0.3, 1.7]))
    z, table = torch.randn(5, 6), torch.randn(22, 8)
    halves = torch.sigmoid(z).split(3, dim=-1)
    each = [part(half) @ table.T for part, half in zip(parts.parts, halves, strict=True)]
    torch.testing.assert_close(parts(z) @ table.T, 0.3 * each[0] + 1.7 * each[1])


def test_gaussian_heads_are_a_density_and_the_softmax_of_distances() -> None:
    torch.manual_seed(0)
    heads = GaussianHeads(8, 22)
    states, ids = torch.randn(3, 10, 8), torch.randint(0, 22, (3, 10))
    x, table = heads.read(states), heads.embeddings
    torch.testing.assert_close(table.norm(dim=-1), torch.ones(22))
    distances = (table - x[..., None, :]).square().sum(-1)
    naive = torch.log_softmax(-0.5 * distances, -1).gather(-1, ids[..., None])[..., 0]
    torch.testing.assert_close(heads.log_prob(states, ids), naive)
    normal = Independent(Normal(x, torch.ones_like(x)), 1)
    torch.testing.assert_close(heads.log_density(states, ids), normal.log_prob(table[ids]))
    assert torch.equal(table, GaussianHeads(8, 22).embeddings)  # of no seed but their size


def test_bernoulli_heads_are_a_density_and_the_softmax_of_its_one_hot_vectors() -> None:
    torch.manual_seed(0)
    heads = BernoulliHeads(8, 22)
    states, ids = torch.randn(3, 10, 8), torch.randint(0, 22, (3, 10))
    bernoulli = Independent(Bernoulli(logits=heads.logits(states)), 1)
    one_hot = torch.nn.functional.one_hot(ids, 22).float()
    torch.testing.assert_close(heads.log_density(states, ids), bernoulli.log_prob(one_hot))
    every = torch.stack([bernoulli.log_prob(row.expand(3, 10, 22)) for row in torch.eye(22)], -1)
    naive = every.log_softmax(-1).gather(-1, ids[..., None])[..., 0]
    torch.testing.assert_close(heads.log_prob(states, ids), naive)


def test_a_configuration_with_labels_survives_json() -> None:
    labels = Labels("dynasty", ("唐", "宋"), (0.25, 0.75))
    config = small_config(labels=labels, line_latent=2, prior="learned", posterior="merged")
    assert ModelConfig.from_json(config.to_json()) == config
    for broken, message in (
        ('"values": []', "two values"),
        ('"values": "唐宋"', "lists"),
        ('"kind": 3', "kind"),
    ):
        old = {"values": '"values": [\n      "唐",\n      "宋"\n    ]', "kind": '"kind": "dynasty"'}
        text = config.to_json().replace(old[broken[1:].split('"')[0]], broken)
        assert text != config.to_json()
        with pytest.raises(ConfigError, match=message):
            ModelConfig.from_json(text)
