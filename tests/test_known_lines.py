"""Known lines: none is forgotten, hardly any is invented, and the file is what it says."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from poetry_vae.text.errors import CorpusError
from poetry_vae.text.known_lines import KnownLines

lines = st.lists(st.text("山水月花春風", min_size=1, max_size=7), max_size=60)


@given(lines, lines)
def test_the_lines_of_both(some: list[str], others: list[str]) -> None:
    both = KnownLines.of(some) | KnownLines.of(others)
    assert both.hashes.tolist() == KnownLines.of([*some, *others]).hashes.tolist()


@given(lines)
def test_every_line_is_known_again(written: list[str]) -> None:
    known = KnownLines.of(written)
    assert all(line in known for line in written)
    assert len(known) == len(set(written))
    assert "孤帆遠影碧空盡" not in known


def test_the_file_holds_the_same_set(tmp_path: Path) -> None:
    path = tmp_path / "lines.safetensors"
    few = KnownLines.of(["白日依山盡", "黃河入海流"])  # gaps far wider than two bytes
    few.save(path)
    loaded = KnownLines.load(path)
    assert "白日依山盡" in loaded
    assert "黃河入海流" in loaded
    assert "欲窮千里目" not in loaded
    many = KnownLines(np.unique(np.random.default_rng(0).integers(0, 2**32, 400_000, np.uint32)))
    many.save(path)
    assert path.stat().st_size < 2.1 * len(many)
    assert np.isin(many.hashes, KnownLines.load(path).hashes).all()
    assert len(KnownLines.load(path)) < 1.01 * len(many)
    KnownLines.of([]).save(path)
    assert len(KnownLines.load(path)) == 0
    assert "白日依山盡" not in KnownLines.load(path)


def test_unknown_lines_pass_as_seldom_as_the_arithmetic_says() -> None:
    rng = np.random.default_rng(1)
    known = KnownLines(np.unique(rng.integers(0, 2**32, 4_000_000, np.uint32)))
    passed = sum(f"line {i}" in known for i in range(60_000))
    expected = 60_000 * len(known) / 2**32  # 56
    assert abs(passed - expected) < 5 * expected**0.5


def test_files_that_are_none(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "lines.safetensors"
    with pytest.raises(CorpusError, match="cannot be read"):
        KnownLines.load(path)
    path.write_bytes(b"{}")
    with pytest.raises(CorpusError, match="not a readable file"):
        KnownLines.load(path)
    save_file({"gaps": np.zeros(3, np.uint16)}, path)
    with pytest.raises(CorpusError, match="of this version"):
        KnownLines.load(path)
    told = {"format": "poetry-vae lines 1"}
    save_file({"gaps": np.full(70_000, 65_535, np.uint16)}, path, told)
    with pytest.raises(CorpusError, match="damaged"):
        KnownLines.load(path)
    save_file({"other": np.zeros(3, np.uint16)}, path, told)
    with pytest.raises(CorpusError, match="gaps is missing"):
        KnownLines.load(path)
