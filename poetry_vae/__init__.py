"""A variational autoencoder that writes classical Chinese poems.

The public names stand in ``__init__.pyi``, once each, where checkers of types and editors read
them. They load on first use, so that ``import poetry_vae`` is instant and needs no torch.
"""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path
from typing import Any

__version__ = "0.2.0"


@cache
def _rooms() -> dict[str, str]:
    """The public names, each with the module that it is imported from."""
    import ast

    stub = ast.parse(Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(_rooms())
    if name.startswith("__") or name not in _rooms():
        raise AttributeError(f"module 'poetry_vae' has no attribute {name!r}")
    return getattr(importlib.import_module(_rooms()[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_rooms()])
