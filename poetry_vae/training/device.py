"""Where a model trains, and in which precision."""

from __future__ import annotations

import time
from typing import Literal

import torch

from poetry_vae.text.errors import PoetryVAEError

Precision = Literal["auto", "float32", "bfloat16"]


class DeviceError(PoetryVAEError):
    """A device that this machine does not have."""


def find_device(name: str = "auto") -> torch.device:
    """``auto`` takes CUDA, then Apple's MPS, then the CPU.

    Raises:
        DeviceError: the device asked for is unknown or absent.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    kind = name.split(":")[0]
    if not available.get(kind, False):
        there = ", ".join(kind for kind, there in available.items() if there)
        raise DeviceError(f"no device {name!r} here; there is {there}")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except RuntimeError as error:
        raise DeviceError(f"no device {name!r} here ({str(error).splitlines()[0]})") from error
    return device


def find_precision(device: torch.device, precision: Precision = "auto") -> torch.dtype:
    """The precision of matrix products in training: bfloat16 where it is faster.

    On a CPU that is decided by a short race, since processors without the instructions emulate
    them slowly.
    """
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type != "cpu":
        return torch.float32
    seconds = {dtype: _race(dtype) for dtype in (torch.float32, torch.bfloat16)}
    faster = seconds[torch.bfloat16] < 0.8 * seconds[torch.float32]
    return torch.bfloat16 if faster else torch.float32


def _race(dtype: torch.dtype) -> float:
    a, b = torch.ones(512, 256, dtype=dtype), torch.ones(256, 2048, dtype=dtype)
    times = []
    for _ in range(6):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return min(times)
