"""What the objectives minimise: gradients and values against what is known of them."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from poetry_vae.model import labelling
from poetry_vae.model.config import Labels
from poetry_vae.model.critic import DensityRatioCritic
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import LevelRecord, Record
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.training import bounds
from poetry_vae.training.additions import TotalCorrelation, WeightPrior
from poetry_vae.training.batches import Batch, OfOneForm
from poetry_vae.training.objectives import (
    ImportanceWeighted,
    Objective,
    SemiSupervised,
    Step,
    WeightedELBO,
    _doubly_reparameterised,
)
from poetry_vae.training.updates import (
    AggressiveUpdates,
    AlternatingUpdates,
    JointUpdates,
    parameter_groups,
)
from tests.small import small_config, small_model, small_tokenizer

ALWAYS = {"refiner", "critic"}
LABELS = Labels("dynasty", ("宋", "唐", "清"), (0.5, 0.3, 0.2))


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _ids(n: int = 8, seed: int = 0) -> Tensor:
    return torch.randint(2, 20, (n, 10), generator=_seeded(seed))


def _gradients(model: nn.Module, loss: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_the_sampled_elbo_has_the_closed_form_for_its_mean() -> None:
    model, batch = small_model(), Batch(_ids(4))
    closed = WeightedELBO(samples=4000)(Step(model, batch, generator=_seeded()))
    sampled = WeightedELBO(samples=4000, is_sampled=True)(Step(model, batch, generator=_seeded()))
    assert sampled.loss.item() == pytest.approx(closed.loss.item(), abs=0.05)
    assert sampled.loss.item() != closed.loss.item()
    assert sampled.elbo.item() == closed.elbo.item()


def test_the_importance_weighted_bound_rises_with_k() -> None:
    """In expectation: paired over poems, with its error."""
    model, ids = small_model(), _ids(400)
    values = []
    for samples in (1, 4, 32):
        record = model(ids, samples=samples, generator=_seeded(samples))
        values.append(bounds.importance_weighted(record).detach())
    for few, many in pairwise(values):
        gain = many - few
        assert gain.mean() > 3 * gain.std() / math.sqrt(len(gain))


def test_the_doubly_reparameterised_gradient_is_the_same_for_the_decoder() -> None:
    model, batch = small_model(), Batch(_ids())
    plain, double = (
        _gradients(
            model, ImportanceWeighted(6, doubly)(Step(model, batch, generator=_seeded())).loss
        )
        for doubly in (False, True)
    )
    for name, gradient in plain.items():
        if name.startswith("decoder"):
            torch.testing.assert_close(gradient, double[name], atol=1e-5, rtol=1e-4)


def test_the_doubly_reparameterised_gradient_is_unbiased_and_varies_less() -> None:
    model, batch = small_model(), Batch(_ids(4))

    def estimates(is_doubly: bool) -> Tensor:
        objective = ImportanceWeighted(16, is_doubly)
        rows = [
            _gradients(model, objective(Step(model, batch, generator=_seeded(s))).loss)[
                "latents.0.mean.weight"
            ].flatten()
            for s in range(200)
        ]
        return torch.stack(rows)

    plain, double = estimates(False), estimates(True)
    error = (plain.var(0) / len(plain) + double.var(0) / len(double)).sqrt()
    assert ((plain.mean(0) - double.mean(0)).abs() / error).square().mean() < 1.5  # χ²/ν
    assert double.var(0).sum() < 0.7 * plain.var(0).sum()


@pytest.mark.parametrize("annealing", [0.0, 0.1, 0.5])
def test_it_stays_unbiased_while_the_rate_warms_up(annealing: float) -> None:
    """On a linear-Gaussian model: the gradient of the posterior's mean, plain and doubly."""
    n, samples = 40_000, 8

    def gradient(is_doubly: bool, seed: int) -> Tensor:
        g = _seeded(seed)
        x = torch.randn(n, 1, generator=g) * math.sqrt(2)
        mean = torch.zeros(n, 1, requires_grad=True)
        q = DiagonalGaussian(mean, torch.full((n, 1), math.log(0.7)))
        z = q.rsample(samples, generator=g)
        likelihood = DiagonalGaussian(z, torch.zeros_like(z)).log_prob(x)
        record = Record(likelihood, (LevelRecord(z, q, DiagonalGaussian.standard(x)),))
        if is_doubly:
            loss = _doubly_reparameterised(record, annealing)
        else:
            loss = -bounds.importance_weighted(record, annealing).mean()
        (found,) = torch.autograd.grad(loss, mean)
        return found[:, 0] * n * x[:, 0]  # the part of the gradient that x should pull

    plain, double = gradient(False, 0), gradient(True, 1)
    error = math.sqrt((plain.var() + double.var()) / n)
    assert abs(plain.mean() - double.mean()) < 4 * error
    assert abs(plain.mean()) > 20 * error


def test_annealing_scales_the_ratios_within_the_weights() -> None:
    model, batch = small_model(), Batch(_ids())
    record = model(batch.ids, samples=3, generator=_seeded())
    (level,) = record.levels
    weights = record.log_likelihood + 0.25 * level.log_ratio
    expected = -(torch.logsumexp(weights, 0) - math.log(3)).mean()
    loss = ImportanceWeighted(3)(Step(model, batch, 0.25, _seeded())).loss
    torch.testing.assert_close(loss, expected)


def test_only_the_top_level_is_warmed() -> None:
    model = small_model(line_latent=2, character_latent=2)
    batch = Batch(_ids())
    record = model(batch.ids, generator=_seeded())
    rates = [level.kl.mean(0).sum() for level in record.levels]
    objective = WeightedELBO(warm_top_only=True)
    terms = objective(Step(model, batch, 0.1, _seeded()))
    torch.testing.assert_close(terms.loss, terms.distortion + 0.1 * rates[0] + rates[1] + rates[2])


def test_the_prior_on_weights_is_weight_decay_under_plain_gradient_descent() -> None:
    kappa, poems, rate = 30.0, 100, 0.1
    model, batch = small_model(), Batch(_ids())
    with_prior = WeightedELBO(additions=(WeightPrior(kappa, poems),))

    def stepped(objective: Objective, decay: float) -> dict[str, Tensor]:
        copy = small_model()
        copy.load_state_dict(model.state_dict())
        optimiser = torch.optim.SGD(copy.decoder.parameters(), lr=rate, weight_decay=decay)
        objective(Step(copy, batch, generator=_seeded())).loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return dict(copy.decoder.named_parameters())

    one, other = stepped(with_prior, 0.0), stepped(WeightedELBO(), kappa / poems)
    for name, parameter in one.items():
        torch.testing.assert_close(parameter, other[name])


def test_total_correlation_and_critic_each_have_their_own_gradient() -> None:
    model, critic = small_model(), DensityRatioCritic(4)
    batch = Batch(_ids(32))
    record = model(batch.ids, generator=_seeded())

    def gradients(gamma: float) -> tuple[Tensor, Tensor]:
        addition = TotalCorrelation(gamma, critic)
        model.zero_grad()
        critic.zero_grad()
        value = addition(Step(model, batch, generator=_seeded()), record)
        assert value is not None
        value.backward(retain_graph=True)  # type: ignore[no-untyped-call]
        own = model.latents[0].mean.weight.grad
        theirs = critic.net[0].weight.grad
        return torch.zeros(1) if own is None else own.clone(), theirs.clone()

    encoder_0, critic_0 = gradients(0.0)
    encoder_1, critic_1 = gradients(1.0)
    encoder_2, critic_2 = gradients(2.0)
    assert torch.equal(encoder_0, torch.zeros_like(encoder_0))
    assert encoder_1.abs().sum() > 0
    torch.testing.assert_close(encoder_2, 2 * encoder_1)
    torch.testing.assert_close(critic_1, critic_0)  # γ does not reach the critic
    torch.testing.assert_close(critic_2, critic_0)
    assert critic_0.abs().sum() > 0


def test_the_critic_learns_the_total_correlation_of_gaussians() -> None:
    rho, g = 0.8, _seeded(1)
    torch.manual_seed(0)
    critic = DensityRatioCritic(2)
    optimiser = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9))

    def drawn(n: int) -> Tensor:
        first, noise = torch.randn(2, n, generator=g)
        return torch.stack([first, rho * first + math.sqrt(1 - rho**2) * noise], -1)

    for step in range(150):
        optimiser.param_groups[0]["lr"] = 1e-3 * (1 - step / 150)
        z = drawn(256)
        shuffled = torch.stack([z[:, 0], z[torch.randperm(256, generator=g), 1]], -1)
        softplus = nn.functional.softplus
        loss = softplus(-critic(z)).mean() + softplus(critic(shuffled)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        estimate = critic.frozen(drawn(20_000)).mean().item()
    assert estimate == pytest.approx(-0.5 * math.log(1 - rho**2), abs=0.15)


def _m2(seed: int = 0) -> PoetryVAE:
    config = small_config(labels=LABELS, classifier=True)
    return PoetryVAE.build(config, small_tokenizer(), seed=seed)


def _naive_labelled(model: PoetryVAE, ids: Tensor, y: int) -> tuple[Tensor, Tensor]:
    """−L(x, y) by the formula, with z at the posterior mean, and log q(y|x)."""
    assert model.classifier is not None
    label = torch.full((len(ids),), y)
    record = model(ids, label, generator=_seeded())
    joint = record.log_likelihood[0] - record.levels[0].kl.sum(-1) + math.log(LABELS.shares[y])
    return -joint, model.classifier(ids)[:, y]


def _quiet(model: PoetryVAE) -> PoetryVAE:
    """Posteriors without noise, so that two forward passes agree whatever their draws."""
    with torch.no_grad():
        model.latents[0].log_variance.weight.zero_()
        model.latents[0].log_variance.bias.fill_(-80.0)
    return model


def test_m2_is_the_formula_of_the_paper() -> None:
    model, ids = _quiet(_m2()), _ids(5)
    labels = torch.tensor([0, -1, 2, -1, -1])
    cost, log_q = (
        torch.stack(each, -1)
        for each in zip(*(_naive_labelled(model, ids, y) for y in range(3)), strict=True)
    )
    hidden = (log_q.exp() * (cost + log_q)).sum(-1)
    expected = torch.stack([cost[0, 0], hidden[1], cost[2, 2], hidden[3], hidden[4]]).mean()
    terms = SemiSupervised(2.0)(Step(model, Batch(ids, labels), generator=_seeded()))
    torch.testing.assert_close(terms.loss, expected, rtol=1e-4, atol=1e-3)
    taught = (ids[:2], torch.tensor([0, 1]))
    with_taught = SemiSupervised(2.0)(Step(model, Batch(ids, labels, taught), generator=_seeded()))
    classification = -(log_q[0, 0] + log_q[1, 1]) / 2
    torch.testing.assert_close(with_taught.loss, terms.loss + 2 * classification)
    torch.testing.assert_close(terms.elbo, -terms.loss.detach())


def test_labels_are_summed_over_in_the_bound() -> None:
    model, ids = _quiet(_m2()), _ids(5)
    each = [_naive_labelled(model, ids, y)[0] for y in range(3)]
    found = bounds.over_labels(model, ids, bounds.elbo, generator=_seeded())
    torch.testing.assert_close(found, torch.logsumexp(-torch.stack(each), 0), rtol=1e-4, atol=1e-3)


def test_m2_recovers_classes_from_few_labels() -> None:
    """Poems of three kinds of characters, one poem in fifty with its label."""
    g = _seeded(5)
    kinds = torch.randint(0, 3, (600,), generator=g)
    ids = 2 + 6 * kinds[:, None] + torch.randint(0, 6, (600, 10), generator=g)
    model = _m2()
    batches = OfOneForm(ids, 50, seed=0, labels=kinds, shown=0.02)
    assert batches.known is not None
    assert len(batches.known) == 12
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for step in range(120):
        loss = SemiSupervised(alpha=50.0)(Step(model, batches(step), generator=_seeded(step))).loss
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    inferred = labelling.infer(model, ids)
    assert inferred is not None
    assert (inferred == kinds).float().mean() > 0.95


def test_batches_hide_the_same_labels_in_every_epoch() -> None:
    labels = torch.arange(40) % 3
    batches = OfOneForm(_ids(40), 10, seed=1, labels=labels, shown=0.25)
    seen = [{}, {}]  # type: list[dict[int, int]]
    for step in range(8):
        batch = batches(step)
        assert batch.labels is not None
        assert batch.taught is not None
        assert (batch.taught[1] >= 0).all()
        for row, label in zip(batch.ids, batch.labels, strict=True):
            seen[step // 4][hash(tuple(row.tolist()))] = int(label)
    assert seen[0] == seen[1]
    assert sum(label >= 0 for label in seen[0].values()) == 10
    assert torch.equal(batches(3).ids, OfOneForm(_ids(40), 10, seed=1)(3).ids)


@pytest.mark.parametrize(("rule", "turns"), [(JointUpdates, "bbbb"), (AlternatingUpdates, "eded")])
def test_who_is_updated_when(rule: Callable[[], JointUpdates], turns: str) -> None:
    updates = rule()
    groups = {"b": {"encoder", "decoder", *ALWAYS}, "e": {"encoder", *ALWAYS}}
    groups["d"] = {"decoder", *ALWAYS}
    assert [updates.groups(step) for step in range(4)] == [groups[turn] for turn in turns]


def test_the_encoder_goes_ahead_until_it_gains_no_more() -> None:
    updates = AggressiveUpdates()

    def turn(loss: float) -> bool:
        """One step; whether it was the encoder's alone."""
        is_encoder = "decoder" not in updates.groups(0)
        updates.trained(torch.tensor(loss))
        return is_encoder

    falling = [turn(100.0 - i) for i in range(10)]
    flat = [turn(50.0) for _ in range(10)] + [turn(50.0) for _ in range(10)]
    assert all(falling + flat)  # a lower window, a lower one, an equal one
    assert not turn(50.0)  # the decoder, once
    assert turn(50.0)
    restored = AggressiveUpdates()
    restored.memory.update(updates.memory)
    assert restored.groups(0) == updates.groups(0)
    for information in (1.0, 2.0, 2.5):
        updates.validated(information)
    assert "decoder" not in updates.groups(0)
    updates.validated(2.4)
    assert updates.groups(0) == {"encoder", "decoder", *ALWAYS}


def test_every_parameter_is_in_one_group() -> None:
    model = _m2()
    groups = parameter_groups(model, DensityRatioCritic(4))
    members = [id(p) for parameters in groups.values() for p in parameters]
    assert len(members) == len(set(members))
    everything = [*model.parameters()]
    assert {id(p) for p in everything} <= set(members)
    named = dict(model.named_parameters())
    encoder = {id(p) for p in groups["encoder"]}
    assert id(named["latents.0.mean.weight"]) in encoder
    assert id(named["classifier.output.weight"]) in encoder
    assert id(named["decoder.heads.weight"]) not in encoder
    levels = small_model(line_latent=2, prior="learned")
    encoder = {id(p) for p in parameter_groups(levels, None)["encoder"]}
    owners = {name for name, p in levels.named_parameters() if id(p) in encoder}
    assert "latents.1.bottom_up.weight" in owners
    assert "latents.1.top_down.weight" not in owners
    assert "latents.1.enter.weight" not in owners
