"""`poetry-vae metre`: what it shows of typed poems and of files."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from poetry_vae.cli import main
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
    output = shown("白日依山尽，黄河入海流。欲穷千里目，更上一重城。")
    assert "line 4, character 5: 城 (庚) does not rhyme with the group 尤" in output
    assert "keeps metre and rhyme" not in output


def test_a_form_of_its_own_is_said_by_name() -> None:
    output = shown(UNLINKED)
    assert output.startswith("七绝 折腰体 平起首句入韵 (ABbA)")
    assert "line 3: 君" in output
    assert "(粘)" in output
    assert "keeps metre and rhyme" not in output
    old = shown("春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。", "--script", "traditional")
    assert old.startswith("五绝 古绝\n  春眠不覺曉\n  平平仄仄仄  韵 篠\n")
    assert "old-style verse (古绝)" in old


def test_what_is_saved_is_said_and_where() -> None:
    poem = "向晚意不适，驱车登古原。夕阳无限好，只是近黄昏。"
    output = shown(poem)
    assert "line 1, character 4: 不 is oblique where the type is level (拗, 大拗); 登" in output
    assert "at 3 of line 2 saves it (救)" in output
    assert "  keeps metre and rhyme" in output.splitlines()
    (turned,) = json.loads(shown(poem, "--json"))["turned"]
    assert (turned["kind"], turned["line"], turned["position"]) == ("大拗", 1, 4)
    assert turned["saved_by"] == {"line": 2, "position": 3}
    half = json.loads(shown("去岁荆南梅似雪，今年蓟北雪如梅。", "--json"))
    assert half["turned"] == []


def test_every_rhyming_line_shows_its_own_group() -> None:
    poem = "寥落古行宫，宫花寂寞红。白头宫女在，闲坐说玄宗。"
    rows = shown(poem).splitlines()
    assert "  平仄仄平平  A  韵 冬" in rows
    record = json.loads(shown(poem, "--json"))
    assert record["line_rhymes"] == [["东"], ["东"], [], ["冬"]]
    assert [(b["kind"], b["line"]) for b in record["borrowed"]] == [("孤雁入群", 4)]


@pytest.mark.parametrize("text", [SIMPLIFIED, f"{SIMPLIFIED}\n", TRADITIONAL])
def test_standard_input(text: str) -> None:
    result = CliRunner().invoke(command, ["-"], input=text)
    assert result.exit_code == 0, result.output
    assert result.stdout == shown(SIMPLIFIED)


def test_standard_input_without_a_poem() -> None:
    result = CliRunner().invoke(command, ["-"], input="\n")
    assert isinstance(result.exception, CorpusError)
    assert "standard input is empty" in str(result.exception)


def test_many_poems_of_standard_input_are_counted() -> None:
    result = CliRunner().invoke(command, ["-"], input=f"{SIMPLIFIED}\n\n{UNLINKED}\n")
    assert "│ 七绝 │" in result.stdout


def test_the_marks_are_in_colour_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    result = CliRunner().invoke(main, ["metre", SIMPLIFIED], color=True)
    assert "\x1b[36m平\x1b[0m" in result.stdout
    assert "\x1b[31m仄\x1b[0m" in result.stdout
    monkeypatch.setenv("NO_COLOR", "1")
    plain = CliRunner().invoke(main, ["metre", SIMPLIFIED], color=True).stdout
    assert plain == shown(SIMPLIFIED)
    monkeypatch.undo()
    assert "\x1b" not in shown(SIMPLIFIED)


def test_marks_stand_under_their_characters_within_40_columns() -> None:
    rows = shown(SIMPLIFIED).splitlines()[1:9]
    for line, marks in zip(rows[::2], rows[1::2], strict=True):
        assert line[:2] == marks[:2] == "  "
        assert len(marks.split()[0]) == len(line.strip()) == 7
        assert sum(2 if ord(c) > 0x2E80 else 1 for c in marks) <= 40


class TestCharacter:
    def test_readings_by_every_book(self) -> None:
        pytest.importorskip("pypinyin")
        output = shown("--character", "看")
        for name in ("平水韵", "词林正韵", "中华新韵", "中华通韵"):
            assert f"  {name}\n" in output
        assert "    平（平） 寒: " in output
        assert "    仄（去） 翰: " in output
        assert "    平 第七部: " in output

    def test_either_script(self) -> None:
        assert "寒" in shown("--character", "难")
        assert "寒" in shown("--character", "難")
        assert "尤" in shown("--character", "愁", "--script", "traditional")

    def test_json(self) -> None:
        rows = shown("--character", "月国", "--json").splitlines()
        found = [json.loads(row) for row in rows]
        assert [row["character"] for row in found] == ["月", "国"]
        (reading,) = found[0]["books"]["平水韵"]
        assert (reading["tone"], reading["classical_tone"], reading["group"]) == ("仄", "入", "月")
        assert "月" not in reading["rhymes_with"]
        assert "阙" in reading["rhymes_with"]

    def test_unknown(self) -> None:
        assert "unknown" in shown("--character", "𠀀")

    def test_either_poems_or_characters(self) -> None:
        assert run(SIMPLIFIED, "--character", "看").exit_code == 2


class TestTunes:
    DREAM = "常记溪亭日暮，沉醉不知归路。兴尽晚回舟，误入藕花深处。争渡，争渡，惊起一滩鸥鹭。"

    def test_a_tune_is_known_by_its_lengths(self) -> None:
        rows = shown(self.DREAM).splitlines()
        assert rows[0].startswith("如梦令 (词, as in ")
        assert rows[1:3] == ["  常记溪亭日暮", "  平仄平平仄仄  A 韵 第四部"]
        assert "  keeps metre and rhyme" in rows
        two = "春花秋月何时了，往事知多少。小楼昨夜又东风，故国不堪回首月明中。"
        two += "雕栏玉砌应犹在，只是朱颜改。问君能有几多愁，恰似一江春水向东流。"
        assert shown(two).startswith("虞美人 (词")  # though nothing says where stanza 2 begins

    def test_json(self) -> None:
        record = json.loads(shown(self.DREAM.replace("溪亭", "溪水"), "--json"))
        assert (record["form"], record["style"], record["template"]) == ("如梦令", "词", None)
        assert (record["keeps_metre"], record["keeps_rhyme"]) == (False, True)
        assert record["pattern"][0] == "中仄中平中仄"
        assert record["rhyme_scheme"] == ["A", "A", "", "A", "A", "A", "A"]
        assert [(f["kind"], f["line"], f["position"]) for f in record["faults"]] == [("平仄", 1, 4)]

    def test_of_a_file(self, write: Write) -> None:
        file = write("ci.json", json.dumps([{"rhythmic": "如梦令", "paragraphs": [self.DREAM]}]))
        assert "如梦令 (词" in shown(file)


def test_rhyme_books() -> None:
    poem = "山外青山楼外楼，西湖歌舞几时休。暖风熏得游人醉，直把杭州作汴州。"
    assert "B  韵 第十二部" in shown(poem, "--rhyme-book", "cilin")
    # 灰 is two parts in 词, so 回 and 来 rhyme in 诗 alone.
    far = "少小离家老大回，乡音无改鬓毛衰。儿童相见不相识，笑问客从何处来。"
    assert json.loads(shown(far, "--json"))["ok"]
    assert not json.loads(shown(far, "--json", "--rhyme-book", "cilin"))["keeps_rhyme"]


def test_rules_and_readings_are_two_things() -> None:
    lone_level = "饮酒莫辞醉，醉多适不愁。"  # by 高適; its second line is 仄平仄仄平
    assert "孤平" in shown(lone_level)
    assert "孤平" not in shown(lone_level, "--rules", "loose")
    assert "字音" in shown(SIMPLIFIED, "--readings", "strict", "--rules", "loose")


def test_json_of_a_poem() -> None:
    record = json.loads(shown(UNLINKED, "--json"))
    assert record["template"] == {"name": "平起首句入韵", "order": "ABbA"}
    assert record["style"] == "折腰体"
    assert record["types"] == "ABaB"
    assert record["tones"][1] == "仄仄平平仄仄平"
    assert (record["keeps_metre"], record["keeps_rhyme"], record["ok"]) == (False, True, False)
    assert record["faults"] == []
    assert "line 3: 君" in record["style_explanation"]
    wrong = json.loads(shown("白日依山尽，黄河入海流。欲穷千里目，更上一重城。", "--json"))
    assert [(f["kind"], f["line"], f["position"]) for f in wrong["faults"]] == [("韵", 4, 5)]
    old = json.loads(shown("千山鸟飞绝，万径人踪灭。孤舟蓑笠翁，独钓寒江雪。", "--json"))
    assert (old["style"], old["template"], old["rhymes"]) == ("古绝", None, ["屑"])


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
    assert output.count("平起首句入韵 (ABbA)") == 2
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
        ("白日依山尽，" * 300, MetreError, "a form of 300x5"),
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
