"""Tones and rhyme groups of characters, classical and modern, and how the table is compiled."""

import csv
import importlib.util
import sys
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest

from poetry_vae.text.modern import ModernReadingsError, modern
from poetry_vae.text.prosody import (
    GROUPS,
    PINGSHUI,
    Reading,
    rare_rhymes,
    readings,
    tone_of,
)
from poetry_vae.text.script import fold
from poetry_vae.text.shipped import rows

SCRIPT = Path(__file__).parents[1] / "scripts" / "build_prosody.py"


def test_there_are_106_groups() -> None:
    assert len(GROUPS) == 106
    by_tone = {tone: sum(t == tone for t in GROUPS.values()) for tone in "平上去入"}
    assert by_tone == {"平": 30, "上": 29, "去": 30, "入": 17}
    assert len(set(map(fold, GROUPS))) == 106


@pytest.mark.parametrize(
    ("character", "tone", "group"),
    [
        ("東", "平", "東"),
        ("鐘", "平", "冬"),
        ("天", "平", "先"),
        ("門", "平", "元"),
        ("詩", "平", "支"),
        ("月", "仄", "月"),  # entering tone, level for no one
        ("國", "仄", "職"),  # level in modern Mandarin
        ("白", "仄", "陌"),
        ("業", "仄", "洽"),
        ("拯", "仄", "迥"),
        ("海", "仄", "賄"),
        ("別", "仄", "屑"),  # the annotations are wrong here
        ("塢", "仄", "麌"),  # and here
        ("吾", "平", "虞"),  # usage narrows the book's groups
        ("居", "平", "魚"),
        ("兒", "平", "支"),
    ],
)
def test_characters_with_one_reading(character: str, tone: str, group: str) -> None:
    assert readings(character) == {(tone, group)}
    assert PINGSHUI.readings(character) == readings(character)


@pytest.mark.parametrize("character", "看過忘望爲令教思重間中")
def test_characters_with_both_tones(character: str) -> None:
    assert tone_of(character) == "中"


def _groups(character: str) -> set[str]:
    return {reading.group for reading in readings(character) if reading.group}


def test_a_character_of_several_groups() -> None:
    assert _groups("車") == {"魚", "麻"}
    assert {"佳", "麻"} <= _groups("涯")
    assert Reading("平", "刪") in readings("間")
    assert Reading("仄", "諫") in readings("間")


@pytest.mark.parametrize("spelling", ["烟煙", "峯峰", "黄黃", "強强", "劒劍", "顔顏", "国國"])
def test_variants_are_read_alike(spelling: str) -> None:
    assert readings(spelling[0]) == readings(spelling[1]) != frozenset()


def test_a_simplified_character_has_the_readings_of_all_it_stands_for() -> None:
    assert readings("发") == readings("發") | readings("髮")
    assert readings("复") == readings("復") | readings("複") | readings("覆")
    assert _groups("后") == {"有", "宥"}  # traditional too: taken as it stands


@pytest.mark.parametrize("character", ["", "A", "，", "□", "東風", "\U0001f600"])
def test_what_is_no_character_of_verse_has_no_reading(character: str) -> None:
    assert readings(character) == frozenset()
    assert tone_of(character) == "？"


def test_neighbours_are_mutual_level_groups() -> None:
    for group, tone in GROUPS.items():
        for other in PINGSHUI.neighbours(group):
            assert tone == GROUPS[other] == "平"
            assert group in PINGSHUI.neighbours(other)
            assert group != other
    assert PINGSHUI.neighbours("支") == {"微", "齊"}
    assert PINGSHUI.neighbours("真") == {"文", "元"}
    assert PINGSHUI.neighbours("尤") == frozenset()


def test_rhymes_that_a_character_could_have_and_hardly_has() -> None:
    assert rare_rhymes("論") == rare_rhymes("论") == {"真"}
    assert {"真", "元"} <= _groups("論")
    assert not rare_rhymes("春")
    for group, characters in rows("rare_rhymes"):
        for character in characters:
            assert Reading("平", group) in readings(character), (group, character)


def test_the_table_is_sound_and_small() -> None:
    file = resources.files("poetry_vae.text").joinpath("readings.tsv")
    content = file.read_bytes()
    assert len(content) <= 250 * 1024
    rows = [row.split("\t") for row in content.decode("utf-8").splitlines() if row[0] != "#"]
    characters = [character for character, _ in rows]
    assert characters == sorted(set(characters))
    for character, row in rows:
        if row.startswith("="):
            assert fold(character) != character
            assert len(row) > 2
            continue
        assert fold(character) == character
        for word in row.split(" "):
            assert word[0] in "平仄"
            assert word[1:] == "" or (GROUPS[word[1:]] == "平") == (word[0] == "平")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        spec = importlib.util.spec_from_file_location("build_prosody", SCRIPT)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(SCRIPT.parent))
    return module


class TestCompiling:
    def test_every_rhyme_of_the_book_has_a_group_and_every_group_a_rhyme(
        self, script: ModuleType
    ) -> None:
        merged = script.merged_groups()
        assert set(merged.values()) == set(GROUPS)
        for (rhyme, tone), group in merged.items():
            assert len(rhyme) == 1
            # 證嶝 and 拯等 stand in 青's groups, all others in their own tone.
            assert GROUPS[group] == tone

    @pytest.mark.parametrize(
        ("in_book", "marks", "expected"),
        [
            ({"平東"}, None, {"平東"}),  # the book alone
            (set(), {"平": 9, "仄": 0, "": 9}, {"平"}),  # the marks alone
            ({"平東", "仄送"}, {"平": 98, "仄": 2, "": 100}, {"平東", "仄送"}),
            ({"平東", "仄送"}, {"平": 99, "仄": 1, "": 100}, {"平東"}),  # a slip
            ({"仄麌"}, {"平": 9, "仄": 0, "": 9}, {"仄麌"}),  # contradiction
        ],
    )
    def test_a_reading_needs_both_sources(
        self,
        script: ModuleType,
        in_book: set[str],
        marks: dict[str, int] | None,
        expected: set[str],
    ) -> None:
        assert script.chosen(in_book, marks) == expected

    def test_marks_of_either_tone_support_both(self, script: ModuleType, tmp_path: Path) -> None:
        path = tmp_path / "tones.tsv"
        path.write_text('char\tlevel\toblique\teither\n看\t5\t0\t3\n"\t1\t1\t1\n', encoding="utf-8")
        assert script.read_marks(path) == {"看": {"平": 8, "仄": 3, "": 8}}

    def test_the_book_is_read_by_rhyme_and_tone(
        self, script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "book.csv"
        rows = [["音韻地位", "字頭"], ["端一東平", "東"], ["見開二山平", "閒"], ["", "𤜼"]]
        rows += [["見三脂上", "机"], ["見三微平", "機"], ["並三鍾平", "峯"]]
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        monkeypatch.setattr(script, "VARIANTS", "間閒")
        monkeypatch.setattr(script, "SUPPLEMENT", "罕仄旱")
        book = script.read_book(path)
        assert book["東"] == {"平東"}
        assert book["間"] == {"平刪"}
        assert book["峰"] == {"平冬"}  # the variant's entry, as it has none of its own
        assert book["機"] == {"平微"}  # its own entry, and not that of 机
        assert book["罕"] == {"仄旱"}
        monkeypatch.setattr(script, "VARIANTS", "間閑")
        with pytest.raises(SystemExit, match="閑"):
            script.read_book(path)


class TestModern:
    def test_readings(self) -> None:
        pytest.importorskip("pypinyin")
        book = modern()
        assert book.readings("國") == {("平", "波")}
        assert book.readings("風") == {("平", "庚")}
        assert book.readings("知") == {("平", "支")}
        assert book.readings("雨") == {("仄", "齊")}
        assert book.readings("月") == {("仄", "皆")}
        assert book.readings("雲") == {("平", "文")}
        assert book.readings("長") == {("平", "唐"), ("仄", "唐")}
        assert book.readings("，") == book.readings("") == frozenset()

    def test_without_pypinyin_the_error_says_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        modern.cache_clear()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pypinyin", None)
        with pytest.raises(ModernReadingsError, match=r"poetry-vae\[modern\]"):
            modern()
