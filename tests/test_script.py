"""Folding, conversion between the scripts, and telling them apart."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from poetry_vae.text.script import (
    fold,
    looks_simplified,
    present,
    to_simplified,
    to_traditional,
    understand,
)

HAN = [(0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAD9), (0x20000, 0x323AF)]
han_text = st.text(st.one_of(*(st.characters(min_codepoint=a, max_codepoint=b) for a, b in HAN)))

# Characters that simplified script merged with others, each a word of its own in traditional text.
KEPT = "后云里余干只几斗谷丰松面系征"


@pytest.mark.parametrize(
    ("variant", "canonical"), [("国", "國"), ("峯", "峰"), ("烟", "煙"), ("為", "爲"), ("黄", "黃")]
)
def test_strays_and_variants_get_the_one_spelling(variant: str, canonical: str) -> None:
    assert fold(variant) == fold(canonical) == canonical


@pytest.mark.parametrize("character", KEPT)
def test_a_character_that_traditional_script_also_has_stays(character: str) -> None:
    assert fold(character) == character


def test_compatibility_characters_become_their_ordinary_twins() -> None:
    assert fold("\uf900\uf9d1") == "豈六"
    assert fold("e\u0301") == "\u00e9"


@given(han_text)
def test_folding_is_idempotent_and_keeps_the_length(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


def test_every_single_han_character_folds_to_one_that_stays() -> None:
    text = "".join(chr(code) for a, b in HAN for code in range(a, b + 1))
    once = fold(text)
    assert len(once) == len(text)
    assert fold(once) == once
    assert unicodedata.normalize("NFC", once) == once


@given(han_text)
def test_conversion_keeps_the_length(text: str) -> None:
    assert len(to_traditional(text)) == len(text)
    assert len(to_simplified(text)) == len(text)


@pytest.mark.parametrize(
    ("simplified", "traditional"),
    [
        ("白发三千丈", "白髮三千丈"),
        ("朝发黄牛", "朝發黃牛"),
        ("皇后", "皇后"),
        ("云想衣裳花想容", "雲想衣裳花想容"),
        ("国破山河在", "國破山河在"),
    ],
)
def test_simplified_text_is_converted_by_phrases(simplified: str, traditional: str) -> None:
    assert to_traditional(simplified) == traditional
    assert to_simplified(traditional) == simplified


def test_conversion_ends_in_the_models_orthography() -> None:
    text = "为伪峰烟里台群" * 2
    assert to_traditional(text) == fold(to_traditional(text))


@pytest.mark.parametrize(
    ("texts", "simplified"),
    [
        (["白发三千丈，缘愁似个长。不知明镜里，何处得秋霜。"], True),
        (["白髮三千丈，緣愁似箇長。不知明鏡裏，何處得秋霜。"], False),
        (["國破山河在，城春草木深。感时花濺淚，恨別鳥驚心。"], False),  # one stray
        (["床前明月光", "举头望明月", "国破山河在"], True),
        (["朝辭白帝彩雲間", "千里江陵一日還"], False),
        (["皇后干戈云里"], False),
        ([], False),
        ([""], False),
    ],
)
def test_the_script_of_a_corpus_is_told_by_its_share(texts: list[str], simplified: bool) -> None:
    assert looks_simplified(texts) is simplified
    assert looks_simplified(iter(texts)) is simplified


@pytest.mark.parametrize(
    ("typed", "understood"),
    [
        ("白发三千丈", "白髮三千丈"),  # 发 alone would be ambiguous
        ("白髮三千丈", "白髮三千丈"),
        ("后宮佳麗三千人", "后宮佳麗三千人"),
        ("千里目", "千里目"),
        ("云", "云"),  # either script has it: left alone
        ("烟", "煙"),
        ("abc，", "abc，"),
    ],
)
def test_what_a_person_types_is_understood_in_either_script(typed: str, understood: str) -> None:
    assert understand(typed) == understood


@given(han_text)
@example("皇后与云")
def test_what_was_understood_is_in_the_models_orthography(text: str) -> None:
    assert fold(understand(text)) == understand(text)


def test_text_is_presented_in_the_script_asked_for() -> None:
    assert present("國破山河在", "simplified") == "国破山河在"
    assert present("國破山河在", "traditional") == "國破山河在"
