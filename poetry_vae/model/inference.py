"""Computing without learning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch


def _is_onednn_exact() -> bool:
    """Whether oneDNN, told that it may use bfloat16, still multiplies in float32, only faster.

    PyTorch leaves products in float32 to MKL, which has AVX-512 for processors of one maker alone:
    on others it reaches half of what oneDNN reaches. PyTorch passes them to oneDNN only where
    bfloat16 is allowed as well, and oneDNN uses that only with units for it (AMX, AVX10).
    """
    query = getattr(torch.cpu, "get_capabilities", dict)  # not every version can be asked
    has: Mapping[str, object] = query()
    units = ("amx_bf16", "amx_fp16", "avx10_1", "avx10_2")
    return bool(has.get("avx512_f")) and not any(has.get(name) for name in units)


_onednn: Any = torch.backends.mkldnn  # PyTorch still calls it by its former name
# Below so many rows MKL is faster, since oneDNN arranges the weights anew for every product.
_FEW = 6
_PRECISION = "bf16" if _onednn.is_available() and _is_onednn_exact() else None


class inference(torch.no_grad):  # noqa: N801 (named like the class that it extends)
    """``torch.no_grad`` with the faster of the two libraries for products in float32.

    A context manager, or a decorator of functions and generators. The setting that it changes
    belongs to the process, so it is put back at the end.

    >>> with inference():
    ...     torch.ones(2, 2).matmul(torch.ones(2)).requires_grad
    False
    """

    def __enter__(self) -> None:
        super().__enter__()
        if _PRECISION is not None:
            self._before = _onednn.matmul.fp32_precision
            _onednn.matmul.fp32_precision = _PRECISION

    def __exit__(self, *error: Any) -> None:
        if _PRECISION is not None:
            _onednn.matmul.fp32_precision = self._before
        super().__exit__(*error)


@contextmanager
def few_rows(rows: int) -> Iterator[None]:
    """Leave products to MKL inside :class:`inference` if they have few rows."""
    before = None if _PRECISION is None else _onednn.matmul.fp32_precision
    if rows >= _FEW or before is None or before != _PRECISION:
        yield
        return
    _onednn.matmul.fp32_precision = "ieee"
    try:
        yield
    finally:
        _onednn.matmul.fp32_precision = before
