"""`poetry-vae metre`: what it shows of typed poems and of files."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from poetry_vae.cli.metre import command
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.metre import MetreError
from poetry_vae.text.modern import ModernReadingsError, modern
from tests.conftest import Write

SIMPLIFIED = "朝辞白帝彩云间，千里江陵一日还。两岸猿声啼不住，轻舟已过万重山。"
TRADITIONAL = "朝辭白帝彩雲間，千里江陵一日還。兩岸猿聲啼不住，輕舟已過萬重山。"
UNLINKED = "渭城朝雨浥轻尘，客舍青青柳色新。劝君更尽一杯酒，西出阳关无故人。"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def shown(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_poem_with_its_tones_below() -> None:
    rows = shown(SIMPLIFIED).splitlines()
    assert rows[0] == "七绝 平起首句入韵 (ABbA)"
    assert rows[1:5] == [
        "  朝辞白帝彩云间",
        "  平平仄仄仄平中  A  韵 删",
        "  千里江陵一日还",
        "  平仄平平仄仄平  B  韵 删",
    ]
    assert "  keeps metre and rhyme" in rows


def test_either_script_is_understood_and_punctuation_may_be_left_out() -> None:
    expected = shown(SIMPLIFIED)
    assert shown(TRADITIONAL) == expected
    assert shown(SIMPLIFIED.replace("，", "").replace("。", "")) == expected
    assert "朝辭白帝彩雲間" in shown(SIMPLIFIED, "--script", "traditional")


def test_faults_say_where_and_why() -> None:
    output = shown(UNLINKED)
    assert "line 3: 君" in output
    assert "(粘)" in output
    assert "keeps metre and rhyme" not in output


def test_rules_and_readings_are_two_things() -> None:
    lone_level = "饮酒莫辞醉，醉多适不愁。"  # by 高適; its second line is 仄平仄仄平
    assert "孤平" in shown(lone_level)
    assert "孤平" not in shown(lone_level, "--rules", "loose")
    assert "字音" in shown(SIMPLIFIED, "--readings", "strict", "--rules", "loose")


def test_json_of_a_poem() -> None:
    record = json.loads(shown(UNLINKED, "--json"))
    assert record["template"] == {"name": "平起首句入韵", "order": "ABbA"}
    assert record["types"] == "ABaB"
    assert record["tones"][1] == "仄仄平平仄仄平"
    assert (record["keeps_metre"], record["keeps_rhyme"], record["ok"]) == (False, True, False)
    assert [(f["kind"], f["line"], f["position"]) for f in record["faults"]] == [("粘", 3, 2)]


def test_a_file_of_many_poems_is_counted(write: Write) -> None:
    file = write("poems.txt", f"{SIMPLIFIED}\n{UNLINKED}\n人之初，性本善。性相近，习相远。\n")
    rows = [row.split() for row in shown(file).splitlines()]
    assert ["│", "七绝", "│", "2", "│", "50.0%", "│", "100.0%", "│", "50.0%", "│"] in rows
    assert ["│", "no", "metre", "│", "1", "│", "│", "│", "│"] in rows
    assert "朝辞白帝" not in shown(file)
    assert "朝辞白帝" in shown(file, "--verbose")
    records = [json.loads(row) for row in shown(file, "--json").splitlines()]
    assert [record.get("ok") for record in records] == [True, False, None]
    assert records[2]["template"] is None


def test_a_file_of_one_poem_is_shown(write: Write) -> None:
    file = write("one.json", json.dumps([{"paragraphs": [TRADITIONAL], "title": "早發白帝城"}]))
    assert shown(file).splitlines()[0] == "早发白帝城"


def test_several_poems_may_be_typed() -> None:
    output = shown(SIMPLIFIED, UNLINKED)
    assert output.count("七绝 平起首句入韵") == 2
    assert "poems" not in output


def test_unknown_characters_are_named() -> None:
    assert "unknown readings: 𠀀" in shown("𠀀日依山尽，黄河入海流。")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("人之初，性本善。", MetreError, "2x3 has no metre"),
        ("白日依山尽，黄河", MetreError, "different lengths"),
        ("白日依", MetreError, "no regulated verse has 3 characters"),
        ("missing.txt", CorpusError, "no such file"),
        ("我的诗.txt", CorpusError, "no such file"),
        ("白日依山尽，" * 100, MetreError, "a form of 100x5"),
    ],
)
def test_what_cannot_be_checked(text: str, error: type[Exception], message: str) -> None:
    result = run(text)
    assert isinstance(result.exception, error)
    assert message in str(result.exception)
    assert run().exit_code == 2


def test_modern_readings() -> None:
    pytest.importorskip("pypinyin")
    poem = "白日依山尽，黄河入海流。"
    assert "  仄仄平平仄  a" in shown(poem).splitlines()
    assert "  平仄平平仄  a" in shown(poem, "--rhyme-book", "modern").splitlines()


def test_modern_readings_without_pypinyin(monkeypatch: pytest.MonkeyPatch) -> None:
    modern.cache_clear()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pypinyin", None)
    assert isinstance(run(SIMPLIFIED, "--rhyme-book", "modern").exception, ModernReadingsError)


def test_help_has_an_example() -> None:
    assert "poetry-vae metre 白日依山尽" in shown("--help")
