"""R at its known extremes, its standard error, and the judges on disk."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from poetry_vae.evaluation.judges import files, second_judge
from poetry_vae.evaluation.judges.alphabet import simplified
from poetry_vae.evaluation.judges.files import JudgeError, Judges
from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.judges.second_judge import SecondJudge
from poetry_vae.evaluation.metrics.two_sample import (
    TwoSampleError,
    boosted_trees,
    require_classifiers,
    two_sample,
)
from poetry_vae.text.errors import FormError, PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.tensor_file import save_tensors

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
    columns = judge.features_by_name(simplified([poem, repetitive], COUPLET))
    assert judge.features([poem, repetitive]).shape == (
        2,
        sum(v.shape[1] for v in columns.values()),
    )
    assert all(np.isfinite(values).all() for values in columns.values())
    first, second = (
        {
            f"{name} {i}" if values.shape[1] > 1 else name: float(value)
            for name, values in columns.items()
            for i, value in enumerate(values[row], start=1)
        }
        for row in range(2)
    )
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
    assert len(judge.features(real)) == 40
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


def test_fit_and_test_poems_are_disjoint_and_balanced() -> None:
    def classify(rows: np.ndarray, is_sample: np.ndarray, tested: np.ndarray) -> np.ndarray:
        assert not set(rows.tolist()) & set(tested.tolist())
        assert len(set(rows.tolist())) == len(rows)
        assert ((rows >= 200) == is_sample).all()
        assert is_sample.mean() == 0.5
        assert len(rows) == 140
        return (tested >= 200).astype(float)

    assert two_sample(200, 100, classify, np.random.default_rng(0)).r == 0


def _both(
    train: list[str], validation: list[str], folder: Path, seed: int = 0
) -> tuple[Judge, SecondJudge]:
    judges = Judges(train, validation, COUPLET, seed=seed, folder=folder)
    return judges.first, judges.second()


def test_judges_are_kept_and_read_again(
    train: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_judge, "_CHARACTERS_BEFORE", 20_000)
    validation, real, samples = _poems(50, 2), _poems(60, 3), _spliced(_poems(60, 4))
    made = _both(train, validation, tmp_path)
    monkeypatch.delattr(Judge, "fit")
    monkeypatch.delattr(SecondJudge, "fit")
    read = _both(train, validation, tmp_path)
    for before, after in zip(made, read, strict=True):
        assert before.two_sample(real, samples, 0) == after.two_sample(real, samples, 0)
    np.testing.assert_array_equal(made[0].features(real), read[0].features(real))
    for change in ({"seed": 1}, {"validation": validation[1:]}, {"train": train[1:]}):
        given = {"train": train, "validation": validation, "seed": 0, **change}
        with pytest.raises(AttributeError, match="fit"):  # another judge: it would be fitted
            _both(folder=tmp_path, **given)  # type: ignore[arg-type]


def test_a_damaged_judge_is_refused_and_made_again(
    train: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(second_judge, "_CHARACTERS_BEFORE", 20_000)
    validation, real = _poems(50, 2), _poems(60, 3)
    made = _both(train, validation, tmp_path)
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
    again = _both(train, validation, tmp_path)
    np.testing.assert_array_equal(made[0].features(real), again[0].features(real))
    for path, content in zip(paths, whole, strict=True):
        assert len(path.read_bytes()) == len(content)
        files._read(path, key)
    with pytest.raises(JudgeError, match="not the judge of these poems"):
        files._read(paths[0], "another key")
    with pytest.raises(JudgeError, match="none: cannot be read"):
        files._read(tmp_path / "none", key)


def test_judges_of_another_version_are_made_again(
    train: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole files of this format, whose arrays have other names or other shapes."""
    monkeypatch.setattr(second_judge, "_CHARACTERS_BEFORE", 20_000)
    validation, real = _poems(50, 2), _poems(60, 3)
    made = _both(train, validation, tmp_path)
    key = files._key(train, validation, COUPLET, 0)
    paths = sorted(tmp_path.iterdir())
    whole = [path.read_bytes() for path in paths]
    for path, lost in zip(paths, ("log frequency", "place"), strict=True):
        for other in ({}, {lost: np.zeros(3, np.float32)}):
            arrays, about = files._read(path, key)
            kept = {name: array.copy() for name, array in arrays.items() if name != lost}
            save_tensors(path, {**kept, **other}, about)
            again = _both(train, validation, tmp_path)
            np.testing.assert_array_equal(made[0].features(real), again[0].features(real))
    assert [path.read_bytes() for path in paths] == whole
