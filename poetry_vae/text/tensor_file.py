"""Files of tensors in the safetensors format, checked: what is damaged is named, not used.

The header says what the file holds before anything else is read, and the file is mapped, so that
refusing a file by its header costs nothing. In the metadata, ``crc32`` is a JSON object of
checksums by name: one for every tensor (CRC-32 over its name, dtype, shape and content), and one,
with an empty name, for the other metadata. A checksum is verified when its tensor is read, at about
a millisecond a megabyte. Files that were written without checksums are read without that.
"""

from __future__ import annotations

import json
import lzma
import math
import mmap
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.files import open_regular, replacing
from poetry_vae.text.json_values import JsonError, parse_json

PACKED = ".safetensors.xz"
"""Files whose names end so are compressed, and unpacked as a whole."""
SUMS = "crc32"
_LONGEST_HEADER = 1 << 24  # bytes
_MOST_UNPACKED = 1 << 30  # bytes
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "BOOL": 1} | {
    f"{sign}{8 * size}": size for sign in "IU" for size in (1, 2, 4, 8)
}
"""Bytes of a number, by dtype."""
_NUMPY = {
    name: np.dtype("?" if name == "BOOL" else f"{name[0].lower()}{size}").newbyteorder("<")
    for name, size in _BYTES.items()
    if name != "BF16"  # which numpy does not know
}

Buffer = bytes | bytearray | mmap.mmap | memoryview


class TensorFileError(PoetryVAEError):
    """A file of tensors that is not there, damaged, or something else."""


@dataclass(frozen=True)
class Stored:
    """One tensor: its dtype as safetensors writes it (``F32``), shape and content."""

    dtype: str
    shape: tuple[int, ...]
    content: memoryview

    @property
    def told(self) -> str:
        """Dtype and shape, for people."""
        return f"{self.dtype} {list(self.shape)}"


class TensorFile:
    """A mapped file: its metadata without the sums, and tensors by name."""

    def __init__(self, path: Path, content: Buffer, error: type[PoetryVAEError]) -> None:
        """Use :meth:`open` to make one. Content that is not consistent raises ValueError."""
        self.path, self._error = path, error
        header, start = _header(content)
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
            raise ValueError("its metadata are no texts")
        self._sums: dict[str, Any] | None = None
        if SUMS in metadata:
            self._sums = parse_json(metadata.pop(SUMS))
            if not isinstance(self._sums, dict):
                raise ValueError("its checksums are not readable")
        self.metadata: dict[str, str] = metadata
        self.tensors = _stored(header, memoryview(content)[start:])
        if self._sums is not None:
            if set(self._sums) != {"", *self.tensors}:
                raise ValueError("its checksums are not of its tensors")
            if self._sums[""] != _sum_of_metadata(metadata):
                raise ValueError("the checksum of its metadata is wrong")

    @classmethod
    def open(
        cls,
        path: Path,
        what: str,
        *,
        version: str | None = None,
        known: Iterable[str] = (),
        most: int | None = None,
        error: type[PoetryVAEError] = TensorFileError,
    ) -> TensorFile:
        """Map a file and read its header.

        Args:
            what: the kind of file that it should be, for messages, such as "index".
            version: what its metadata must have as ``format``.
            known: names of the other metadata that such a file may have.
            most: the bytes that the file may have.
            error: what is raised, here and by the methods.

        Raises:
            error: the file is missing, not regular, too large, cut short, or of another kind.
        """
        with open_regular(path, most=most, error=error) as file:
            try:
                content: Buffer
                if path.name.endswith(PACKED):
                    content = _unpacked(file)
                else:  # private: arrays may be written to, and the file stays what it is
                    content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
                found = cls(path, content, error)
            except (OSError, ValueError, EOFError, lzma.LZMAError, JsonError) as reason:
                raise error(f"{path}: not a readable {what} ({reason})") from reason
        if version is not None and found.metadata.get("format") != version:
            raise found.refuse(f"no {what} of this version ({version}): make it anew")
        if unknown := set(found.metadata) - {"format", *known}:
            raise found.refuse(f"not a readable {what} (nothing called {min(unknown)!r} is known)")
        return found

    def refuse(self, what: str) -> PoetryVAEError:
        """The error that says what is wrong with the file."""
        return self._error(f"{self.path}: {what}")

    def stored(self, name: str) -> Stored:
        """A tensor as it is stored, its checksum verified.

        Raises:
            error: it is missing, or damaged.
        """
        if name not in self.tensors:
            raise self.refuse(f"damaged: {name} is missing")
        found = self.tensors[name]
        if self._sums is not None and self._sums[name] != _sum(name, found):
            raise self.refuse(f"damaged: {name} is not what was written: its checksum is wrong")
        return found

    def view(self, name: str) -> npt.NDArray[Any]:
        """A tensor as an array over the file.

        Raises:
            error: it is missing, damaged, or of a dtype that numpy does not know.
        """
        found = self.stored(name)
        if found.dtype not in _NUMPY:
            raise self.refuse(f"damaged: {name} is {found.told}")
        return np.frombuffer(found.content, _NUMPY[found.dtype]).reshape(found.shape)

    def array(
        self, name: str, dtype: npt.DTypeLike, shape: tuple[int | None, ...]
    ) -> npt.NDArray[Any]:
        """A tensor of this dtype and shape, where None stands for any size, as :meth:`view`.

        Raises:
            error: it is missing, damaged, of another dtype or shape, or has a number that is not
                finite.
        """
        view, wanted = self.view(name), _name(np.dtype(dtype))
        told = self.tensors[name].told
        fits = len(view.shape) == len(shape) and all(
            asked in (None, size) for asked, size in zip(shape, view.shape, strict=True)
        )
        if _name(view.dtype) != wanted or not fits:
            sizes = ", ".join("any" if size is None else str(size) for size in shape)
            raise self.refuse(f"damaged: {name} is {told}, not {wanted} [{sizes}]")
        if view.dtype.kind == "f" and not is_finite(view):
            raise self.refuse(f"damaged: {name} holds a number that is not finite")
        return view


def save_tensors(
    path: Path, tensors: Mapping[str, Stored | npt.NDArray[Any]], metadata: Mapping[str, str]
) -> None:
    """Write a file with checksums, whole or not at all; compressed if its name says so.

    Raises:
        FileWriteError: as :func:`poetry_vae.text.files.replacing`.
    """
    stored = {
        name: _as_stored(tensor) if isinstance(tensor, np.ndarray) else tensor
        for name, tensor in tensors.items()
    }
    # Wide numbers first, so that each begins at a multiple of its size.
    names = sorted(stored, key=lambda name: (-_BYTES[stored[name].dtype], name))
    sums = {"": _sum_of_metadata(metadata)} | {name: _sum(name, stored[name]) for name in names}
    header: dict[str, object] = {"__metadata__": {**metadata, SUMS: json.dumps(sums)}}
    end = 0
    for name in names:
        begin, end = end, end + len(stored[name].content)
        shape = list(stored[name].shape)
        header[name] = {"dtype": stored[name].dtype, "shape": shape, "data_offsets": [begin, end]}
    head = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    head += b" " * (-len(head) % 8)
    parts: list[bytes | memoryview] = [
        len(head).to_bytes(8, "little"),
        head,
        *(stored[name].content for name in names),
    ]
    with replacing(path) as file:
        if path.name.endswith(PACKED):
            with lzma.open(file, "wb", preset=6) as packed:
                packed.writelines(parts)
        else:
            file.writelines(parts)


def is_finite(array: npt.NDArray[Any]) -> bool:
    """Whether no number is infinite or NaN. A finite sum, which is quick to check, proves it."""
    with np.errstate(all="ignore"):
        return bool(np.isfinite(array.sum(dtype=np.float64)) or np.isfinite(array).all())


def _as_stored(array: npt.NDArray[Any]) -> Stored:
    name = _name(array.dtype)
    content = np.ascontiguousarray(array, _NUMPY[name]).reshape(-1).view(np.uint8)
    return Stored(name, array.shape, content.data)


def _name(dtype: np.dtype[Any]) -> str:
    """What safetensors calls a dtype of numpy."""
    return "BOOL" if dtype.kind == "b" else f"{dtype.kind.upper()}{8 * dtype.itemsize}"


def _header(content: Buffer) -> tuple[dict[str, Any], int]:
    """The header, and where the tensors begin."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise ValueError("cut short, or something else")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header has {length:,} bytes")
    header = parse_json(bytes(content[8 : 8 + length]).decode("utf-8"))
    if not isinstance(header, dict):
        raise ValueError("its header is no object")
    return header, 8 + length


def _stored(header: dict[str, Any], content: memoryview) -> dict[str, Stored]:
    """Tensors by name; together they are the whole content, without gaps."""
    found: dict[str, Stored] = {}
    places: list[tuple[int, int]] = []
    for name, about in header.items():
        try:
            dtype, shape, (begin, end) = about["dtype"], about["shape"], about["data_offsets"]
            whole = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
            fits = whole and end - begin == math.prod(shape) * _BYTES[dtype]
        except (KeyError, TypeError, ValueError):
            fits = False
        if not fits:
            raise ValueError(f"the header says nothing sensible of {name!r}")
        found[name] = Stored(dtype, tuple(shape), content[begin:end])
        places.append((begin, end))
    expected = 0
    for begin, end in sorted(places):
        if begin != expected:
            raise ValueError("its tensors do not follow one another")
        expected = end
    if expected != len(content):
        raise ValueError(f"it has {len(content):,} bytes of tensors and not {expected:,}")
    return found


def _sum(name: str, tensor: Stored) -> int:
    about = f"{name} {tensor.dtype} {list(tensor.shape)}".encode()
    return zlib.crc32(tensor.content, zlib.crc32(about))


def _sum_of_metadata(metadata: Mapping[str, str]) -> int:
    return zlib.crc32(json.dumps(sorted(metadata.items())).encode("utf-8"))


def _unpacked(file: Any) -> bytearray:
    """The whole content of a compressed file: exactly as many bytes as its header says."""
    with lzma.LZMAFile(file) as packed:
        content = bytearray(packed.read(8))
        length = int.from_bytes(content, "little")
        content += packed.read(min(length, _LONGEST_HEADER))
        header, start = _header(content)
        ends = [a["data_offsets"][1] for a in header.values() if "data_offsets" in a]
        size = max((end for end in ends if type(end) is int), default=0)
        if size > _MOST_UNPACKED:
            raise ValueError(f"it unpacks to {size:,} bytes; {_MOST_UNPACKED:,} are read at most")
        content += packed.read(size)
        if len(content) < start + size or packed.read(1):
            raise ValueError("it does not unpack to what its header says")
    return content
