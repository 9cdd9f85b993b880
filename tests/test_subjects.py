"""The judge of subjects at its known extremes, and what it is asked."""

from __future__ import annotations

import json
import random
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from poetry_vae.evaluation.judges import subject as judging
from poetry_vae.evaluation.judges.files import Judges
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.learning import weights_of
from poetry_vae.evaluation.judges.subject import SubjectJudge
from poetry_vae.evaluation.judges.towers import Taken
from poetry_vae.evaluation.material import Material
from poetry_vae.evaluation.report.columns import VERSE, named
from poetry_vae.evaluation.report.evaluation import QUICK, Evaluation, Subject
from poetry_vae.evaluation.report.subjects import poems_to, subjects_of
from poetry_vae.evaluation.report.verse import VerseEvaluator
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.titles import says_a_subject, subject_of
from poetry_vae.verse.sampling_settings import SamplingSettings
from tests.conftest import Write
from tests.small import COUPLET, small_model, small_poems, small_poet, small_treasury

_TOPICS = (
    "江水船波", "山石林松", "花草春燕", "月夜星霜", "劍馬關弓", "書燈筆硯",
    "雨雲雷風", "金玉珠錢", "父母兄弟", "東西南北", "紅白黃青", "米酒茶魚",
)  # fmt: skip


def _poems(n: int, seed: int) -> tuple[list[str], list[str]]:
    """Couplets of one topic each, and as titles two characters that stand in them."""
    rng = random.Random(seed)
    poems = ["".join(rng.choices(rng.choice(_TOPICS), k=10)) for _ in range(n)]
    return poems, ["".join(rng.sample(poem, 2)) for poem in poems]


@pytest.fixture(scope="module")
def first() -> Judge:
    return Judge.fit(_poems(400, 0)[0], _poems(50, 1)[0], COUPLET, 0)


@pytest.fixture(scope="module")
def judge(first: Judge) -> SubjectJudge:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "_STEPS", 20)
        patch.setattr(judging, "_BATCH", 48)
        patch.setattr(judging, "_RATE", 4e-3)
        return SubjectJudge.fit(first, *_poems(400, 0), 0)


def test_titles_of_which_characters_stand_in_the_poem_are_found(judge: SubjectJudge) -> None:
    poems, titles = _poems(200, 2)
    found = judge.measure(poems, titles, titles, 0)
    assert found is not None
    assert found.poems == pytest.approx(200, abs=10)  # there are nine others for nearly all
    assert found.own > 0.4
    assert found.exchanged < 0.2
    assert found.error == pytest.approx((found.own * (1 - found.own) / found.poems) ** 0.5)
    assert judge.measure(poems, titles, titles, 0) == found
    assert judge.measure(poems, titles, titles, 1) != found


def test_titles_of_other_poems_are_at_chance(judge: SubjectJudge) -> None:
    (poems, _), (_, titles) = _poems(400, 3), _poems(400, 4)
    found = judge.measure(poems, titles, titles, 0)
    assert found is not None
    assert abs(found.own - 0.1) < 4 * found.error
    assert abs(found.exchanged - 0.1) < 4 * found.error


def test_only_titles_that_say_a_subject_are_asked_about(judge: SubjectJudge) -> None:
    poems, titles = _poems(60, 5)
    some = ["無題", "偶成二首", "", *titles[3:]]
    found = judge.measure(poems, some, some, 0)
    assert found is not None
    assert 50 < found.poems <= 57
    assert judge.measure(poems[:5], titles[:5], titles[:5], 0) is None
    assert judge.measure(poems[:3], some[:3], titles, 0) is None


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("江船", "江船", True),
        ("江船", "江上船", True),
        ("月", "月夜", True),
        ("江船", "江月", False),
    ],
)
def test_titles_are_alike_that_share_most_characters_of_one(
    judge: SubjectJudge, one: str, other: str, *, alike: bool
) -> None:
    a, b = judge._titles([one, other])
    assert judge._alike(a, b).item() is judge._alike(b, a).item() is alike


def test_it_is_kept_and_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "_STEPS", 2)
    poems, titles = _poems(30, 0)
    judges = Judges(poems, poems, COUPLET, seed=0, folder=tmp_path)
    one = judges.subject(titles)
    monkeypatch.setattr(SubjectJudge, "fit", None)
    two = judges.subject(titles)
    assert len(list(tmp_path.glob("subject-*"))) == 1
    for name, array in weights_of(one).items():
        np.testing.assert_array_equal(array, weights_of(two)[name])


@pytest.mark.parametrize("form", ["五言联", "五绝"])
def test_titles_are_known_of_every_poem_of_a_form(form: str, tmp_path: Path, write: Write) -> None:
    path = tmp_path / "poems.safetensors"
    small_treasury().save(path)
    found = Material.read(path, Form.parse(form))
    poems = [poem for part in small_poems().values() for poem in part]
    known = {p.text[i : i + 10]: subject_of(p.title) for p in poems for i in (0, 10, 20, 30)}
    for part, texts in found.parts.items():
        assert [known[text[:10]] for text in texts] == list(found.titles[part])
    raw = write(
        "poems.jsonl", json.dumps({"title": "春日二首", "lines": ["白日依山盡", "黃河入海流"]})
    )
    assert [*Material.read(raw, COUPLET).titles.values()].count(["春日"]) == 1


def test_a_poem_is_asked_for_by_each_title(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = ["春山", "無題", "月□", "春山", "風", "天上"]
    asked = subjects_of(titles, 9, 0)
    assert sorted(asked) == sorted({"春山", "風", "天上"})
    assert subjects_of(titles, 2, 0) == asked[:2]
    model = small_poet().writing(COUPLET)
    settings = SamplingSettings(1.0, 2, guidance=1.0)
    told: list[str] = []
    writing = PoetryVAE.writing

    def heard(self: PoetryVAE, form: Form, *, about: str) -> PoetryVAE:
        told.append(about)
        return writing(self, form, about=about)

    monkeypatch.setattr(PoetryVAE, "writing", heard)
    texts = poems_to(model, asked, lambda _: settings, 0)
    assert told == asked
    assert [len(text) for text in texts] == [10] * 3
    assert len(set(texts)) == 3
    assert texts == poems_to(model, asked, lambda _: settings, 0)


class _Judge:
    """Stands in for the judge: how many of the titles it was asked about are of the pool."""

    def measure(self, poems: list[str], titles: list[str], pool: list[str], seed: int) -> Taken:
        assert len(poems) == len(titles)
        return Taken(float(np.mean([title in pool for title in titles])), 0.0, 0.1, len(titles))


def test_only_models_that_are_told_a_subject_write_to_titles(tmp_path: Path) -> None:
    path = tmp_path / "poems.safetensors"
    small_treasury().save(path)
    material = Material.read(path, COUPLET)
    evaluator = VerseEvaluator(material, None, most=20, seed=0, subject=_Judge())  # type: ignore[arg-type]
    effort = replace(QUICK, subjects=7)
    evaluation = Evaluation(
        material, evaluator, effort=effort, settings=lambda _: SamplingSettings(1.0, 0), seed=0
    )
    assert evaluation._to_subjects(Subject("one", small_model(), {}, None)) is None
    asked = evaluation._to_subjects(Subject("any", small_poet().writing(COUPLET), {}, None))
    assert asked is not None
    row = evaluation._verse("any", "model", material.parts["test"], asked=asked)
    assert row["subject"] == asdict(Taken(1.0, 0.0, 0.1, 7))
    real, *chance = evaluation._measures_of_verse()
    assert real["subject"]["poems"] == len(material.parts["test"])
    assert not any("subject" in other for other in chance)
    (column,) = named(VERSE, ["own title, of 10"])
    assert column.cell(row) == "100.0 ± 0.0%"


def test_titles_say_a_subject_or_a_kind() -> None:
    said = ["宮詞", "懷古", "七夕", "梅", "題畫", "春日雜詠", "和友人韻"]
    assert all(map(says_a_subject, said))
    nothing = ["", "無題", "絕句", "七言絕句", "偶成二首", "又", "再和前韻", "頌古一", "雜詩 其二"]
    assert not any(map(says_a_subject, nothing))
