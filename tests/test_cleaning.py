"""Editors' marks go, damaged poems are refused, and each for its own reason."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.text.cleaning import RejectedTextError, TypedTextError, clean_lines, clean_typed
from poetry_vae.text.lines import split_lines
from poetry_vae.text.script import fold

LINES = ("白日依山盡", "黃河入海流")


@pytest.mark.parametrize(
    "text",
    [
        "白日依山盡，黃河入海流。",
        "白日依山盡\n黃河入海流",
        "  白日依山盡　黃河入海流 ",
        "白日依山盡（一作落），黃河入海流。",
        "白日依山盡(一作落)，黃河入海流。",
        "白日依山盡（一作（又作西）落），黃河入海流。",  # a note within a note
        "白日〖一〗依山盡〔2〕，【其一】黃河入海流。",
        "[白]日依山盡，《黃河》入〈海〉流。",
        "「白日依山盡，『黃河』入海流。」",
        "“白日依山盡，‘黃河’入海流。”",
        "\"白日\"依山盡，'黃河'入海流。",
        "白日依山尽，黄河入海流。",
        "白日依山盡（□），黃河入海流。",  # lost within a note only
    ],
)
def test_marks_and_notes_go_and_the_verse_stays(text: str) -> None:
    assert clean_lines(text) == LINES


@pytest.mark.parametrize("mark", [*"□○●〇◇■?{}=�", "⿰木養", "{山/淪}", "\ue000", "\uf8ff"])
def test_a_poem_with_lost_characters_is_refused(mark: str) -> None:
    with pytest.raises(RejectedTextError, match=r"^lost characters$"):
        clean_lines(f"白日依{mark}盡，黃河入海流。")


@pytest.mark.parametrize("half", "（）()〖〗〔〕【】")
def test_half_a_pair_of_brackets_is_refused(half: str) -> None:
    with pytest.raises(RejectedTextError, match=r"^a bracket without its partner$"):
        clean_lines(f"白日依{half}山盡，黃河入海流。")


@pytest.mark.parametrize("text", ["", " \n", "，。", "（缺）", "「」"])
def test_a_text_without_a_character_is_refused(text: str) -> None:
    with pytest.raises(RejectedTextError, match=r"^no text$"):
        clean_lines(text)


@pytest.mark.parametrize("stray", ["a", "7", "あ", "한", "é", "_", "<br>", "\0"])
def test_anything_but_chinese_characters_is_refused(stray: str) -> None:
    with pytest.raises(RejectedTextError, match=r"^other than Chinese characters$"):
        clean_lines(f"白日依{stray}盡，黃河入海流。")


def test_rare_characters_are_chinese() -> None:
    assert clean_lines("年年，\u3447\U00020000花") == ("年年", fold("\u3447\U00020000花"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("年々歲々花相似", "年年歲歲花相似"),
        ("知否，々々，應是綠肥紅瘦", "知否，知否，應是綠肥紅瘦"),
        ("行々重行〻", "行行重行行"),
        ("悠々々", "悠悠悠"),
        ("一歩々々進", "一歩一歩進"),
    ],
)
def test_the_iteration_mark_repeats_what_stands_before_it(text: str, meant: str) -> None:
    assert clean_lines(text) == clean_lines(meant)
    assert clean_typed(text) == meant


def test_what_repeats_nothing_is_lost() -> None:
    with pytest.raises(RejectedTextError, match=r"^lost characters$"):
        clean_lines("々白日")
    with pytest.raises(TypedTextError, match="nothing stands before 々"):
        clean_typed("，々白日")


# --- the same for files and for what is typed


@pytest.mark.parametrize(
    "text",
    [
        "白日依山盡（一作落），黃河入海流。",
        "白日依山盡[一作落]，黃河入海流。",
        "白日依山盡［又作落］，黃河[集作：黄]入海流。",
        "白日依山盡[1]，黃河入海流［２］。",
        "白日依山盡①，黃河入海流²。",
        "白日依山盡[注1]，黃河入海流㈠。",
        "「白日依山盡，黃河入海流。」",
        "﹁白日依山盡﹐黃河入海流｡﹂",
        "\ufeff白\u200b日依\u200d山盡，黃河\ufe00入海流。\u2060",
        "白⽇依⼭盡，黃河⼊海流。",
        "白日依山盡／黃河入海流",
        "白日依山盡｜黃河入海流",
        "《白日》依山盡，黃河入海流。",
    ],
)
def test_marks_mean_the_same_in_a_file_and_typed(text: str) -> None:
    assert clean_lines(text) == LINES
    assert tuple(split_lines(clean_typed(text))) == LINES


@pytest.mark.parametrize(
    "text",
    [
        "《登鸛雀樓》白日依山盡，黃河入海流。",
        "《登鸛雀樓》 王之渙 白日依山盡，黃河入海流。",
        "王之渙《登鸛雀樓》：白日依山盡，黃河入海流。",
        "《登鸛雀樓》\n白日依山盡，黃河入海流。",
        "登鸛雀樓 王之渙\n白日依山盡，黃河入海流。",
        "登鸛雀樓\n[唐] 王之渙\n白日依山盡\n黃河入海流",
        "登鸛雀樓（唐·王之渙）\n白日依山盡，黃河入海流。",
        "登鸛雀樓 王之渙 白日依山盡，黃河入海流。",
    ],
)
def test_title_and_author_before_a_typed_poem_go(text: str) -> None:
    assert tuple(split_lines(clean_typed(text))) == LINES


@pytest.mark.parametrize(
    "text",
    [
        "白日依山尽，黄河入海流。",
        "白日依山盡 黃河入海流",
        "白日依山盡黃河入海流",
        "白日依山\n黃河入海\n欲窮千里目\n更上一層樓",  # characters are missing, no title
        "白日依山 黃河入海流，欲窮千里目，更上一層樓。",
        "舉頭望明月?",
        "abc 😀，鵝",  # said to be unknown by whoever reads it
        "",
    ],
)
def test_plain_typed_verse_stays_as_it_is(text: str) -> None:
    assert clean_typed(text) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("白日依山……，黃河入海流。", "… stands for a lost character"),
        ("白日依山...，黃河入海流。", "... stands for a lost character"),
        ("白日依□盡", "□ stands for a lost character"),
        ("白日依○盡", "○ stands"),
        ("白日依{山/皿}", "{ stands"),
        ("白日（依山盡", "the bracket （ has no partner"),
    ],
)
def test_typed_text_that_cannot_be_verse_is_quoted(text: str, told: str) -> None:
    with pytest.raises(TypedTextError) as error:
        clean_typed(text)
    assert told in str(error.value)
    assert text in str(error.value)


def test_signs_that_the_caller_knows_stay() -> None:
    assert clean_typed("□日（一作月）依□盡", free="□") == "□日依□盡"
    with pytest.raises(TypedTextError, match="○"):
        clean_typed("□○", free="□")


def test_the_ellipsis_is_lost_verse_in_a_file() -> None:
    for dots in ("…", "……", "⋯⋯", "...", "．．．"):
        with pytest.raises(RejectedTextError, match=r"^lost characters$"):
            clean_lines(f"白日依山盡{dots}黃河入海流。")


@pytest.mark.parametrize(
    "signs", ["（", "）", "（）", "[", "《", "々", "【〔", "（" * 9 + "〖", "\u200b"]
)
def test_thousands_of_signs_take_no_time(signs: str) -> None:
    text = "白" + signs * 30_000
    start = time.perf_counter()
    for clean in (clean_lines, clean_typed):
        with contextlib.suppress(RejectedTextError, TypedTextError):
            clean(text)
    nested = "（" * 30_000 + "）" * 30_000
    with pytest.raises(RejectedTextError, match="a bracket without its partner"):
        clean_lines("白" + nested)
    assert time.perf_counter() - start < 5


@given(st.text(alphabet="白日依山，。（）[]《》【】々…①\u200b⽇ \n1", max_size=40))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    try:
        once = clean_typed(text)
    except TypedTextError:
        return
    assert split_lines(once) == [] or tuple(split_lines(clean_typed(once)))
    assert not set(once) & set("（）[]《》【】々…①\u200b⽇")


han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)


@given(st.lists(st.text(han, min_size=1, max_size=7), min_size=1, max_size=8))
def test_clean_verse_passes_through_with_nothing_but_its_spelling_changed(
    lines: list[str],
) -> None:
    assert clean_lines("，".join(lines)) == tuple(map(fold, lines))


@given(st.text(alphabet="白日依山，。（）()〖〗[]《》□a \n", max_size=30))
def test_a_text_is_refused_or_ends_as_clean_lines(text: str) -> None:
    try:
        lines = clean_lines(text)
    except RejectedTextError:
        return
    assert lines
    assert set("".join(lines)) <= set("白日依山")
    assert clean_lines("\n".join(lines)) == lines
    assert split_lines("\n".join(lines)) == list(lines)
