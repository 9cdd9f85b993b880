"""The judge of coherence at its known extremes."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from poetry_vae.evaluation.judges import coherence
from poetry_vae.evaluation.judges.coherence import CoherenceJudge, by_rhyme, first_half
from poetry_vae.evaluation.judges.files import Judges
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.learning import weights_of
from poetry_vae.text.form import Form

COUPLET = Form.of(2, 5)
_TOPICS = ("江水船波潮", "山石林松雲", "花草春風燕", "月夜星霜秋", "劍馬關塞弓", "書燈筆硯窗")
_ENDS = "東工公紅蓬"  # of one rhyme group, that of 東


def _poems(n: int, seed: int, *, says_one_thing: bool = True) -> list[str]:
    """Couplets each half of which is about some topic, and all of which end in one rhyme."""
    rng = random.Random(seed)
    poems = []
    for _ in range(n):
        above = rng.choice(_TOPICS)
        below = above if says_one_thing else rng.choice(_TOPICS)
        first, second = ("".join(rng.choices(topic, k=5)) for topic in (above, below))
        poems.append(first + second[:4] + rng.choice(_ENDS))
    return poems


@pytest.fixture(scope="module")
def judge() -> CoherenceJudge:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coherence, "_STEPS", 120)
        train = _poems(600, 0)
        return CoherenceJudge.fit(Judge.fit(train, _poems(50, 1), COUPLET, 0), train, 0)


def test_halves_of_one_topic_are_told_from_others(judge: CoherenceJudge) -> None:
    """One in six others has the topic too, so that no judge is always right."""
    found = judge.measure(_poems(400, 2), 0)
    assert found is not None
    assert found.poems == 400
    assert found.own > 0.3
    assert found.exchanged < found.own / 2
    assert found.error == pytest.approx((found.own * (1 - found.own) / 400) ** 0.5)


def test_halves_that_have_nothing_to_do_with_each_other_are_at_chance(
    judge: CoherenceJudge,
) -> None:
    found = judge.measure(_poems(600, 3, says_one_thing=False), 0)
    assert found is not None
    assert abs(found.own - 0.1) < 4 * found.error
    assert abs(found.exchanged - 0.1) < 4 * found.error


def test_the_seed_decides(judge: CoherenceJudge) -> None:
    poems = _poems(100, 4)
    assert judge.measure(poems, 1) == judge.measure(poems, 1) != judge.measure(poems, 2)


def test_poems_without_others_of_their_rhyme_are_left_out(judge: CoherenceJudge) -> None:
    assert judge.measure(_poems(10, 5), 0) is None
    some = [*_poems(20, 5), "江水船波潮江水船波月"]
    found = judge.measure(some, 0)
    assert found is not None
    assert found.poems == 20


def test_rhyme_groups_go_by_the_last_character() -> None:
    found = by_rhyme(["江水船波東", "江水船波風", "江水船波江"])
    assert [rows.tolist() for rows in found.values()] in ([[0, 1], [2]], [[0], [1], [2]])


@pytest.mark.parametrize(
    ("form", "border"), [("五言联", 5), ("七绝", 14), ("五律", 20), ("忆江南", 15), ("浣溪沙", 21)]
)
def test_the_first_half_is_of_whole_lines(form: str, border: int) -> None:
    assert first_half(Form.parse(form)) == border


def test_it_is_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coherence, "_STEPS", 2)
    train, validation = _poems(60, 0), _poems(50, 1)
    judges = Judges(train, validation, COUPLET, seed=0, folder=tmp_path)
    one, two = judges.coherence(), judges.coherence()
    assert len(list(tmp_path.glob("coherence-*"))) == 1
    for name, array in weights_of(one).items():
        np.testing.assert_array_equal(array, weights_of(two)[name])
