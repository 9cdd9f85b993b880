"""The models that come with the package, and which weights a model has, without loading any."""

from __future__ import annotations

import zlib
from pathlib import Path

SHIPPED = Path(__file__).parent / "shipped"
"""Where the models that come with the package lie, each in a folder of its name."""


def version_of(folder: Path) -> str:
    """Eight hexadecimal digits, CRC-32, that change whenever the weights of a model do."""
    return f"{zlib.crc32((folder / 'model.safetensors').read_bytes()):08x}"


def shipped_models() -> dict[str, Path]:
    """The folders of the models that come with the package, by name."""
    return {file.parent.name: file.parent for file in sorted(SHIPPED.glob("*/config.json"))}


def shipped_versions() -> dict[str, str]:
    """The versions of those models, by name."""
    return {name: version_of(folder) for name, folder in shipped_models().items()}
