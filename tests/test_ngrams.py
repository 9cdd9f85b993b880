"""n-grams: counts, discounting, places, what is not settled, files, and their part in drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from poetry_vae import Form
from poetry_vae.model.ngrams import NGramError, NGrams, fused

V = 12
FORM = Form.of(2, 5)


def lines(*rows: list[int]) -> np.ndarray:
    return np.array(rows)


def table(copies: int = 4) -> NGrams:
    """Of couplets in which 7 stands before 8 at the end of a line, and 9 once."""
    often = [[4, 5, 6, 7, 8, 4, 5, 6, 7, 8]] * copies
    return NGrams.count([(lines(*often, [4, 5, 6, 9, 8, 5, 5, 6, 7, 10]), FORM.lengths)], V)


def probs(found: NGrams, row: list[int], place: int) -> np.ndarray:
    ids = torch.tensor([row])
    return found.log_probs(ids, torch.tensor([place]), FORM).exp()[0].numpy()


def test_they_are_probabilities() -> None:
    for place in range(10):
        assert probs(table(), [4, 5, 6, 7, 8, 4, 5, 6, 7, 8], place).sum() == pytest.approx(
            1, abs=2e-2 + V * 1e-5
        )


def test_a_character_that_follows_decides() -> None:
    after_8 = probs(table(), [4, 5, 6, -1, 8, -1, -1, -1, -1, -1], 3)
    after_10 = probs(table(), [4, 5, 6, -1, 10, -1, -1, -1, -1, -1], 3)
    assert after_8.argmax() == 7
    assert after_8[7] > 0.7
    assert after_8[7] > after_10[7]


def test_discounting_is_that_of_the_paper() -> None:
    """Order 0 at the rhyme: 8 nine times, 10 once; D = n1 / (n1 + 2·n2) over the whole order."""
    rows = lines(*[[4, 4, 4, 4, 8]] * 9, [4, 4, 4, 4, 10])
    found = NGrams.count([(rows, (5,))], V)
    D = 0.95  # one n-gram was seen once, none twice: the most that is taken off
    p = found.log_probs(torch.tensor([[4, 4, 4, 4, 8]]), torch.tensor([4]), Form.of(1, 5)).exp()[0]
    assert float(p[8]) == pytest.approx((9 - D) / 10 + (2 * D / 10) / V, rel=0.06)


def test_what_is_not_settled_tells_nothing() -> None:
    """Special symbols, places to come and characters that the table lacks count as unknown."""
    wanted = probs(table(), [4, 5, 6, -1, -1, 4, 5, 6, 7, 8], 3)
    for unknown in (0, V, V + 5):
        assert np.allclose(probs(table(), [4, 5, 6, 0, unknown, 4, 5, 6, 7, 8], 3), wanted)


def test_the_next_line_is_not_read() -> None:
    one, other = (probs(table(), [4, 5, 6, 7, 0, c, 5, 6, 7, 8], 4) for c in (4, 9))
    assert np.allclose(one, other)


def test_rows_may_ask_for_other_places() -> None:
    ids = torch.tensor([[4, 5, 6, 7, 8, 4, 5, 6, 7, 8]] * 3)
    together = table().log_probs(ids, torch.tensor([3, 9, 5]), FORM)
    for row, place in enumerate((3, 9, 5)):
        assert np.allclose(together[row].exp(), probs(table(), ids[row].tolist(), place))


def test_fusing_keeps_what_both_like() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.4, 0.1]]))
    log_q = torch.log(torch.tensor([[0.01, 0.9, 0.09]]))
    assert fused(logits, log_q, 0.2).argmax() == 1
    p = 0.8 * logits.exp() + 0.2 * log_q.exp()
    assert torch.allclose(fused(logits, log_q, 0.2), p.log() + 0.2 * log_q)


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "ngrams.safetensors"
    table().save(path)
    row = [4, 5, 6, -1, 8, 4, 5, 6, 7, 8]
    assert np.array_equal(probs(NGrams.load(path, V), row, 3), probs(table(), row, 3))
    with pytest.raises(NGramError, match="vocabulary of 13 symbols"):
        NGrams.load(path, 13)
    content = bytearray(path.read_bytes())
    content[-3] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(NGramError, match="checksum"):
        NGrams.load(path, V)


def test_no_poems_make_no_table() -> None:
    empty = NGrams.count([], V)
    assert probs(empty, [4] * 10, 3) == pytest.approx(np.full(V, 1 / V + 1e-5), rel=1e-3)
