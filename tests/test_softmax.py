"""The blocked log softmax against the plain formula, with its gradients."""

import pytest
import torch

from poetry_vae.model import softmax
from poetry_vae.model.softmax import log_prob_of


def _case(rows: int, vocabulary: int, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
    g = torch.Generator().manual_seed(rows)
    states = torch.randn(rows, 6, generator=g, dtype=dtype).requires_grad_()
    weight = torch.randn(vocabulary, 6, generator=g, dtype=dtype).requires_grad_()
    bias = torch.randn(vocabulary, generator=g, dtype=dtype).requires_grad_()
    targets = torch.randint(vocabulary, (rows,), generator=g)
    return states, weight, bias, targets


def _naive(
    states: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    logits = states @ weight.T + bias
    return logits.log_softmax(-1)[torch.arange(len(targets)), targets]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 16 rows, so that these small cases have several, and a last one that is short."""
    monkeypatch.setattr(softmax, "_CPU_BLOCK", 1)


@pytest.mark.parametrize("rows", [1, 16, 50])
@pytest.mark.parametrize("equal_weights", [True, False])
def test_values_and_gradients_are_those_of_the_formula(rows: int, equal_weights: bool) -> None:
    states, weight, bias, targets = _case(rows, 11, torch.float64)
    scale = torch.full((rows,), 0.3) if equal_weights else torch.linspace(0.1, 2, rows)
    scale = scale.double()
    results = []
    for function in (log_prob_of, _naive):
        value = function(states, weight, bias, targets)
        grads = torch.autograd.grad((value * scale).sum(), (states, weight, bias))
        results.append((value.detach(), *grads))
    for ours, naive in zip(*results, strict=True):
        torch.testing.assert_close(ours, naive)


def test_without_gradient_the_same_values() -> None:
    states, weight, bias, targets = _case(50, 11, torch.float32)
    with torch.no_grad():
        torch.testing.assert_close(
            log_prob_of(states, weight, bias, targets), _naive(states, weight, bias, targets)
        )


def test_probabilities_of_all_symbols_add_to_one() -> None:
    states, weight, bias, _ = _case(3, 40, torch.float64)
    with torch.no_grad():
        total = sum(log_prob_of(states, weight, bias, torch.full((3,), c)).exp() for c in range(40))
    torch.testing.assert_close(total, torch.ones(3, dtype=torch.float64))


def test_in_bfloat16_close_to_exact() -> None:
    states, weight, bias, targets = _case(64, 200, torch.float32)
    exact = _naive(states, weight, bias, targets)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = log_prob_of(states, weight, bias, targets)
    assert value.dtype == torch.float32
    assert (value - exact).abs().max() < 0.15
    assert (value - exact).mean().abs() < 0.01


def test_an_impossible_target_gives_a_finite_value() -> None:
    hidden = torch.tensor([[1000.0]], requires_grad=True)
    weight = torch.tensor([[1.0], [-1.0]], requires_grad=True)
    value = log_prob_of(hidden, weight, torch.zeros(2), torch.tensor([1]))
    assert torch.isfinite(value).all()
