"""词 held against what most poems of their tune have, on poems that everybody knows."""

from dataclasses import replace
from importlib import resources

import pytest

from poetry_vae.text.cilin import CILIN, RHYME_PARTS
from poetry_vae.text.form import tunes
from poetry_vae.text.metre import MetreError
from poetry_vae.text.poem import Poem, split_lines
from poetry_vae.text.prosody import GROUPS
from poetry_vae.text.script import understand
from poetry_vae.text.tune_metre import check_tune, tune_metres, tune_of

KNOWN = {
    "如梦令": "常记溪亭日暮，沉醉不知归路。兴尽晚回舟，误入藕花深处。争渡，争渡，惊起一滩鸥鹭。",
    "虞美人": "春花秋月何时了，往事知多少。小楼昨夜又东风，故国不堪回首月明中。"
    "雕栏玉砌应犹在，只是朱颜改。问君能有几多愁，恰似一江春水向东流。",
    "忆江南": "江南好，风景旧曾谙。日出江花红胜火，春来江水绿如蓝。能不忆江南。",
    "西江月": "明月别枝惊鹊，清风半夜鸣蝉。稻花香里说丰年，听取蛙声一片。"
    "七八个星天外，两三点雨山前。旧时茅店社林边，路转溪桥忽见。",
    "浣溪沙": "一曲新词酒一杯，去年天气旧亭台。夕阳西下几时回。"
    "无可奈何花落去，似曾相识燕归来。小园香径独徘徊。",
    "玉楼春": "东城渐觉风光好。縠皱波纹迎客棹。绿杨烟外晓寒轻，红杏枝头春意闹。"
    "浮生长恨欢娱少。肯爱千金轻一笑。为君持酒劝斜阳，且向花间留晚照。",
}


def lines_of(name: str) -> tuple[str, ...]:
    return tuple(split_lines(understand(KNOWN[name])))


@pytest.mark.parametrize("name", KNOWN)
def test_famous_poems_keep_their_tune(name: str) -> None:
    lines = lines_of(name)
    assert tune_of(Poem(lines)) == name
    report = check_tune(lines, name)
    assert report.faults == ()
    assert report.ok
    assert report.unknown == ()


def test_regulated_verse_is_no_tune() -> None:
    lines = ("白日依山盡", "黃河入海流", "欲窮千里目", "更上一層樓")
    assert tune_of(Poem(lines)) == ""
    assert tune_of(Poem(("人之初", "性本善"))) == ""


def test_rhymes_change_where_the_tune_changes_them() -> None:
    report = check_tune(lines_of("虞美人"), "虞美人")
    assert report.metre.rhymes == ("A", "A", "B", "B", "C", "C", "D", "D")
    assert [sorted(found)[0] for found in report.line_groups[::2]] == [
        "第八部",
        "第一部",
        "第五部",
        "第十二部",
    ]


def test_a_poet_may_keep_to_the_rhymes_of_shi() -> None:
    report = check_tune(lines_of("浣溪沙"), "浣溪沙")  # 杯 and 臺 are two parts, and one group: 灰
    assert {group for found in report.line_groups for group in found} == {"灰"}
    alone = replace(CILIN, name="parts alone")
    assert not check_tune(lines_of("浣溪沙"), "浣溪沙", book=alone).keeps_rhyme


def test_faults_say_where_and_how_many_poems_differ() -> None:
    lines = list(lines_of("如梦令"))
    lines[0], lines[3] = "常記溪水日暮", "誤入藕花深院"
    report = check_tune(lines, "如夢令")
    assert [(f.kind, f.line, f.position) for f in report.faults] == [("平仄", 1, 4), ("韵", 4, 6)]
    assert "水 is oblique (仄) where 99% of 如梦令 have level (平)" in report.faults[0].explanation
    assert "does not rhyme with lines 1, 2, 5, 6, 7" in report.faults[1].explanation
    assert not report.keeps_metre
    assert not report.keeps_rhyme
    free = check_tune(["水記溪亭日暮", *lines_of("如梦令")[1:]], "如梦令")
    assert free.ok  # place 1 is free


def test_what_cannot_be_measured() -> None:
    with pytest.raises(MetreError, match="no tune is called"):
        check_tune(("白日",), "白日")
    with pytest.raises(MetreError, match="lines of 6, 6, 5, 6, 2, 2, 6"):
        check_tune(("白日",), "如梦令")


def test_every_tune_has_its_table() -> None:
    assert {tune.name for tune in tunes()} == set(tune_metres())
    for tune in tunes():
        metre = tune_metres()[tune.name]
        assert tuple(map(len, metre.tones)) == tune.form.lengths
        assert len(metre.rhymes) == len(metre.rhyme_shares) == tune.form.lines
        assert all(50 <= share <= 99 for line in metre.shares for share in line)
        letters = [letter for letter in metre.rhymes if letter]
        assert all(letters.count(letter) > 1 for letter in letters)
    assert tune_metres()["如梦令"].pattern[0] == "中仄中平中仄"


class TestParts:
    def test_every_group_has_a_part(self) -> None:
        assert len(RHYME_PARTS) == 19
        for group in GROUPS:
            assert any(reading.group in RHYME_PARTS for reading in CILIN.readings(group)), group

    @pytest.mark.parametrize(
        ("character", "part"),
        [("東", 1), ("回", 3), ("來", 5), ("魂", 6), ("言", 7), ("佳", 10), ("街", 5), ("月", 18)],
    )
    def test_groups_that_are_parted(self, character: str, part: int) -> None:
        assert RHYME_PARTS[part - 1] in {reading.group for reading in CILIN.readings(character)}

    def test_the_parts_are_those_of_the_table(self) -> None:
        text = resources.files("poetry_vae.text").joinpath("cilin.tsv").read_text(encoding="utf-8")
        rows = [row.split("\t") for row in text.splitlines() if row[0] != "#"]
        assert {group for group, _, _ in rows} == set("灰賄隊泰佳卦元阮願")
        assert {int(part) for _, part, _ in rows} == {3, 5, 6, 7, 10}
