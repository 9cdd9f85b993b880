"""poetry-vae presets, compare, traverse, and --label: what they show, and how they fail."""

import json
import os
import shutil
from pathlib import Path

import pytest
import torch

from poetry_vae.model.config import Labels
from poetry_vae.training.presets import PRESETS
from tests.commands import fails, run
from tests.small import small_corpus, small_model

POEM = "不人山無風，一日雲有何。"
_SMALL = ("hidden=8", "latent=4", "epochs=1", "min_steps=4", "batch_size=16", "masked=0")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpora") / "small.safetensors"
    small_corpus(is_labelled=True).save(path)
    return path


@pytest.fixture(scope="module")
def runs(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Three trained members, by preset."""
    folder = tmp_path_factory.mktemp("runs")
    more = {"base": (), "ladder": ("line_latent=2", "character_latent=2"), "m2": ()}
    for preset, others in more.items():
        settings = [f"--set={setting}" for setting in (*_SMALL, *others)]
        result = run("train", corpus, "--preset", preset, "--output", folder / preset, *settings)
        assert result.exit_code == 0, result.output
    return {preset: folder / preset for preset in more}


class TestPresets:
    def test_all_are_listed_with_their_sources(self) -> None:
        shown = run("presets").stdout
        for preset in PRESETS.values():
            assert f"{preset.name}  {preset.summary}" in shown
            assert preset.source in shown

    def test_one_with_every_setting_as_it_is_typed(self) -> None:
        shown = run("presets", "ladder").stdout
        assert "posterior=merged" in shown
        assert "epochs=5.0" in shown
        assert "normalise=true" in shown
        (row,) = run("presets", "ladder", "--json").stdout.splitlines()
        settings = json.loads(row)["settings"]
        assert settings["prior"] == "learned"
        assert "labels" not in settings

    def test_one_that_is_not_there(self) -> None:
        assert "no preset 'gan'; there are base" in fails(2, "presets", "gan")


class TestCompare:
    def test_figures_of_training(self, runs: dict[str, Path]) -> None:
        shown = run("compare", *runs.values(), "--format", "markdown").stdout.splitlines()
        assert len(shown) == 5
        assert "bound K=1, nats/char" in shown[0]
        assert "hole, AUC" not in shown[0]
        assert shown[3].startswith("| ladder | ladder |")
        assert shown[0].endswith("| labels right |")
        assert shown[4].endswith("% |")
        assert shown[2].endswith("– |")

    def test_figures_of_the_test_part_are_kept(self, runs: dict[str, Path], corpus: Path) -> None:
        common = ("compare", runs["ladder"], runs["m2"], "--corpus", corpus, "--quick")
        first = run(*common, "--format", "json")
        assert first.exit_code == 0, first.output
        rows = [json.loads(line) for line in first.stdout.splitlines()]
        assert [row["preset"] for row in rows] == ["ladder", "m2"]
        bounds = rows[0]["density"]["bounds"]
        assert set(bounds) == {"1", "10"}
        assert bounds["10"]["mean"] < bounds["1"]["mean"]
        assert list(rows[0]["levels"]) == ["poem", "line", "character"]
        assert "information" not in rows[0]["latent"]  # its code's posterior is no Gaussian
        assert 0 <= rows[1]["accuracy"] <= 1
        kept = runs["ladder"] / "compared.json"
        stored = json.loads(kept.read_text(encoding="utf-8"))
        stored["figures"]["density"]["reconstruction"] = 0.123
        kept.write_text(json.dumps(stored), encoding="utf-8")
        assert "12.3%" in run(*common).stdout
        del stored["settings"]["version"]  # of a version that kept other figures
        for content in ("{", json.dumps(stored)):  # damaged or old: measured again
            kept.write_text(content, encoding="utf-8")
            assert run(*common, "--format", "json").stdout == first.stdout

    def test_a_model_too_large_for_any_memory(self, tmp_path: Path) -> None:
        asked = ("train", "data/anthology.jsonl", "--form", "五绝", "--output", tmp_path / "m")
        assert "out of memory" in fails(1, *asked, "--set", "latent=100000000")

    def test_bad_input(self, runs: dict[str, Path], corpus: Path, tmp_path: Path) -> None:
        assert "no model 'gone'" in fails(1, "compare", "gone")
        missing = ("--corpus", tmp_path / "no")
        assert "corpus encode` makes one" in fails(1, "compare", runs["base"], *missing)
        small_model(lines=4, chars=7).save_pretrained(tmp_path / "m")
        other = fails(2, "compare", tmp_path / "m", "--corpus", corpus)
        assert "and the corpus holds 五言联" in other
        assert "give --corpus" in fails(1, "compare", tmp_path / "m")
        assert "models of one form are compared" in fails(2, "compare", "poet", "--corpus", corpus)


class TestTraverse:
    def test_a_dimension_around_a_poem(self, runs: dict[str, Path]) -> None:
        result = run("traverse", runs["base"], "--poem", POEM, "--dimension", 2, "--steps", 3)
        assert result.exit_code == 0, result.output
        starts = [line.split()[0] for line in result.stdout.splitlines()]
        assert starts == ["-3.0", "+0.0", "+3.0"]
        assert "dimension 2 of 4" in result.stderr

    def test_the_dimension_that_changes_most(self, runs: dict[str, Path]) -> None:
        assert len(run("traverse", runs["ladder"]).stdout.splitlines()) == 7

    def test_a_level_is_drawn_anew(self, runs: dict[str, Path]) -> None:
        common = ("traverse", runs["ladder"], "--level", "line", "--steps", 4)
        first = run(*common, "--seed", 1)
        assert first.exit_code == 0, first.output
        assert first.stdout.splitlines()[0].split()[:3] == ["as", "it", "is"]
        assert len(first.stdout.splitlines()) == 5
        assert "level line, 4 of 28 dimensions (seed 1)" in first.stderr
        assert run(*common, "--seed", 1).stdout == first.stdout
        assert run(*common, "--poem", POEM).exit_code == 0

    def test_what_was_typed_wrongly(self, runs: dict[str, Path]) -> None:
        flat = ("traverse", runs["base"])
        assert "the model has poem" in fails(2, *flat, "--level", "line")
        assert "dimensions 1 to 4" in fails(2, *flat, "--dimension", 5)
        assert "neither a number" in fails(2, *flat, "--dimension", "x")
        assert "one of the two" in fails(2, *flat, "--dimension", 1, "--level", "poem")
        assert "dynasty=VALUE" in fails(2, "traverse", runs["m2"])


@pytest.fixture(scope="module")
def authors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned labels by heart: each a poem of one character."""
    labels = Labels("author", ("陸游", "李白"), (0.5, 0.5))
    model = small_model(labels=labels, decoder_layers=0)
    with torch.no_grad():
        model.decoder.heads.weight.zero_()
        model.decoder.likelihood.output.weight.copy_(torch.eye(22, 8) * 50)
        assert model.decoder.label is not None
        model.decoder.label.weight.zero_()
        for value, symbol in enumerate((3, 5)):
            model.decoder.label.weight[value].view(10, 8)[:, symbol] = 1.0
    folder = tmp_path_factory.mktemp("models") / "m"
    model.save_pretrained(folder)
    return folder


class TestLabels:
    def test_a_label_is_given_in_either_script(self, authors: Path) -> None:
        common = ("generate", "--model", authors, "-n", 2, "--seed", 0)
        for value in ("author=陆游", "author=陸游"):
            assert run(*common, "--label", value).stdout == "人人人人人，人人人人人。\n" * 2
        assert set(run(*common, "--label", "author=李白").stdout) == set("无，。\n")

    def test_without_one_it_is_drawn(self, authors: Path) -> None:
        shown = run("generate", "--model", authors, "-n", 40, "--seed", 0).stdout.splitlines()
        assert {line[0] for line in shown} == {"人", "无"}
        assert all(len(set(line)) == 3 for line in shown)  # passes keep it

    def test_under_constraint_it_is_asked_for(self, authors: Path) -> None:
        common = ("generate", "--model", authors, "--pin", "1,1=月")
        assert "author=VALUE" in fails(2, *common)
        written = run(*common, "--label", "author=李白", "-n", 1).stdout
        assert written == "月无无无无，无无无无无。\n"

    def test_what_was_typed_wrongly(self, authors: Path) -> None:
        common = ("generate", "--model", authors, "--label")
        assert "there are 陸游, 李白" in fails(2, *common, "author=杜甫")
        assert "of the kind author" in fails(2, *common, "dynasty=唐")
        assert "is not KIND=VALUE" in fails(2, *common, "李白")
        assert "without labels" in fails(2, "generate", "--label", "author=李白")

    def test_reading_commands_infer_it(self, authors: Path) -> None:
        for command in (("reconstruct", POEM), ("interpolate", POEM, POEM), ("score", POEM)):
            assert run(*command, "--model", authors).exit_code == 0


def _rewritten(path: Path, change: object) -> None:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        if "validation" in row:
            change(row["validation"])  # type: ignore[operator]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


class TestDamagedFigures:
    @pytest.fixture
    def run_folder(self, runs: dict[str, Path], tmp_path: Path) -> Path:
        return Path(shutil.copytree(runs["base"], tmp_path / "base"))

    @pytest.mark.parametrize(
        "content",
        ["[", "[1]", "3", "[" * 5000, '{"preset": []}', '{"preset": 3}', "1" * 5000, '"\\ud800"'],
    )
    def test_of_the_model(self, run_folder: Path, content: str) -> None:
        (run_folder / "figures.json").write_text(content, encoding="utf-8")
        assert "base/figures.json: " in fails(1, "compare", run_folder)

    @pytest.mark.parametrize(
        "change",
        [
            lambda v: v.pop("positions"),
            lambda v: v.update(positions=0),
            lambda v: v.update(elbo="low"),
            lambda v: v.update(elbo=10**400),
            lambda v: v.update(level_rates=[1]),
            lambda v: v.update(level_rates={"poem": "x"}),
            lambda v: v.update(level_active={}),
            lambda v: v.update(reconstruction=None),
            lambda v: v.update(accuracy="[red]"),
            lambda v: v.update(mutual_information={}),
        ],
    )
    def test_of_the_last_validation(self, run_folder: Path, change: object) -> None:
        _rewritten(run_folder / "metrics.jsonl", change)
        told = fails(1, "compare", run_folder)
        assert "base/metrics.jsonl: damaged" in told or "has no figures" in told

    def test_rows_that_are_none_are_left_out(self, run_folder: Path) -> None:
        log = run_folder / "metrics.jsonl"
        before = run("compare", run_folder).stdout
        rows = log.read_text(encoding="utf-8")
        log.write_text('[\n{"step": "x"}\n{"step": true}\n' + "[" * 5000 + "\n" + rows)
        assert run("compare", run_folder).stdout == before
        log.write_text(rows + '{"step": 99, "seconds": "long"}\n')
        assert "minutes" not in run("compare", run_folder).stdout

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX systems")
    def test_a_log_that_is_a_pipe(self, run_folder: Path) -> None:
        (run_folder / "metrics.jsonl").unlink()
        os.mkfifo(run_folder / "metrics.jsonl")
        assert "metrics.jsonl: cannot be read (not a regular" in fails(1, "compare", run_folder)
