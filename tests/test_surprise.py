"""The surprise of single characters."""

import itertools

import torch
from torch import nn

from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.believing import expected, surprises
from tests.small import small_model


def _characters(n: int) -> torch.Tensor:
    draws = torch.Generator().manual_seed(1)
    return torch.randint(2, 20, (n, 10), generator=draws)


def test_where_the_latent_says_nothing_it_is_the_head_alone() -> None:
    model = small_model()
    with torch.no_grad():
        model.decoder.heads.weight.zero_()
    ids = _characters(3)
    found = surprises(model, ids, samples=7, generator=torch.Generator().manual_seed(0))
    log_probs = model.decode(torch.zeros(1, 3, 4))[0].log_softmax(-1)
    expected = -log_probs.gather(-1, ids[..., None])[..., 0]
    assert torch.allclose(found, expected, atol=1e-5)


def test_it_agrees_with_sums_over_a_latent_of_few_values() -> None:
    """p(x_i | rest) by quadrature over a one-dimensional latent."""
    model = small_model(latent=1)
    ids = _characters(2)
    grid = torch.linspace(-6, 6, 2001)[:, None]
    prior = torch.exp(-0.5 * grid[:, 0].square())
    with torch.no_grad():
        log_probs = model.decode(grid).log_softmax(-1)  # [G, T, V]
    found = surprises(model, ids, samples=4000, generator=torch.Generator().manual_seed(0))
    for row, place in itertools.product(range(2), range(10)):
        each = log_probs[:, torch.arange(10), ids[row]].exp()  # [G, T]
        rest = torch.cat([each[:, :place], each[:, place + 1 :]], dim=1).prod(1) * prior
        expected = -torch.log((rest * each[:, place]).sum() / rest.sum())
        assert abs(found[row, place] - expected) < 0.02


def test_the_encoder_never_sees_the_character_it_is_asked_about() -> None:
    model = small_model()
    seen: list[torch.Tensor] = []

    class Watched(nn.Module):
        def forward(self, ids: torch.Tensor, *_: None) -> tuple[torch.Tensor, ...]:
            seen.append(ids)
            out: tuple[torch.Tensor, ...] = inner(ids)
            return out

    inner = model.encoder
    model.encoder = Watched()  # type: ignore[assignment]
    surprises(model, _characters(5), samples=2, generator=torch.Generator().manual_seed(0))
    read = torch.cat(seen)
    assert len(read) == 50
    assert ((read == CharTokenizer.MASK).sum(1) == 1).all()
    assert torch.equal(read.argmin(1), torch.arange(10).repeat(5))


def test_what_was_expected_is_a_distribution_and_agrees_with_the_surprise() -> None:
    model = small_model(latent=1)
    ids = _characters(1)
    draws = torch.Generator().manual_seed(0)
    found = expected(model, ids[0], 3, samples=4000, generator=draws)
    assert torch.allclose(found.sum(), torch.tensor(1.0), atol=1e-4)
    surprise = surprises(model, ids, samples=4000, generator=draws)[0, 3]
    assert abs(found[ids[0, 3]].log() + surprise) < 0.02
