"""A variational autoencoder that writes classical Chinese poems.

The public names load on first use, so that ``import poetry_vae`` is instant and needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.errors import PoetryVAEError
    from poetry_vae.text.form import Form
    from poetry_vae.text.poem import Poem
    from poetry_vae.text.tokenizer import CharTokenizer
    from poetry_vae.training.train import train
    from poetry_vae.verse.generate import generate

_ROOMS = {
    "CharTokenizer": "poetry_vae.text.tokenizer",
    "Form": "poetry_vae.text.poem",
    "Poem": "poetry_vae.text.poem",
    "PoetryVAE": "poetry_vae.model.vae",
    "PoetryVAEError": "poetry_vae.text.errors",
    "generate": "poetry_vae.verse.generate",
    "train": "poetry_vae.training.train",
}

__all__ = [
    "CharTokenizer",
    "Form",
    "Poem",
    "PoetryVAE",
    "PoetryVAEError",
    "generate",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'poetry_vae' has no attribute {name!r}")
    return getattr(importlib.import_module(_ROOMS[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_ROOMS])
