"""The best of several poems: the likeliest to a refiner that knows nothing of z."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
import torch

from poetry_vae.model.reward import Reward, RewardError
from poetry_vae.model.sampling import SamplingError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.refinement import rate_and_distortion
from poetry_vae.verse.choosing import (
    against,
    copied,
    read,
    repeated,
    said_of,
    surprise,
    surprise_by_place,
)
from poetry_vae.verse.generate import generate
from poetry_vae.verse.passes import Passes, Surprise
from poetry_vae.verse.rules.rule import RuleError
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings
from tests.small import small_model, small_poet


@pytest.fixture(scope="module")
def model() -> PoetryVAE:
    made = small_model(refiner_layers=1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return made.requires_grad_(False)


def _ids(n: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(2, 20, (n, 10), generator=torch.Generator().manual_seed(seed))


def test_the_surprise_is_the_distortion_of_a_refiner_that_does_not_trust_z(
    model: PoetryVAE,
) -> None:
    ids = _ids(700)  # more than are read at once
    _, distortion = rate_and_distortion(model, ids, trust=torch.zeros(len(ids)))
    torch.testing.assert_close(surprise(model, ids), distortion)


def test_chosen_poems_are_likelier_and_the_seed_s_own(model: PoetryVAE) -> None:
    plain = SamplingSettings.of(model)
    chosen = replace(plain, candidates=8)
    assert plain.candidates == 1
    means = []
    for settings in (plain, chosen):
        ids = Sampler(model, settings).write(40, generator=torch.Generator().manual_seed(0))
        assert len(ids) == 40
        means.append(surprise(model, ids).mean())
    assert means[1] < means[0]
    first = generate(2, model=model, seed=3, candidates=8)
    assert generate(20, model=model, seed=3, candidates=8)[:2] == first


def test_readers_get_few_risks_and_figures_the_distribution(model: PoetryVAE) -> None:
    chosen, plain = SamplingSettings.of(model, sampling="chosen"), SamplingSettings.of(model)
    assert chosen.temperature < plain.temperature
    assert chosen.candidates > plain.candidates == 1
    assert SamplingSettings.of(model, sampling="chosen", candidates=3, temperature=1.0) == replace(
        chosen, candidates=3, temperature=1.0
    )
    assert "the best of 16" in str(chosen)
    without = small_model()
    assert SamplingSettings.of(without, sampling="chosen") == SamplingSettings.of(without)


@pytest.mark.parametrize("candidates", [0, -1, 257])
def test_how_many_can_be_chosen_from_is_bounded(model: PoetryVAE, candidates: int) -> None:
    with pytest.raises(SamplingError, match=f"candidates is {candidates}"):
        generate(1, model=model, candidates=candidates)


def test_characters_that_come_again_are_counted_unless_they_are_doubled() -> None:
    """慈母慈親慈母身: 慈 comes twice, 母 once again. 青青 is no repeat, a third 青 is."""
    rows = [[9, 2, 9, 3, 9, 2, 4], [5, 5, 6, 7, 8, 9, 2], [5, 5, 6, 5, 5, 9, 2]]
    assert repeated(torch.tensor(rows)).tolist() == [3, 0, 1]
    open_ = torch.tensor([[9, 2, 9, *[CharTokenizer.MASK] * 4]])
    assert repeated(open_).tolist() == [1]


def test_lines_of_poets_are_known() -> None:
    """邵雍 begins a hundred poems with this line."""
    theirs, own = ("堯夫非是愛吟詩", "白日依山水上流"), ("水花水花水花水", "月山月山月山月")
    assert copied([Poem(theirs), Poem(own), Poem((own[0], theirs[0]))]).tolist() == [
        True,
        False,
        True,
    ]
    assert copied([Poem(("春", "月"))]).tolist() == [False]  # no such lines are known


def test_a_poem_with_a_line_of_a_poet_is_not_chosen(
    model: PoetryVAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(SamplingSettings.of(model), candidates=8)
    sampler = Sampler(model, settings)
    before = sampler.write(4, generator=torch.Generator().manual_seed(0))
    taken = {poem.text for poem in sampler.poems(before)}
    monkeypatch.setattr(
        "poetry_vae.verse.sampler.copied",
        lambda poems: torch.tensor([poem.text in taken for poem in poems]),
    )
    after = sampler.write(4, generator=torch.Generator().manual_seed(0))
    assert not taken & {poem.text for poem in sampler.poems(after)}


@pytest.fixture(scope="module")
def poet() -> PoetryVAE:
    made = small_poet()
    with torch.no_grad():
        for number, parameter in enumerate(made.parameters()):
            draws = torch.Generator().manual_seed(number)
            parameter += 0.3 * torch.randn(parameter.shape, generator=draws)
    return made


def test_what_a_poem_owes_to_its_subject_counts_for_it(poet: PoetryVAE) -> None:
    ids, form = _ids(6), Form.of(2, 5)
    plain, told = poet.writing(form), poet.writing(form, about="春水", dynasty="唐")
    own, unsaid = surprise(told, ids), surprise(plain, ids)
    torch.testing.assert_close(surprise(told, ids, asked=told.asked.unsaid()), unsaid)
    assert (own - unsaid).abs().max() > 0.01
    likelier, again = (unsaid - own) / 10, repeated(ids) / 10
    said = said_of(told.asked, ids)
    assert again.any()
    assert said.any()
    torch.testing.assert_close(against(plain, ids), 0.59 * unsaid / 10 + 3.9 * again)
    marks = -0.59 * own / 10 + 0.35 * likelier - 3.9 * again + 0.18 * said
    torch.testing.assert_close(against(told, ids), -marks)


def test_a_reward_model_reads_the_states_of_its_own_model(poet: PoetryVAE, tmp_path: Path) -> None:
    view = poet.writing(Form.of(2, 5), about="春")
    settings = SamplingSettings.of(view, sampling="chosen")
    passes = Passes(view, torch.zeros(3, view.code_size), None, settings)
    ids = passes.write(generator=torch.Generator().manual_seed(0))
    states = passes.surprise(ids).states
    before = against(view, ids, passes=passes)
    taught = copy(poet)
    taught.reward = replace(Reward(), states=tuple(torch.linspace(-1, 1, states.shape[1]).tolist()))
    taught.save_pretrained(tmp_path / "m")
    taught = PoetryVAE.from_pretrained(tmp_path / "m").writing(Form.of(2, 5), about="春")
    passes.model = taught
    expected = before - states @ torch.linspace(-1, 1, states.shape[1])
    torch.testing.assert_close(against(taught, ids, passes=passes), expected)


@pytest.mark.parametrize(
    "damage",
    [
        "{}",
        "[]",
        '{"surprise": 1, "states": []',
        '{"surprise": "x", "states": []}',
        '{"surprise": NaN, "states": []}',
        '{"states": [1.0, 2.0]}',
        '{"taste": 1, "states": []}',
    ],
)
def test_a_damaged_reward_model_is_named(tmp_path: Path, damage: str) -> None:
    small_poet().save_pretrained(tmp_path)
    (tmp_path / "reward.json").write_text(damage, encoding="utf-8")
    with pytest.raises(RewardError, match=r"reward\.json"):
        PoetryVAE.from_pretrained(tmp_path)


def test_the_share_of_the_subject_that_a_poem_says(poet: PoetryVAE) -> None:
    view = poet.writing(Form.of(2, 5), about="春水春，春")
    spring, water = poet.tokenizer.encode_folded("春水").tolist()
    other = next(i for i in range(2, 20) if i not in (spring, water))
    rows = [[other] * 10, [spring] * 10, [water, spring] * 5]
    assert said_of(view.asked, torch.tensor(rows)).tolist() == [0.0, 0.5, 1.0]
    assert not said_of(poet.writing(Form.of(2, 5)).asked, torch.tensor(rows)).any()


def test_a_couplet_can_be_read_as_if_the_others_were_not_there(poet: PoetryVAE) -> None:
    quatrain = poet.writing(Form.of(4, 5))
    ids = torch.cat([_ids(6), _ids(6, seed=1)], 1)
    second = torch.arange(20)[None] >= 10
    alone = surprise_by_place(quatrain, ids, only=second)
    assert not alone[:, :10].any()
    # The other couplet does not matter, whatever it is.
    other = torch.cat([_ids(6, seed=2), ids[:, 10:]], 1)
    torch.testing.assert_close(surprise_by_place(quatrain, other, only=second), alone)
    found = surprise_by_place(quatrain, other) - surprise_by_place(quatrain, ids)
    assert found[:, 10:].abs().max() > 0.01


def _same(found: Surprise, expected: Surprise) -> None:
    torch.testing.assert_close(found.own, expected.own)
    torch.testing.assert_close(found.unsaid, expected.unsaid)


@pytest.mark.parametrize(("about", "emphasis"), [("", 0.0), ("春水", 0.0), ("春水", 1.0)])
def test_what_passes_have_read_is_what_a_reading_of_the_whole_poem_finds(
    poet: PoetryVAE, about: str, emphasis: float
) -> None:
    view = poet.writing(Form.parse("浣溪沙"), about=about)
    settings = SamplingSettings.of(view, trust=0.0, emphasis=emphasis)
    code = torch.randn(5, view.code_size, generator=torch.Generator().manual_seed(0))
    passes = Passes(view, code, None, settings)
    ids = passes.write(generator=torch.Generator().manual_seed(1))
    expected = read(view, ids)
    found = passes.surprise(ids)
    _same(found, expected)
    torch.testing.assert_close(found.states, expected.states)
    assert (expected.own - expected.unsaid).abs().max() > 0.01 or not about
    # A code that is trusted makes other characters likely.
    trusting = Passes(view, code, None, replace(settings, trust=0.8))
    ids = trusting.write(generator=torch.Generator().manual_seed(1))
    assert (trusting.surprise(ids).own - read(view, ids).own).abs().max() > 0.01


def test_what_is_given_does_not_surprise_but_counts_for_the_rest(poet: PoetryVAE) -> None:
    """Rows with different places given are those of every row by itself."""
    view = poet.writing(Form.of(4, 5), about="春")
    settings = SamplingSettings.of(view, emphasis=0.5)
    code = torch.randn(3, view.code_size, generator=torch.Generator().manual_seed(0))
    ids = torch.cat([_ids(3), _ids(3, seed=1)], 1)
    given = torch.zeros(3, 20, dtype=torch.bool)
    given[1, 4], given[2, [0, 12, 13]] = True, True

    def found(rows: list[int]) -> Surprise:
        passes = Passes(view, code[rows], None, settings)
        for _ in passes.run(ids[rows], given[rows]):
            pass
        return passes.surprise(ids[rows])

    whole = found([0, 1, 2])
    for row in range(3):
        alone = found([row])
        _same(Surprise(*(part[row : row + 1] for part in vars(whole).values())), alone)
        torch.testing.assert_close(alone.states, whole.states[row : row + 1])
    for part in (whole.own, whole.unsaid):
        assert not part[given].any()
        assert (part[~given] > 0).all()


@pytest.mark.parametrize("about", ["", "春水"])
def test_poems_that_go_on_from_the_best_beginnings_are_read_right(
    poet: PoetryVAE, about: str
) -> None:
    view = poet.writing(Form.of(4, 5), about=about)
    settings = SamplingSettings.of(view, trust=0.0, emphasis=0.5)
    code = torch.randn(6, view.code_size, generator=torch.Generator().manual_seed(0))
    passes, asked = Passes(view, code, None, settings), []
    taken = torch.tensor([1, 1, 1, 5, 5, 5])

    def choose(ids: torch.Tensor) -> torch.Tensor:
        asked.append(ids.clone())
        return taken

    ids = passes.write(generator=torch.Generator().manual_seed(1), choose=choose)
    is_open = [(each == CharTokenizer.MASK).sum(1).unique().tolist() for each in asked]
    assert is_open == [[15], [10], [5]]  # after every line but the last
    for each, end in zip(asked, (5, 10, 15), strict=True):
        assert torch.equal(ids[:, :end][[0, 3]], ids[:, :end][taken[[0, 3]]])
        assert not torch.equal(each[:, end - 5 : end], each[taken, end - 5 : end])
    assert torch.equal(ids[:, :15], asked[-1][taken][:, :15])
    _same(passes.surprise(ids), read(view, ids))


def test_the_best_of_beginnings_is_a_better_poem(poet: PoetryVAE) -> None:
    view = poet.writing(Form.of(4, 5), about="春水")
    settings = SamplingSettings.of(view, sampling="chosen", candidates=8)
    sampler = Sampler(view, settings)
    _, by_lines = sampler.candidates(64, generator=torch.Generator().manual_seed(0))
    sampler._best_beginnings = lambda _, ids: torch.arange(len(ids))  # type: ignore[method-assign]
    _, whole = sampler.candidates(64, generator=torch.Generator().manual_seed(0))
    assert by_lines.view(8, 8).amin(1).mean() < whole.view(8, 8).amin(1).mean()


def test_no_poem_has_no_surprise() -> None:
    model = small_model(refiner_layers=1)
    nothing = torch.zeros(0, model.form.positions, dtype=torch.long)
    assert surprise(model, nothing).shape == (0,)


@pytest.mark.parametrize("kept_at", [1, 7, None])
def test_every_try_is_looked_at_and_tries_are_limited(
    model: PoetryVAE, kept_at: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of sixteen candidates there are seven tries; a poem of the last one is taken, too."""
    sampler = Sampler(model, SamplingSettings.of(model, candidates=16))
    tries = []

    def candidates(n: int, **_: object) -> tuple[torch.Tensor, torch.Tensor]:
        tries.append(n)
        ids = torch.full((n, model.form.positions), len(tries))
        return ids, torch.full((n,), 0.0 if len(tries) == kept_at else torch.inf)

    monkeypatch.setattr(sampler, "candidates", candidates)
    generator = torch.Generator()
    if kept_at is None:
        with pytest.raises(RuleError, match="no poem was found"):
            sampler.write(1, generator=generator)
    else:
        assert (sampler.write(1, generator=generator) == kept_at).all()
    assert tries == [16] * (kept_at or 7)


@pytest.mark.parametrize("candidates", [1, 4])
def test_few_poems_are_written_that_nobody_asked_for(
    model: PoetryVAE, candidates: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sampler = Sampler(model, SamplingSettings.of(model, candidates=candidates))
    written: list[int] = []

    def write(n: int, *, generator: torch.Generator) -> torch.Tensor:
        written.append(n)
        return torch.full((n, model.form.positions), 2)

    monkeypatch.setattr(sampler, "write", write)
    for n in (1, 3, 4, 5, 10, 64, 1000):
        written.clear()
        assert len(list(islice(sampler.stream(0), n))) == n
        assert sum(written) <= max(8 if candidates == 1 else 1, 2 * n - 1)
        assert max(written) * candidates <= 256


def test_a_head_before_one_that_the_model_cannot_read_counts(poet: PoetryVAE) -> None:
    """王 of 王玥, where 玥 is unknown."""
    view = poet.writing(Form.of(2, 5))
    given, strange = torch.zeros(1, 10, dtype=torch.bool), torch.zeros(1, 10, dtype=torch.bool)
    given[0, [0, 5]], strange[0, 5] = True, True
    found = []
    for head in (3, 4):
        ids = torch.full((1, 10), CharTokenizer.MASK)
        ids[0, 0], ids[0, 5] = head, CharTokenizer.UNKNOWN
        passes = Passes(view, torch.zeros(1, view.code_size), None, SamplingSettings.of(view))
        found.append(next(passes.run(ids, given, strange))[1])
    assert (found[0] - found[1]).abs().max() > 1e-3
