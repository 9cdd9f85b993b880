"""poetry-vae nearest, through click's runner."""

import json
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from click.testing import CliRunner, Result

from poetry_vae.cli.nearest import command
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.script import to_simplified
from tests.small import COUPLET, small_corpus, small_model, small_tokenizer

CORPUS = small_corpus()
LINES = COUPLET.cut(small_tokenizer().decode(CORPUS.parts["train"][0]))
TEXT = "，".join(map(to_simplified, LINES))  # a training poem, as somebody would type it
NEW = "不人有無何，一何雲有不"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("nearest")
    CORPUS.save(path / "corpus.safetensors")
    small_model().save_pretrained(path / "model")
    return path


def run(folder: Path, *arguments: str | Path) -> Result:
    common = ("--corpus", folder / "corpus.safetensors", "--cache", folder / "cache")
    return CliRunner().invoke(command, [str(a) for a in (*common, *arguments)])


def test_a_training_poem_is_nearest_to_itself_and_said_to_be_copied(folder: Path) -> None:
    result = run(folder, TEXT, "-k", "3")
    assert result.exit_code == 0
    rows = result.stdout.splitlines()
    assert len(rows) == 3
    assert rows[0] == f"1.000  {TEXT}。"
    assert "word for word in the training poems: " + TEXT.replace("，", " ") in result.stderr


def test_a_new_poem_is_not(folder: Path) -> None:
    result = run(folder, NEW)
    assert len(result.stdout.splitlines()) == 5
    assert not result.stdout.startswith("1.000")
    assert result.stderr == ""


def test_the_script_is_chosen(folder: Path) -> None:
    shown = run(folder, TEXT, "-k", "1", "--script", "traditional").stdout
    assert shown == f"1.000  {'，'.join(LINES)}。\n"


def test_with_a_model_both_ways_are_shown(folder: Path) -> None:
    result = run(folder, TEXT, "--model", folder / "model", "-k", "2")
    assert result.exit_code == 0
    rows = result.stdout.splitlines()
    assert (rows[0], rows[3]) == ("by what they share", "by latent")
    assert rows[1] == rows[4] == f"1.000  {TEXT}。"
    alone = run(folder, TEXT, "--model", folder / "model", "-k", "2", "--by", "latent")
    assert alone.stdout.splitlines() == rows[4:]


def test_json_is_one_object(folder: Path) -> None:
    result = run(folder, TEXT, "--model", folder / "model", "--json", "-k", "2")
    entry = json.loads(result.stdout)
    assert (entry["form"], entry["script"]) == ("五言联", "simplified")
    assert (entry["known_lines"], entry["known_poem"]) == ([True, True], True)
    assert [len(entry[way]) for way in ("ngrams", "latent")] == [2, 2]
    assert entry["ngrams"][0]["lines"] == TEXT.split("，")
    assert entry["latent"][0]["score"] == pytest.approx(1, abs=2e-3)
    new = json.loads(run(folder, NEW, "--json").stdout)
    assert (new["known_lines"], new["known_poem"]) == ([False, False], False)
    assert "latent" not in new


def test_the_form_is_the_corpus_the_models_or_the_texts_own(folder: Path, tmp_path: Path) -> None:
    plain = TEXT.replace("，", "")
    assert run(folder, plain).exit_code == 0
    assert run(folder, plain, "--model", folder / "model").exit_code == 0
    poems = tmp_path / "poems.txt"
    lines = [f"{a}{b}山無風，一日{b}{a}何。" for a in "不人有" for b in "春花月水天中時"]
    poems.write_text("\n\n".join(lines), encoding="utf-8")
    for text in ("不春山无风，一日春不何", "不春山无风一日春不何"):
        result = CliRunner().invoke(
            command, [text, "--corpus", str(poems), "--cache", str(tmp_path / "cache")]
        )
        assert result.exit_code == 0
        assert result.stdout


def test_what_shares_nothing_is_said_so(folder: Path) -> None:
    result = run(folder, "罅縷竈鰲麤，麤鰲竈縷罅")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "no training poem shares" in result.stderr
    assert "in no 五言联 of the corpus: 罅" in result.stderr


def test_the_index_goes_to_the_users_cache_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda name: str(tmp_path / name))
    arguments = [TEXT, "--corpus", str(folder / "corpus.safetensors")]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    (kept,) = (tmp_path / "poetry-vae" / "indexes").iterdir()
    assert kept.name.startswith("couplet5-")


def test_bad_input_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    assert isinstance(run(folder, "白日，依山").exception, FormError)
    assert isinstance(run(folder, TEXT, "--form", "七绝").exception, FormError)
    missing = CliRunner().invoke(command, [TEXT, "--corpus", str(tmp_path / "none")])
    assert isinstance(missing.exception, CorpusError)
    result = run(folder, TEXT, "--model", folder / "model", "--by", "ngrams")
    assert result.exit_code == 2
    assert "leave out --model" in result.stderr
    assert run(folder, TEXT, "-k", "0").exit_code == 2


def test_by_ngrams_no_torch_is_loaded(folder: Path) -> None:
    code = (
        "import sys; from poetry_vae.cli.nearest import command;"
        f"command({[TEXT, '--corpus', str(folder / 'corpus.safetensors'), '--cache', str(folder)]},"
        "standalone_mode=False); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, encoding="utf-8"
    )
    assert done.stdout.splitlines()[-1] == "False", done.stderr
