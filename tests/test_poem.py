"""Forms and poems: names, cutting, printing, and the forms found inside longer poems."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.text.errors import FormError, PoetryVAEError
from poetry_vae.text.form import NAMED_FORMS, Form, Tune, tunes
from poetry_vae.text.poem import Poem, split_lines

SPRING = (
    "國破山河在，城春草木深。感時花濺淚，恨別鳥驚心。"
    "烽火連三月，家書抵萬金。白頭搔更短，渾欲不勝簪。"
)
HERON = "白日依山盡，黃河入海流。欲窮千里目，更上一層樓。"

forms = st.builds(Form.of, st.integers(1, 64), st.integers(1, 64))
small_forms = st.builds(Form.of, st.integers(1, 9), st.integers(1, 9))
han = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)


def numbered(*lengths: int) -> Poem:
    """A poem whose lines have the lengths given; line i consists of the i-th character."""
    return Poem(tuple(chr(0x4E00 + i) * n for i, n in enumerate(lengths)), "題", "人", "唐")


# --- names of forms


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("五绝", (4, 5)),
        ("五絕", (4, 5)),
        ("jueju5", (4, 5)),
        ("七绝", (4, 7)),
        ("七言绝句", (4, 7)),
        ("五律", (8, 5)),
        ("LUSHI7", (8, 7)),
        ("五言联", (2, 5)),
        ("七言對句", (2, 7)),
        ("couplet7", (2, 7)),
        ("6x7", (6, 7)),
        (" 6 × 7 ", (6, 7)),
        ("6*7", (6, 7)),
        ("4x5", (4, 5)),
    ],
)
def test_a_form_is_understood_by_its_names_and_its_size(name: str, size: tuple[int, int]) -> None:
    assert Form.parse(name) == Form.of(*size)


@given(forms)
def test_both_printed_names_of_a_form_parse_back(form: Form) -> None:
    assert Form.parse(str(form)) == form
    assert Form.parse(form.slug) == form
    assert form.slug.isascii()


def test_the_named_forms_have_distinct_names_and_the_others_their_size() -> None:
    assert len({form.slug for form in NAMED_FORMS}) == len(NAMED_FORMS) == 15
    assert all(str(form)[0] in "五六七" for form in NAMED_FORMS)
    named, other = Form.of(4, 7), Form.of(6, 7)
    assert (str(named), named.slug, named.positions) == ("七绝", "jueju7", 28)
    assert (str(other), other.slug, other.tune) == ("6x7", "6x7", "")


@pytest.mark.parametrize("name", ["", "sonnet", "4x", "x7", "4x5x6", "-4x5", "1000x5", "五"])
def test_an_unknown_name_is_quoted_beside_the_known_ones(name: str) -> None:
    with pytest.raises(FormError, match=r"五绝 \(jueju5\).*LINESxCHARS") as error:
        Form.parse(name)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("size", [(0, 5), (5, 0), (257, 5), (5, 65), (-1, 5)])
def test_a_form_has_so_many_lines_and_characters_at_most(size: tuple[int, int]) -> None:
    with pytest.raises(FormError, match=f"{size[0]}x{size[1]}"):
        Form.of(*size)
    assert Form.of(64, 64).positions == 4096


def test_form_errors_are_the_project_s_own() -> None:
    with pytest.raises(PoetryVAEError):
        Form.parse("haiku")


# --- cutting text into poems


@given(st.data(), small_forms)
def test_cut_characters_join_again(data: st.DataObject, form: Form) -> None:
    text = data.draw(st.text(han, min_size=form.positions, max_size=form.positions))
    lines = form.cut(text)
    assert "".join(lines) == text
    assert [len(line) for line in lines] == [form.chars] * form.lines


@given(st.data(), small_forms)
def test_a_printed_poem_reads_back(data: st.DataObject, form: Form) -> None:
    text = data.draw(st.text(han, min_size=form.positions, max_size=form.positions))
    poem = Poem.typed(text, form, title="題", author="人", dynasty="唐")
    assert poem.form == form
    assert poem.text == text
    for printed in (str(poem), poem.one_line):
        assert Poem.typed(printed, form, title="題", author="人", dynasty="唐") == poem


def test_punctuation_shows_the_lines_and_counts_for_nothing() -> None:
    lines = ("白日依山盡", "黃河入海流", "欲窮千里目", "更上一層樓")
    assert Poem.typed(HERON, Form.of(4, 5)).lines == lines
    assert Poem.typed("白日依山盡 黃河入海流\n欲窮千里目/更上一層樓!", Form.of(4, 5)).lines == lines
    assert Poem.typed("".join(lines), Form.of(4, 5)).lines == lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("白日依山", r"4 characters.*4 lines of 5, 20 in all"),
        ("", r"0 characters"),
        ("白日依山盡黃，河入海流。欲窮千里目，更上一層樓。", r"line 1 \('白日依山盡黃'\) has 6"),
    ],
)
def test_text_of_another_shape_is_refused_with_its_numbers(text: str, message: str) -> None:
    with pytest.raises(FormError, match=message):
        Poem.typed(text, Form.of(4, 5))


def test_lines_are_cut_at_every_punctuation_mark_and_white_space() -> None:
    assert split_lines("一，二。三、四；五：六？七！八·九|十") == list("一二三四五六七八九十")
    assert split_lines(" 一,二.\r\n三;　四…—\t五 ") == list("一二三四五")
    assert split_lines("，。\n") == []


# --- poems


def test_a_poem_prints_commas_and_stops_by_turns_and_ends_with_a_stop() -> None:
    poem = Poem.typed(HERON, Form.of(4, 5))
    assert poem.one_line == HERON
    assert str(poem) == HERON.replace("，", "，\n").replace("。", "。\n").rstrip()
    assert numbered(1, 1, 1).one_line == "一，丁。丂。"


def test_the_form_of_a_poem_is_the_lengths_of_its_lines() -> None:
    assert numbered(5, 5, 5).form == Form.of(3, 5)
    assert numbered(5, 7).form == Form((5, 7))
    with pytest.raises(FormError, match="1 to 256 lines"):
        _ = Poem(()).form


# --- tunes of 词

JIANGNAN = "江南好，風景舊曾諳。日出江花紅勝火，春來江水綠如藍。能不憶江南。"


@pytest.mark.parametrize("name", ["忆江南", "憶江南", "望江南", "3,5,7,7,5", " 3， 5,7,7 ,5"])
def test_a_tune_is_understood_by_any_of_its_names_and_by_its_lengths(name: str) -> None:
    form = Form.parse(name)
    assert (form.lengths, form.second_stanza) == ((3, 5, 7, 7, 5), 0)
    assert (str(form), form.slug, form.positions) == ("忆江南", "3,5,7,7,5", 27)
    assert Poem.typed(JIANGNAN, form).lines[1] == "風景舊曾諳"
    assert Poem.typed(JIANGNAN, form).form == form


def test_stanzas_tell_a_tune_from_a_poem_with_the_same_lines() -> None:
    tune, poem = Form.parse("玉楼春"), Form.parse("七律")
    assert tune.lengths == poem.lengths
    assert tune != poem
    assert tune == Form.parse("木蘭花") == Form.parse("7,7,7,7/7,7,7,7")
    assert tune.slug == "7,7,7,7/7,7,7,7"
    lines = numbered(*poem.lengths).lines
    assert Poem(lines, tune="玉樓春").form == tune
    assert Poem(lines).form == poem


@pytest.mark.parametrize("tune", tunes(), ids=lambda tune: tune.name)
def test_every_tune_is_read_by_its_names(tune: Tune) -> None:
    assert all(Form.parse(name) == tune.form for name in tune.names)
    assert Form.parse(tune.form.slug) == tune.form
    assert str(tune.form) == tune.name
    assert tune.form.positions <= 64


@pytest.mark.parametrize("name", ["7,7/", "/7,7", "7,,7", "7,7/7/7", "7,65", "7,0,7"])
def test_lengths_that_make_no_form_are_refused(name: str) -> None:
    with pytest.raises(FormError):
        Form.parse(name)


# --- places


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9).map(tuple).map(Form))
def test_places_are_those_of_the_lines_side_by_side(form: Form) -> None:
    each = [(line, c) for line, n in enumerate(form.lengths) for c in range(n)]
    assert form.positions == len(each)
    for place, (line, c) in enumerate(each):
        assert form.place(line, c) == form.place(line, c - form.lengths[line]) == place
        assert (form.line_of[place], form.from_start[place]) == (line, c)
        assert form.from_end[place] == form.lengths[line] - 1 - c
        assert place in range(form.positions)[form.span(line)]
    assert [form.from_end[end] for end in form.ends] == [0] * form.lines
    assert form.units == -(-form.lines // 2)


# --- forms found in longer poems


def found(form: Form, poem: Poem, *, windows: bool = False) -> list[tuple[int, ...]]:
    """Which lines of a numbered poem each found poem consists of."""
    return [
        tuple(ord(line[0]) - 0x4E00 for line in part.lines)
        for part in poem.of_form(form, windows=windows)
    ]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ((5, 5), [(0, 1)]),
        ((5,) * 8, [(0, 1), (2, 3), (4, 5), (6, 7)]),
        ((5, 5, 7, 7, 5, 5), [(0, 1), (4, 5)]),
        ((5, 5, 5), []),  # where a couplet begins is unknown in an odd run
        ((5, 5, 5, 7, 5, 5), [(4, 5)]),
        ((7, 7), []),
        ((5,), []),
    ],
)
def test_couplets_are_found_in_runs_of_even_length(
    lengths: tuple[int, ...], expected: list[tuple[int, ...]]
) -> None:
    assert found(Form.of(2, 5), numbered(*lengths)) == expected


def test_other_forms_are_found_only_as_whole_poems() -> None:
    assert found(Form.of(4, 5), numbered(5, 5, 5, 5)) == [(0, 1, 2, 3)]
    assert found(Form.of(3, 5), numbered(5, 5, 5)) == [(0, 1, 2)]
    for lengths in [(5,) * 8, (7,) * 4, (5, 5, 5, 7), (5,) * 6]:
        assert found(Form.of(4, 5), numbered(*lengths)) == []


def test_windows_are_the_three_pairs_of_consecutive_couplets_of_an_eight_line_poem() -> None:
    windows = [(0, 1, 2, 3), (2, 3, 4, 5), (4, 5, 6, 7)]
    assert found(Form.of(4, 5), numbered(*(5,) * 8), windows=True) == windows
    assert found(Form.of(4, 7), numbered(*(5,) * 8), windows=True) == []
    assert found(Form.of(4, 5), numbered(*(5,) * 10), windows=True) == []
    assert found(Form.of(8, 5), numbered(*(5,) * 8), windows=True) == [tuple(range(8))]


def test_a_found_poem_keeps_what_is_known_about_the_whole() -> None:
    poem = Poem.typed(SPRING, Form.of(8, 5), title="春望", author="杜甫", dynasty="唐")
    couplets = list(poem.of_form(Form.of(2, 5)))
    assert couplets[1] == Poem(("感時花濺淚", "恨別鳥驚心"), "春望", "杜甫", "唐")
    assert len(couplets) == 4
