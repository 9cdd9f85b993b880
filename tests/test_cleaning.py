"""Editors' marks go, damaged poems are refused, and each for its own reason."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.text.cleaning import RejectedTextError, clean_lines
from poetry_vae.text.poem import split_lines
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


def test_rare_characters_and_the_iteration_mark_are_chinese() -> None:
    assert clean_lines("年年歲々，\u3447\U00020000花") == ("年年歲々", fold("\u3447\U00020000花"))


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
