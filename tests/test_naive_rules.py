"""The literal rules by which the benchmark of constraints judges, on poems of known verdict."""

import importlib.util
import sys
from itertools import product
from pathlib import Path
from types import ModuleType

import pytest

from poetry_vae import Avoid, Metre, NoRepeat, Parallel, Pin, Rhyme, Rule, Template, Words, acrostic
from poetry_vae.text.metre import LINE_TYPES, legal_patterns
from poetry_vae.text.scansion import check

SCRIPT = Path(__file__).parents[1] / "scripts" / "benchmarks" / "naive_rules.py"
STORK_TOWER = ("白日依山盡", "黃河入海流", "欲窮千里目", "更上一層樓")
SPRING_DAWN = ("春眠不覺曉", "處處聞啼鳥", "夜來風雨聲", "花落知多少")
DEER_PARK = ("空山不見人", "但聞人語響", "返景入深林", "復照青苔上")

WHITE_KING = ("朝辭白帝彩雲間", "千里江陵一日還", "兩岸猿聲啼不住", "輕舟已過萬重山")
PLATEAU = ("向晚意不適", "驅車登古原", "夕陽無限好", "只是近黃昏")  # 拗救
PALACE = ("寥落古行宮", "宮花寂寞紅", "白頭宮女在", "閑坐說玄宗")  # 孤雁入群


@pytest.fixture(scope="module")
def naive() -> ModuleType:
    spec = importlib.util.spec_from_file_location("naive_rules", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where named tuples look for it
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("lines", "constraint"),
    [
        (STORK_TOWER, acrostic("白黄欲更")),
        (STORK_TOWER, Pin(-1, -1, "楼") & Pin(2, 3, "入")),
        (STORK_TOWER, Template("白日依山尽，□□入")),
        (STORK_TOWER, Avoid("花月")),
        (STORK_TOWER, Words(("千里", "黃河", "海流"))),
        (STORK_TOWER, NoRepeat()),
        (STORK_TOWER, Metre()),
        (STORK_TOWER, Metre(template="仄起首句不入韵") & Rhyme("尤")),
        (STORK_TOWER, Metre("loose", "aBbA") & Rhyme("秋")),
        (WHITE_KING, Metre(template="平起首句入韵") & Rhyme("刪")),
        (SPRING_DAWN, Rhyme("篠")),
        (SPRING_DAWN, Rhyme() & NoRepeat(doublings=True)),
        (("水出桃源俗", "人來谷口賢"), Parallel()),
    ],
)
def test_rules_that_a_poem_keeps(
    naive: ModuleType, lines: tuple[str, ...], constraint: Rule
) -> None:
    assert naive.broken(constraint.parts, lines) == []


@pytest.mark.parametrize(
    ("lines", "constraint", "told"),
    [
        (STORK_TOWER, acrostic("白黃更"), "Pin"),
        (STORK_TOWER, Template("□□□山盡，□□□□山"), "Template"),
        (STORK_TOWER, Avoid("花楼"), "Avoid"),
        (STORK_TOWER, Words(("千里", "流欲")), "Words"),
        (SPRING_DAWN, NoRepeat(), "NoRepeat"),
        (DEER_PARK, NoRepeat(doublings=True), "NoRepeat"),
        (("後后日依山",) * 2, NoRepeat(), "NoRepeat"),
        (DEER_PARK, Metre("loose"), "Metre"),
        (STORK_TOWER, Metre(template="平起首句入韵"), "Metre"),
        (STORK_TOWER, Metre() & Rhyme("東"), "Rhyme"),
        (("朝辭白帝彩雲東", *WHITE_KING[1:]), Metre(), "Metre"),  # line 1 ends level without rhyme
        (STORK_TOWER, Rhyme("篠"), "Rhyme"),
        (SPRING_DAWN[:2], Parallel(), "Parallel"),
        (("白日依山", "黃河入海流"), NoRepeat(), "length [4, 5]"),
    ],
)
def test_rules_that_a_poem_breaks(
    naive: ModuleType, lines: tuple[str, ...], constraint: Rule, told: str
) -> None:
    assert naive.broken(constraint.parts, lines) == [told]


def test_every_kind_of_line_is_written_out(naive: ModuleType) -> None:
    for chars, rules in product((5, 7), ("strict", "loose")):
        lines = list(map("".join, product("平仄", repeat=chars)))
        for kind in LINE_TYPES[chars]:
            kept = {line for line in lines if naive._line(kind, chars, rules).fullmatch(line)}
            assert kept == legal_patterns(kind, chars, rules)
        for written, kind in zip(naive._SAVED[chars], ("a拗", "B救"), strict=True):
            kept = {line for line in lines if naive._pattern(written).fullmatch(line)}
            assert kept == legal_patterns(kind, chars, rules)


@pytest.mark.parametrize(
    "lines", [STORK_TOWER, SPRING_DAWN, DEER_PARK, WHITE_KING, PLATEAU, PALACE, STORK_TOWER[:2]]
)
def test_verdicts_are_those_of_the_scansion(naive: ModuleType, lines: tuple[str, ...]) -> None:
    for reading in ("lenient", "strict"):
        report = check(lines, readings=reading)
        verdict = naive.verdict(lines, reading=reading)
        assert (verdict.metre, verdict.all) == (report.keeps_metre, report.ok)
    assert naive.verdict(STORK_TOWER) == (True, True, True)
    assert not naive.verdict(DEER_PARK).metre


def test_what_is_shown_is_converted_by_phrases(naive: ModuleType) -> None:
    heaven = ("乾坤日月明", "天地古今情")
    assert naive.broken(Pin(1, 1, "干").parts, heaven) == []
    assert naive.broken_as_shown(Pin(1, 1, "干").parts, heaven) == ["Pin"]
    assert naive.broken_as_shown(Pin(1, 1, "乾").parts, heaven) == []
    assert naive.broken_as_shown(NoRepeat().parts, ("後后日依山",)) == ["NoRepeat"]
