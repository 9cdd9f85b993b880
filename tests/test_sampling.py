"""Characters drawn from logits."""

import pytest
import torch

from poetry_vae.model.sampling import SamplingError, derived_seed, draw, drawn_at
from poetry_vae.verse.sampling_settings import SamplingSettings


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_frequencies_are_the_softmax(temperature: float) -> None:
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0])
    n = 200_000
    ids = draw(logits.repeat(n, 1), temperature, generator=_generator())
    seen = torch.bincount(ids, minlength=4) / n
    expected = torch.softmax(logits / temperature, -1)
    error = (expected * (1 - expected) / n).sqrt()
    assert ((seen - expected).abs() < 5 * error).all()


def test_temperature_zero_is_the_likeliest() -> None:
    logits = torch.randn(20, 30, generator=_generator())
    ids = draw(logits.clone(), 0.0, generator=None)
    assert torch.equal(ids, logits.argmax(-1))


def test_frequencies_over_many_blocks_of_symbols_are_the_softmax() -> None:
    logits = torch.randn(200, generator=_generator()) * 2
    n = 400_000
    counts = sum(
        torch.bincount(draw(logits.repeat(n // 20, 1), 1.0, generator=_generator(i)), minlength=200)
        for i in range(20)
    )
    expected = torch.softmax(logits, -1)
    error = (expected * (1 - expected) / n).sqrt()
    assert ((counts / n - expected).abs() < 5 * error + 1 / n).all()


@pytest.mark.parametrize("symbols", [3, 64, 65, 130, 192])
def test_what_has_no_probability_is_never_drawn(symbols: int) -> None:
    possible = torch.tensor([1, symbols // 2, symbols - 2])
    logits = torch.full((20_000, symbols), float("-inf"))
    logits[:, possible] = 0.0
    drawn = draw(logits, 1.0, generator=_generator())
    assert set(drawn.tolist()) == set(possible.tolist())


def test_the_smallest_temperature_is_still_the_likeliest() -> None:
    logits = torch.randn(20, 30, generator=_generator())
    assert torch.equal(draw(logits.clone(), 1e-40, generator=_generator()), logits.argmax(-1))


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), float("inf")])
def test_a_temperature_that_makes_no_distribution_is_refused(temperature: float) -> None:
    with pytest.raises(SamplingError, match="temperature"):
        draw(torch.zeros(1, 2), temperature, generator=None)


def test_derived_seeds_differ_by_purpose_and_stay_the_same() -> None:
    assert derived_seed(1, "poems", 0) == derived_seed(1, "poems", 0)
    seeds = {derived_seed(s, p, i) for s in (0, 1) for p in ("poems", "step") for i in range(50)}
    assert len(seeds) == 200


@pytest.mark.parametrize("temperature", [0.0, 0.7, 1.0])
def test_what_is_refused_is_never_drawn_and_all_else_is_as_before(temperature: float) -> None:
    logits = torch.randn(3000, 100, generator=_generator())
    logits[:5, 7] = 200.0  # all of a row's mass
    refused = torch.tensor([7, 90])
    before = draw(logits.clone(), temperature, generator=_generator(1))
    one, other = _generator(1), _generator(1)
    after = draw(logits.clone(), temperature, refused=refused, generator=one)
    hit = torch.isin(before, refused)
    assert hit[:5].all()
    assert not torch.isin(after, refused).any()
    assert torch.equal(before[~hit], after[~hit])
    draw(logits.clone(), temperature, generator=other)
    assert torch.equal(one.get_state(), other.get_state())


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_logits_that_overflow_are_refused(temperature: float) -> None:
    for wrong in (float("nan"), float("inf")):
        logits = torch.zeros(2, 100)
        logits[1, 3] = wrong
        with pytest.raises(SamplingError, match="not numbers"):
            draw(logits.clone(), temperature, generator=_generator())
        with pytest.raises(SamplingError, match="not numbers"):
            drawn_at(logits[None], temperature, _generator())


@pytest.mark.parametrize(
    "asked", [{"guidance": 1e300}, {"repetition": 1e4}, {"emphasis": -1.0}, {"temperature": 1e-9}]
)
def test_settings_that_would_overflow_are_refused(asked: dict[str, float]) -> None:
    with pytest.raises(SamplingError, match=f"{next(iter(asked))} is .* it must be"):
        SamplingSettings(**{"temperature": 1.0, "passes": 1, **asked})  # type: ignore[arg-type]
