"""Constraints as values, as tensors, and refused where no poem can meet them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from poetry_vae import (
    Avoid,
    Doublings,
    Metre,
    Near,
    NoRepeat,
    Parallel,
    Pin,
    Rhyme,
    Rule,
    RuleError,
    Sounds,
    Template,
    Words,
    acrostic,
    first_line,
)
from poetry_vae.text.cilin import CILIN
from poetry_vae.text.form import Form
from poetry_vae.text.metre import MetreError
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.rulebook import Rulebook
from poetry_vae.verse.rules.metrical import Metrical
from poetry_vae.verse.rules.rule import Together, together
from poetry_vae.verse.wishes import WISHES, rules_of

# 月 不 一 oblique, 春 江 花 山 天 level; 後 and 后 are both 后 in simplified script.
TOKENIZER = CharTokenizer(list("人山無風一日雲有何來天中時花春上年月水江後后東空同里不白依盡秋夜"))
COUPLET, QUATRAIN = Form.of(2, 5), Form.of(4, 7)


def _compiled(rules: Rule, form: Form = QUATRAIN) -> Rulebook:
    return Rulebook(rules, form, TOKENIZER)


def _metrical(book: Rulebook) -> Metrical:
    return next(rule for rule in book.rules if isinstance(rule, Metrical))


def _starts(rules: Rule, form: Form) -> torch.Tensor:
    return next(r.placements.starts for r in _compiled(rules, form).rules if r.placements)


def _held(compiled: Rulebook, position: int) -> str:
    return "".join(TOKENIZER.decode([i]) for i in compiled.allowed[position].nonzero()[:, 0])


def test_constraints_combine() -> None:
    both = Pin(1, 1, "春") & Avoid("月") & Metre()
    assert both.parts == (Pin(1, 1, "春"), Avoid("月"), Metre())
    assert together([both, Rhyme("東")]).parts == (*both.parts, Rhyme("東"))
    assert together([]).parts == ()
    assert acrostic("春江花") == Together((Pin(1, 1, "春"), Pin(2, 1, "江"), Pin(3, 1, "花")))
    assert acrostic("春□花", tail=True) == Together((Pin(1, -1, "春"), Pin(3, -1, "花")))


def test_a_pin_is_read_as_people_write_it() -> None:
    assert Pin.parse("2,3=月") == Pin.parse(" 2，3 ＝ 月 ") == Pin(2, 3, "月")
    assert Pin.parse("-1,-2=月") == Pin(-1, -2, "月")
    for text in ("2=月", "2,3=", "2,3=月月", "a,b=月", "0,1=月"):
        with pytest.raises(RuleError):
            Pin.parse(text)


def test_pins_and_templates_leave_one_character_a_place() -> None:
    compiled = _compiled(Pin(2, 3, "月") & Pin(-1, -1, "天") & Template("□春□□□□□，江"[:7]))
    assert _held(compiled, 9) == "月"
    assert _held(compiled, 27) == "天"
    assert _held(compiled, 1) == "春"
    assert set(_held(compiled, 0)) == set(TOKENIZER.characters)
    assert (compiled.begun(1)[0] >= 0).nonzero()[:, 0].tolist() == [1, 9, 27]
    whole = _compiled(Template("白日依山盡" + "□" * 5), COUPLET)
    assert "".join(_held(whole, i) for i in range(5)) == "白日依山盡"


def test_latin_letters_cannot_be_avoided_or_neared() -> None:
    assert Avoid("春、秋").avoided == "春、秋"
    with pytest.raises(RuleError, match="'a' is no Chinese character"):
        Avoid("春abc")
    with pytest.raises(RuleError, match="'h' is no Chinese character"):
        Near("hello")


def test_a_simplified_character_stands_for_all_its_forms() -> None:
    assert set(_held(_compiled(Pin(1, 1, "后")), 0)) == {"後", "后"}
    assert _held(_compiled(Pin(1, 1, "後")), 0) == "後"
    assert _held(_compiled(first_line("白日依山尽"), COUPLET), 4) == "盡"
    # 发 is 發 or 髮; those beside it tell which one a greeting means.
    assert [pin.meant for pin in acrostic("恭喜发财").parts if isinstance(pin, Pin)] == list(
        "恭喜發財"
    )
    assert _held(_compiled(acrostic("皇后")), 7) == "后"
    assert _held(_compiled(acrostic("前后")), 7) == "後"
    avoided = _compiled(Avoid("后尽"))
    assert not set(_held(avoided, 5)) & set("後后盡")


@pytest.mark.parametrize(
    ("constraint", "form", "told"),
    [
        (Pin(5, 1, "月"), QUATRAIN, "5,1=月 lies outside: a 七绝 has 4 lines"),
        (Pin(1, -8, "月"), QUATRAIN, "has 7 characters in a line"),
        (Pin(1, 1, "月") & Pin(1, 1, "花"), QUATRAIN, "1,1=花 cannot be kept, since 1,1=月"),
        (Pin(1, 1, "月") & Avoid("月"), QUATRAIN, "leave out 1,1=月 or avoiding 月"),
        (Avoid("".join(TOKENIZER.characters)), QUATRAIN, "avoid fewer"),
        (acrostic("春江花月夜"), QUATRAIN, "head 5 (夜) lies outside"),
        (acrostic("春A"), QUATRAIN, "'A' is no Chinese character"),
        (
            Template("白日依山尽") & Pin(1, 2, "月"),
            COUPLET,
            "place 2 of line 1 (日) cannot",
        ),
        (Pin(1, 1, "🌙"), QUATRAIN, "'🌙' is no Chinese character"),
        (Template("□□月"), QUATRAIN, "has 3 characters, and a line of 七绝 has 7"),
        (Template("□□□□□，□□□□□，□□□□□"), COUPLET, "has 3 lines, and a 五言联 has 2"),
        (Words(("春江花月夜",)), Form.of(2, 4), "the word 春江花月夜 has 5 characters"),
        (Words(("春江",)) & Avoid("春"), QUATRAIN, "no line has room for the word 春江"),
        (Words(("春江花", "秋夜月")) & Template("□□□天，□□□山"), Form.of(2, 4), None),
        (
            Words(("春江花", "秋夜月")) & Template("□□天□，□□□山"),
            Form.of(2, 4),
            "no place was found",
        ),
        (Metre(), Form.of(3, 7), "has no metre"),
        (Metre(template="無此"), QUATRAIN, "no template"),
        (Pin(2, -1, "月") & Metre(), QUATRAIN, "leave out 2,-1=月 or metre strict"),
        (Pin(2, -1, "月") & Rhyme("東"), QUATRAIN, "leave out 2,-1=月 or rhyme 東"),
        (Rhyme("董") & Metre(), QUATRAIN, "oblique rhyme 董"),
        (Rhyme("xyz"), QUATRAIN, "'xyz' is no rhyme"),
        (Rhyme("東") & Rhyme("冬"), QUATRAIN, "were asked for together"),
        (Doublings(), QUATRAIN, "doublings are an exception"),
        (Parallel(), Form.of(1, 7), "has no couplets"),
        (NoRepeat() & acrostic("春江春月"), QUATRAIN, "no repeats or head 1 (春) or head 3 (春)"),
        (NoRepeat(doublings=True) & Template("春春□□□"), COUPLET, None),
    ],
)
def test_what_cannot_be_is_named(constraint: Rule, form: Form, told: str | None) -> None:
    if told is None:
        assert _compiled(constraint, form).allowed.any(1).all()
        return
    with pytest.raises((RuleError, MetreError)) as caught:
        _compiled(constraint, form)
    assert told in str(caught.value)


def test_words_are_placed_inside_lines_and_apart() -> None:
    starts = _starts(Words(("春江", "秋夜")), COUPLET)
    assert len(starts) == 8 * 8 - 8 - 2 * 2 * 3  # all pairs but equal slots and neighbours
    assert len({tuple(row) for row in starts.tolist()}) == len(starts)
    assert ((starts % 5) <= 3).all()
    assert ((starts[:, 0] - starts[:, 1]).abs() >= 2).all()


def test_words_take_only_places_that_metre_allows() -> None:
    free = _starts(Words(("春月",)), QUATRAIN)
    held = _starts(Words(("春月",)) & Metre(template="平起首句入韵"), QUATRAIN)
    kept = set(held[:, 0].tolist())
    assert kept < set(free[:, 0].tolist())
    # 月 is oblique, and the last place of a line that rhymes is level.
    assert not kept & {5, 12, 26}


def test_near_and_nothing_are_no_limits() -> None:
    compiled = _compiled(Near("白日依山盡") & NoRepeat())
    assert compiled.near == "白日依山盡"
    assert compiled.allowed[:, len(CharTokenizer.SPECIAL) :].all()
    assert not compiled.allowed[:, : len(CharTokenizer.SPECIAL)].any()
    assert (_compiled(together([])).begun(1) == -1).all()


def test_metre_lets_the_next_line_save_a_departure() -> None:
    opening = first_line("水月一不月") & Metre()  # 拗: all of it is oblique
    quatrain = Form.of(4, 5)
    assert _metrical(_compiled(opening, quatrain))
    with pytest.raises(RuleError, match="no 五绝 keeps all of"):
        _compiled(opening & Pin(2, 3, "月"), quatrain)  # where 救 must stand
    _compiled(opening & Pin(2, 3, "天"), quatrain)


def test_another_rhyme_book() -> None:
    assert _metrical(_compiled(Metre() & Rhyme("東") & Sounds(CILIN))).groups == ("第一部",)
    assert _metrical(_compiled(Rhyme("第一部") & Sounds(CILIN))).groups == ("第一部",)
    everything = _metrical(_compiled(Metre() & Rhyme() & Sounds(CILIN)))
    assert set(everything.groups) >= {"第一部", "第十二部"}
    with pytest.raises(RuleError, match="asked for together"):
        _compiled(Metre() & Sounds(CILIN) & Sounds(replace(CILIN, name="other")))


@pytest.mark.parametrize("name", ["東", "东", "一东", "上平一東", "一東韻", "空"])
def test_rhymes_go_by_their_customary_names(name: str) -> None:
    assert _metrical(_compiled(Rhyme(name) & Metre())).groups == ("東",)


def test_a_rhyme_that_is_none_is_told_in_one_line() -> None:
    with pytest.raises(RuleError, match="one of the 106 groups of pingshui, such as 東") as caught:
        _compiled(Rhyme("xyz"))
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "rule", [NoRepeat(), NoRepeat(doublings=True), Parallel(), Near("白日依山盡"), Doublings()]
)
def test_every_rule_has_words_of_its_own(rule: Rule) -> None:
    assert type(rule).__name__ not in rule.told()


def test_strangers_are_shown_and_their_tones_are_known() -> None:
    """玥 stands in no vocabulary here, and the books know 鑫: level, of 侵."""
    book = _compiled(Pin(1, 1, "玥") & Pin(2, 1, "鑫") & Metre() & NoRepeat())
    assert book.alphabet.strangers == ("玥", "鑫")
    ids = book.begun(1)
    assert book.alphabet.text(ids[0, [0, 7]].tolist()) == "玥鑫"
    assert (book.alphabet.read(ids)[0, [0, 7]] == CharTokenizer.UNKNOWN).all()


def test_a_rhyme_takes_characters_that_poems_rhyme_so_where_it_can() -> None:
    """論 has a reading in 真, and poems rhyme it with 元."""
    tokenizer = CharTokenizer(list("人春論言"))

    def admitted(rules: Rule) -> str:
        book = Rulebook(rules, COUPLET, tokenizer)
        ids, last = torch.full((1, 10), -1), torch.tensor([9])
        plan = torch.tensor([[0, 0]])
        held = book.undecided().where(book.rules.index(_metrical(book)), plan)
        return tokenizer.decode(book.mask(ids, last, held)[0].nonzero()[:, 0].tolist())

    assert admitted(Rhyme("真")) == "人春"
    assert admitted(Rhyme("真") & Pin(2, 5, "論")) == "論"


def test_a_long_list_of_avoided_characters_is_cut_in_messages() -> None:
    assert Avoid("月花").told() == "avoiding 月花"
    assert Avoid("月" * 30).told() == f"avoiding {'月' * 20} and 10 more characters"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("浣溪沙", "rhymes in lines 1, 2, 3, 5, 6, and a rhyme can be asked for only in the even"),
        ("菩萨蛮", "differ in length, and a rhyme can be asked for only where"),
        ("5,5,7,7", "differ in length, and a rhyme can be asked for only where"),
    ],
)
def test_a_rhyme_of_other_lines_than_the_even_ones_is_refused(form: str, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        _compiled(Rhyme("東"), Form.parse(form))
    with pytest.raises(MetreError, match="has no metre: regulated verse has"):
        _compiled(Rhyme("東") & Metre(), Form.parse(form))
    _compiled(Rhyme("東"), Form.parse("生查子"))


def test_no_character_ends_two_lines_that_rhyme_if_there_is_another() -> None:
    book = Rulebook(Rhyme("真"), Form.of(4, 5), CharTokenizer(list("人春花月")))
    tokenizer = book.alphabet.tokenizer
    ids = torch.full((1, 20), -1)
    ids[0, 9] = tokenizer.encode(Poem(["人"]))[0]
    plan = torch.tensor([[0, 0]])
    held = book.undecided().where(book.rules.index(_metrical(book)), plan)
    mask = book.mask(ids, torch.tensor([19]), held)[0]
    assert tokenizer.decode(mask.nonzero()[:, 0].tolist()) == "春"


def test_a_tune_of_oblique_rhymes_gets_one() -> None:
    """生查子 rhymes obliquely; 空 and 中, which have oblique readings too, do not rhyme so."""
    tokenizer = CharTokenizer(list("空中春樹路月雪"))
    assert {tokenizer.decode(_ends(form, tokenizer)) for form in ("生查子", "五律")} == {
        "樹路月雪",
        "空中春樹路月雪",
    }


def _ends(form: str, tokenizer: CharTokenizer) -> list[int]:
    """What the second line may end on, if it rhymes with any."""
    book = Rulebook(Rhyme(), Form.parse(form), tokenizer)
    return book.allowed[9].nonzero()[:, 0].tolist()


def test_every_wish_becomes_a_rule() -> None:
    """Each has a parser, which gives a rule that a couplet can keep."""
    values: dict[str, object] = {
        "pin": "1,2=月",
        "metre": "strict",
        "rhyme": "東",
        "near": "白日依山盡",
    }
    values |= {"rhyme_book": "tongyun", "no_repeat": True, "doublings": True, "parallel": True}
    for wish in WISHES:
        value = values.get(wish.name, "□□□□□" if wish.name == "first_line" else "月")
        assert rules_of({wish.name: [value] if wish.is_many else value}, COUPLET) is not None


@pytest.mark.parametrize(("template", "last"), [("aBbA", "暗"), ("ABbA", "人")])
def test_a_first_line_that_does_not_rhyme_ends_on_no_character_that_could_be_level(
    template: str, last: str
) -> None:
    """長 is level and oblique."""
    tokenizer = CharTokenizer(list("長暗人"))
    book = Rulebook(Metre(template=template) & Rhyme("真"), QUATRAIN, tokenizer)
    held = book.undecided().where(book.rules.index(_metrical(book)), torch.tensor([[0, 0]]))
    kept = book.mask(torch.full((1, 28), -1), torch.tensor([6]), held)[0]
    assert tokenizer.decode(kept.nonzero()[:, 0].tolist()) == last


def test_rules_of_metre_have_a_name() -> None:
    with pytest.raises(RuleError, match="'foo' are no rules of metre: strict and loose are"):
        Metre("foo")  # type: ignore[arg-type]
