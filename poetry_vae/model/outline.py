"""Models without weights, into which those of a file are put."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from poetry_vae.text.errors import PoetryVAEError


class TooLargeError(PoetryVAEError):
    """A configuration of a model that has more numbers than it may."""


class Outline(TorchFunctionMode):
    """A context in which modules are made whose numbers mean nothing yet: none is drawn, and every
    weight has to be put in."""

    def __init__(self, most: int) -> None:
        """
        Args:
            most: how many numbers there may be; more raise :class:`TooLargeError`, and take no
                room.
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
