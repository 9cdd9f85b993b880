"""Where a model trains, and in which precision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch

from poetry_vae.text.errors import PoetryVAEError

Precision = Literal["auto", "float32", "bfloat16"]


class DeviceError(PoetryVAEError):
    """A device that this machine does not have."""


def find_device(name: str = "auto") -> torch.device:
    """``auto`` takes the accelerator that there is (CUDA, Apple's MPS), or else the CPU.

    Raises:
        DeviceError: the device asked for is unknown or absent.
    """
    own = torch.accelerator.current_accelerator(check_available=True)
    there = [*([own.type] if own else []), "cpu"]
    name = there[0] if name == "auto" else name
    refusal = f"no device {name!r} here"
    if name.split(":")[0] not in there:
        raise DeviceError(f"{refusal}; there is {', '.join(there)}")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except RuntimeError as error:
        raise DeviceError(f"{refusal} ({str(error).splitlines()[0]})") from error
    return device


def find_precision(device: torch.device, precision: Precision = "auto") -> torch.dtype:
    """The precision of matrix products in training: bfloat16 where it is faster.

    On a CPU it is chosen if the CPU has instructions for it (others emulate them slowly). No speed
    is measured, since the same seed shall give the same weights however busy the machine is.
    """
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if device.type != "cpu":
        return torch.float32
    # Versions of PyTorch without this query train in float32.
    query = getattr(torch.cpu, "get_capabilities", None)
    capabilities: Mapping[str, object] = query() if query else {}
    has_units = any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if has_units else torch.float32
