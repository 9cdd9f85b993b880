"""The refiner: what it starts as, the bound it learns, and poems in passes."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from poetry_vae import Near, NoRepeat, Rule, Words, acrostic
from poetry_vae.model.config import ConfigError
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.layout import Layout
from poetry_vae.model.orders import Order, nothing_given, passes_of, read, some_given, written
from poetry_vae.model.sampling import SamplingError
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.recipe import check
from poetry_vae.training.refinement import rate_and_distortion
from poetry_vae.training.settings import TrainingConfig
from poetry_vae.training.train import train
from poetry_vae.training.warm_start import warm_started
from poetry_vae.verse.believing import expected, surprises
from poetry_vae.verse.generate import generate
from poetry_vae.verse.passes import Passes
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings, trust_in
from tests.small import COUPLET, small_corpus, small_model

T, PLACES = COUPLET.positions, Layout.of(COUPLET)


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _shaken(**changes: object) -> PoetryVAE:
    """A model whose refiner does something."""
    model = small_model(**{"refiner_layers": 1, **changes})  # type: ignore[arg-type]
    with torch.no_grad():
        for i, parameter in enumerate(model.refiner.parameters()):  # type: ignore[union-attr]
            parameter += 0.3 * torch.randn(parameter.shape, generator=_seeded(i))
    return model


def _refine(model: PoetryVAE, ids: Tensor, order: Order, trust: float = 0.5) -> Tensor:
    """Of a code of its own for each poem."""
    states = model.states(torch.randn(len(ids), model.code_size, generator=_seeded(9)))
    with torch.no_grad():
        return model.refine(ids, Slots.of(order), states, torch.full((len(ids),), trust))


def _orders(n: int) -> Order:
    """Of poems half of which have something given."""
    given = nothing_given(n, PLACES)
    given[: n // 2] = some_given(PLACES.there.expand(n // 2, -1), generator=_seeded(3))
    return written(PLACES, given)


@torch.no_grad()
def _surprise(model: PoetryVAE, poem: Tensor) -> float:
    """−Σ log p of a poem [1, T] written pass by pass, at no trust, each asked for on its own."""
    states = model.states(torch.zeros(1, model.code_size))
    order = written(model.asked.layout, nothing_given(1, model.asked.layout))
    total = 0.0
    for place in range(poem.shape[1]):
        number = order.pass_of[:, place : place + 1]
        slots = Slots.of(order.at(number))
        known = poem.masked_fill(order.pass_of >= number, CharTokenizer.MASK)
        logits = model.readout.logits(model.refine(known, slots, states, torch.zeros(1)))
        total -= logits[0, place].log_softmax(-1)[poem[0, place]].item()
    return total


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[PoetryVAE, PoetryVAE]:
    """A model without refiner, and the same with one that was trained for it."""
    folder = tmp_path_factory.mktemp("refined")
    corpus = small_corpus(2000)
    settings = {"hidden": 16, "latent": 8, "decoder_layers": 1, "encoder_layers": 1}
    plain = train(
        corpus, folder / "plain", preset="base", overrides={**settings, "epochs": 2}
    ).model
    more = {"refiner_layers": 2, "refiner_hidden": 32, "learning_rate": 0.005}
    more |= {"batch_size": 64, "epochs": 1, "min_steps": 2000, "patience": 0}
    whole = train(
        corpus, folder / "whole", preset="refine", start=plain, overrides=more, precision="float32"
    ).model
    return plain, whole


def test_at_the_start_it_changes_nothing() -> None:
    model = small_model(refiner_layers=2)
    states = model.states(torch.randn(6, 4, generator=_seeded()))
    ids = torch.randint(2, 20, (6, T), generator=_seeded())
    trust = torch.linspace(0, 1, 6)
    slots = Slots.of(_orders(6))
    assert torch.equal(model.refine(ids, slots, states, trust), states)


def test_own_tables_begin_as_those_of_the_model(tmp_path: Path) -> None:
    start = small_model()
    few = {"refiner_layers": 1, "refiner_tables": True, "epochs": 1, "min_steps": 4}
    model = train(small_corpus(), tmp_path / "m", preset="refine", start=start, overrides=few).model
    config = model.config
    begun = warm_started(config, start.tokenizer, start, seed=0)
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
    more = {"refiner_tables": True, "epochs": 1, "min_steps": 1}
    later = train(small_corpus(), tmp_path / "n", preset="refine", start=shared, overrides=more)
    assert later.model.readout is not later.model.decoder.likelihood
    with pytest.raises(ConfigError, match="refiner_tables is given"):
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


def test_lines_are_written_from_their_rhyme_one_turn_after_the_other() -> None:
    order = written(PLACES, nothing_given(1, PLACES))
    assert order.pass_of.tolist() == [[4, 3, 2, 1, 0, 5, 4, 3, 2, 1]]
    assert passes_of(COUPLET) == order.pass_of.max() + 1 == 6
    few = written(PLACES, nothing_given(1, PLACES), passes=3)
    assert few.pass_of.tolist() == [[2, 1, 1, 0, 0, 2, 2, 1, 1, 0]]


def test_what_is_given_comes_first() -> None:
    given = nothing_given(1, PLACES)
    given[0, [7, 4]] = torch.tensor([0, 1])
    order = written(PLACES, given)
    assert order.pass_of.tolist() == [[5, 4, 3, 2, 1, 6, 5, 0, 4, 3]]
    assert order.paths.tolist() == [[1, 1, 1, 1, 0, 2, 2, 0, 2, 2]]


def test_any_number_of_characters_is_given_equally_often() -> None:
    given = some_given(PLACES.there.expand(5000, -1), generator=_seeded())
    number = (given >= 0).sum(1)
    assert (torch.bincount(number, minlength=T + 1)[1:] - 500).abs().max() < 100
    for row, n in zip(given.tolist(), number.tolist(), strict=True):
        assert sorted(row)[T - n :] == list(range(n))
    assert ((given == 0).float().mean(0) - 0.1).abs().max() < 0.03


def test_a_character_goes_by_all_that_were_settled_before_and_no_others() -> None:
    model = _shaken(refiner_layers=2)
    ids = torch.randint(2, 20, (8, T), generator=_seeded())
    whole = _orders(8)
    settled = torch.rand(8, T, generator=_seeded(4)) < 0.5
    one = torch.full((8, 1), 3)
    few = written(PLACES, nothing_given(8, PLACES), passes=2)
    for order in (whole, whole.at(one), read(settled), few):
        before = _refine(model, ids, order)
        for place in range(T):
            other = ids.clone()
            other[:, place] = (ids[:, place] + 5) % 20 + 2
            changes = (_refine(model, other, order) - before).abs().sum(-1) > 1e-5
            then, aside = order.pass_of[:, place, None], order.aside[:, place, None]
            assert torch.equal(changes, (then < order.pass_of) & ~aside)


def test_questions_of_one_turn_do_not_know_of_each_other() -> None:
    """What is asked about a place is the same whatever else is asked about at once."""
    model = _shaken(refiner_layers=2)
    ids = torch.randint(2, 20, (8, T), generator=_seeded())
    order = _orders(8)
    whole = _refine(model, ids, order)
    for number in range(int(order.pass_of.max()) + 1):
        now = order.pass_of == number
        at = _refine(model, ids, order.at(torch.full((8, 1), number)))
        torch.testing.assert_close(at[now], whole[now])


@pytest.mark.parametrize("many", [0, 1, 3])
@pytest.mark.parametrize("alike", [True, False])
def test_what_is_remembered_need_not_be_read_again(many: int, alike: bool) -> None:
    """Pass by pass, whatever is given, in the same places of all poems or in others."""
    model = _shaken(refiner_layers=2)
    ids = torch.randint(2, 20, (8, T), generator=_seeded())
    code = torch.randn(8, model.code_size, generator=_seeded(1))
    lots = torch.rand(1 if alike else 8, T, generator=_seeded(2))
    given = lots.argsort(-1).argsort(-1) < many
    if not alike:
        given[0] = False  # and one poem of which nothing is
    number = torch.where(given, given.cumsum(1) - 1, -1)
    for count in (6, 4):
        passes = Passes(model, code, None, SamplingSettings(1.0, count, 0.5))
        order = written(PLACES, number, passes=count)
        whole = torch.zeros(8, T + 1, 8)
        seen = torch.zeros(8, T + 1)
        with torch.no_grad():
            wanted = model.refine(ids, Slots.of(order), passes.states, passes.trust)
            for places, found in passes.run(ids, given):
                index = places.expand(8, -1)
                whole.scatter_(1, index[..., None].expand(-1, -1, 8), found)
                seen.scatter_add_(1, index, torch.ones_like(index, dtype=torch.float))
        asked = ~given.expand(8, -1)
        assert (seen[:, :T][asked] == 1).all()
        torch.testing.assert_close(whole[:, :T][asked], wanted[asked])


def test_strangers_are_not_looked_at() -> None:
    model = _shaken(refiner_layers=2)
    code = torch.randn(4, model.code_size, generator=_seeded(1))
    given = torch.zeros(1, T, dtype=torch.bool)
    given[0, [0, 7]] = True
    strange = given & (torch.arange(T) == 7)
    passes = Passes(model, code, None, SamplingSettings(1.0, 6, 0.5))
    ids = torch.randint(2, 20, (4, T), generator=_seeded())
    other = ids.clone()
    other[:, 7] = CharTokenizer.UNKNOWN
    with torch.no_grad():
        for (places, one), (_, two) in zip(
            passes.run(ids, given, strange), passes.run(other, given, strange), strict=True
        ):
            assert 7 not in places
            torch.testing.assert_close(one, two)


def test_the_bound_is_that_of_writing() -> None:
    """−Σ_i log p(x_i | those of earlier passes), of all poems at once and one by one."""
    model = _shaken()
    poems = torch.randint(2, 20, (5, T), generator=_seeded())
    with torch.no_grad():
        rate, distortion = rate_and_distortion(
            model, poems, trust=torch.zeros(5), generator=_seeded()
        )
    assert rate.abs().max() < 1e-5  # nothing is known of z
    expected = torch.tensor([_surprise(model, poem[None]) for poem in poems])
    torch.testing.assert_close(distortion, expected)


def test_blanks_hide_what_is_read_and_not_what_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = _shaken()
    read, asked = [], []
    refine, log_density = model.refine, model.readout.log_density

    def reading(ids: Tensor, *others: Any, **asked: Any) -> Tensor:
        read.append(ids)
        return refine(ids, *others, **asked)

    def asking(states: Tensor, ids: Tensor, there: Tensor | None) -> Tensor:
        asked.append(ids)
        return log_density(states, ids, there)

    monkeypatch.setattr(model, "refine", reading)
    monkeypatch.setattr(model.readout, "log_density", asking)
    ids = torch.randint(2, len(model.tokenizer), (500, T), generator=_seeded(5))
    rate_and_distortion(model, ids, blanked=0.4, generator=_seeded(6))
    hidden = read[0] == CharTokenizer.MASK
    assert torch.equal(read[0][~hidden], ids[~hidden])
    assert hidden.float().mean().item() == pytest.approx(0.2, abs=0.03)
    assert hidden.float().mean(1).var() > 1.5 * 0.2 * 0.8 / T  # more in some poems than in others
    assert torch.equal(asked[0], ids)


def test_blanks_take_a_refiner() -> None:
    with pytest.raises(ConfigError, match="blanked take a refiner"):
        check(TrainingConfig(blanked=0.2), small_model().config)


def test_nothing_but_the_refiner_is_trained(trained: tuple[PoetryVAE, PoetryVAE]) -> None:
    plain, whole = trained
    before = plain.state_dict()
    after = whole.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert any(name.startswith("refiner.") for name in after)
    code = torch.randn(5, plain.code_size, generator=_seeded())
    assert torch.equal(plain.decode(code), whole.decode(code))


def _written(model: PoetryVAE, n: int, settings: SamplingSettings) -> Tensor:
    return Sampler(model, settings).write(n, generator=_seeded())


def _halves_agree(ids: Tensor) -> float:
    return (ids[:, :5] == ids[:, 5:]).float().mean().item()


def test_passes_make_characters_agree(trained: tuple[PoetryVAE, PoetryVAE]) -> None:
    """The second half of each poem repeats the first, which heads cannot know of each other.

    Few are four of the six passes: in three, most characters come at once with what they repeat.
    """
    _, whole = trained
    without = _halves_agree(_written(whole, 400, SamplingSettings(1.0, 0)))
    few = _halves_agree(_written(whole, 400, SamplingSettings(1.0, 4, 0.5)))
    many = _halves_agree(_written(whole, 400, SamplingSettings(1.0, T, 0.5)))
    assert without < few < many
    assert many > 0.8


def test_trust_decides_how_far_z_matters(trained: tuple[PoetryVAE, PoetryVAE]) -> None:
    _, whole = trained
    codes = torch.randn(2, 50, whole.code_size, generator=_seeded())

    def common(trust: float) -> float:
        first, second = (
            Sampler(whole, SamplingSettings(0.5, T, trust)).write_from(code, generator=_seeded(1))
            for code in codes
        )
        return (first == second).float().mean().item()

    assert common(0.0) == 1.0  # the same lots, and nothing else
    assert common(1.0) < 0.5


def test_every_character_is_settled_once() -> None:
    model = _shaken()
    for asked, count, most in ((1, 1, 10), (3, 3, 4), (4, 4, 4), (6, 6, 2), (1000, 6, 2)):
        settings = SamplingSettings(1.0, asked)
        made = Passes(model, torch.zeros(6, 4), None, settings)
        nothing = torch.zeros(1, T, dtype=torch.bool)
        ids = torch.full((6, T), CharTokenizer.MASK)
        pass_of = torch.stack(
            [
                torch.nn.functional.one_hot(places[0], T).sum(0)
                for places, _ in made.run(ids, nothing)
            ]
        )
        assert made.count == count
        assert (pass_of.sum(0) == 1).all()
        assert pass_of.sum(-1).max() == most
    ids = _written(model, 200, SamplingSettings(1.0, 4))
    assert (ids >= len(CharTokenizer.SPECIAL)).all()


def test_guidance_is_a_power_of_what_is_known_over_what_is_common() -> None:
    """softmax((1 + w)·log p(x_i | settled, z) − w·log p(x_i)), of all likelihoods."""
    for likelihood in ("categorical", "gaussian", "bernoulli"):
        model = _shaken(likelihood=likelihood)
        code = torch.randn(4, model.code_size, generator=_seeded())
        ids = torch.randint(2, 20, (4, T), generator=_seeded(1))
        heads = model.decoder.likelihood
        alone = read(torch.zeros(1, T, dtype=torch.bool))
        settled = (torch.arange(T) > 6).expand(4, -1)
        with torch.no_grad():
            plain, guided = (
                Passes(model, code, None, SamplingSettings(1.0, T, 0.7, w)).all_open(
                    ids, settled, settled & False, rows=torch.arange(4)
                )
                for w in (0.0, 0.6)
            )
            nothing = model.refine(
                torch.full((1, T), CharTokenizer.MASK),
                Slots.of(alone),
                model.states(torch.zeros(1, model.code_size)),
                torch.zeros(1),
            )
            known, common = (heads.logits(h).log_softmax(-1) for h in (plain, nothing))
            found = heads.logits(guided).log_softmax(-1)
        assert (known - common).abs().max() > 0.1
        torch.testing.assert_close(found, (1.6 * known - 0.6 * common).log_softmax(-1))


def test_repetition_takes_nats_from_what_the_poem_has() -> None:
    heads = small_model().decoder.likelihood
    states = torch.zeros(20_000, 8)
    with torch.no_grad():
        plain = heads.logits(states[:1])[0].softmax(-1)
        present = torch.tensor([CharTokenizer.MASK, 5, 5]).expand(len(states), 3)
        drawn = heads.draw(states, 1.0, present=present, repetition=1.0, generator=_seeded())
    first = len(CharTokenizer.SPECIAL)
    lessened = plain.clone()
    lessened[:first] = 0
    lessened[5] *= math.exp(-1)
    found = torch.bincount(drawn, minlength=len(plain)) / len(drawn)
    torch.testing.assert_close(found, lessened / lessened.sum(), atol=0.012, rtol=0)


@pytest.mark.parametrize("steered", [False, True])
def test_at_full_repetition_no_character_comes_again(steered: bool) -> None:
    model = _shaken(lines=1, chars=9)  # of several lines, characters are drawn at once
    settings = SamplingSettings(1.0, 9, 0.5, repetition=1e3)
    if steered:
        ids = Sampler(model, settings, acrostic("春")).write(12, generator=_seeded())
    else:
        ids = _written(model, 64, settings)
        plain = _written(model, 64, SamplingSettings(1.0, 9, 0.5))
        assert any(len(set(row)) < 9 for row in plain.tolist())
    assert all(len(set(row)) == 9 for row in ids.tolist())


def test_a_refiner_can_be_deepened(trained: tuple[PoetryVAE, PoetryVAE], tmp_path: Path) -> None:
    _, start = trained
    config = replace(start.config, refiner_layers=start.config.refiner_layers + 2)
    deeper = warm_started(config, start.tokenizer, start, seed=0)
    ids = torch.randint(2, 20, (3, T), generator=_seeded())
    torch.testing.assert_close(
        *(_refine(model, ids, _orders(3)) for model in (start, deeper))
    )  # nothing is lost, and nothing changed at first

    asked = {"refiner_layers": config.refiner_layers, "epochs": 1, "min_steps": 4}
    common: dict[str, Any] = {"preset": "refine", "start": start}
    found = train(small_corpus(), tmp_path / "deep", overrides=asked, **common)
    assert found.model.config.refiner_layers == config.refiner_layers
    asked["refiner_layers"] = start.config.refiner_layers
    with pytest.raises(ConfigError, match="refiner_layers is given"):
        train(small_corpus(), tmp_path / "no", overrides=asked, **common)


def test_a_seed_gives_the_same_poems_however_many() -> None:
    model = _shaken()
    many = generate(20, model=model, seed=5)
    assert generate(9, model=model, seed=5) == many[:9]
    assert generate(9, model=model, seed=6) != many[:9]
    assert generate(9, model=model, seed=5, passes=0) != many[:9]


@pytest.mark.parametrize(
    "rules",
    [
        acrostic("春月"),
        NoRepeat(),
        Words(("有風",)),
        acrostic("春月") & NoRepeat(),
    ],
)
@pytest.mark.parametrize("passes", [1, 4, 10])
def test_rules_hold_through_all_passes(rules: Rule, passes: int) -> None:
    model = _shaken(refiner_tables=True)
    sampler = Sampler(model, SamplingSettings(1.0, passes, 0.5), rules)
    for poem in sampler.poems(sampler.write(24, generator=_seeded())):
        for part in rules.parts:
            if isinstance(part, NoRepeat):
                assert len(set(poem.text)) == T
            elif isinstance(part, Words):
                assert any("有風" in line for line in poem.lines)
        if len(rules.parts) != 1 or not isinstance(rules.parts[0], NoRepeat | Words):
            assert [line[0] for line in poem.lines] == ["春", "月"]


def test_a_manner_suits_the_model() -> None:
    plain, whole = small_model(), _shaken()
    assert SamplingSettings.of(plain).passes == 0
    assert SamplingSettings.of(whole).passes == passes_of(whole.form) == 6
    assert SamplingSettings.of(whole).guidance > 0
    assert SamplingSettings.of(whole, guidance=0).guidance == 0
    many = small_model(lines=8, refiner_layers=1)
    assert (SamplingSettings.of(whole).repetition, SamplingSettings.of(many).repetition) == (1, 2)
    assert SamplingSettings.of(many).trust < SamplingSettings.of(whole).trust < 1
    assert SamplingSettings.of(whole, passes=3, trust=0.25).trust == 0.25
    assert (
        SamplingSettings.of(whole, passes=0).temperature == SamplingSettings.of(plain).temperature
    )
    assert generate(3, model=whole, seed=1, trust=1) == generate(3, model=whole, seed=1, trust=1.0)
    wrong = [("trust", 1.5), ("trust", -0.1), ("guidance", -1), ("passes", -1), ("repetition", -1)]
    for name, value in [*wrong, ("temperature", float("nan"))]:
        with pytest.raises(SamplingError, match=f"{name} is"):
            SamplingSettings.of(whole, **{name: value})  # type: ignore[arg-type]


def test_latents_near_a_poem_are_trusted_whatever_the_model_trusts() -> None:
    assert trust_in(None) is None
    assert trust_in(NoRepeat()) is None
    near = trust_in(NoRepeat() & Near("白日依山盡黃河入海流"))
    assert near is not None
    assert near > SamplingSettings.of(small_model(lines=8, refiner_layers=1)).trust


def test_a_refiner_takes_a_trained_model(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--from"):
        train(small_corpus(), tmp_path / "a", preset="refine")
    with pytest.raises(ConfigError, match="refiner_layers=4"):
        train(
            small_corpus(),
            tmp_path / "b",
            preset="refine",
            start=small_model(),
            overrides={"refiner_layers": 0},
        )
    wide = {"refiner_layers": 1, "refiner_hidden": 24, "epochs": 1, "min_steps": 2}
    model = train(
        small_corpus(), tmp_path / "w", preset="refine", start=small_model(), overrides=wide
    ).model
    assert model.config.refiner_hidden == 24
    assert model.config.hidden == small_model().config.hidden
    odd = {"refiner_layers": 1, "refiner_hidden": 10}
    with pytest.raises(ConfigError, match="refiner of 10 units: it takes a multiple of 4"):
        train(small_corpus(), tmp_path / "o", preset="refine", start=small_model(), overrides=odd)
    with pytest.raises(ConfigError, match="refiner_hidden is given"):
        train(small_corpus(), tmp_path / "x", start=model, overrides={"refiner_hidden": 8})
    with pytest.raises(ConfigError, match="refiner_layers is given"):
        train(small_corpus(), tmp_path / "c", start=_shaken(), overrides={"refiner_layers": 1})
    with pytest.raises(ConfigError, match="a refiner learns beside the ELBO"):
        train(small_corpus(), tmp_path / "d", preset="iwae", overrides={"refiner_layers": 1})


@pytest.mark.parametrize("blanked", [0.0, 0.3])
def test_a_refined_model_is_tuned_as_a_whole(blanked: float, tmp_path: Path) -> None:
    start = _shaken()
    settings = {"epochs": 1, "min_steps": 6, "batch_size": 16, "blanked": blanked}
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
