"""The encoder's reading of partly known poems."""

import torch
from torch import Tensor

from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.additions import MaskedReading
from poetry_vae.training.batches import Batch, with_masks
from poetry_vae.training.objectives import Step, WeightedELBO
from tests.small import CHARACTERS, small_model


def _ids(n: int) -> Tensor:
    return torch.randint(
        2, len(CHARACTERS) + 2, (n, 10), generator=torch.Generator().manual_seed(0)
    )


def test_every_number_of_masks_is_equally_likely_and_the_rest_stays() -> None:
    ids = _ids(11_000)
    masked = with_masks(ids, generator=torch.Generator().manual_seed(1))
    hidden = masked == CharTokenizer.MASK
    assert torch.equal(masked[~hidden], ids[~hidden])
    counts = torch.bincount(hidden.sum(1), minlength=11)
    assert (counts - 1000).abs().max() < 150  # five standard deviations


def test_divergence_is_naught_where_the_full_reading_is_the_masked_one() -> None:
    model, ids = small_model(), torch.full((4, 10), CharTokenizer.MASK)
    record = model(ids)
    step = Step(model, Batch(ids), 1.0, torch.Generator().manual_seed(0))
    found = MaskedReading(1.0)(step, record)
    assert found is not None
    assert torch.allclose(found, torch.zeros(()), atol=1e-6)


def test_divergence_moves_the_reading_of_masks_and_nothing_else() -> None:
    model, ids = small_model(), _ids(64)
    record = small_model()(ids, generator=torch.Generator().manual_seed(0))  # what is aimed at
    before = [p.clone() for p in model.decoder.parameters()]
    optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
    values = []
    for step in range(60):
        draws = torch.Generator().manual_seed(step)
        loss = MaskedReading(1.0)(Step(model, Batch(ids), 1.0, draws), record)
        assert loss is not None
        optimiser.zero_grad()
        loss.backward()
        assert all(p.grad is None for p in model.decoder.parameters())
        optimiser.step()
        values.append(loss.item())
    assert sum(values[-10:]) < 0.5 * sum(values[:10])
    assert all(map(torch.equal, before, model.decoder.parameters()))


def test_the_objective_adds_it_to_its_loss_and_leaves_the_bound() -> None:
    model, ids = small_model(), _ids(32)
    seeded = torch.Generator()
    plain = WeightedELBO()(Step(model, Batch(ids), generator=seeded.manual_seed(0)))
    both = WeightedELBO(additions=(MaskedReading(0.5),))
    with_term = both(Step(model, Batch(ids), generator=seeded.manual_seed(0)))
    record = model(ids, generator=seeded.manual_seed(0))
    expected = MaskedReading(1.0)(Step(model, Batch(ids[:16]), 1.0, seeded), record)
    assert expected is not None
    assert torch.allclose(with_term.loss - plain.loss, expected)
    assert torch.equal(with_term.elbo, plain.elbo)
    assert torch.equal(with_term.others["masked"], expected)
    warming = both(Step(model, Batch(ids), 0.9, seeded.manual_seed(0)))
    assert "masked" not in warming.others
