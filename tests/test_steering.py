"""Poems under constraints: kept always, drawn from the exact conditional, and by the seed."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from poetry_vae import (
    Avoid,
    Favour,
    Metre,
    Near,
    NoRepeat,
    Parallel,
    Pin,
    Rhyme,
    Rule,
    RuleError,
    Template,
    Words,
    acrostic,
)
from poetry_vae.model.config import ModelConfig
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.keywords import boundaries, word_classes
from poetry_vae.text.metre import MetreError
from poetry_vae.text.prosody import readings, tone_of
from poetry_vae.text.scansion import check
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.generate import generate
from poetry_vae.verse.rulebook import Rulebook
from poetry_vae.verse.rules.alphabet import Alphabet
from poetry_vae.verse.rules.no_repeat import Repeats
from poetry_vae.verse.rules.rule import Ground, together
from poetry_vae.verse.sampling_settings import SamplingSettings
from poetry_vae.verse.steer import Steering

CHARACTERS = (
    "人山無風一日雲有何來天中時花春上年月水江後后東空同里不白依盡秋夜紅蓬通公工中窮"
    "思生情明清城聲行平名成鳴去路樹處雨露步莫落客石"
)
TOKENIZER = CharTokenizer(list(dict.fromkeys(CHARACTERS)))
COUPLET, QUATRAIN = Form.of(2, 5), Form.of(4, 5)


def _model(form: Form, seed: int = 0) -> PoetryVAE:
    config = ModelConfig(
        form.lines, form.chars, len(TOKENIZER), hidden=16, latent=8, pooling="positions"
    )
    return PoetryVAE.build(config, TOKENIZER, seed=seed).eval()


def _steering(
    rules: Rule, form: Form = QUATRAIN, model: PoetryVAE | None = None, temperature: float = 1.0
) -> Steering:
    model = model or _model(form)
    book = Rulebook(rules, form, model.tokenizer)
    return Steering(model, book, SamplingSettings(temperature, 0), candidates=4)


def _write(rules: Rule, n: int = 16, form: Form = QUATRAIN, seed: int = 0) -> list[str]:
    steering = _steering(rules, form)
    ids = steering.write(n, generator=torch.Generator().manual_seed(seed))
    return [poem.text for poem in steering.model.poems_of(ids)]


def test_characters_follow_the_exact_conditional_distribution() -> None:
    """First drafts under metre and rhyme, against all poems that two free places allow."""
    constraint = Metre() & Rhyme()
    book = Rulebook(constraint, COUPLET, TOKENIZER)
    logits = torch.full((1, 10, len(TOKENIZER)), -torch.inf)
    draws = torch.Generator().manual_seed(3)
    poem = TOKENIZER.encode_folded("白日依山盡江花入夜中".replace("入", "落"))
    for position, symbol in enumerate(poem):
        logits[0, position, symbol] = 0.0
    for position in (0, 2, 4, 9):
        some = 2 + torch.randperm(len(TOKENIZER) - 2, generator=draws)[:12]
        logits[0, position, some] = torch.randn(12, generator=draws)
    choices = [(row > -torch.inf).nonzero()[:, 0].tolist() for row in logits[0]]
    log_probs = logits[0].log_softmax(-1)
    expected: dict[tuple[int, ...], float] = {}
    for a in choices[0]:
        for b in choices[2]:
            for c in choices[4]:
                for d in choices[9]:
                    ids = poem.copy()
                    ids[[0, 2, 4, 9]] = a, b, c, d
                    lines = COUPLET.cut(TOKENIZER.decode(ids))
                    report = check(lines, rules="strict", readings="lenient")
                    if report.keeps_metre and report.keeps_rhyme:
                        p = log_probs[torch.arange(10), torch.from_numpy(ids).long()].sum().exp()
                        expected[tuple(ids.tolist())] = p.item()
    total = sum(expected.values())
    assert len(expected) > 100
    masked = book.masked(logits, None, temperature=1.0)
    assert book.log_kept(masked, book.undecided()).exp().item() == pytest.approx(total, rel=1e-4)

    n = 20_000

    class Model:
        """Heads that say the same whatever the code."""

        def decode(self, z: torch.Tensor) -> torch.Tensor:
            return logits.expand(len(z), -1, -1)

    steering = _steering(constraint, COUPLET)
    steering.model, steering.book = Model(), book  # type: ignore[assignment]
    ids, lost = steering._characters(
        torch.zeros(n, 8), book.undecided()[torch.arange(n)], torch.Generator().manual_seed(0)
    )
    assert not lost.any()
    counts = Counter(map(tuple, ids.tolist()))
    assert set(counts) <= set(expected)
    # Pearson's statistic of the poems expected at least five times: mean k − 1, variance 2(k − 1).
    cells = [(counts[key], n * p / total) for key, p in expected.items() if n * p / total >= 5]
    statistic = sum((seen - due) ** 2 / due for seen, due in cells)
    assert abs(statistic - len(cells)) < 5 * math.sqrt(2 * len(cells))


def test_everything_together_is_kept() -> None:
    constraint = (
        acrostic("春江□月") & Metre() & Rhyme("東") & Avoid("花無") & NoRepeat() & Words(("秋夜",))
    )
    for text in _write(constraint):
        assert text[0] + text[5] + text[15] == "春江月"
        assert "秋夜" in text
        assert not set(text) & set("花無")
        assert len(set(text)) == len(text)
        report = check(QUATRAIN.cut(text), rules="strict", readings="lenient")
        assert report.keeps_metre
        assert report.keeps_rhyme
        assert "東" in {r.group for r in readings(text[-1])}


def test_rhyme_without_metre_may_be_oblique() -> None:
    for text in _write(Rhyme("暮")):
        for end in (9, 19):
            assert "遇" in {reading.group for reading in readings(text[end])}


def test_repeats_are_avoided_even_where_the_model_insists() -> None:
    steering = _steering(NoRepeat())
    with torch.no_grad():
        steering.model.decoder.likelihood.output.bias[2:6] += 20.0
    ids = steering.write(8, generator=torch.Generator().manual_seed(0))
    assert all(len(set(row)) == 20 for row in ids.tolist())


def test_doublings_may_stand_inside_a_line() -> None:
    ids = torch.tensor([[2, 2, 3, 4, 5, 5, 6, 7, 8, 9], [2, 3, 2, 4, 5, 6, 7, 8, 9, 10]])
    strict, lenient = (
        Repeats(Ground(COUPLET, Alphabet(TOKENIZER)), doublings=d) for d in (False, True)
    )
    assert lenient.found(ids)[0].nonzero()[:, 0].tolist() == [5]
    assert strict.found(ids)[0].nonzero()[:, 0].tolist() == [1, 5]
    assert lenient.found(ids)[1].nonzero()[:, 0].tolist() == [2]
    held = Template("里里□□□") & NoRepeat(doublings=True)
    assert all(text[:2] == "里里" for text in _write(held, form=COUPLET))


def test_repeats_are_those_of_either_script() -> None:
    ids = torch.from_numpy(TOKENIZER.encode_folded("後后日依山盡江花落夜")).long()[None]
    repeats = Repeats(Ground(COUPLET, Alphabet(TOKENIZER)), doublings=False)
    assert repeats.found(ids)[0].nonzero()[:, 0].tolist() == [1]


def test_words_that_would_repeat_a_pin_stand_where_they_do_not() -> None:
    held = Pin(1, 2, "月") & Words(("春月",)) & NoRepeat()
    assert all(text[:2] == "春月" for text in _write(held, form=COUPLET))
    held = Pin(2, 3, "后") & Words(("后来",)) & NoRepeat()  # 后 stands for 後 and 后
    assert all(text[7:9] in ("后來", "後來") for text in _write(held.parts[0] & held, form=COUPLET))
    for twice in (Pin(1, 1, "后") & Pin(2, 1, "後"), Words(("后來", "後日"))):
        with pytest.raises(RuleError, match=r"no repeats|后來 後日"):
            _write(twice & NoRepeat(), form=COUPLET)
    with pytest.raises(RuleError, match="春月 月水"):
        _write(Words(("春月", "月水")) & NoRepeat(), form=COUPLET)
    assert all("春月" in text for text in _write(Words(("月", "春月")) & NoRepeat()))


@pytest.mark.parametrize("temperature", [0.01, 0.035, 0.5])
@pytest.mark.parametrize("tone", ["平", "仄"])
def test_metre_is_kept_where_the_model_wants_one_tone_only(tone: str, temperature: float) -> None:
    form = Form.of(4, 7)
    model = _model(form)
    other = [i for i, c in enumerate(TOKENIZER.characters, 2) if tone_of(c) == tone]
    with torch.no_grad():
        model.decoder.likelihood.output.bias[other] += 60
    ids = _steering(Metre(), form, model, temperature).write(
        4, generator=torch.Generator().manual_seed(0)
    )
    assert all(check(form.cut(poem.text)).ok for poem in model.poems_of(ids))


@pytest.mark.parametrize("temperature", [0.0, 0.01, 0.05, 0.2])
def test_low_temperatures_keep_rules_that_the_model_finds_absurd(temperature: float) -> None:
    model = _model(QUATRAIN)
    with torch.no_grad():
        model.decoder.likelihood.output.bias[TOKENIZER.encode_folded("東空同紅蓬通公工中窮")] -= 60
    rules = Metre() & Rhyme("東") & Words(("東風",))
    steering = _steering(rules, QUATRAIN, model, temperature)
    ids = steering.write(8, generator=torch.Generator().manual_seed(0))
    for poem in model.poems_of(ids):
        assert "東" in {r.group for r in readings(poem.text[-1])}
        assert "東風" in poem.text


def test_too_few_characters_for_no_repeats_is_an_error_and_no_endless_loop() -> None:
    most = "".join(TOKENIZER.characters[12:])
    with pytest.raises(RuleError, match="only 12 characters are left for the 20 places"):
        _write(NoRepeat() & Avoid(most), n=2)


def test_parallel_couplets_answer_each_other() -> None:
    texts = _write(Parallel() & NoRepeat(), n=6, form=COUPLET)
    for text in texts:
        above, below = COUPLET.cut(text)
        assert len(set(text)) == 10
        assert word_classes(above) == word_classes(below)
        assert boundaries(above) == boundaries(below)
        for place in (1, 3):
            pair = readings(above[place]), readings(below[place])
            assert any(a.tone != b.tone for a in pair[0] for b in pair[1])


def test_the_same_seed_gives_the_same_poems_and_more_are_more_of_them() -> None:
    model = _model(QUATRAIN)
    constraint = acrostic("春江") & Metre()
    few = generate(3, model=model, rules=constraint, seed=5)
    assert generate(12, model=model, rules=constraint, seed=5)[:3] == few
    assert generate(3, model=model, rules=constraint, seed=6) != few


def test_near_a_poem_the_latents_are_its_neighbours() -> None:
    model = _model(COUPLET)
    poem = "白日依山盡江花落夜中"
    with torch.no_grad():
        model.latents[0].log_variance.bias.fill_(-6.0)  # type: ignore[union-attr]
        mean = model.encode([poem]).mean
    steering = _steering(Near(poem), COUPLET, model)
    z, _ = steering._latents(16, torch.Generator().manual_seed(0))
    assert (z - mean).abs().max() < 0.5


def test_weights_favour_latents_that_make_the_pins_likely() -> None:
    """Resampling must beat the prior: a decoder whose first character is decided by one latent."""
    model = _model(COUPLET)
    pin = TOKENIZER.encode_folded("花")[0]
    constraint = Pin(1, 1, "花")
    book = Rulebook(constraint, COUPLET, TOKENIZER)
    steering = Steering(model, book, SamplingSettings(1.0, 0), candidates=64)
    draws = torch.Generator().manual_seed(0)
    z, _ = steering._latents(64, draws)
    free = torch.randn(64, 8, generator=draws)
    likely = [model.decode(some).log_softmax(-1)[:, 0, pin].mean().item() for some in (z, free)]
    assert likely[0] > likely[1] + 0.1
    assert 1 <= steering.effective[0] <= 64
    assert steering.told().startswith("effective candidates: ")


def test_langevin_steps_leave_the_target_as_it_is() -> None:
    """Latents of one dimension, pinned: the walk's mean and spread against those on a grid."""
    config = ModelConfig(2, 5, len(TOKENIZER), hidden=16, latent=1, pooling="positions")
    model = PoetryVAE.build(config, TOKENIZER, seed=4).eval()
    with torch.no_grad():
        model.decoder.heads.weight.mul_(8)
    book = Rulebook(acrostic("春江") & Pin(1, 3, "花"), COUPLET, TOKENIZER)
    steering = Steering(model, book, SamplingSettings(1.0, 0), steps=100)
    grid = torch.linspace(-6, 6, 3001)[:, None]
    with torch.no_grad():
        masked = book.masked(model.decode(grid), None, temperature=1.0)
        log_p = book.log_kept(masked, book.undecided()) - 0.5 * grid[:, 0].square()
    weight = log_p.softmax(0)
    mean = (weight * grid[:, 0]).sum()
    spread = (weight * (grid[:, 0] - mean).square()).sum().sqrt()
    assert abs(spread - 1) > 0.05  # the constraint does say something
    draws = torch.Generator().manual_seed(0)
    z = steering._walk(torch.randn(1000, 1, generator=draws), book.undecided(), draws)[:, 0]
    assert abs(z.mean() - mean) < 0.15 * spread
    assert abs(z.std() - spread) < 0.15 * spread


def test_a_theme_makes_its_kin_likelier() -> None:
    model = _model(COUPLET)
    plain = _steering(together([]), COUPLET, model)
    themed = _steering(Favour("花", strength=8.0), COUPLET, model)
    share = [
        sum(
            poem.count("花")
            for poem in (
                p.text
                for p in s.model.poems_of(s.write(64, generator=torch.Generator().manual_seed(0)))
            )
        )
        for s in (plain, themed)
    ]
    assert share[1] > 2 * share[0]


_CONSTRAINTS = st.lists(
    st.one_of(
        st.builds(
            Pin,
            st.integers(1, 4),
            st.integers(1, 5),
            st.sampled_from("春江花月夜山水白日"),
        ),
        st.builds(Avoid, st.text(alphabet="人無風花雨露", max_size=3)),
        st.just(Metre()),
        st.just(Metre("loose")),
        st.sampled_from([Rhyme(), Rhyme("東"), Rhyme("庚")]),
        st.just(NoRepeat()),
        st.sampled_from([Words(("秋夜",)), Words(("春雨", "明月"))]),
    ),
    max_size=4,
)


def check_kept(parts: list[Rule], text: str) -> None:
    """A quatrain keeps each of these rules."""
    lines = QUATRAIN.cut(text)
    for part in parts:
        match part:
            case Pin(line, place, character):
                assert lines[line - 1][place - 1] == character
            case Avoid(characters):
                assert not set(text) & set(characters)
            case Metre(rules):
                report = check(lines, rules=rules, readings="lenient")
                assert report.keeps_metre, text
                assert report.keeps_rhyme, text
            case Rhyme(group):
                sets = [{r.group for r in readings(lines[i][-1])} for i in (1, 3)]
                assert set.intersection(*sets) & ({group} if group else sets[0])
            case NoRepeat():
                assert len(set(text)) == len(text)
            case Words(words):
                assert all(any(word in line for line in lines) for word in words)


@settings(max_examples=60)
@given(_CONSTRAINTS, st.integers(0, 3))
def test_any_combination_is_kept_or_refused(parts: list[Rule], seed: int) -> None:
    try:
        texts = _write(together(parts), n=3, seed=seed)
    except (RuleError, MetreError) as error:
        assert str(error)  # noqa: PT017
        return
    for text in texts:
        check_kept(parts, text)
