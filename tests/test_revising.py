"""What else could stand at a place, poems written anew in part, and replies to a line."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from poetry_vae import Metre, NoRepeat, Rhyme, RuleError
from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.text.keywords import boundaries, word_classes
from poetry_vae.text.prosody import readings
from poetry_vae.text.scansion import check
from poetry_vae.verse import sampler
from poetry_vae.verse.choosing import surprise
from poetry_vae.verse.replying import reply
from poetry_vae.verse.revising import alternatives, least_believed, places_of, revise
from tests.commands import run
from tests.small import small_poet
from tests.test_ruled import MANY, MODEL, _model

POEM = "春山無一日，夜雨有何人。秋水明月白，江花盡落春。"
COUPLET = Form.of(2, 5)


def test_alternatives_are_ranked_and_say_tone_and_rhyme() -> None:
    found = alternatives(MODEL, POEM, 2, 5, n=200)
    assert sum(each.probability for each in found) == pytest.approx(1, abs=1e-3)
    chances = [each.probability for each in found]
    assert chances == sorted(chances, reverse=True)
    by_character = {each.character: each for each in found}
    assert by_character["春"].tones == "平"
    assert by_character["春"].rhymes == ("真",)
    assert by_character["月"].tones == "仄"
    assert alternatives(MODEL, POEM, 2, 5, n=200) == found
    assert alternatives(MODEL, POEM, -3, -1, n=3) == found[:3]


def test_alternatives_keep_rules() -> None:
    found = alternatives(MODEL, POEM, 4, 5, n=100, rules=Rhyme("真"))
    assert {each.character for each in found} == {"人", "春"}
    for each in alternatives(MODEL, POEM, 4, 4, n=100, rules=NoRepeat()):
        assert each.character not in POEM.replace("落", "")
    with pytest.raises(RuleError, match="place 9,1 lies outside"):
        alternatives(MODEL, POEM, 9, 1)
    with pytest.raises(FormError):
        alternatives(MODEL, "春山", 1, 1)


def test_only_what_is_named_is_written_anew() -> None:
    places = places_of(["line3", "1,2-3"], MODEL.form)
    assert places == {1, 2, 10, 11, 12, 13, 14}
    text = POEM.replace("，", "").replace("。", "")
    poems = list(islice(revise(MODEL, POEM, places).stream(1), 6))
    assert len({poem.text for poem in poems}) > 1
    for poem in poems:
        changed = {i for i, (a, b) in enumerate(zip(poem.text, text, strict=True)) if a != b}
        assert changed <= places
    with pytest.raises(RuleError, match="nothing is to be written anew"):
        revise(MODEL, POEM, [])


def test_a_revision_keeps_rules() -> None:
    places = places_of(["2", "4"], MODEL.form)
    poems = islice(revise(MODEL, POEM, places, rules=Metre("loose"), near=0.0).stream(1), 3)
    for poem in poems:
        assert check(poem.lines, rules="loose", readings="lenient").ok


def test_a_refusal_speaks_of_what_was_asked_for() -> None:
    poem = "春水江花月，春水江花月。"
    with pytest.raises(RuleError, match=r"the kept characters □水江花月/.*no repeats") as refused:
        revise(small_poet().writing(COUPLET), poem, {0}, rules=NoRepeat())
    assert "near" not in str(refused.value)
    assert "template" not in str(refused.value)


@pytest.mark.parametrize("text", ["line9", "1,8", "x", "1,3-2", "2;3", ""])
def test_places_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(RuleError):
        places_of([text], MODEL.form)


def test_what_is_believed_least_is_named() -> None:
    found = least_believed(MODEL, POEM)
    assert len(found) == 2
    everything = least_believed(MODEL, POEM, most=20)
    assert [place for place, _ in everything][:2] == [place for place, _ in found]
    assert all(0 < chance < 1 for _, chance in everything)


def test_replies_answer_the_line() -> None:
    above = "白日依山盡"
    found = reply(above, 6, model=_model(COUPLET, MANY))
    assert len({each.line for each in found}) == 6
    kept = [each for each in found if not each.given_up]
    assert kept == found[: len(kept)]
    assert [each.score for each in kept] == sorted((e.score for e in kept), reverse=True)
    for each in kept:
        assert not set(each.line) & set(above)
        assert word_classes(above) == word_classes(each.line)
        assert boundaries(above) == boundaries(each.line)
        for place in (1, 3, 4):
            pair = readings(above[place]), readings(each.line[place])
            assert any(a.tone != b.tone for a in pair[0] for b in pair[1])


def test_a_line_of_a_poets_costs_a_reply_nothing_of_its_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampler, "copied", lambda poems: torch.ones(len(poems)))
    for each in reply("白日依山盡", 3, model=_model(COUPLET, MANY)):
        assert -20 < each.score < 0


def test_the_score_of_a_reply_is_its_likelihood_whatever_it_is_chosen_by() -> None:
    """Models of any form choose by more than that."""
    above = "白日依山盡"
    poet = small_poet(_model(COUPLET, MANY).tokenizer)
    couplets = poet.writing(COUPLET)
    for each in reply(above, 3, model=poet):
        nats = surprise(couplets, couplets.ids_of([above + "，" + each.line])).item()
        assert each.score == pytest.approx(-nats / 10, rel=1e-5)


def test_where_nothing_keeps_all_what_is_given_up_is_said() -> None:
    found = reply("日日日日日", 4, model=_model(COUPLET, MANY))
    assert found
    assert all(len(set(each.line)) == 1 for each in found)
    assert any(each.given_up for each in found)


def test_a_reply_is_to_one_line() -> None:
    with pytest.raises(RuleError, match="is 2 lines"):
        reply(POEM[:12], model=_model(COUPLET, MANY))


def test_other_versions_differ_from_the_poem_and_from_each_other() -> None:
    poem = "白日依山尽，黄河入海流。"
    near = run("revise", poem, "--redraw", "1,3", "--seed", 1, "-n", 6)
    found = near.stdout.splitlines()
    assert len({*found, poem}) == len(found) + 1
    assert (len(found) < 6) == ("in 24 tries: redraw more places" in near.stderr)
    free = run("revise", poem, "--redraw", "line2", "--nearness", 0, "--seed", 1, "-n", 6)
    assert len({*free.stdout.splitlines(), poem}) == 7
    assert "tries" not in free.stderr
