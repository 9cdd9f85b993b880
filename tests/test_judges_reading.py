"""What the judges read: simplified script, affinities of characters, copies."""

from __future__ import annotations

import numpy as np
import pytest

from poetry_vae.evaluation.judges import alphabet as reading
from poetry_vae.evaluation.judges.affinities import Affinity, across, aligned, neighbours
from poetry_vae.evaluation.judges.alphabet import SymbolTable, simplified
from poetry_vae.evaluation.metrics.novelty import Copies
from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.text.tokenizer import CharTokenizer

JUEJU = Form.of(4, 5)
POEM = "白日依山盡黃河入海流欲窮千里目更上一層樓"


def _characters(code_points: np.ndarray) -> list[str]:
    return ["".join(map(chr, poem)) for poem in code_points]


def test_poems_are_read_in_simplified_script() -> None:
    found = _characters(simplified([POEM, POEM], JUEJU))
    assert found == ["白日依山尽黄河入海流欲穷千里目更上一层楼"] * 2


def test_phrases_are_found_within_lines_but_not_across_them() -> None:
    together, apart = simplified(["乾坤一日月", "不見日月乾"], Form.of(1, 5))
    assert chr(together[0]) == "乾"
    assert chr(apart[4]) == "干"
    assert chr(simplified(["一日月雲乾坤人不見風"], Form.of(2, 5))[0, 4]) == "干"


def test_a_phrase_that_changes_its_length_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        reading, "to_simplified", lambda text: text.replace("日月", "明").replace("雲", "云")
    )
    assert _characters(simplified(["一日月雲人"], Form.of(1, 5))) == ["一日月云人"]


def test_no_poems_are_an_empty_array() -> None:
    assert simplified([], JUEJU).shape == (0, 20)


@pytest.mark.parametrize("poem", [POEM[:-1], "白日依山盡黃河入海流", POEM + "樓"])
def test_poems_of_another_form_are_refused(poem: str) -> None:
    with pytest.raises(FormError, match=r"poem 2 .* is no 五绝 \(4 lines of 5\)"):
        simplified([POEM, poem], JUEJU)


def test_rare_characters_are_one_symbol() -> None:
    form = Form.of(2, 3)
    poems = simplified(["山山山水水人", "山水人水山風"], form)
    alphabet = SymbolTable.of(poems, most=3)
    assert alphabet.characters == "山水人"
    assert len(alphabet) == 5
    symbols = alphabet.read(simplified(["風山水人□𠀀"], form))
    assert symbols.tolist() == [[3, 0, 1, 2, 3, 3]]
    assert alphabet.with_separators(symbols, form).tolist() == [[3, 0, 1, 4, 2, 3, 3]]


def test_ids_are_written_as_poems() -> None:
    tokenizer = CharTokenizer(list("山水人"))
    assert tokenizer.decode_rows(np.array([[2, 3, 4], [0, 2, 2]], np.uint16)) == ["山水人", "□山山"]


def test_pairs_of_positions() -> None:
    form = Form.of(3, 2)
    assert neighbours(form).tolist() == [[0, 1], [2, 3], [4, 5]]
    assert aligned(form).tolist() == [[0, 2], [1, 3], [2, 4], [3, 5]]
    assert across(form)[4:8].tolist() == [[0, 4], [0, 5], [1, 4], [1, 5]]
    assert across(form).shape == (12, 2)
    assert across(Form.of(1, 4)).shape == (0, 2)
    uneven = Form((3, 1, 2))
    assert neighbours(uneven).tolist() == [[0, 1], [1, 2], [4, 5]]
    assert aligned(uneven).tolist() == [[2, 3], [3, 5]]  # from the ends of the lines
    assert across(uneven)[:3].tolist() == [[0, 3], [1, 3], [2, 3]]


def test_affinities_are_shifted_mutual_information_at_full_rank() -> None:
    rng = np.random.default_rng(0)
    V = 12
    first = rng.integers(V, size=4000)
    poems = np.stack(
        [first, np.where(rng.random(4000) < 0.8, first, rng.integers(V, size=4000))], 1
    )
    affinity = Affinity.fit(poems, np.array([[0, 1]]), V, seed=0, rank=V)
    found = affinity.first @ affinity.second.T
    counts = np.zeros((V, V))
    np.add.at(counts, (poems[:, 0], poems[:, 1]), 1)
    context = counts.sum(0) ** 0.75
    with np.errstate(divide="ignore"):
        information = np.log(counts / np.outer(counts.sum(1), context / context.sum()))
    np.testing.assert_allclose(found, np.maximum(information - np.log(5), 0), atol=1e-4)
    assert found.diagonal().min() > 0.3
    pairs = affinity.of_pairs(poems[:9], np.array([[0, 1], [1, 0]]))
    assert pairs[3, 1] == pytest.approx(found[poems[3, 1], poems[3, 0]], abs=1e-5)


def test_the_affinity_of_lines_is_the_mean_of_its_pairs() -> None:
    rng = np.random.default_rng(0)
    form, V = Form.of(3, 4), 30
    affinity = Affinity(*rng.normal(size=(2, V, 7)).astype(np.float32))
    poems = rng.integers(V, size=(20, form.positions))
    pairs = np.split(across(form), 3)
    expected = np.stack([affinity.of_pairs(poems, p).mean(1) for p in pairs], axis=1)
    np.testing.assert_allclose(affinity.of_lines(poems, form), expected, rtol=1e-4, atol=1e-5)


def test_affinities_of_nothing_are_zero() -> None:
    affinity = Affinity.fit(np.zeros((5, 3), int), np.empty((0, 2), int), 4, seed=0)
    assert not affinity.of_pairs(np.zeros((2, 3), int), np.array([[0, 1]])).any()


def test_copies_are_counted() -> None:
    form = Form.of(2, 5)
    copies = Copies.fit(np.arange(20).reshape(2, 10), form.lengths)
    poems = np.array(
        [
            np.arange(10),
            [*range(5), *range(15, 20)],  # two known lines that never stood together
            [99, 3, 4, 5, 6, 99, 99, 99, 99, 99],  # copied from one line into the next
            [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
        ]
    )
    counts = np.stack([found.sum(axis=1) for found in copies.found(poems).values()], axis=1)
    assert counts.tolist() == [[8, 7, 2, 1], [6, 4, 2, 0], [2, 1, 0, 0], [0] * 4]
    short = Copies.fit(np.array([[1, 2]]), 2).found(np.array([[1, 2]]))
    assert [found.sum() for found in short.values()] == [0, 0, 1, 1]
