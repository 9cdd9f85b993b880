"""Tensors of torch in checked files, see :mod:`poetry_vae.text.tensor_file`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from poetry_vae.text.tensor_file import Stored, TensorFile, save_tensors

_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I8": torch.int8,
    "I64": torch.int64,
}
DTYPE_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
"""What safetensors calls each dtype."""

Wanted = dict[str, tuple[tuple[str, ...], tuple[int, ...]]]
"""For each tensor by name: the dtypes that it may have, and its shape."""


def save_weights(path: Path, weights: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors with their checksums, whole or not at all.

    Raises:
        FileWriteError: the file cannot be written.
    """
    stored = {}
    for name, tensor in weights.items():
        content = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        stored[name] = Stored(DTYPE_NAMES[tensor.dtype], tuple(tensor.shape), content.numpy().data)
    save_tensors(path, stored, metadata)


def hold_against(file: TensorFile, wanted: Wanted, by: str) -> None:
    """Hold a file's header against what is to be read from it.

    Args:
        by: the name, for an error message, of the thing it is held against.

    Raises:
        error: a tensor is missing, too many, or of another dtype or shape; the error names it.
    """
    for name, (dtypes, shape) in wanted.items():
        found = file.tensors.get(name)
        if found is None:
            fault = "is missing"
        elif found.shape != shape:
            fault = f"is {list(found.shape)}, not {list(shape)}"
        elif found.dtype not in dtypes:
            fault = f"is {found.dtype}, not {' or '.join(dtypes)}"
        else:
            continue
        raise file.refuse(f"does not fit {by}: {name} {fault}")
    if others := sorted(set(file.tensors) - set(wanted)):
        raise file.refuse(f"does not fit {by}: {others[0]} belongs to nothing in it")


def weights_in(file: TensorFile) -> dict[str, Tensor]:
    """All tensors of a file, copied, their checksums verified.

    Raises:
        error: a tensor is damaged or holds a number that is not finite; the error names it.
    """
    return {name: _tensor(file, name) for name in file.tensors}


def _tensor(file: TensorFile, name: str) -> Tensor:
    found = file.stored(name)
    out = torch.empty(found.shape, dtype=_DTYPES[found.dtype])
    if out.numel():
        out.copy_(torch.frombuffer(found.content, dtype=out.dtype).view(found.shape))
    # If the sum is finite, every number in it is.
    if out.is_floating_point() and not (
        out.sum(dtype=torch.float64).isfinite() or out.isfinite().all()
    ):
        raise file.refuse(f"damaged: {name} holds a number that is not finite")
    return out
