"""n-grams as numbers: equal where the characters are, the same in every process."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.text.ngrams import among, hashed, hashed_lines, told_apart

ids_of_couplets = st.lists(st.lists(st.integers(0, 3), min_size=8, max_size=8), min_size=1)


@given(ids_of_couplets, st.integers(1, 4))
def test_numbers_are_equal_where_the_characters_are(rows: list[list[int]], n: int) -> None:
    numbers = hashed(np.array(rows, dtype=np.uint16), n, chars=4)
    grams = [
        [tuple(row[line + i : line + i + n]) for line in (0, 4) for i in range(4 - n + 1)]
        for row in rows
    ]
    assert numbers.shape == (len(rows), len(grams[0]))
    pairs = {
        (gram, int(number))
        for a, b in zip(grams, numbers, strict=True)
        for gram, number in zip(a, b, strict=True)
    }
    assert len(pairs) == len({gram for gram, _ in pairs}) == len({number for _, number in pairs})


def test_a_hundred_thousand_pairs_have_a_hundred_thousand_numbers() -> None:
    pairs = np.stack(np.meshgrid(np.arange(320), np.arange(320)), axis=-1).reshape(-1, 2)
    assert len(np.unique(hashed(pairs, 2, chars=2))) == 320**2


def test_what_has_no_such_ngrams_is_refused() -> None:
    ids = np.zeros((1, 10), dtype=np.int64)
    for n, chars in ((6, 5), (0, 5), (4, (3, 3, 3, 1))):
        with pytest.raises(ValueError, match="-grams in lines of"):
            hashed(ids, n, chars=chars)
    for lengths in (3, (3, 8), (), 0, (10, 0)):
        with pytest.raises(ValueError, match="do not make poems of 10 characters"):
            hashed(ids, 2, chars=lengths)


def test_lines_may_differ_in_length() -> None:
    ids = np.arange(6)[None]
    pairs = hashed(ids, 2, chars=(3, 1, 2))
    expected = [hashed(np.array([[a, b]]), 2, chars=2)[0, 0] for a, b in ((0, 1), (1, 2), (4, 5))]
    assert pairs[0].tolist() == expected
    whole = hashed_lines(ids, (3, 1, 2))[0]
    assert whole[0] == hashed(np.array([[0, 1, 2]]), 3, chars=3)[0, 0]
    assert whole[1] == hashed(np.array([[3]]), 1, chars=1)[0, 0]


def test_every_process_has_the_same_numbers(in_other_process: Callable[[str, str], str]) -> None:
    code = (
        "import numpy as np; from poetry_vae.text.ngrams import hashed;"
        "print(int(hashed(np.array([[5, 6, 7]]), 3, chars=3)[0, 0]))"
    )
    here = int(hashed(np.array([[5, 6, 7]], dtype=np.uint16), 3, chars=3)[0, 0])
    assert {int(in_other_process(code, seed)) for seed in ("1", "2")} == {here}


def test_among() -> None:
    known = np.array([2, 5, 2**64 - 1], dtype=np.uint64)
    wanted = np.array([[1, 2, 3], [5, 6, 2**64 - 1]], dtype=np.uint64)
    assert among(wanted, known).tolist() == [[False, True, False], [True, False, True]]
    assert not among(wanted, known[:0]).any()


def test_unknown_characters_are_told_apart_and_the_rest_stays() -> None:
    ids = np.array([[0, 3, 0], [3, 0, 4]], dtype=np.uint16)
    apart = told_apart(ids)
    assert (apart[ids != 0] == ids[ids != 0]).all()
    assert len(set(apart[ids == 0].tolist())) == 3
    assert (apart[ids == 0] < 0).all()
