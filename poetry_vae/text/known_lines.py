"""The lines of verse that models were trained on, in two bytes a line.

Forms with lines of the same length share most lines: a line of a quatrain is a couplet's too. So
one file for each length of line serves all models in a folder.

A line is stored as a hash of 32 bits; of the sorted hashes, only the gaps between neighbours are
stored. A line that was never there passes for known with a probability of N/2³² for N lines: once
in 4,400 for a million.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poetry_vae.text.errors import CorpusError
from poetry_vae.text.opening import MOST_BYTES
from poetry_vae.text.tensor_file import TensorFile, save_tensors

_FORMAT, _LARGEST = "poetry-vae lines 1", 2**16 - 1


def lines_file(model: Path, chars: int) -> Path:
    """The file with the lines of ``chars`` characters that a model in this folder may have read."""
    return model.parent / f"lines{chars}.safetensors"


@dataclass(frozen=True)
class KnownLines:
    """A set of lines, in the models' orthography, that can be asked but not read."""

    hashes: npt.NDArray[np.uint32]
    """Sorted, each once."""

    @classmethod
    def of(cls, lines: Iterable[str]) -> KnownLines:
        """The set of these lines."""
        return cls(np.unique(np.array([_hashed(line) for line in lines], dtype=np.uint32)))

    def __or__(self, other: KnownLines) -> KnownLines:
        """The lines of both."""
        return KnownLines(np.union1d(self.hashes, other.hashes))

    def __contains__(self, line: str) -> bool:
        value = _hashed(line)
        place = int(np.searchsorted(self.hashes, np.uint32(value)))
        return place < len(self.hashes) and int(self.hashes[place]) == value

    def __len__(self) -> int:
        return len(self.hashes)

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        gaps = np.diff(self.hashes.astype(np.int64), prepend=0)
        # A gap too wide for two bytes is cut by hashes of no line, one in some millions.
        steps = np.maximum(1, -(-gaps // _LARGEST))
        cut = np.full(int(steps.sum()), _LARGEST, dtype=np.int64)
        last = np.cumsum(steps) - 1
        cut[last] = gaps - (steps - 1) * _LARGEST
        save_tensors(path, {"gaps": cut.astype(np.uint16)}, {"format": _FORMAT})

    @classmethod
    def load(cls, path: Path) -> KnownLines:
        """Read a file that :meth:`save` wrote.

        Raises:
            CorpusError: the file is missing, damaged or something else.
        """
        file = TensorFile.open(
            path, "file of known lines", version=_FORMAT, most=MOST_BYTES, error=CorpusError
        )
        hashes = np.cumsum(file.array("gaps", np.uint16, (None,)), dtype=np.int64)
        if len(hashes) and hashes[-1] >= 2**32:
            raise file.refuse("damaged: its gaps do not give hashes")
        return cls(hashes.astype(np.uint32))


def _hashed(line: str) -> int:
    return int.from_bytes(hashlib.blake2b(line.encode("utf-8"), digest_size=4).digest(), "big")
