"""The command line, through click's runner: what is printed, and how it fails."""

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import poetry_vae
from poetry_vae import generate
from poetry_vae.cli import main
from poetry_vae.cli.rule_options import wishes_from
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.model.versions import shipped_models, version_of
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.verse.wishes import WISHES, form_of
from tests.commands import fails, run
from tests.small import small_corpus, small_model, small_poet

ANTHOLOGY = Path(__file__).parents[1] / "data" / "anthology.jsonl"
POEM = "不人山无风，一日何有来。"


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


_SETTINGS = ("hidden=8", "latent=4", "epochs=2", "min_steps=1", "batch_size=16")
SMALL = tuple(part for setting in _SETTINGS for part in ("--set", setting))


@pytest.mark.parametrize("name", ["", *main.list_commands(None)])  # type: ignore[arg-type]
def test_every_command_has_help_with_an_example(name: str) -> None:
    result = run(*filter(None, [name]), "--help")
    assert result.exit_code == 0
    assert f"poetry-vae {name}".strip() in result.output.split("Options:")[0].split("\n", 1)[1]


def test_the_version_tells_the_weights_too(tmp_path: Path) -> None:
    first, models = run("--version").output.splitlines()
    assert first == f"poetry-vae, version {poetry_vae.__version__}"
    names = list(shipped_models())
    found = dict(each.split() for each in models.removeprefix("models: ").split(", "))
    assert sorted(found) == sorted(names)
    assert all(re.fullmatch("[0-9a-f]{8}", version) for version in found.values())
    for row in map(json.loads, run("models", "--json").output.splitlines()):
        assert row["version"] == found[row["name"]]
    small_model(1).save_pretrained(tmp_path)
    before = version_of(tmp_path)
    small_model(2).save_pretrained(tmp_path)
    assert version_of(tmp_path) != before


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete(shell: str) -> None:
    def asked(instruction: str, **words: str) -> str:
        environment = {"_POETRY_VAE_COMPLETE": f"{shell}_{instruction}", **words}
        return CliRunner().invoke(main, [], prog_name="poetry-vae", env=environment).output

    if shutil.which(shell):
        assert "_POETRY_VAE_COMPLETE=" in asked("source")
    found = asked(
        "complete", COMP_WORDS="poetry-vae gene", COMP_CWORD="1" if shell != "fish" else "gene"
    )
    assert "generate" in found
    assert "serve" not in found


class TestGenerate:
    def test_without_a_terminal_a_poem_a_line(self, model: Path) -> None:
        result = run("generate", "--model", model, "-n", "3", "--seed", "1")
        assert result.exit_code == 0
        rows = result.stdout.splitlines()
        assert len(rows) == 3
        assert all(len(row) == 12 and row[5] == "，" and row[11] == "。" for row in rows)

    def test_what_is_saved_can_be_had_again(self, model: Path, tmp_path: Path) -> None:
        path = tmp_path / "kept.jsonl"
        path.write_text('{"mine": 1}', encoding="utf-8")
        wishes = ("--avoid", "月", "--temperature", "0.7", "--sampling", "plain")
        for more in (("-n", "2"), ("-n", "1", "--one-line"), ("-n", "1", *wishes)):
            result = run("generate", "--model", model, "--save", path, *more)
            assert result.exit_code == 0, result.output
            assert f"poems appended to {path}: {more[1]} (seed " in result.stderr
            assert len(result.stdout.splitlines()) == int(more[1])
        first, *kept = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        assert first == {"mine": 1}
        assert [poem["index"] for poem in kept] == [0, 1, 0, 0]
        assert kept[3]["rules"] == {"avoid": ["月"]}
        for poem in kept:
            asked = poem["asked"]
            assert asked.pop("version") == poetry_vae.__version__
            n, rules = poem["index"] + 1, poem.get("rules")
            again = generate(n, form=poem["form"], seed=poem["seed"], rules=rules, **asked)
            assert list(again[-1].lines) == poem["lines"]
        assert "--json" in fails(2, "generate", "--model", model, "--save", "-")
        assert "not a regular file" in fails(1, "generate", "--model", model, "--save", "/dev/null")

    def test_the_same_seed_writes_the_same(self, model: Path) -> None:
        def poems(*more: str) -> str:
            return run("generate", "--model", model, *more).stdout

        assert poems("--seed", "1") == poems("--seed", "1")
        assert poems("--seed", "1") != poems("--seed", "2")
        assert poems("--seed", "1", "-n", "9").startswith(poems("--seed", "1", "-n", "2"))
        assert poems("-n", "9") != poems("-n", "9")  # a fresh seed where none is given

    def test_a_verse_a_line(self, model: Path) -> None:
        output = run("generate", "--model", model, "-n", "2", "--lines").stdout
        assert [len(row) for row in output.split("\n")] == [6, 6, 0, 6, 6, 0]

    def test_greedy_is_temperature_zero(self, model: Path) -> None:
        common = ("generate", "--model", model, "--seed", "5", "-n", "4")
        assert run(*common, "--greedy").stdout == run(*common, "--temperature", "0").stdout
        assert run(*common, "--greedy").stdout != run(*common, "--temperature", "3").stdout

    def test_script(self, model: Path) -> None:
        common = ("generate", "--model", model, "--seed", "5", "-n", "40")
        simplified, traditional = (
            run(*common).stdout,
            run(*common, "--script", "traditional").stdout,
        )
        assert "風" in traditional
        assert "風" not in simplified
        assert "风" in simplified

    def test_json(self, model: Path) -> None:
        output = run("generate", "--model", model, "-n", "2", "--seed", "5", "--json").stdout
        first, second = map(json.loads, output.splitlines())
        assert first["form"] == "五言联"
        assert [len(line) for line in first["lines"]] == [5, 5]
        assert (second["seed"], second["index"]) == (5, 1)

    def test_output_to_a_file(self, model: Path, tmp_path: Path) -> None:
        target = tmp_path / "new" / "poems.txt"
        common = ("generate", "--model", model, "-n", "4", "--seed", "2")
        result = run(*common, "--output", target)
        assert result.exit_code == 0
        assert result.stdout == ""
        assert target.read_text(encoding="utf-8") == run(*common).stdout

    @pytest.mark.parametrize("n", ["0", "-1", "many"])
    def test_a_count_that_makes_no_sense(self, model: Path, n: str) -> None:
        assert "'-n'" in fails(2, "generate", "--model", model, "-n", n)

    def test_temperatures_that_make_no_sense(self, model: Path) -> None:
        assert "--temperature" in fails(2, "generate", "--model", model, "--temperature", "-1")
        assert "temperature is nan" in fails(
            2, "generate", "--model", model, "--temperature", "nan"
        )
        text = fails(2, "generate", "--model", model, "--greedy", "--temperature", "1")
        assert "--greedy means" in text

    def test_forms_and_models_that_are_not_there(self, model: Path, tmp_path: Path) -> None:
        assert "no form is called 'sonnet'" in fails(2, "generate", "--form", "sonnet")
        assert "of at most 9 characters, and a 2x12" in fails(2, "generate", "--form", "2x12")
        assert "writes 五言联" in fails(2, "generate", "--form", "七律", "--model", model)
        assert "neither a folder" in fails(1, "generate", "--model", tmp_path / "nothing")

    def test_a_damaged_checkpoint(self, model: Path, tmp_path: Path) -> None:
        for name in ("config.json", "tokenizer.json"):
            (tmp_path / name).write_bytes((model / name).read_bytes())
        weights = (model / "model.safetensors").read_bytes()
        (tmp_path / "model.safetensors").write_bytes(weights[:-10])
        assert "not a readable file of weights" in fails(1, "generate", "--model", tmp_path)

    def test_a_device_is_written_to_and_not_replaced(self, model: Path) -> None:
        assert run("generate", "--model", model, "--output", "/dev/null").exit_code == 0
        assert not Path("/dev/null").is_file()

    def test_a_target_that_cannot_be_written(self, model: Path, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine", encoding="utf-8")
        text = fails(1, "generate", "--model", model, "--output", tmp_path / "file" / "poems.txt")
        assert "cannot be written" in text
        assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


class TestReading:
    def test_reconstruct_counts_what_was_kept(self, model: Path) -> None:
        result = run("reconstruct", POEM, "--model", model)
        assert result.exit_code == 0
        assert len(result.stdout.replace("\n", "")) == 12
        assert "of 10 characters are the same" in result.stderr

    def test_either_script_is_understood(self, model: Path) -> None:
        traditional = "不人山無風 一日何有來"
        first = run("reconstruct", POEM, "--model", model)
        assert first.stdout == run("reconstruct", traditional, "--model", model).stdout
        assert "vocabulary" not in first.stderr

    def test_unknown_characters_are_named(self, model: Path) -> None:
        result = run("reconstruct", "不人山无鹅，一日鸡有𠀀。", "--model", model)
        assert result.exit_code == 0
        assert "not in the model's vocabulary: 鹅 鸡 𠀀" in result.stderr

    @pytest.mark.parametrize("command", [["reconstruct"], ["score"], ["revise"]])
    def test_signs_that_are_not_chinese_are_refused(self, command: list[str], model: Path) -> None:
        for sign in ("😀", "h", "5"):
            text = fails(2, *command, f"不人山无风，一日{sign}有来。", "--model", model)
            assert f"'{sign}' is no Chinese character" in text

    def test_a_poem_of_another_form(self, model: Path) -> None:
        text = fails(2, "reconstruct", "白日依山尽", "--model", model)
        assert "has 5 characters, but a 五言联 needs" in text
        assert "line 1" in fails(2, "reconstruct", "白日依山，尽黄河入海流。", "--model", model)
        assert "of at most 9 characters" in fails(2, "reconstruct", "白日依山尽黄河入海流欲")
        assert run("reconstruct", "白日依，山尽").exit_code == 0  # the model of any form reads it

    def test_without_punctuation_a_shipped_form_is_found(self) -> None:
        plain = run("reconstruct", "白日依山盡黃河入海流")
        assert plain.exit_code == 0, plain.output
        assert plain.stdout == run("reconstruct", "白日依山盡，黃河入海流。").stdout

    def test_interpolate(self, model: Path) -> None:
        result = run(
            "interpolate", POEM, "日日日日日，山山山山山。", "--model", model, "--steps", "4"
        )
        assert result.exit_code == 0
        assert len(result.stdout.splitlines()) == 4
        assert "2<=x<=1000" in fails(2, "interpolate", POEM, POEM, "--model", model, "--steps", "1")


class TestTrain:
    def test_from_an_encoded_file_and_again(self, encoded: Path, tmp_path: Path) -> None:
        result = run("train", encoded, "--output", tmp_path / "m", *SMALL)
        assert result.exit_code == 0, result.output
        assert "finished after 8 steps" in result.stderr
        assert run("generate", "--model", tmp_path / "m").exit_code == 0
        assert "already holds model.safetensors" in fails(
            1, "train", encoded, "--output", tmp_path / "m"
        )
        again = run("train", encoded, "--output", tmp_path / "m", *SMALL, "--resume")
        assert "finished after 8 steps" in again.stderr
        other = ("--output", tmp_path / "m", "--resume", "--seed", "1", *SMALL)
        assert "another corpus, preset, seed" in fails(1, "train", encoded, *other)

    def test_from_poems(self, tmp_path: Path) -> None:
        result = run("train", ANTHOLOGY, "--form", "七绝", "--output", tmp_path / "m", *SMALL)
        assert result.exit_code == 0, result.output
        card = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
        assert "anthology.jsonl" in card
        assert "七绝" in card

    def test_from_a_model_in_its_own_vocabulary(
        self, model: Path, encoded: Path, tmp_path: Path
    ) -> None:
        few = ("--set", "min_steps=4", "--set", "epochs=1", "--set", "batch_size=16")
        common = ("--from", model, "--output", tmp_path / "m", *few)
        result = run("train", encoded, *common)
        assert result.exit_code == 0, result.output
        assert "finished after 4 steps" in result.stderr
        kept = PoetryVAE.from_pretrained(tmp_path / "m")
        start = PoetryVAE.from_pretrained(model)
        assert kept.tokenizer.characters == start.tokenizer.characters
        assert kept.config == start.config
        run_file = json.loads((tmp_path / "m" / "run.json").read_text(encoding="utf-8"))
        assert run_file["preset"] == "finetune"
        other = ("--from", model, "--output", tmp_path / "n")
        assert "is given by the model" in fails(2, "train", encoded, *other, "--set", "hidden=9")
        small_model(lines=4, chars=7).save_pretrained(tmp_path / "quatrains")
        assert "name the form" in fails(
            2, "train", encoded, "--from", tmp_path / "quatrains", "--output", tmp_path / "n"
        )
        assert "has poems of one form, 五言联" in fails(
            1, "train", encoded, "--from", "poet", "--output", tmp_path / "n"
        )
        assert "no model 'nobody'" in fails(
            1, "train", encoded, "--from", "nobody", "--output", tmp_path / "n"
        )

    def test_what_was_typed_wrongly(self, encoded: Path, tmp_path: Path) -> None:
        target = ("--output", tmp_path / "m")
        assert "which form" in fails(2, "train", ANTHOLOGY, *target)
        assert "leave out --form" in fails(
            2, "train", ANTHOLOGY, *target, "--preset", "poet", "--form", "七绝"
        )
        assert "no such file or folder" in fails(1, "train", target[1] / "none", *target)
        assert "no preset 'best'" in fails(2, "train", ANTHOLOGY, *target, "--preset", "best")
        assert "no device 'abacus'" in fails(2, "train", ANTHOLOGY, *target, "--device", "abacus")
        assert "needs --max-minutes" in fails(2, "train", encoded, *target, "--finish")
        assert "no preset 'best'" in fails(2, "train", encoded, *target, "--preset", "best")
        assert "'epochs' is not NAME=VALUE" in fails(
            2, "train", encoded, *target, "--set", "epochs"
        )
        assert "no setting" in fails(2, "train", encoded, *target, "--set", "colour=blue")
        assert "no device" in fails(2, "train", encoded, *target, "--device", "abacus")
        assert "encoded as 五言联" in fails(2, "train", encoded, *target, "--form", "七绝")
        assert not (tmp_path / "m").exists()

    def test_corpora_that_cannot_be_read(self, tmp_path: Path) -> None:
        target = ("--form", "七绝", "--output", tmp_path / "m")
        files = {
            "empty.txt": b"",
            "binary.txt": bytes(range(256)),
            "gbk.txt": "白日依山尽，黄河入海流。".encode("gbk"),
            "couplets.txt": "白日依山尽，黄河入海流。\n".encode(),
            "cut.safetensors": b"\x50\x00\x00\x00\x00\x00\x00\x00{",
        }
        expected = {
            "empty.txt": "not a single poem",
            "binary.txt": "binary",
            "gbk.txt": "--encoding gb18030",
            "couplets.txt": "not one of the 1 poems is a 七绝",
            "cut.safetensors": "not a readable encoded corpus",
        }
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
            assert expected[name] in fails(1, "train", tmp_path / name, *target)
        assert "no such file" in fails(1, "train", tmp_path / "missing", *target)


class TestCorpus:
    def test_stats(self) -> None:
        result = run("corpus", "stats", ANTHOLOGY)
        assert result.exit_code == 0
        assert re.search(r"七绝 +108 +108\n", result.stdout)
        figures = json.loads(run("corpus", "stats", ANTHOLOGY, "--json").stdout)
        assert figures["forms"]["七绝"] >= 100
        assert figures["left_out"] == {}

    def test_stats_names_what_was_left_out(self, tmp_path: Path) -> None:
        file = tmp_path / "poems.txt"
        file.write_text("白日依山尽，黄河入海流。\n白日依□尽，黄河入海流。\n", encoding="utf-8")
        result = run("corpus", "stats", file, "--verbose")
        assert "1  lost characters" in result.stdout
        assert f"{file}:2: lost characters" in result.stdout

    def test_encode(self, tmp_path: Path) -> None:
        target = tmp_path / "out.safetensors"
        result = run("corpus", "encode", ANTHOLOGY, target, "--form", "五绝", "--source", "Tang")
        assert result.exit_code == 0, result.output
        corpus = EncodedCorpus.load(target)
        assert sum(map(len, corpus.parts.values())) == 70
        assert corpus.source == "Tang"
        before = target.read_bytes()
        assert "not one of" in fails(1, "corpus", "encode", ANTHOLOGY, target, "--form", "七律")
        assert target.read_bytes() == before


class TestEvaluate:
    def test_tables_files_and_the_same_twice(
        self, model: Path, encoded: Path, tmp_path: Path
    ) -> None:
        common = ("evaluate", model, "--corpus", encoded, "--quick", "--output")
        table = run(*common, tmp_path / "a")
        assert table.exit_code == 0, table.output
        for told in ("bound K=100", "hole", "metre and rhyme", "real poems", "missing:"):
            assert told in table.stdout
        again = run(*common, tmp_path / "b", "--json")
        report = json.loads(again.stdout)
        assert report == json.loads((tmp_path / "a" / "report.json").read_text(encoding="utf-8"))
        bounds = report["models"][0]["density"]["bounds"]
        assert bounds["100"]["mean"] < bounds["1"]["mean"]
        page = (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
        assert page == (tmp_path / "b" / "report.html").read_text(encoding="utf-8")
        assert report["models"][0]["samples"][0] in re.sub(r"<[^>]*>|\s", "", page)

    def test_samples_of_another_program(self, encoded: Path, tmp_path: Path) -> None:
        file = tmp_path / "theirs.txt"
        file.write_text("不人山无风，一日何有来。\n" * 30, encoding="utf-8")
        asked = ("evaluate", "--form", "五言联", "--corpus", encoded, "--quick", "--samples", file)
        result = run(*asked, "--json")
        assert result.exit_code == 0, result.output
        report = json.loads(result.stdout)
        assert report["models"] == []
        theirs = report["verse"][-1]
        assert (theirs["name"], theirs["poems"]) == ("theirs.txt", 30)
        fewest = min(30, report["verse"][0]["poems"])
        assert [row["diversity"]["poems"] for row in report["verse"]] == [fewest] * 4
        assert theirs["diversity"]["unique_poems"] == pytest.approx(1 / fewest)
        file.write_text("不人山无风，一日何有来。\n春月\n", encoding="utf-8")
        assert f"{file}, line 2" in fails(1, *asked)
        file.write_text("", encoding="utf-8")
        assert "not one poem" in fails(1, *asked)
        file.write_text("不人山无风，一日何有来。\n", encoding="utf-8")
        assert f"{file}: only one poem" in fails(1, *asked)

    def test_a_model_of_any_form_is_measured_in_one(self, encoded: Path, tmp_path: Path) -> None:
        small_poet().save_pretrained(tmp_path / "poet")
        asked = ("evaluate", tmp_path / "poet", "--form", "五言联", "--corpus", encoded, "--quick")
        result = run(*asked, "--json")
        assert result.exit_code == 0, result.output
        (found,) = json.loads(result.stdout)["models"]
        assert found["density"]["bounds"]["1"]["mean"] > 0
        assert len(found["samples"][0]) == 12

    def test_models_of_several_forms(self, model: Path, encoded: Path, tmp_path: Path) -> None:
        small_model(lines=4, chars=7).save_pretrained(tmp_path / "m")
        text = fails(2, "evaluate", model, tmp_path / "m", "--corpus", encoded)
        assert "cannot be compared" in text

    def test_too_few_poems(self, model: Path, tmp_path: Path) -> None:
        file = tmp_path / "one.txt"
        file.write_text("白日依山尽，黄河入海流。", encoding="utf-8")
        assert "takes" in fails(1, "evaluate", model, "--corpus", file, "--quick")


def test_models_lists_what_ships() -> None:
    result = run("models", "--json")
    assert result.exit_code == 0
    for row in map(json.loads, result.stdout.splitlines()):
        assert row["bytes"] < 40_000_000
        assert row["corpus"]
    assert run("models").exit_code == 0


class TestWatching:
    """What `train` shows, with a stand-in for TensorBoard's writer."""

    def test_curves_get_training_and_validation_values(self, tmp_path: Path) -> None:
        from poetry_vae.cli.watching import Display
        from poetry_vae.training.train import train

        written: dict[str, list[int]] = {}

        class Writer:
            def add_scalar(self, name: str, value: float, step: int) -> None:
                assert isinstance(value, int | float)
                written.setdefault(name, []).append(step)

            def close(self) -> None:
                written["closed"] = []

        pairs = (setting.split("=") for setting in (*_SETTINGS, "epochs=12"))
        settings = {name: int(value) for name, value in pairs}
        with Display(Writer()) as display:
            train(small_corpus(), tmp_path / "m", overrides=settings, observer=display)
        assert written["training/loss"] == [20, 40]
        assert written["validation/rate"][0] == 0
        assert written["validation/rate"][-1] == 48
        assert "closed" in written

    def test_without_tensorboard_one_line_says_what_to_install(
        self, encoded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import sys

        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
        target = ("--output", tmp_path / "m")
        assert "poetry-vae[tensorboard]" in fails(2, "train", encoded, *target, "--tensorboard")


class TestConstraints:
    def test_they_are_kept(self, model: Path) -> None:
        asked = ("--pin", "2,3=月", "--acrostic", "春□", "--avoid", "花", "--no-repeat", "-n", 4)
        result = run("generate", "--model", model, "--seed", 1, *asked)
        assert result.exit_code == 0, result.output
        for poem in result.stdout.splitlines():
            assert poem[0] == "春"
            assert poem[8] == "月"
            assert "花" not in poem
        again = run("generate", "--model", model, "--seed", 1, *asked)
        assert again.stdout == result.stdout

    def test_json_says_what_was_asked(self, model: Path) -> None:
        asked = ("--acrostic", "春月", "--no-repeat", "--pin", "1,2=水", "--pin", "2,2=花")
        result = run("generate", "--model", model, "-n", 1, "--json", *asked)
        entry = json.loads(result.stdout)
        assert entry["rules"] == {
            "acrostic": "春月",
            "pin": ["1,2=水", "2,2=花"],
            "no_repeat": True,
        }

    def test_what_counts_once_is_asked_once(self, model: Path) -> None:
        told = fails(2, "generate", "--model", model, "--rhyme", "东", "--rhyme", "真")
        assert "--rhyme is given twice (东 and 真)" in told

    def test_themes_may_be_given_one_by_one(self) -> None:
        options = {wish.name: () for wish in WISHES} | {"theme": ("高铁", "老师")}
        assert wishes_from(options) == {"theme": "高铁 老师"}
        assert not wishes_from(options | {"theme": ()})

    @pytest.mark.parametrize(
        ("asked", "form"),
        [
            ({"template": "明月???"}, "五绝"),
            ({"template": "明月?????"}, "七绝"),
            ({"template": "明月???，?????"}, "五言联"),
            ({"first_line": "白日依山尽"}, "五绝"),
            ({"first_line": "漠漠水田飞白鹭", "acrostic": "漠我爱你一生一世"}, "七律"),
            ({"first_line": "明月"}, None),
        ],
    )
    def test_lines_that_are_given_choose_a_form(
        self, asked: dict[str, str], form: str | None
    ) -> None:
        assert form_of(asked) == form

    @pytest.mark.parametrize(
        ("heads", "form"), [("李明", "七绝"), ("春江花月", "七绝"), ("我爱你一生一世", "七律")]
    )
    def test_heads_choose_a_form(self, heads: str, form: str) -> None:
        result = run("generate", "--acrostic", heads, "-n", 1, "--candidates", 1, "--seed", 1)
        assert result.exit_code == 0, result.output
        assert f"form: {form}" in result.stderr
        lines = re.split("[，。]", result.stdout.strip())
        assert [line[0] for line in lines[: len(heads)]] == list(heads)

    def test_a_line_is_answered(self) -> None:
        result = run("reply", "白日依山尽", "-n", 3)
        assert result.exit_code == 0, result.output
        assert [len(line) for line in result.stdout.split()] == [5, 5, 5]
        assert "is 2 lines" in fails(2, "reply", "白日依山尽，黄河入海流")

    def test_a_poem_is_revised(self) -> None:
        poem = "白日依山尽，黄河入海流。"
        result = run("revise", poem, "--redraw", "2,1-2", "-n", 2, "--seed", 1)
        assert result.exit_code == 0, result.output
        for line in result.stdout.split():
            assert line[:6] == poem[:6]
            assert line[8:] == poem[8:]
        assert "least believed: " in run("revise", poem, "-n", 1, "--seed", 1).stderr
        table = run("revise", poem, "--alternatives", "2,5").stdout.splitlines()
        assert len(table) == 12
        assert all(len(row.split("\t")) == 4 for row in table)
        assert "names no place" in fails(2, "revise", poem, "--redraw", "x")
        assert "give one of them" in fails(2, "revise", poem, "--redraw", "1", "--keep", "2")

    def test_a_theme_names_its_keywords(self, model: Path) -> None:
        result = run("generate", "--model", model, "--theme", "春风，明月", "--seed", 1)
        assert all("明月" in poem and "春风" in poem for poem in result.stdout.splitlines())
        result = run("generate", "--model", model, "--theme", "春风无月", "-n", 2, "--seed", 1)
        assert result.exit_code == 0, result.output
        assert "keywords: 春风" in result.stderr
        assert all("春风" in poem for poem in result.stdout.splitlines())

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (("--pin", "月"), "write LINE,PLACE=CHARACTER"),
            (("--pin", "9,1=月"), "lies outside"),
            (("--metre", "strict", "--tail", "□月"), "leave out tail 2 (月) or metre strict"),
            (("--metre", "无此"), "no template '无此'"),
            (("--rhyme", "xy"), "'xy' is no rhyme"),
            (("--doublings",), "exception from no repeats"),
            (("--first-line", "一，二"), "give the first line alone"),
            (("--near", "春月"), "needs 2 lines of 5"),
            (("--theme", "，。"), "no word was found"),
            (("--avoid", "abc"), "'a' is no Chinese character"),
            (("--acrostic", ""), "'--acrostic': it is empty"),
            (("--pin", " "), "'--pin': it is empty"),
            (("--about", ""), "'--about': it is empty"),
            (("--form", ""), "'--form': it is empty"),
            (("-n", "9" * 20), "is not in the range"),
        ],
    )
    def test_what_cannot_be_is_one_line(
        self, model: Path, options: tuple[str, ...], told: str
    ) -> None:
        assert told in fails(2, "generate", "--model", model, *options)


def test_copies_are_marked(model: Path, encoded: Path, tmp_path: Path) -> None:
    known = EncodedCorpus.load(encoded)
    line = known.tokenizer.decode(known.parts["train"][0])[:5]
    asked = (
        "--first-line",
        line,
        "--check-copies",
        encoded,
        "--script",
        "traditional",
        "--seed",
        1,
    )
    result = run("generate", "--model", model, "-n", 2, *asked)
    assert result.exit_code == 0, result.output
    assert all(poem.startswith(f"{line}※，") for poem in result.stdout.splitlines())
    assert "※ 2 of 4 lines" in result.stderr
    missing = tmp_path / "none.txt"
    assert str(missing) in fails(1, "generate", "--model", model, "--check-copies", missing)
    assert "--check-copies CORPUS" in fails(2, "generate", "--model", model, "--check-copies")


def test_copies_from_the_training_poems_of_what_ships() -> None:
    common = ("generate", "--form", "五言联", "--first-line", "白日依山尽", "--seed", 1, "-n", 2)
    result = run(*common, "--check-copies")
    assert result.exit_code == 0, result.output
    assert all(poem.startswith("白日依山尽※，") for poem in result.stdout.splitlines())
    assert "of 4 lines stand in the training poems" in result.stderr


class TestScore:
    def test_a_poem(self, model: Path) -> None:
        result = run("score", POEM, "--model", model, "--samples", 8)
        assert result.exit_code == 0, result.output
        assert "log p ≥" in result.stdout
        assert result.stdout.count("surprises by") == 3
        assert "风" in result.stdout
        assert "[" not in result.stdout.split("log p")[0]  # styles are no text
        again = run("score", POEM, "--model", model, "--samples", 8)
        assert again.stdout == result.stdout

    def test_json(self, model: Path) -> None:
        result = run("score", POEM, "--model", model, "--samples", 4, "--json")
        entry = json.loads(result.stdout)
        assert entry["lines"] == ["不人山无风", "一日何有来"]
        assert [len(line) for line in entry["surprise_nats"]] == [5, 5]
        assert entry["nats_per_character"] == pytest.approx(-entry["bound_nats"] / 10, abs=1e-4)

    def test_a_file(self, model: Path, tmp_path: Path) -> None:
        file = tmp_path / "poems.txt"
        file.write_text("不人山無風，一日何有來。\n春上年月水，花時中天來。\n", encoding="utf-8")
        result = run("score", file, "--model", model, "--samples", 4, "-n", 5)
        assert result.exit_code == 0, result.output
        assert "of 2 poems" in result.stdout

    def test_bad_input(self, model: Path, tmp_path: Path) -> None:
        assert "needs 2 lines of 5" in fails(2, "score", "春月", "--model", model)
        file = tmp_path / "poems.txt"
        file.write_text("白日依山盡黃河入海流欲，窮千里目更上一層樓天地\n", encoding="utf-8")
        assert "not one of its" in fails(1, "score", file, "--model", model)
