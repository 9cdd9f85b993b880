"""Characters as numbers: round trips, a fixed order, and vocabularies that are refused."""

import json
from collections import Counter
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer, TokenizerError

VERSE = "白日依山盡黃河入海流欲窮千里目更上一層樓"
SHAN = CharTokenizer(["山", "人", "髮", "發"])

han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
alphabets = st.lists(han, min_size=1, max_size=20, unique=True)


# --- ids and characters


def test_special_symbols_stand_first() -> None:
    assert SHAN.encode_folded("山人他").tolist() == [2, 3, CharTokenizer.UNKNOWN]
    assert len(SHAN) == 6
    assert SHAN.decode([CharTokenizer.UNKNOWN, CharTokenizer.MASK, 2]) == "□＿山"


@given(st.data(), alphabets)
def test_text_of_the_vocabulary_survives_the_round_trip(
    data: st.DataObject, alphabet: list[str]
) -> None:
    tokenizer = CharTokenizer(alphabet)
    text = data.draw(st.text(st.sampled_from(alphabet)))
    ids = tokenizer.encode_folded(text)
    assert ids.dtype == np.int64
    assert ids.shape == (len(text),)
    assert tokenizer.decode(ids) == text


@given(alphabets)
def test_every_id_survives_the_round_trip(alphabet: list[str]) -> None:
    tokenizer = CharTokenizer(alphabet)
    ids = range(len(CharTokenizer.SPECIAL), len(tokenizer))
    assert tokenizer.encode_folded(tokenizer.decode(ids)).tolist() == list(ids)


@pytest.mark.parametrize("typed", ["山，人。", "山人", " 山\n人 ", Poem(("山", "人"))])
def test_punctuation_is_passed_over(typed: Poem | str) -> None:
    assert SHAN.encode(typed).tolist() == [2, 3]


def test_either_script_is_understood() -> None:
    assert SHAN.decode(SHAN.encode("白发，發")) == "□髮發"
    assert SHAN.decode(SHAN.encode("发现")) == "發□"


def test_decode_takes_any_iterable_of_numbers() -> None:
    for ids in (np.array([2, 3]), iter([2, 3]), (2, 3), np.array([2, 3], dtype=np.uint16)):
        assert SHAN.decode(ids) == "山人"
    assert SHAN.decode([]) == ""


@pytest.mark.parametrize("outside", [6, 99, -1, -7])
def test_an_id_outside_the_vocabulary_is_an_error(outside: int) -> None:
    for ids in ([2, outside], iter([outside]), np.array([outside])):
        with pytest.raises(TokenizerError, match=f"vocabulary of 6: {outside}$"):
            SHAN.decode(ids)


def test_membership_is_of_characters_not_of_symbols() -> None:
    assert "山" in SHAN
    for other in ("他", "□", "<unk>", 2, ""):
        assert other not in SHAN


@pytest.mark.parametrize(
    ("typed", "unknown"),
    [
        ("", ""),
        ("山人", ""),
        ("山他人她他", "他她"),
        ("白发", "白"),
        ("国國", "国國"),  # as they were typed
        ("e\u0301山", "é"),  # composed by folding
    ],
)
def test_unknown_characters_are_listed_once_as_typed(typed: str, unknown: str) -> None:
    assert SHAN.unknown(typed) == list(unknown)


# --- order


def test_order_is_by_falling_count_then_by_code_point() -> None:
    counts = {"丙": 2, "乙": 5, "甲": 2, "丁": 2, "戊": 1}
    assert CharTokenizer.from_counts(counts).characters == tuple("乙丁丙甲戊")
    assert CharTokenizer.from_counts(counts, min_count=2).characters == tuple("乙丁丙甲")
    assert len(CharTokenizer.from_counts(counts, min_count=6)) == len(CharTokenizer.SPECIAL)


@given(st.dictionaries(han, st.integers(1, 4), max_size=20), st.randoms(use_true_random=False))
def test_order_does_not_depend_on_the_order_of_counting(
    counts: dict[str, int], random: Random
) -> None:
    pairs = list(counts.items())
    random.shuffle(pairs)
    assert CharTokenizer.from_counts(dict(pairs)) == CharTokenizer.from_counts(counts)


def test_order_is_the_same_in_every_process(
    in_other_process: Callable[[str, str], str],
) -> None:
    code = (
        "from collections import Counter\n"
        "from poetry_vae.text.tokenizer import CharTokenizer\n"
        f"counts = Counter(dict.fromkeys(set({VERSE!r}), 1))\n"
        "print(''.join(counts), CharTokenizer.from_counts(counts).to_json(), sep='\\n')"
    )
    counted, stored = zip(
        *(in_other_process(code, seed).splitlines() for seed in "12"), strict=True
    )
    assert counted[0] != counted[1]  # the sets differ, or the test shows nothing
    assert stored[0] == stored[1]


# --- storing


@given(alphabets)
def test_the_stored_vocabulary_reads_back(alphabet: list[str]) -> None:
    tokenizer = CharTokenizer(alphabet)
    again = CharTokenizer.from_json(tokenizer.to_json())
    assert again == tokenizer
    assert hash(again) == hash(tokenizer)
    assert again.characters == tuple(alphabet)


def test_characters_beyond_the_basic_plane_are_one_entry() -> None:
    tokenizer = CharTokenizer.from_counts(Counter("𠀋山𠀋"))
    assert CharTokenizer.from_json(tokenizer.to_json()).characters == ("𠀋", "山")


def test_vocabularies_are_equal_only_in_the_same_order() -> None:
    assert CharTokenizer("山人") != CharTokenizer("人山")
    assert CharTokenizer("山人") != "山人"


@pytest.mark.parametrize(
    ("characters", "message"),
    [(["山", "山"], "'山' occurs twice"), (["山人"], "'山人'"), ([""], "''"), ([7], "7")],
)
def test_a_faulty_vocabulary_is_refused(characters: list[str], message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        CharTokenizer(characters)


def changed(**values: object) -> str:
    return json.dumps({**json.loads(SHAN.to_json()), **values})


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ("", "not a vocabulary"),
        ("山人", "not a vocabulary"),
        ("[]", "not a vocabulary"),
        ("null", "not a vocabulary"),
        ("{}", r"not a vocabulary.*version"),
        (changed(version=2), r"another version \(2\)"),
        (changed(special=["<pad>", "<unk>"]), "another version"),
        (changed(special=5), "another version"),
        (changed(characters=["山"]), "another version"),
        (changed(characters="山山"), "twice"),
    ],
)
def test_what_is_no_stored_vocabulary_is_refused(stored: str, message: str) -> None:
    with pytest.raises(TokenizerError, match=message):
        CharTokenizer.from_json(stored)


def test_rare_is_what_fonts_cannot_show_in_any_spelling() -> None:
    assert CharTokenizer(list("山㶁水㦸𤃩")).rare == (3, 6)  # 㦸 is shown as 戟
    assert CharTokenizer(list("山水")).rare == ()
