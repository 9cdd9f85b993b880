"""Is the latent used: codes that hold everything, nothing, and half."""

import pytest
import torch
from torch import Tensor

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.usage import usage

IDS = 100 + torch.arange(200).view(20, 10)  # no character in common


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _kept(rows: Tensor, passes: int) -> Tensor:
    return IDS[rows]


def test_a_code_that_holds_the_poem() -> None:
    (figures,) = usage(IDS, write=_kept, generator=seeded())
    assert (figures.passes, figures.reconstruction, figures.reconstruction_shuffled) == (0, 1, 0)
    assert (figures.agreement, figures.agreement_chance) == (0, 0)


def test_a_code_that_nobody_reads() -> None:
    (figures,) = usage(
        IDS,
        write=lambda rows, passes: IDS[:1].expand(len(rows), -1),
        generator=seeded(),
    )
    assert figures.agreement == 1
    assert figures.reconstruction == figures.reconstruction_shuffled == 1 / 20


def test_a_code_of_the_first_half_beside_what_luck_gives() -> None:
    ids = IDS.clone()
    ids[:, 9] = 7  # every poem ends alike
    half = lambda x: torch.cat([x[:, :5], torch.full((len(x), 5), 7)], dim=1)  # noqa: E731
    (figures,) = usage(ids, write=lambda rows, passes: half(ids)[rows], generator=seeded())
    assert figures.reconstruction == pytest.approx(0.6)
    assert figures.reconstruction_shuffled == pytest.approx(0.1)
    assert figures.agreement == pytest.approx(0.5)
    assert figures.agreement_chance == pytest.approx(0.1)


def test_every_number_of_passes_has_its_figures() -> None:
    ids = torch.zeros(4, 6, dtype=torch.long)
    figures = usage(
        ids,
        write=lambda rows, passes: (ids[rows] + passes + 1) % 3,  # back where it began after three
        passes=(2, 0, 1, 2),
        generator=seeded(),
    )
    assert [(f.passes, f.reconstruction) for f in figures] == [(0, 0), (1, 0), (2, 1)]


def test_no_poem_keeps_its_own_latent() -> None:
    for n in (2, 3, 5):
        (figures,) = usage(IDS[:n], write=_kept, generator=seeded())
        assert figures.reconstruction_shuffled == 0
    with pytest.raises(MetricError, match="at least 2"):
        usage(IDS[:1], write=_kept, generator=seeded())
