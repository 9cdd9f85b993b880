"""Products without gradients are exact, whichever library computes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from poetry_vae.model.inference import few_rows, inference


def _setting() -> str:
    return str(torch.backends.mkldnn.matmul.fp32_precision)  # type: ignore[attr-defined]


def test_products_have_the_precision_of_float32() -> None:
    x, w = torch.randn(512, 256), torch.randn(1024, 256)
    exact = x.double() @ w.double().T
    with inference():
        error = (x @ w.T - exact).abs().max()
    assert error < 5e-4  # bfloat16 would be off by some 0.1


def test_the_setting_of_the_process_is_put_back() -> None:
    before = _setting()
    with inference():
        assert not torch.is_grad_enabled()
    with pytest.raises(KeyError), inference():
        raise KeyError
    assert _setting() == before
    assert torch.is_grad_enabled()
    assert torch.get_float32_matmul_precision() == "highest"


def test_a_generator_leaves_the_setting_alone_between_its_values() -> None:
    @inference()
    def values() -> Iterator[bool]:
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    before = _setting()
    found = []
    for value in values():
        found.append(value)
        assert _setting() == before
        assert torch.is_grad_enabled()
    assert found == [False, False]


def test_few_rows_leave_the_setting_as_it_was() -> None:
    with inference():
        within = _setting()
        with few_rows(1):
            assert torch.ones(1, 2).matmul(torch.ones(2, 1)).item() == 2
        assert _setting() == within
        with few_rows(1000):
            assert _setting() == within
