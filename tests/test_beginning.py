"""What a model begins with when it goes on from another one."""

from pathlib import Path

import pytest
import torch

from poetry_vae.model.config import ConfigError
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.training.api import train
from poetry_vae.training.beginning import begin
from tests.small import small_config, small_corpus, small_model, small_tokenizer

EIGHT = Form.of(8, 5)
_COUPLETS = {"pooling": "positions", "refiner_layers": 1}
_JOINED = {"lines": 8, "couplet_latent": 4, "latent": 3, "prior": "learned", **_COUPLETS}
_SHORT = {"epochs": "1", "min_steps": "2", "batch_size": "16", "patience": "0"}
_REFINER = {"refiner_layers": "1", "refiner_tables": "false"}


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _ids(n: int) -> torch.Tensor:
    return torch.randint(2, len(small_tokenizer()), (n, EIGHT.positions), generator=_seeded())


def test_couplets_are_joined_as_they_were() -> None:
    """Where no convolution reaches from one couplet to the next, all is as with couplets alone."""
    alone = {"encoder_layers": 0, "decoder_layers": 0}
    couplets = small_model(**_COUPLETS, **alone)
    model = begin(small_config(**_JOINED, **alone), small_tokenizer(), couplets, seed=1)
    ids = _ids(5)
    of_poems, of_couplets = model.encode(ids), couplets.encode(ids.view(20, 10))
    assert model.level_sizes == {"poem": 3, "couplet": 16}
    torch.testing.assert_close(of_poems.mean[:, 3:].reshape(20, 4), of_couplets.mean)
    torch.testing.assert_close(
        of_poems.log_variance[:, 3:].reshape(20, 4), of_couplets.log_variance
    )
    code = torch.randn(5, 19, generator=_seeded())
    hidden = model.hidden(code)
    torch.testing.assert_close(hidden.view(20, 10, -1), couplets.hidden(code[:, 3:].reshape(20, 4)))
    other = torch.cat([torch.randn(5, 3, generator=_seeded(1)), code[:, 3:]], dim=-1)
    assert torch.equal(model.hidden(other), hidden)


def test_the_code_of_the_poem_can_learn() -> None:
    """It changes nothing at first, but it is told what does."""
    couplets = small_model(**_COUPLETS)
    model = begin(small_config(**_JOINED), small_tokenizer(), couplets, seed=1)
    (-model(_ids(8), generator=_seeded()).log_likelihood.mean()).backward()
    top = model.levels[0]
    assert top.enter.weight.grad.abs().sum() > 0  # type: ignore[union-attr]


def test_places_of_the_refiner_are_those_of_couplets() -> None:
    couplets = small_model(**_COUPLETS)
    model = begin(small_config(**_JOINED), small_tokenizer(), couplets, seed=1)
    assert couplets.refiner is not None
    assert model.refiner is not None
    for name in ("from_place", "to_place"):
        theirs, own = getattr(couplets.refiner, name), getattr(model.refiner, name)
        assert own.shape == (41, 8)
        assert torch.equal(own[:40].view(4, 10, 8), theirs[:10].expand(4, 10, 8))
        assert torch.equal(own[40], theirs[10])


def test_a_model_of_couplets_goes_on_to_whole_poems(tmp_path: Path) -> None:
    couplets = small_model(pooling="positions")
    corpus = small_corpus(40, EIGHT)
    more = {"latent": "3", "couplet_latent": "4", **_SHORT}
    first = train(
        corpus, tmp_path / "a", form=EIGHT, preset="joined", start=couplets, overrides=more
    ).model
    assert (first.config.latent, first.config.couplet_latent, first.config.hidden) == (3, 4, 8)
    assert first.config.prior == "learned"
    assert " of 19 |" in (tmp_path / "a" / "README.md").read_text(encoding="utf-8")
    loaded = PoetryVAE.from_pretrained(tmp_path / "a")
    assert loaded.config == first.config
    with pytest.raises(ConfigError, match="latent=128"):
        train(corpus, tmp_path / "b", preset="joined", start=loaded, overrides=_SHORT)
    again = train(corpus, tmp_path / "b", start=loaded, overrides={**_SHORT, "masked": "0"})
    assert again.model.config == first.config
    later = train(
        corpus, tmp_path / "c", preset="refine", start=loaded, overrides={**_SHORT, **_REFINER}
    ).model
    assert later.config.couplet_latent == 4
    assert later.refiner is not None


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"lines": 4, "pooling": "positions"}, "flat model of couplets"),
        ({"latent": 6, "pooling": "positions"}, "latent=4"),
        ({"chars": 7, "pooling": "positions"}, "of such lines"),
        ({"pooling": "mean"}, "flat model of couplets"),
        ({"pooling": "positions", "line_latent": 2}, "flat model of couplets"),
    ],
)
def test_what_cannot_be_joined_is_refused(
    start: dict[str, object], message: str, tmp_path: Path
) -> None:
    more = {"couplet_latent": "4", **_SHORT}
    with pytest.raises(ConfigError, match=message):
        train(
            small_corpus(40, EIGHT),
            tmp_path / "m",
            form=EIGHT,
            preset="joined",
            start=small_model(**start),
            overrides=more,
        )
    assert not (tmp_path / "m").exists()


def test_a_code_for_each_couplet_takes_couplets() -> None:
    with pytest.raises(ConfigError, match="odd number of lines"):
        small_config(lines=3, couplet_latent=2)
