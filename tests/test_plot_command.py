"""poetry-vae plot: what is written, and how it fails."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from click.testing import Result

from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.verse.traversal import DimensionError, traverse
from tests import commands
from tests.small import small_corpus, small_model

ANTHOLOGY = Path(__file__).parents[1] / "data" / "anthology.jsonl"
POEM = "不人山無風，一日何有來。"
TITLE = "{http://www.w3.org/2000/svg}title"
TEXT = "{http://www.w3.org/2000/svg}text"


def run(*arguments: str | Path | int) -> Result:
    return commands.run("plot", *arguments)


def fails(code: int, *arguments: str | Path | int) -> str:
    return commands.fails(code, "plot", *arguments)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "m"
    small_model().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpora") / "small.safetensors"
    small_corpus().save(path)
    return path


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    figures = {"elbo": -20.0, "rate": 3.0, "distortion": 17.0, "positions": 10}
    rows = [
        {"step": 20, "rate": 3.0, "distortion": 18.0, "kl_weight": 1.0},
        {"step": 20, "validation": figures, "best": True},
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    return folder


def elements(path: Path, tag: str) -> list[str]:
    return [e.text or "" for e in ElementTree.parse(path).getroot().iter(tag)]


class TestLatent:
    def test_a_point_a_test_poem(self, model: Path, encoded: Path, tmp_path: Path) -> None:
        target = tmp_path / "new" / "map.svg"
        result = run("latent", model, "--corpus", encoded, "--output", target)
        assert result.exit_code == 0, result.output
        assert "16 test poems by metre" in result.stderr
        titles = elements(target, TITLE)
        assert len(titles) == 16
        assert all(title[5] == "，" for title in titles)
        first = target.read_bytes()
        run("latent", model, "--corpus", encoded, "--output", target)
        assert target.read_bytes() == first

    def test_fewer_poems_and_the_other_script(
        self, model: Path, encoded: Path, tmp_path: Path
    ) -> None:
        target = tmp_path / "map.svg"
        common = ("latent", model, "--corpus", encoded, "--output", target, "--poems", 5)
        run(*common)
        simplified = elements(target, TITLE)
        run(*common, "--script", "traditional")
        traditional = elements(target, TITLE)
        assert len(simplified) == len(traditional) == 5
        assert simplified != traditional

    def test_authors_of_poems(self, tmp_path: Path) -> None:
        target = tmp_path / "map.svg"
        common = ("latent", "--form", "五言联", "--corpus", ANTHOLOGY, "--output", target)
        result = run(*common, "--colour", "author", "--script", "traditional")
        assert result.exit_code == 0, result.output
        labels = [text.rpartition(" (")[0] for text in elements(target, TEXT) if " (" in text]
        lines = ANTHOLOGY.read_text(encoding="utf-8").splitlines()
        authors = {json.loads(line)["author"] for line in lines}
        assert set(labels) - {"other", "none"}
        assert set(labels) - {"other", "none"} <= authors

    def test_what_an_encoded_corpus_does_not_know(
        self, model: Path, encoded: Path, tmp_path: Path
    ) -> None:
        target = tmp_path / "map.svg"
        common = ("latent", model, "--corpus", encoded, "--output", target)
        assert "does not say the dynasty" in fails(2, *common, "--colour", "dynasty")
        assert not target.exists()

    def test_a_form_without_metre(self, tmp_path: Path) -> None:
        form = Form.of(3, 4)
        small_model(lines=3, chars=4).save_pretrained(tmp_path / "m")
        small_corpus(form=form).save(tmp_path / "c.safetensors")
        common = ("latent", tmp_path / "m", "--corpus", tmp_path / "c.safetensors")
        result = run(*common, "--output", tmp_path / "map.svg")
        assert result.exit_code == 0, result.output
        assert "by no label" in result.stderr
        asked = (*common, "--output", tmp_path / "map.svg", "--colour", "metre")
        assert "has no metre" in fails(2, *asked)

    def test_bad_input(self, model: Path, encoded: Path, tmp_path: Path) -> None:
        target = ("--output", tmp_path / "map.svg")
        assert "no such file" in fails(1, "latent", model, "--corpus", tmp_path / "no", *target)
        assert "no model 'no'" in fails(1, "latent", "no", "--corpus", encoded, *target)
        small_model(lines=4, chars=7).save_pretrained(tmp_path / "m")
        assert "encoded as" in fails(2, "latent", tmp_path / "m", "--corpus", encoded, *target)
        one = tmp_path / "one.txt"
        one.write_text("白日依山尽，黄河入海流。", encoding="utf-8")
        assert "takes 2" in fails(1, "latent", model, "--corpus", one, *target)


class TestTraining:
    def test_runs_under_their_names(self, logged: Path, tmp_path: Path) -> None:
        target = tmp_path / "curves.svg"
        result = run("training", logged, "--output", target)
        assert result.exit_code == 0, result.output
        assert "run: best bound 2.000" in elements(target, TEXT)

    def test_two_runs_of_one_name(self, logged: Path, tmp_path: Path) -> None:
        other = tmp_path / "other" / "run"
        other.mkdir(parents=True)
        (other / "metrics.jsonl").write_bytes((logged / "metrics.jsonl").read_bytes())
        target = tmp_path / "curves.svg"
        assert run("training", logged, other, "--output", target).exit_code == 0
        shown = elements(target, TEXT)
        assert f"{logged}: best bound 2.000" in shown
        assert f"{other}: best bound 2.000" in shown

    def test_png(self, logged: Path, tmp_path: Path) -> None:
        target = tmp_path / "curves.PNG"
        assert run("training", logged, "--output", target).exit_code == 0
        assert target.read_bytes().startswith(b"\x89PNG")

    def test_bad_input(self, logged: Path, tmp_path: Path) -> None:
        target = tmp_path / "curves.svg"
        missing = fails(1, "training", tmp_path / "no", "--output", target)
        assert f"{tmp_path / 'no' / 'metrics.jsonl'}: no such file" in missing
        log = logged / "metrics.jsonl"
        log.write_text(log.read_text() + '{"step": 40, "rate": "high"}\n')
        assert "rate at step 40 is 'high'" in fails(1, "training", logged, "--output", target)
        log.write_text("")
        assert "not one readable row" in fails(1, "training", logged, "--output", target)
        assert not target.exists()

    def test_a_line_cut_short_is_left_out(self, logged: Path, tmp_path: Path) -> None:
        log = logged / "metrics.jsonl"
        log.write_text(log.read_text() + '{"step": 40, "ra')
        target = tmp_path / "curves.svg"
        assert run("training", logged, "--output", target).exit_code == 0

    @pytest.mark.parametrize("name", ["curves", "curves.pdf", "curves.svg.gz"])
    def test_other_formats(self, logged: Path, tmp_path: Path, name: str) -> None:
        error = fails(2, "training", logged, "--output", tmp_path / name)
        assert "ends in neither .svg nor .png" in error

    def test_where_nothing_can_be_written(self, logged: Path, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_text("")
        error = fails(1, "training", logged, "--output", file / "curves.svg")
        assert "cannot be written" in error


class TestTraversal:
    def test_a_row_a_step(self, model: Path, tmp_path: Path) -> None:
        target = tmp_path / "one.svg"
        common = ("traversal", model, "--poem", POEM, "--output", target)
        result = run(*common, "--dimension", 2, "--steps", 5)
        assert result.exit_code == 0, result.output
        shown = elements(target, TEXT)
        assert "Dimension 2 around 不人山无风，一日何有来。" in shown
        assert [text for text in shown if text[0] in "+−"] == [
            "−3.0",
            "−1.5",
            "+0.0",
            "+1.5",
            "+3.0",
        ]
        assert len([text for text in shown if len(text) == 1]) == 50

    def test_around_the_prior(self, model: Path, tmp_path: Path) -> None:
        target = tmp_path / "one.svg"
        assert "of 4" in run("traversal", model, "--output", target).stderr
        assert any("around the prior" in text for text in elements(target, TEXT))

    def test_bad_input(self, model: Path, tmp_path: Path) -> None:
        common = ("traversal", model, "--output", tmp_path / "one.svg")
        assert "dimensions 1 to 4" in fails(2, *common, "--dimension", 5)
        assert "neither a number nor auto" in fails(2, *common, "--dimension", "-1")
        assert "needs 2 lines of 5" in fails(2, *common, "--poem", "春月")
        assert "2<=x<=50" in fails(2, *common, "--steps", 1)

    def test_auto_takes_the_dimension_that_changes_most(self) -> None:
        model = small_model()
        ways = [traverse(model, POEM, dimension=j) for j in range(1, 5)]

        def changes(poems: tuple[Poem, ...]) -> int:
            pairs = zip(poems[1:], poems, strict=False)
            return sum(a != b for x, y in pairs for a, b in zip(x.text, y.text, strict=True))

        best = max(ways, key=lambda way: changes(way.poems))
        assert changes(best.poems) > 0
        assert changes(traverse(model, POEM).poems) == changes(best.poems)

    def test_the_values_and_what_stays(self) -> None:
        model = small_model()
        centre = model.encode([POEM]).typical()[0]
        way = traverse(model, POEM, dimension=3, steps=3)
        assert way.values == (-3.0, 0.0, 3.0)
        z = torch.stack([centre.clone() for _ in way.values])
        z[:, 2] = torch.tensor(way.values)
        assert way.poems == tuple(model.poems_of(model.draw(z, temperature=0)))
        with pytest.raises(DimensionError, match="1 to 4"):
            traverse(model, dimension=0)
        with pytest.raises(ValueError, match="at least 2"):
            traverse(model, steps=1)


def test_help_of_every_command_has_an_example() -> None:
    for name in ("latent", "training", "traversal"):
        assert f"poetry-vae plot {name}" in run(name, "--help").output
