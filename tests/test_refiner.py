"""The refiner: what it starts as, the bound it learns, and poems in passes."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from poetry_vae.evaluation.surprise import expected, surprises
from poetry_vae.model.config import ConfigError
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.orders import grown, shuffled
from poetry_vae.model.sampling import SamplingError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.api import train
from poetry_vae.training.refinement import any_order, growing, refined
from poetry_vae.training.run import Run
from poetry_vae.training.settings import TrainingConfig
from poetry_vae.verse.constraints import Constraint, NoRepeat, Parallel, Words, acrostic
from poetry_vae.verse.generate import generate, write, write_from
from poetry_vae.verse.manner import Manner
from poetry_vae.verse.refine import Passes
from poetry_vae.verse.steer import steer
from tests.small import COUPLET, small_corpus, small_model

T = COUPLET.positions


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _shaken(**changes: object) -> PoetryVAE:
    """A model whose refiner does something."""
    model = small_model(refiner_layers=1, **changes)
    with torch.no_grad():
        for i, parameter in enumerate(model.refiner.parameters()):  # type: ignore[union-attr]
            parameter += 0.3 * torch.randn(parameter.shape, generator=_seeded(i))
    return model


@torch.no_grad()
def _surprise(model: PoetryVAE, poem: Tensor, order: tuple[int, ...]) -> float:
    """−Σ log p of a poem [1, T] whose characters are settled in this order, at no trust."""
    states = model.hidden(torch.zeros(1, model.code_size))
    ids, total = torch.full_like(poem, CharTokenizer.MASK), 0.0
    for place in order:
        logits = model.readout.logits(model.refine(ids, states, torch.zeros(1)))
        total -= logits[0, place].log_softmax(-1)[poem[0, place]].item()
        ids[0, place] = poem[0, place]
    return total


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[PoetryVAE, PoetryVAE]:
    """A model without refiner, and the same with one that was trained for it."""
    folder = tmp_path_factory.mktemp("refined")
    corpus = small_corpus(2000)
    settings = {"hidden": "16", "latent": "8", "decoder_layers": "1", "encoder_layers": "1"}
    plain = train(
        corpus, folder / "plain", preset="base", overrides={**settings, "epochs": "2"}
    ).model
    more = {"refiner_layers": "2", "learning_rate": "0.01", "epochs": "12", "patience": "0"}
    whole = train(
        corpus, folder / "whole", preset="refine", start=plain, overrides=more, precision="float32"
    ).model
    return plain, whole


def test_at_the_start_it_changes_nothing() -> None:
    model = small_model(refiner_layers=2)
    states = model.hidden(torch.randn(6, 4, generator=_seeded()))
    ids = torch.randint(2, 20, (6, T), generator=_seeded())
    trust = torch.linspace(0, 1, 6)
    assert torch.equal(model.refine(ids, states, trust), states)


def test_own_tables_begin_as_those_of_the_model(tmp_path: Path) -> None:
    start = small_model()
    few = {"refiner_layers": "1", "refiner_tables": "true", "epochs": "1", "min_steps": "4"}
    model = train(small_corpus(), tmp_path / "m", preset="refine", start=start, overrides=few).model
    config = model.config
    begun = Run(small_corpus(), config, TrainingConfig(refiner_only=True), 0, start=start).begun()
    assert begun.refiner is not None
    assert begun.refiner.embedding is not None
    assert torch.equal(begun.refiner.embedding.weight, start.encoder.embedding.weight)
    weight, bias = begun.readout.table
    assert torch.equal(weight, start.decoder.likelihood.table[0])
    assert torch.equal(bias, start.decoder.likelihood.table[1])
    assert not torch.equal(model.readout.table[0], start.decoder.likelihood.table[0])
    assert torch.equal(model.decoder.likelihood.table[0], start.decoder.likelihood.table[0])
    # A refiner that shared the model's tables until now goes on with a copy of them.
    shared = _shaken()
    more = {"refiner_tables": "true", "epochs": "1", "min_steps": "1"}
    later = train(small_corpus(), tmp_path / "n", preset="refine", start=shared, overrides=more)
    assert later.model.readout is not later.model.decoder.likelihood
    with pytest.raises(ConfigError, match="refiner_tables is settled"):
        train(small_corpus(), tmp_path / "o", start=later.model, overrides=more)


def test_noise_on_a_posterior() -> None:
    posterior = DiagonalGaussian(torch.randn(3, 4), torch.randn(3, 4))
    nothing, half, all_ = (posterior.blurred(torch.tensor(t)) for t in (0.0, 0.5, 1.0))
    torch.testing.assert_close(all_.mean, posterior.mean)
    torch.testing.assert_close(all_.log_variance, posterior.log_variance)
    torch.testing.assert_close(nothing.mean, torch.zeros(3, 4))
    torch.testing.assert_close(nothing.log_variance, torch.zeros(3, 4))
    z = posterior.rsample(200_000, generator=_seeded())
    noisy = 0.5 * z + 0.75**0.5 * torch.randn(z.shape, generator=_seeded(1))
    torch.testing.assert_close(half.mean, noisy.mean(0), atol=0.02, rtol=0)
    torch.testing.assert_close(half.stddev, noisy.std(0), atol=0.02, rtol=0)


def test_every_number_of_characters_is_hidden_equally_often() -> None:
    weights = any_order(1000, T, generator=_seeded())
    hides = weights > 0
    counts = torch.bincount(hides.sum(1), minlength=T + 1)
    assert counts[0] == 0
    assert counts[1:].min() >= 99
    assert counts[1:].max() <= 101
    assert (hides.float().mean(0) - 0.55).abs().max() < 0.06
    torch.testing.assert_close(weights.sum(1), torch.full((1000,), float(T)))


def test_lines_grow_outwards_and_take_turns() -> None:
    order = grown(500, COUPLET, generator=_seeded())
    assert (order.sort(1).values == torch.arange(T)).all()
    lines = order.view(500, 2, 5)
    assert (lines.sort(-1).values // 2 == torch.arange(5)).all()  # as many of each line
    for turn in range(1, 5):  # what has come by then is an interval
        has_come = lines // 2 < turn
        assert (has_come.int().diff(dim=-1).abs().sum(-1) <= 2).all()
        assert (has_come.int()[..., 1:-1] >= has_come.int()[..., :-2] * has_come[..., 2:]).all()
    first = (lines // 2).argmin(-1)
    assert torch.bincount(first.flatten(), minlength=5).min() > 150  # of 200 that are expected
    # From the middle, either side is as likely to be next.
    from_middle = (lines // 2)[first == 2]
    assert abs((from_middle[:, 1] == 1).float().mean() - 0.5) < 0.15
    assert shuffled(500, T, generator=_seeded()).sort(1).values.equal(order.sort(1).values)


def test_growing_asks_for_what_is_next_in_every_line() -> None:
    hides, weights = growing(500, COUPLET, generator=_seeded())
    torch.testing.assert_close(weights.sum(1), torch.full((500,), float(T)))
    assert (hides | (weights == 0)).all()
    for hidden, weight in zip(hides.view(-1, 5), weights.view(-1, 5), strict=True):
        asked = (weight > 0).nonzero()[:, 0].tolist()
        settled = (~hidden).nonzero()[:, 0].tolist()
        if settled:
            beside = {settled[0] - 1, settled[-1] + 1} & set(range(5))
            assert settled == list(range(settled[0], settled[-1] + 1))
            assert set(asked) == beside
        else:
            assert asked == list(range(5))
        assert weight[asked].unique().numel() == 1


def test_the_bound_of_growing_is_that_of_the_order() -> None:
    """The mean over starts and sides of −Σ log p(the next in each line | those before)."""
    model = _shaken(lines=1, chars=3)
    poem = torch.tensor([[3, 9, 4]])
    ways = {(0, 1, 2): 1 / 3, (1, 0, 2): 1 / 6, (1, 2, 0): 1 / 6, (2, 1, 0): 1 / 3}

    expected = sum(share * _surprise(model, poem, order) for order, share in ways.items())
    with torch.no_grad():
        many = poem.expand(20_000, -1)
        _, found = refined(model, many, trust=torch.zeros(20_000), grown=1.0, generator=_seeded())
    error = found.std() / 20_000**0.5
    assert abs(found.mean() - expected) < 4 * error
    assert error < 0.05


def test_the_bound_is_the_mean_over_all_orders() -> None:
    """−Σ_i log p(x_σ(i) | those before), averaged over the 24 orders of four characters."""
    model = _shaken(lines=1, chars=4)
    poem = torch.tensor([[3, 9, 4, 12]])
    orders = permutations(range(4))
    expected = sum(_surprise(model, poem, order) for order in orders) / 24
    with torch.no_grad():
        rate, distortion = refined(
            model, poem.expand(20_000, -1), trust=torch.zeros(20_000), generator=_seeded()
        )
    assert rate.abs().max() < 1e-5  # nothing is known of z
    error = distortion.std() / 20_000**0.5
    assert abs(distortion.mean() - expected) < 4 * error
    assert error < 0.05


def test_nothing_but_the_refiner_is_trained(trained: tuple[PoetryVAE, PoetryVAE]) -> None:
    plain, whole = trained
    before = plain.state_dict()
    after = whole.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert any(name.startswith("refiner.") for name in after)
    code = torch.randn(5, plain.code_size, generator=_seeded())
    assert torch.equal(plain.decode(code), whole.decode(code))


def _halves_agree(ids: Tensor) -> float:
    return (ids[:, :5] == ids[:, 5:]).float().mean().item()


def test_passes_make_characters_agree(trained: tuple[PoetryVAE, PoetryVAE]) -> None:
    """The second half of each poem repeats the first, which heads cannot know of each other."""
    _, whole = trained
    without = _halves_agree(write(whole, 400, Manner(1.0, 0), generator=_seeded()))
    few = _halves_agree(write(whole, 400, Manner(1.0, 3, 0.5), generator=_seeded()))
    many = _halves_agree(write(whole, 400, Manner(1.0, T, 0.5), generator=_seeded()))
    assert without < few < many
    assert many > 0.8


def test_trust_decides_how_far_z_matters(trained: tuple[PoetryVAE, PoetryVAE]) -> None:
    _, whole = trained
    codes = torch.randn(2, 50, whole.code_size, generator=_seeded())

    def common(trust: float) -> float:
        first, second = (
            write_from(whole, code, None, Manner(0.5, T, trust), generator=_seeded(1))
            for code in codes
        )
        return (first == second).float().mean().item()

    assert common(0.0) == 1.0  # the same lots, and nothing else
    assert common(1.0) < 0.5


def test_every_character_is_settled_once() -> None:
    model = _shaken()
    for passes, most in ((1, 10), (3, 4), (4, 3), (5, 2), (10, 1), (1000, 1)):
        made = Passes(model, torch.zeros(6, 4), None, Manner(1.0, passes), generator=_seeded())
        turns = torch.stack([made.turn(number) for number in range(made.count)])
        assert (turns.sum(0) == 1).all()
        assert turns.sum(-1).max() == most
        if passes == 5:
            assert (turns.view(5, 6, 2, 5).sum(-1) == 1).all()  # one of each line
    ids = write(model, 200, Manner(1.0, 4), generator=_seeded())
    assert (ids >= len(CharTokenizer.SPECIAL)).all()


def test_guidance_is_a_power_of_what_is_known_over_what_is_common() -> None:
    """softmax((1 + w)·log p(x_i | settled, z) − w·log p(x_i)), of all likelihoods."""
    for likelihood in ("categorical", "gaussian", "bernoulli"):
        model = _shaken(likelihood=likelihood)
        code = torch.randn(4, model.code_size, generator=_seeded())
        ids = torch.randint(2, 20, (4, T), generator=_seeded(1))
        ids[:, ::2] = CharTokenizer.MASK
        heads = model.decoder.likelihood
        with torch.no_grad():
            plain, guided = (
                Passes(model, code, None, Manner(1.0, T, 0.7, w), generator=_seeded()).read(ids)
                for w in (0.0, 0.6)
            )
            nothing = model.refine(
                torch.full((1, T), CharTokenizer.MASK),
                model.hidden(torch.zeros(1, model.code_size)),
                torch.zeros(1),
            )
            known, common = (heads.logits(h).log_softmax(-1) for h in (plain, nothing))
            found = heads.logits(guided).log_softmax(-1)
        assert (known - common).abs().max() > 0.1
        torch.testing.assert_close(found, (1.6 * known - 0.6 * common).log_softmax(-1))


def test_repetition_takes_nats_from_what_the_poem_has() -> None:
    heads = small_model().decoder.likelihood
    hidden = torch.zeros(20_000, 8)
    with torch.no_grad():
        plain = heads.logits(hidden[:1])[0].softmax(-1)
        present = torch.tensor([CharTokenizer.MASK, 5, 5]).expand(len(hidden), 3)
        drawn = heads.draw(hidden, 1.0, present=present, repetition=1.0, generator=_seeded())
    first = len(CharTokenizer.SPECIAL)
    lessened = plain.clone()
    lessened[:first] = 0
    lessened[5] *= math.exp(-1)
    found = torch.bincount(drawn, minlength=len(plain)) / len(drawn)
    torch.testing.assert_close(found, lessened / lessened.sum(), atol=0.012, rtol=0)


@pytest.mark.parametrize("steered", [False, True])
def test_at_full_repetition_no_character_comes_again(steered: bool) -> None:
    model = _shaken()
    manner = Manner(1.0, T, 0.5, repetition=1e4)
    if steered:
        ids = steer(model, acrostic("春"), manner, candidates=4).write(12, generator=_seeded())
    else:
        ids = write(model, 64, manner, generator=_seeded())
        plain = write(model, 64, Manner(1.0, T, 0.5), generator=_seeded())
        assert any(len(set(row)) < T for row in plain.tolist())
    assert all(len(set(row)) == T for row in ids.tolist())


def test_a_refiner_can_be_deepened(trained: tuple[PoetryVAE, PoetryVAE], tmp_path: Path) -> None:
    _, start = trained
    config = replace(start.config, refiner_layers=start.config.refiner_layers + 2)
    deeper = Run(small_corpus(), config, TrainingConfig(), 0, start=start).begun()
    ids = torch.full((3, T), CharTokenizer.MASK)
    ids[:, 1:4] = torch.tensor([4, 5, 6])
    code, trust = torch.randn(3, start.code_size, generator=_seeded()), torch.full((3,), 0.5)
    with torch.no_grad():
        both = [model.refine(ids, model.hidden(code), trust) for model in (start, deeper)]
    torch.testing.assert_close(*both)  # nothing is lost, and nothing changed at first

    asked = {"refiner_layers": str(config.refiner_layers), "epochs": "1", "min_steps": "4"}
    common: dict[str, Any] = {"preset": "refine", "start": start}
    found = train(small_corpus(), tmp_path / "deep", overrides=asked, **common)
    assert found.model.config.refiner_layers == config.refiner_layers
    asked["refiner_layers"] = str(start.config.refiner_layers)
    with pytest.raises(ConfigError, match="refiner_layers is settled"):
        train(small_corpus(), tmp_path / "no", overrides=asked, **common)


def test_a_seed_gives_the_same_poems_however_many() -> None:
    model = _shaken()
    many = generate(20, model=model, seed=5)
    assert generate(9, model=model, seed=5) == many[:9]
    assert generate(9, model=model, seed=6) != many[:9]
    assert generate(9, model=model, seed=5, passes=0) != many[:9]


@pytest.mark.parametrize(
    "constraint",
    [
        acrostic("春月"),
        NoRepeat(),
        Words(("有風",)),
        acrostic("春月") & NoRepeat(),
    ],
)
@pytest.mark.parametrize("passes", [1, 4, 10])
def test_constraints_hold_through_all_passes(constraint: Constraint, passes: int) -> None:
    model = _shaken(refiner_tables=True)
    steering = steer(model, constraint, Manner(1.0, passes, 0.5), candidates=4)
    for poem in model.poems_of(steering.write(24, generator=_seeded())):
        for part in constraint.parts:
            if isinstance(part, NoRepeat):
                assert len(set(poem.text)) == T
            elif isinstance(part, Words):
                assert any("有風" in line for line in poem.lines)
        if len(constraint.parts) != 1 or not isinstance(constraint.parts[0], NoRepeat | Words):
            assert [line[0] for line in poem.lines] == ["春", "月"]


def test_parallel_lines_through_all_passes() -> None:
    model = _shaken()
    steering = steer(model, Parallel(), Manner(1.0, 5, 0.5), candidates=4)
    for poem in model.poems_of(steering.write(8, generator=_seeded())):
        upper, lower = poem.lines
        assert not set(upper) & set(lower)


def test_a_manner_suits_the_model() -> None:
    plain, whole = small_model(), _shaken()
    assert Manner.of(plain).passes == 2
    assert Manner.of(whole).passes == whole.form.chars
    assert Manner.of(whole).guidance > 0
    assert Manner.of(whole, guidance=0).guidance == 0
    assert Manner.of(whole, passes=3, trust=0.25).trust == 0.25
    assert Manner.of(whole, passes=0).temperature == Manner.of(plain).temperature
    assert generate(3, model=whole, trust=1) == generate(3, model=whole, trust=1.0)
    wrong = [("trust", 1.5), ("trust", -0.1), ("guidance", -1), ("passes", -1), ("repetition", -1)]
    for name, value in [*wrong, ("temperature", float("nan"))]:
        with pytest.raises(SamplingError, match=f"{name} is"):
            Manner.of(whole, **{name: value})  # type: ignore[arg-type]


def test_a_refiner_takes_a_trained_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--from"):
        train(small_corpus(), tmp_path / "a", preset="refine")
    with pytest.raises(ConfigError, match="refiner_layers=4"):
        train(
            small_corpus(),
            tmp_path / "b",
            preset="refine",
            start=small_model(),
            overrides={"refiner_layers": "0"},
        )
    wide = {"refiner_layers": "1", "refiner_hidden": "24", "epochs": "1", "min_steps": "2"}
    model = train(
        small_corpus(), tmp_path / "w", preset="refine", start=small_model(), overrides=wide
    ).model
    assert model.config.refiner_hidden == 24
    assert model.config.hidden == small_model().config.hidden
    with pytest.raises(ConfigError, match="refiner_hidden is settled"):
        train(small_corpus(), tmp_path / "x", start=model, overrides={"refiner_hidden": "8"})
    with pytest.raises(ConfigError, match="refiner_layers is settled"):
        train(small_corpus(), tmp_path / "c", start=_shaken(), overrides={"refiner_layers": "1"})
    with pytest.raises(ConfigError, match="a refiner learns beside the ELBO"):
        train(small_corpus(), tmp_path / "d", preset="iwae", overrides={"refiner_layers": "1"})


def test_a_refined_model_is_tuned_as_a_whole(tmp_path: Path) -> None:
    start = _shaken()
    settings = {"epochs": "1", "min_steps": "6", "batch_size": "16"}
    tuned = train(small_corpus(), tmp_path / "m", start=start, overrides=settings).model
    before, after = start.state_dict(), tuned.state_dict()
    assert before.keys() == after.keys()
    moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"encoder", "latents", "decoder", "refiner"}


def test_a_character_that_does_not_fit_surprises(trained: tuple[PoetryVAE, PoetryVAE]) -> None:
    """It and its partner in the other half do, and no other; what is expected is the partner."""
    _, whole = trained
    ids = torch.from_numpy(small_corpus().parts["test"].astype("int64"))
    spoilt = ids.clone()
    spoilt[:, 2] = (ids[:, 2] - 2 + 7) % 20 + 2
    found = surprises(whole, spoilt, samples=8, generator=_seeded())
    highest = found.topk(2, dim=1).indices.sort(1).values
    assert (highest == torch.tensor([2, 7])).all(1).float().mean() > 0.8
    likely = [expected(whole, row, 7, samples=8, generator=_seeded()).argmax() for row in spoilt]
    assert (torch.stack(likely) == spoilt[:, 2]).float().mean() > 0.8
    sums = [expected(whole, row, 0, samples=8, generator=_seeded()).sum() for row in spoilt[:2]]
    torch.testing.assert_close(torch.stack(sums), torch.ones(2))
