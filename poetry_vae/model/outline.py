"""Models made without weights, to be filled with the weights of a file."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from poetry_vae.text.errors import PoetryVAEError


class TooLargeError(PoetryVAEError):
    """A configuration whose model would have more weights than the limit."""


class Outline(TorchFunctionMode):
    """A context for making modules whose weights mean nothing yet: none is drawn at random, and all
    of them have to be filled in."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: the most numbers there may be. A model with more raises :class:`TooLargeError`
                before it takes memory.
        """
        super().__init__()
        self.left = most

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in ("normal_", "uniform_", "kaiming_uniform_"):
            return args[0] if args else kwargs["tensor"]
        if name not in ("empty", "zeros", "ones", "randn"):
            return func(*args, **kwargs)
        self.left -= math.prod(args if len(args) != 1 or type(args[0]) is int else args[0])
        if self.left < 0:
            raise TooLargeError("a model of more numbers than it may have")
        kwargs.pop("generator", None)
        return (torch.empty if name == "randn" else func)(*args, **kwargs)
