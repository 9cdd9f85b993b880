"""R at its known extremes, its standard error, and the judges on disk."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from poetry_vae.evaluation.judges import files, second_judge
from poetry_vae.evaluation.judges.files import JudgeError, fitted
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.second_judge import SecondJudge
from poetry_vae.evaluation.metrics.two_sample import (
    TwoSampleError,
    auc_with_error,
    boosted_trees,
    require_classifiers,
    two_sample,
)
from poetry_vae.text.errors import FormError, PoetryVAEError
from poetry_vae.text.form import Form

COUPLET = Form.of(2, 5)
CHARACTERS = np.array([chr(0x4E00 + i) for i in range(0, 1200, 3)])
TRAIN, VALIDATION, REAL = 3000, 300, 600


def _poems(n: int, seed: int, exponent: float = 1.0) -> list[str]:
    """Characters by a power of their rank, each line's second half of the kind of its first."""
    rng = np.random.default_rng(seed)
    p = 1.0 / np.arange(1, len(CHARACTERS) // 2 + 1) ** exponent
    kind = rng.integers(2, size=(n, 1))
    ranks = rng.choice(len(p), size=(n, 10), p=p / p.sum())
    return ["".join(poem) for poem in CHARACTERS[2 * ranks + kind]]


def _spliced(poems: list[str]) -> list[str]:
    return [
        first[:5] + second[5:] for first, second in zip(poems, poems[1:] + poems[:1], strict=True)
    ]


@pytest.fixture(scope="module")
def train() -> list[str]:
    return _poems(TRAIN, 1)


@pytest.fixture(scope="module")
def judge(train: list[str]) -> Judge:
    return Judge.fit(train, _poems(VALIDATION, 2), COUPLET, seed=0)


@pytest.fixture(scope="module")
def reader(judge: Judge, train: list[str]) -> SecondJudge:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(second_judge, "_CHARACTERS_BEFORE", 120_000)
        return SecondJudge.fit(judge, train, seed=0)


@pytest.fixture(params=["judge", "reader"])
def either(request: pytest.FixtureRequest) -> Judge | SecondJudge:
    found: Judge | SecondJudge = request.getfixturevalue(request.param)
    return found


def test_other_real_poems_cannot_be_told_apart(either: Judge | SecondJudge) -> None:
    result = either.two_sample(_poems(REAL, 3), _poems(REAL, 4), seed=0)
    assert result.n == REAL
    assert 3 < result.error < 10
    assert abs(result.r - 100) < 3 * result.error


def test_something_else_is_always_caught(either: Judge | SecondJudge) -> None:
    assert either.two_sample(_poems(REAL, 3), _poems(REAL, 4, exponent=0.1), seed=0).r < 5


def test_lines_that_do_not_belong_together_are_caught(either: Judge | SecondJudge) -> None:
    assert either.two_sample(_poems(REAL, 3), _spliced(_poems(REAL, 4)), seed=0).r < 75


def test_copies_of_training_poems_are_caught(judge: Judge, train: list[str]) -> None:
    assert judge.two_sample(_poems(REAL, 3), train[:REAL], seed=0).r < 1


def test_a_seed_decides(judge: Judge, train: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real, samples = _poems(100, 3), _spliced(_poems(120, 4))
    monkeypatch.setattr(second_judge, "_CHARACTERS_BEFORE", 20_000)
    for fit in (
        lambda seed: Judge.fit(train, _poems(100, 2), COUPLET, seed),
        lambda seed: SecondJudge.fit(judge, train, seed),
    ):
        once, again, other = (fit(seed).two_sample(real, samples, seed) for seed in (5, 5, 6))
        assert once == again
        assert once != other
        assert once.n == 100


def test_features_have_names_and_known_values(judge: Judge, train: list[str]) -> None:
    poem = train[0]
    repetitive = poem[0] * 5 + poem[5:]
    values = judge.features([poem, repetitive])
    assert values.shape == (2, len(judge.feature_names))
    assert np.isfinite(values).all()
    first, second = (dict(zip(judge.feature_names, row, strict=True)) for row in values.tolist())
    assert [first[f"known {name}"] for name in ("3-grams", "4-grams", "lines", "poems")] == [
        8,
        7,
        2,
        1,
    ]
    assert second["known lines"] == 1
    assert second["known poems"] == 0
    assert second["repeated in line 1"] == 4
    assert first["log frequency 6"] == second["log frequency 6"]
    surprise = [first[f"surprise {i}"] for i in range(1, 12)]
    assert first["surprise, sum"] == pytest.approx(sum(surprise), rel=1e-5)
    assert first["surprise, largest"] == pytest.approx(max(surprise))
    lines = first["surprise of line 1"] + first["surprise of line 2"]
    assert lines == pytest.approx(sum(surprise), rel=1e-5)
    assert judge.log_likelihood([poem])[0] == pytest.approx(-first["surprise, sum"], rel=1e-5)


@pytest.mark.parametrize(("lines", "chars"), [(1, 3), (2, 1), (4, 2), (3, 7)])
def test_any_form_can_be_judged(lines: int, chars: int) -> None:
    form = Form.of(lines, chars)
    rng = np.random.default_rng(0)
    train, real, other = (
        ["".join(poem) for poem in rng.choice(CHARACTERS[:50], (n, form.positions))]
        for n in (200, 40, 40)
    )
    judge = Judge.fit(train, real, form, seed=0)
    assert judge.features(real).shape == (40, len(judge.feature_names))
    assert 0 <= judge.two_sample(real, other, seed=0).r <= 200


def test_poems_of_another_form_are_refused(judge: Judge) -> None:
    with pytest.raises(FormError, match=r"poem 2 .* has 9 characters"):
        judge.two_sample(_poems(30, 1), ["一" * 10, "一" * 9], seed=0)


def test_too_few_poems_are_refused(either: Judge | SecondJudge) -> None:
    with pytest.raises(TwoSampleError, match="30 real poems and 5 samples"):
        either.two_sample(_poems(30, 1), _poems(5, 2), seed=0)


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    for asked in (require_classifiers, lambda: boosted_trees(np.zeros((2, 1), np.float32), 0)):
        with pytest.raises(PoetryVAEError, match=r"pip install 'poetry-vae\[evaluate\]'"):
            asked()


def test_the_error_is_the_spread_of_the_auc() -> None:
    rng = np.random.default_rng(0)
    aucs, errors = zip(
        *(auc_with_error(rng.normal(size=80), rng.normal(0.7, size=120)) for _ in range(400)),
        strict=True,
    )
    assert np.mean(errors) == pytest.approx(np.std(aucs), rel=0.12)


def test_the_auc_is_that_of_all_pairs_with_ties_as_half() -> None:
    rng = np.random.default_rng(0)
    below, above = rng.integers(5, size=30).astype(float), rng.integers(2, 7, size=40).astype(float)
    pairs = np.sign(above[:, None] - below[None, :])
    assert auc_with_error(below, above)[0] == pytest.approx((pairs.mean() + 1) / 2)


def test_fit_and_test_poems_are_disjoint_and_balanced() -> None:
    def classify(rows: np.ndarray, is_sample: np.ndarray, tested: np.ndarray) -> np.ndarray:
        assert not set(rows.tolist()) & set(tested.tolist())
        assert len(set(rows.tolist())) == len(rows)
        assert ((rows >= 200) == is_sample).all()
        assert is_sample.mean() == 0.5
        assert len(rows) == 140
        return (tested >= 200).astype(float)

    assert two_sample(200, 100, classify, np.random.default_rng(0)).r == 0


def test_judges_are_kept_and_read_again(
    train: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_judge, "_CHARACTERS_BEFORE", 20_000)
    validation, real, samples = _poems(50, 2), _poems(60, 3), _spliced(_poems(60, 4))
    made = fitted(train, validation, COUPLET, seed=0, folder=tmp_path)
    monkeypatch.delattr(Judge, "fit")
    monkeypatch.delattr(SecondJudge, "fit")
    read = fitted(train, validation, COUPLET, seed=0, folder=tmp_path)
    for before, after in zip(made, read, strict=True):
        assert before.two_sample(real, samples, 0) == after.two_sample(real, samples, 0)
    np.testing.assert_array_equal(made[0].features(real), read[0].features(real))
    for change in ({"seed": 1}, {"validation": validation[1:]}, {"train": train[1:]}):
        given = {"train": train, "validation": validation, "seed": 0, **change}
        with pytest.raises(AttributeError, match="fit"):  # another judge: it would be fitted
            fitted(form=COUPLET, folder=tmp_path, **given)  # type: ignore[arg-type]


def test_a_damaged_judge_is_refused_and_made_again(
    train: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_judge, "_CHARACTERS_BEFORE", 20_000)
    validation, real = _poems(50, 2), _poems(60, 3)
    made = fitted(train, validation, COUPLET, seed=0, folder=tmp_path)
    key = files._key(train, validation, COUPLET, 0)
    paths = sorted(tmp_path.iterdir())
    assert [path.name.split("-")[0] for path in paths] == ["judge", "reader"]
    whole = [path.read_bytes() for path in paths]
    for path, content in zip(paths, whole, strict=True):
        flipped = bytearray(content)
        flipped[-100] ^= 1
        for damaged in (bytes(flipped), content[:-100], b"", b"\xff" * 50):
            path.write_bytes(damaged)
            with pytest.raises(JudgeError, match=path.name):
                files._read(path, key)
    again = fitted(train, validation, COUPLET, seed=0, folder=tmp_path)
    np.testing.assert_array_equal(made[0].features(real), again[0].features(real))
    for path, content in zip(paths, whole, strict=True):
        assert len(path.read_bytes()) == len(content)
        files._read(path, key)
    with pytest.raises(JudgeError, match="not the judge of these poems"):
        files.load(paths[0], "another key")
    with pytest.raises(JudgeError, match="none: cannot be read"):
        files.load(tmp_path / "none", key)
