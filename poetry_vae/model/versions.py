"""Which weights a model has, told without loading them: the checksum of their file."""

from __future__ import annotations

import zlib
from pathlib import Path

SHIPPED = Path(__file__).parent / "shipped"
"""Where the models that come with the package lie, each in a folder of its name."""


def version_of(folder: Path) -> str:
    """Eight hexadecimal digits, CRC-32, that change whenever the weights of a model do."""
    return f"{zlib.crc32((folder / 'model.safetensors').read_bytes()):08x}"


def shipped_versions() -> dict[str, str]:
    """The versions of the models that ship, by name."""
    files = sorted(SHIPPED.glob("*/model.safetensors"))
    return {file.parent.name: version_of(file.parent) for file in files}
