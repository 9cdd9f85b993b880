"""The rules of regulated verse, and poems measured by them, against a naive reading of both."""

from itertools import product
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.text.metre import (
    LINE_TYPES,
    LineType,
    MetreError,
    MetreTemplate,
    Rules,
    faults_of,
    legal_patterns,
    metred_form,
    template_named,
    templates,
)
from poetry_vae.text.prosody import Reading, Tone
from poetry_vae.text.scansion import MetreReport, check

TYPES: tuple[LineType, ...] = ("a", "A", "b", "B")
RULES: tuple[Rules, ...] = ("strict", "loose")
FORMS = [Form.of(lines, chars) for lines in (2, 4, 8) for chars in (5, 7)]
LEVEL: frozenset[Tone] = frozenset({"平"})
OBLIQUE: frozenset[Tone] = frozenset({"仄"})
EITHER = LEVEL | OBLIQUE


class Toy:
    """A book in which tones are spelled out: 平 and 仄, 平 rhyming with all 平; 中 is both."""

    name = "toy"
    _READINGS: ClassVar = {
        "平": {Reading("平", "東")},
        "冬": {Reading("平", "冬")},  # a neighbouring group
        "尤": {Reading("平", "尤")},
        "仄": {Reading("仄", "送")},
        "中": {Reading("平", "東"), Reading("仄", "送")},
    }

    def readings(self, character: str) -> frozenset[Reading]:
        return frozenset(self._READINGS.get(character, set()))

    def neighbours(self, group: str) -> frozenset[str]:
        return frozenset({"東", "冬"} - {group}) if group in "東冬" else frozenset()


TOY = Toy()


def spelled(*lines: str, **options: object) -> MetreReport:
    return check(lines, book=TOY, **options)  # type: ignore[arg-type]


def kinds(report: MetreReport) -> list[tuple[str, int, int]]:
    return [(fault.kind, fault.line, fault.position) for fault in report.faults]


class TestTemplates:
    @pytest.mark.parametrize(
        ("form", "names"),
        [
            ("五绝", {"aBbA": "仄起首句不入韵", "ABbA": "仄起首句入韵"}),
            ("五绝", {"bAaB": "平起首句不入韵", "BAaB": "平起首句入韵"}),
            ("七绝", {"aBbA": "平起首句不入韵", "ABbA": "平起首句入韵"}),
            ("七绝", {"bAaB": "仄起首句不入韵", "BAaB": "仄起首句入韵"}),
            ("五律", {"aBbAaBbA": "仄起首句不入韵", "ABbAaBbA": "仄起首句入韵"}),
            ("七律", {"bAaBbAaB": "仄起首句不入韵", "BAaBbAaB": "仄起首句入韵"}),
            ("七言联", {"aB": "平起首句不入韵", "BA": "仄起首句入韵"}),
        ],
    )
    def test_orders_and_names(self, form: str, names: dict[str, str]) -> None:
        found = {template.order: template.name for template in templates(Form.parse(form))}
        assert len(found) == 4
        assert names.items() <= found.items()

    def test_rhyming_lines(self) -> None:
        five = Form.parse("五律")
        assert template_named(five, "aBbAaBbA").rhyming_lines == (1, 3, 5, 7)
        assert template_named(five, "ABbAaBbA").rhyming_lines == (0, 1, 3, 5, 7)

    def test_found_by_name_in_either_script_or_by_order(self) -> None:
        form = Form.parse("七绝")
        wanted = MetreTemplate("平起首句入韵", "ABbA")
        for name in ("平起首句入韵", "平起首句入韻", " ABbA"):
            assert template_named(form, name) == wanted
        with pytest.raises(MetreError, match=r"no template 'abba': use .*仄起首句入韵"):
            template_named(form, "abba")

    @pytest.mark.parametrize("name", ["6x7", "4x4", "1x5", "3x7", "9x5", "11x7"])
    def test_other_forms_have_no_metre(self, name: str) -> None:
        with pytest.raises(MetreError, match="has no metre"):
            templates(Form.parse(name))
        assert issubclass(MetreError, FormError)

    def test_the_length_of_a_poem_tells_its_form(self) -> None:
        assert {metred_form(form.positions) for form in FORMS} == set(FORMS)
        assert metred_form(24) == Form.of(4, 6)
        assert metred_form(100) == Form.of(20, 5)
        with pytest.raises(MetreError, match="has 27 characters"):
            metred_form(27)
        with pytest.raises(MetreError, match="of 5 or of 7"):
            metred_form(70)


def naive_legal(line: str, line_type: LineType, rules: Rules) -> bool:
    """The rules of a line as they are told, one by one."""
    seven, tail = len(line) == 7, line[-5:]
    base = {"a": "仄仄平平仄", "A": "仄仄仄平平", "b": "平平平仄仄", "B": "平平仄仄平"}[line_type]
    if seven and line[1] == base[1]:
        return False  # the pair in front is the opposite one
    if line_type == "b" and tail == "平平仄平仄":
        return True
    if (tail[1], tail[3], tail[4]) != (base[1], base[3], base[4]):
        return False
    if rules == "strict":
        if line_type == "B" and tail[0] == "仄" and tail[2] == "仄":
            return False  # 孤平
        if line_type == "A" and tail[2] == "平":
            return False  # 三平尾
    return True


class TestLines:
    @pytest.mark.parametrize("chars", [5, 7])
    @pytest.mark.parametrize("rules", RULES)
    def test_legal_patterns_are_those_of_the_rules(self, chars: int, rules: Rules) -> None:
        every = list(map("".join, product("平仄", repeat=chars)))
        for line_type in TYPES:
            legal = {line for line in every if naive_legal(line, line_type, rules)}
            assert legal_patterns(line_type, chars, rules) == legal
            assert LINE_TYPES[chars][line_type] in legal

    @given(
        st.sampled_from((5, 7)).flatmap(
            lambda n: st.lists(
                st.sampled_from((LEVEL, OBLIQUE, EITHER, frozenset[Tone]())), min_size=n, max_size=n
            )
        ),
        st.sampled_from(TYPES),
        st.sampled_from(RULES),
    )
    def test_a_line_fits_if_some_choice_of_readings_is_legal(
        self, tones: list[frozenset[Tone]], line_type: LineType, rules: Rules
    ) -> None:
        choices = map("".join, product(*tones))
        legal = any(naive_legal(line, line_type, rules) for line in choices)
        letters = {LEVEL: "平", OBLIQUE: "仄", EITHER: "中"}
        symbols = "".join(letters.get(can_be, "×") for can_be in tones)
        faults = faults_of(symbols, line_type, rules)
        assert (faults == ()) is legal
        assert all(1 <= fault.position <= len(tones) for fault in faults)
        assert {f.position for f in faults if f.kind == "字音"} == {
            i for i, can_be in enumerate(tones, start=1) if not can_be
        }

    @pytest.mark.parametrize(
        ("line", "line_type", "faults"),
        [
            ("仄平仄仄平", "B", [(1, "孤平")]),
            ("仄仄仄平仄仄平", "B", [(3, "孤平")]),
            ("仄仄平平平", "A", [(3, "三平尾")]),
            ("平平仄仄平平平", "A", [(5, "三平尾")]),
            ("平平仄平仄", "b", []),
            ("平仄平平仄平仄", "b", []),
            ("仄平仄平仄", "b", [(4, "平仄")]),
            ("仄平平仄平", "B", []),
            ("仄仄仄平仄", "B", [(2, "平仄"), (4, "平仄"), (5, "平仄")]),
        ],
    )
    def test_faults_and_where(
        self, line: str, line_type: LineType, faults: list[tuple[int, str]]
    ) -> None:
        assert faults_of(line, line_type, "strict") == tuple(faults)
        loose = faults_of(line, line_type, "loose")
        assert loose == tuple(fault for fault in faults if fault[1] == "平仄")

    def test_other_lengths(self) -> None:
        assert [f.position for f in faults_of("平" * 6, "a", "strict")] == [2, 6]
        with pytest.raises(MetreError, match="4 characters"):
            legal_patterns("a", 4)


KEPT = {
    "登鸛雀樓": ("白日依山盡 黃河入海流 欲窮千里目 更上一層樓", "aBbA", {"尤"}),
    "早發白帝城": (
        "朝辭白帝彩雲間 千里江陵一日還 兩岸猿聲啼不住 輕舟已過萬重山",
        "ABbA",
        {"刪"},
    ),
    "春望": (
        "國破山河在 城春草木深 感時花濺淚 恨別鳥驚心 烽火連三月 家書抵萬金 白頭搔更短 渾欲不勝簪",
        "aBbAaBbA",
        {"侵"},
    ),
    "楓橋夜泊": (
        "月落烏啼霜滿天 江楓漁火對愁眠 姑蘇城外寒山寺 夜半鐘聲到客船",
        "BAaB",
        {"先"},
    ),
    "山居秋暝": (  # 明月松間照: an ordinary b; 竹喧歸浣女 as well
        "空山新雨後 天氣晚來秋 明月松間照 清泉石上流 竹喧歸浣女 蓮動下漁舟 隨意春芳歇 王孫自可留",
        "bAaBbAaB",
        {"尤"},
    ),
    "渡荊門送別": (  # 仍憐故鄉水: 平平仄平仄 for b
        "渡遠荊門外 來從楚國遊 山隨平野盡 江入大荒流 月下飛天鏡 雲生結海樓 仍憐故鄉水 萬里送行舟",
        "aBbAaBbA",
        {"尤"},
    ),
    "尋隱者不遇": ("清明時節雨紛紛 路上行人欲斷魂 借問酒家何處有 牧童遙指杏花村", "ABbA", {"元"}),
}


class TestPoems:
    @pytest.mark.parametrize("title", KEPT)
    def test_famous_poems_keep_metre_and_rhyme(self, title: str) -> None:
        text, order, groups = KEPT[title]
        report = check(text.split())
        assert report.template.order == order
        assert report.faults == ()
        assert report.ok
        assert report.rhymes == groups
        assert report.unknown == ()

    def test_a_first_line_may_borrow_its_rhyme(self) -> None:
        lines = KEPT["尋隱者不遇"][0].split()  # 紛 is of 文, 魂 and 村 of 元
        assert check(lines).keeps_rhyme
        report = spelled("平平仄仄仄平冬", "仄仄平平仄仄平", "仄仄平平平仄仄", "平平仄仄仄平平")
        assert report.ok
        strict = spelled(*report.lines, readings="strict")
        assert kinds(strict) == [("首句韵", 1, 7)]
        assert strict.keeps_metre
        other = spelled("平平仄仄仄平尤", *report.lines[1:])
        assert kinds(other) == [("首句韵", 1, 7)]
        assert "尤" in other.faults[0].explanation

    @pytest.mark.parametrize(
        ("text", "group"),
        [
            ("春眠不覺曉 處處聞啼鳥 夜來風雨聲 花落知多少", {"篠"}),
            ("千山鳥飛絕 萬徑人蹤滅 孤舟蓑笠翁 獨釣寒江雪", {"屑"}),
            ("開簾見新月 便即下階拜 細語人不聞 北風吹裙帶", {"卦", "泰"}),  # near enough
        ],
    )
    def test_an_old_style_quatrain_rhymes_in_oblique_tones(
        self, text: str, group: set[str]
    ) -> None:
        report = check(text.split())
        assert report.style == "古绝"
        assert report.rhymes == group
        assert report.faults == ()
        assert report.keeps_rhyme
        assert not report.keeps_metre
        assert not report.ok
        assert "old-style" in report.style_explanation
        assert report.line_groups[1] <= group

    def test_an_old_style_quatrain_may_fail_to_rhyme(self) -> None:
        report = check(["待到秋來九月八", "我花開後百花殺", "沖天香陣透長安", "滿城盡帶黃金甲"])
        assert report.style == "古绝"
        assert kinds(report) == [("韵", 4, 7)]

    def test_a_quatrain_without_the_link_is_known_by_its_name(self) -> None:
        report = check(["渭城朝雨浥輕塵", "客舍青青柳色新", "勸君更盡一杯酒", "西出陽關無故人"])
        assert report.style == "折腰体"
        assert report.faults == ()
        assert report.types == ("A", "B", "a", "B")
        assert "君" in report.style_explanation
        assert "舍" in report.style_explanation
        assert report.keeps_rhyme
        assert not report.keeps_metre

    def test_a_link_that_is_missing_beside_another_fault(self) -> None:
        lines = ("平平仄仄平", "仄仄仄平平", "平平平仄仄", "仄仄平平平")
        assert kinds(spelled(*lines)) == [("粘", 3, 2), ("三平尾", 4, 3)]

    @pytest.mark.parametrize(
        ("text", "turned"),
        [
            ("向晚意不適 驅車登古原 夕陽無限好 只是近黃昏", [("大拗", 1, 4, (2, 3))]),
            (
                "離離原上草 一歲一枯榮 野火燒不盡 春風吹又生 "
                "遠芳侵古道 晴翠接荒城 又送王孫去 萋萋滿別情",
                [("大拗", 3, 4, (4, 3))],
            ),
            (
                "千里鶯啼綠映紅 水村山郭酒旗風 南朝四百八十寺 多少樓臺煙雨中",
                [("大拗", 3, 6, (4, 5))],
            ),
            (  # one character saves two lines
                "仄仄仄仄仄 仄平平仄平 平平平仄仄 仄仄仄平平",
                [("大拗", 1, 4, (2, 3)), ("孤平拗救", 2, 1, (2, 3))],
            ),
            ("仄仄仄平仄 平平仄仄平", [("小拗", 1, 3, None)]),
            ("仄仄仄平仄 平平平仄平", [("小拗", 1, 3, (2, 3))]),
            ("平平平仄仄仄平 仄仄仄平平仄平", [("孤平拗救", 2, 3, (2, 5))]),
            ("平平仄平仄 仄仄仄平平", [("特拗", 1, 3, (1, 4))]),
        ],
    )
    @pytest.mark.parametrize("rules", RULES)
    def test_what_departs_and_is_saved_is_regular(
        self, text: str, turned: list[tuple[object, ...]], rules: Rules
    ) -> None:
        spelt = "平仄" in text
        report = spelled(*text.split(), rules=rules) if spelt else check(text.split(), rules=rules)
        found = [(t.kind, t.line, t.position, t.saved_by) for t in report.turned]
        assert found == turned
        assert report.ok or text.startswith("平平平仄仄仄平")

    def test_a_departure_that_nothing_saves(self) -> None:
        report = spelled("仄仄平仄仄", "平平仄仄平")
        assert kinds(report) == [("平仄", 1, 4)]
        assert "does not save it (大拗)" in report.faults[0].explanation
        # Only a has it, and only B saves.
        assert not spelled("平平平平仄", "仄仄仄平平").ok

    @pytest.mark.parametrize(
        ("text", "groups", "borrowed"),
        [
            (
                "清明時節雨紛紛 路上行人欲斷魂 借問酒家何處有 牧童遙指杏花村",
                ["文", "元", "", "元"],
                [("孤雁出群", 1)],
            ),
            (
                "寥落古行宮 宮花寂寞紅 白頭宮女在 閑坐說玄宗",
                ["東", "東", "", "冬"],
                [("孤雁入群", 4)],
            ),
        ],
    )
    def test_every_line_has_its_own_group(
        self, text: str, groups: list[str], borrowed: list[tuple[str, int]]
    ) -> None:
        report = check(text.split())
        assert report.ok
        assert ["".join(sorted(found)) for found in report.line_groups] == groups
        assert [(b.kind, b.line) for b in report.borrowed] == borrowed
        assert "neighbouring group" in report.borrowed[0].explanation

    def test_the_rhyme_with_the_fewest_faults_is_taken(self) -> None:
        report = spelled("平平仄仄平", "仄仄仄平尤", "平平平仄仄", "仄仄仄平平")
        assert ("韵", 2, 5) in kinds(report)
        assert report.rhymes == {"東"}
        text = "少小離家老大回 鄉音無改鬢毛衰 兒童相見不相識 笑問客從何處來"
        assert all(fault.line == 2 for fault in check(text.split()).faults)

    def test_long_verse_goes_on_as_it_began(self) -> None:
        lines = KEPT["春望"][0].split()
        report = check([*lines, *lines[:4]])
        assert report.ok
        assert report.template.order == "aBbA" * 3
        assert kinds(check([*lines, *lines[2:4]])) == [("粘", 9, 2)]

    def test_lines_of_six(self) -> None:
        text = (
            "晴川落日初低 惆悵孤舟解攜 鳥向平蕪遠近 人隨流水東西 "
            "白雲千里萬里 明月前溪後溪 獨恨長沙謫去 江潭春草萋萋"
        )
        report = check(text.split())
        assert report.ok
        assert report.template.order == "BAaBbAaB"
        assert report.turned == ()

    def test_a_couplet_that_does_not_oppose(self) -> None:
        report = spelled("仄仄平平仄", "仄仄仄平平")
        assert kinds(report) == [("对", 2, 2)]

    def test_traps_count_under_strict_rules_only(self) -> None:
        lone = ("仄仄平平仄", "仄平仄仄平")
        tail = ("平平平仄仄", "仄仄平平平")
        for lines, fault in ((lone, ("孤平", 2, 1)), (tail, ("三平尾", 2, 3))):
            assert kinds(spelled(*lines)) == [fault]
            assert spelled(*lines, rules="loose").ok

    def test_the_turned_line_is_exempt_from_opposing(self) -> None:
        assert spelled("平平仄平仄", "仄仄仄平平").ok
        assert spelled("仄仄平平仄平仄", "平平仄仄仄平平", readings="strict").ok

    def test_both_tones_fit_leniently_and_fail_strictly(self) -> None:
        lines = ("仄中平平仄", "平平仄仄平")
        assert spelled(*lines).ok
        assert spelled(*lines).tones[0] == "仄中平平仄"
        assert kinds(spelled(*lines, readings="strict")) == [("字音", 1, 2)]

    def test_unknown_characters_are_told_and_fail_strictly(self) -> None:
        lines = ("仄仄？平仄", "平平仄仄□")
        report = spelled(*lines)
        assert report.ok
        assert report.unknown == ("？", "□")
        assert report.tones == ("仄仄？平仄", "平平仄仄？")
        strict = spelled(*lines, readings="strict")
        assert kinds(strict) == [("字音", 1, 3), ("字音", 2, 5), ("韵", 2, 5)]

    def test_rhymes_that_do_not_agree(self) -> None:
        lines = ["仄仄平平仄", "平平仄仄平", "平平平仄仄", "仄仄仄平平"]
        assert spelled(*lines).rhymes == {"東"}
        report = spelled(*lines, *lines[:3], "仄仄仄平尤")
        assert kinds(report) == [("韵", 8, 5)]
        assert report.keeps_metre
        assert not report.keeps_rhyme
        # A neighbour is for the first line and the last.
        assert kinds(spelled(*lines[:3], "仄仄仄平冬", *lines)) == [("韵", 4, 5)]
        assert kinds(spelled(*lines[:3], "仄仄仄平冬")) == [("韵", 4, 5)]  # one does not set it
        last = spelled(*lines, *lines[:3], "仄仄仄平冬")
        assert last.ok
        assert [(b.kind, b.line) for b in last.borrowed] == [("孤雁入群", 8)]
        assert not spelled(*last.lines, readings="strict").ok

    @pytest.mark.parametrize(
        "lines", [["平平", "平"], [], ["", ""], ["平"] * 99, ["平平平"] * 4, ["平平平平平"] * 6]
    )
    def test_what_has_no_metre(self, lines: list[str]) -> None:
        with pytest.raises(MetreError):
            check(lines)

    def test_explanations_name_line_and_character(self) -> None:
        report = check(["白日依山盡", "黃河入海流", "欲窮千里目", "更上一重城"])
        assert kinds(report) == [("韵", 4, 5)]
        assert report.faults[0].explanation.startswith("line 4, character 5: 城")


forms = st.sampled_from(FORMS)


@st.composite
def legal_poems(draw: st.DrawFn) -> tuple[MetreTemplate, list[str], Rules]:
    form, rules = draw(forms), draw(st.sampled_from(RULES))
    template = draw(st.sampled_from(templates(form)))
    lines = [
        draw(st.sampled_from(sorted(legal_patterns(line_type, form.chars, rules))))
        for line_type in template.types
    ]
    return template, lines, rules


@given(legal_poems())
def test_any_poem_of_legal_lines_passes(poem: tuple[MetreTemplate, list[str], Rules]) -> None:
    template, lines, rules = poem
    for readings in ("lenient", "strict"):
        report = spelled(*lines, rules=rules, readings=readings)
        assert report.ok
        assert report.template == template
        assert report.types == template.types


@given(legal_poems(), st.data())
def test_one_fixed_position_turned_over_fails(
    poem: tuple[MetreTemplate, list[str], Rules], data: st.DataObject
) -> None:
    template, lines, rules = poem
    i = data.draw(st.integers(0, len(lines) - 1))
    j = data.draw(st.sampled_from([1, 3, 5][: len(lines[i]) // 2]))
    turned = lines[i][:j] + ("平" if lines[i][j] == "仄" else "仄") + lines[i][j + 1 :]
    other = [*lines[:i], turned, *lines[i + 1 :]]
    # 平平平平仄 is no line, but 平平仄平仄 and 平平仄仄仄 are both of type b.
    if turned in legal_patterns(template.types[i], len(turned), rules):
        return
    if template.types[i] == "a" and is_great_departure(turned) and saves(lines[i + 1]):
        return  # 拗救
    assert not spelled(*other, rules=rules).keeps_metre


def naive_keeps_metre(lines: list[str], rules: Rules) -> bool:
    """Some template and some choice of readings that the rules of lines allow."""
    form = Form.of(len(lines), len(lines[0]))

    def readings(line: str) -> list[str]:
        return list(map("".join, product(*("平仄" if c == "中" else c for c in line))))

    def fits(line: str, line_type: LineType) -> bool:
        return any(naive_legal(read, line_type, rules) for read in readings(line))

    def couplet(first: str, second: str, types: tuple[LineType, ...]) -> bool:
        if fits(first, types[0]) and fits(second, types[1]):
            return True
        departs = any(is_great_departure(read) for read in readings(first))
        return types == ("a", "B") and departs and any(map(saves, readings(second)))

    return any(
        all(
            couplet(lines[i], lines[i + 1], template.types[i : i + 2])
            for i in range(0, form.lines, 2)
        )
        for template in templates(form)
    )


def is_great_departure(line: str) -> bool:
    """大拗: the fourth character of a, the sixth of seven, is oblique."""
    mended = line[:-2] + "平" + line[-1]
    return line[-2] == "仄" and naive_legal(mended, "a", "loose")


def saves(line: str) -> bool:
    """Position 3 of B, 5 of seven, is level."""
    return line[-3] == "平" and naive_legal(line, "B", "loose")


@given(
    forms.filter(lambda form: form.lines < 8).flatmap(
        lambda form: st.lists(
            st.text("平仄中", min_size=form.chars, max_size=form.chars),
            min_size=form.lines,
            max_size=form.lines,
        )
    ),
    st.sampled_from(RULES),
)
def test_the_checker_agrees_with_a_naive_one(lines: list[str], rules: Rules) -> None:
    assert spelled(*lines, rules=rules).keeps_metre is naive_keeps_metre(lines, rules)


@given(legal_poems(), st.lists(st.tuples(st.integers(0, 7), st.integers(0, 6)), max_size=4))
def test_the_checker_agrees_with_a_naive_one_near_legal_poems(
    poem: tuple[MetreTemplate, list[str], Rules], changes: list[tuple[int, int]]
) -> None:
    _, lines, rules = poem
    for i, j in changes:
        line = lines[i % len(lines)]
        j %= len(line)
        turned = "平" if line[j] == "仄" else "仄"
        lines[i % len(lines)] = line[:j] + turned + line[j + 1 :]
    assert spelled(*lines, rules=rules).keeps_metre is naive_keeps_metre(lines, rules)
