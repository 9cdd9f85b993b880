"""Material, rows of verse, and the report as a whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from poetry_vae.evaluation.judges.judge import Judge
from poetry_vae.evaluation.material import (
    Material,
    as_ids,
    other_characters,
    other_lines,
    read_samples,
)
from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.metre import metre, tone_agreement
from poetry_vae.evaluation.metrics.two_sample import TwoSample
from poetry_vae.evaluation.report.density import density, rate_by_dimension
from poetry_vae.evaluation.report.evaluation import Evaluation, Subject
from poetry_vae.evaluation.report.model import Effort
from poetry_vae.evaluation.report.verse import VerseEvaluator
from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.encoded import encode_corpus
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.form import Form
from poetry_vae.verse.sampling_settings import SamplingSettings
from tests.conftest import Write
from tests.small import CHARACTERS, COUPLET, small_model

ANTHOLOGY = Path(__file__).parents[1] / "data" / "anthology.jsonl"
QUATRAIN = Form.of(4, 7)
KEEPS = "朝辭白帝彩雲間千里江陵一日還兩岸猿聲啼不住輕舟已過萬重山"


def _texts(n: int, seed: int) -> list[str]:
    rng = np.random.default_rng(seed)
    return ["".join(row) for row in rng.choice(list(CHARACTERS), (n, 10))]


def _material(test: int = 40) -> Material:
    parts = {"train": _texts(200, 0), "validation": _texts(20, 1), "test": _texts(test, 2)}
    return Material(COUPLET, "made up", parts)  # type: ignore[arg-type]


def test_raw_and_encoded_poems_are_the_same_material(tmp_path: Path) -> None:
    raw = Material.read(ANTHOLOGY, QUATRAIN)
    path = tmp_path / "a.safetensors"
    encode_corpus(read_corpus(ANTHOLOGY), QUATRAIN, windows=False, source="anthology").save(path)
    encoded = Material.read(path, QUATRAIN)
    assert encoded.source == "anthology"
    for part, texts in raw.parts.items():
        known = [text.translate({ord(c): c for c in text}) for text in texts]
        assert len(encoded.parts[part]) == len(known)
        assert all(a == b or "□" in b for a, b in zip(known, encoded.parts[part], strict=True))
    assert set(raw.labels) == {"dynasty", "author"}
    assert len(raw.labels["author"]) == len(raw.parts["test"])
    assert set(encoded.labels) == {"author"}  # all are of one dynasty
    authors = zip(encoded.labels["author"], raw.labels["author"], strict=True)
    assert all(a in (b, "其他") for a, b in authors)
    with pytest.raises(FormError, match="encoded as 七绝"):
        Material.read(path, COUPLET)
    with pytest.raises(CorpusError, match="not one of its"):
        Material.read(ANTHOLOGY, Form.of(8, 7))


def test_too_few_poems_are_named() -> None:
    with pytest.raises(MetricError, match="the bound takes 41 poems of the part 'test'"):
        _material().needs("test", 41, "the bound")


def test_samples_are_read_in_either_script_and_keep_their_repeats(write: Write) -> None:
    file = write(
        "s.txt", "白日依山尽，黄河入海流。\n\n白日依山尽，黄河入海流。\n國破山河在城春草木深\n"
    )
    assert read_samples(file, COUPLET) == ["白日依山盡黃河入海流"] * 2 + ["國破山河在城春草木深"]
    with pytest.raises(CorpusError, match="line 3"):
        read_samples(write("t.txt", "白日依山盡黃河入海流\n\n白日\n"), COUPLET)
    with pytest.raises(CorpusError, match=r"not utf-8.*--encoding gb18030"):
        read_samples(write("u.txt", "白日", "gb18030"), COUPLET)


def test_metre_and_tones_of_known_poems() -> None:
    assert metre([KEEPS], QUATRAIN) == {
        "metre": 1.0,
        "rhyme": 1.0,
        "both": 1.0,
        "strict_readings": 0.0,  # 重 and others have two tones
    }
    assert tone_agreement([KEEPS], QUATRAIN) == [1.0] * 28
    broken = KEEPS.replace("帝", "天", 1)
    found = tone_agreement([KEEPS, broken], QUATRAIN)
    assert found is not None
    assert [i for i, share in enumerate(found) if share < 1] == [3]
    assert metre([KEEPS], Form.of(7, 4)) is None
    assert tone_agreement([KEEPS], Form.of(7, 4)) is None


def test_chance_keeps_places() -> None:
    texts, rng = _texts(50, 3), np.random.default_rng(0)
    lines = other_lines(texts, COUPLET, rng)
    assert sorted(t[:5] for t in lines) == sorted(t[:5] for t in texts)
    assert sorted(t[5:] for t in lines) == sorted(t[5:] for t in texts)
    characters = other_characters(texts, rng)
    for place in range(10):
        assert sorted(t[place] for t in characters) == sorted(t[place] for t in texts)
    assert characters != texts


def test_rates_of_dimensions_add_up_to_the_rate() -> None:
    model = small_model()
    ids = torch.from_numpy(as_ids(_texts(30, 4), model.tokenizer))
    found = density(model, ids, samples=(1, 4), generator=torch.Generator().manual_seed(0))
    rates = rate_by_dimension(model, ids)
    assert rates.shape == (4,)
    assert rates.sum().item() == pytest.approx(found.rate.mean, rel=1e-5)
    assert isinstance(found.still_falls, bool)


class _Judge:
    """Stands in for the judges: R is the share of poems that are in the real side."""

    def __init__(self, judge: Judge | None = None) -> None:
        self.seen: list[int] = []

    def two_sample(
        self, real: list[str], samples: list[str], seed: int, progress: object = None
    ) -> TwoSample:
        self.seen.append(len(samples))
        return TwoSample(100 * float(np.mean([s in set(real) for s in samples])), 1.0, len(real))

    def log_likelihood(self, poems: list[str]) -> np.ndarray:
        return -np.array([len(set(poem)) for poem in poems], dtype=float)


def test_a_whole_report(tmp_path: Path) -> None:
    material = _material()
    judges = (_Judge(), _Judge())
    evaluator = VerseEvaluator(material, judges, most=30, seed=0)  # type: ignore[arg-type]
    effort = Effort(8, (1, 2), 40, 30, 40)

    def evaluation() -> Evaluation:
        settings = SamplingSettings(1.0, 0)
        return Evaluation(material, evaluator, effort=effort, settings=lambda _: settings, seed=0)

    model = small_model()
    subject = Subject("mine", model, {"corpus": "something else"}, [{"step": 1}])
    report = evaluation().report([subject], [("copies", list(material.parts["test"]))])
    rows = {row["name"]: row for row in report["verse"]}
    assert list(rows) == [
        "real poems",
        "lines of other poems",
        "characters of other poems",
        "mine",
        "copies",
    ]
    assert rows["copies"]["two_sample"]["lower"] == 100
    assert rows["mine"]["two_sample"]["r"] == 0
    assert "two_sample" not in rows["lines of other poems"]
    # Real poems are held against the other half of the real poems.
    assert judges[0].seen[0] == 20
    assert sum(rows["mine"]["log_likelihood"]["counts"]) == 30
    assert {row["diversity"]["poems"] for row in report["verse"]} == {30}
    (figures,) = report["models"]
    assert set(figures["density"]["bounds"]) == {1, 2}
    assert len(figures["samples"]) == 20
    assert len(figures["map"]["x"]) == len(figures["map"]["poems"]) == 40
    assert set(figures["map"]["labels"]) == {"metre", "rhyme"}
    assert (
        figures["reconstructions"]["best"][0]["right"]
        >= figures["reconstructions"]["worst"][0]["right"]
    )
    assert [used["passes"] for used in figures["usage"]] == [0]
    missing = {entry["figure"] for entry in report["missing"]}
    assert "certainty that mine has not seen these poems" in missing
    assert "gaussian_total_correlation of mine" not in missing  # 40 poems of 4 dimensions suffice
    assert evaluation().report([subject], [("copies", list(material.parts["test"]))]) == report


def test_rows_of_a_report_are_as_diverse_as_equally_many_poems_show() -> None:
    material = _material()
    evaluator = VerseEvaluator(material, None, most=30, seed=0)
    effort = Effort(8, (1,), 40, 30, 40)
    evaluation = Evaluation(
        material, evaluator, effort=effort, settings=lambda _: SamplingSettings(1.0, 0), seed=0
    )
    few = material.parts["test"][:12]
    report = evaluation.report([], [("few", few), ("all", material.parts["test"])])
    diversity = {row["name"]: row["diversity"] for row in report["verse"]}
    assert {figures["poems"] for figures in diversity.values()} == {12}
    # The figures are those of twelve poems, not of all under another label.
    assert diversity["all"] == diversity["real poems"]
    twice = evaluation.report([], [("twelve times", few * 12)])
    assert twice["verse"][-1]["diversity"]["poems"] == 30
