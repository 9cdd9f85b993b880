"""What a model begins with when it goes on from another one."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from poetry_vae.model import orders
from poetry_vae.model.config import ConfigError
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.training.train import train
from poetry_vae.training.warm_start import warm_started
from tests.small import small_config, small_corpus, small_model, small_tokenizer, small_treasury

EIGHT = Form.of(8, 5)
_COUPLETS = {"pooling": "positions", "refiner_layers": 1}
_JOINED = {"lines": 8, "couplet_latent": 4, "latent": 3, "prior": "learned", **_COUPLETS}
_SHORT = {"epochs": 1, "min_steps": 2, "batch_size": 16, "patience": 0}
_REFINER = {"refiner_layers": 1, "refiner_tables": False}


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _ids(n: int) -> torch.Tensor:
    return torch.randint(2, len(small_tokenizer()), (n, EIGHT.positions), generator=_seeded())


def test_couplets_are_joined_as_they_were() -> None:
    """Where no convolution reaches from one couplet to the next, all is as with couplets alone."""
    alone = {"encoder_layers": 0, "decoder_layers": 0}
    couplets = small_model(**_COUPLETS, **alone)
    model = warm_started(small_config(**_JOINED, **alone), small_tokenizer(), couplets, seed=1)
    ids = _ids(5)
    of_poems, of_couplets = model.encode(ids), couplets.encode(ids.view(20, 10))
    assert model.level_sizes == {"poem": 3, "couplet": 16}
    torch.testing.assert_close(of_poems.mean[:, 3:].reshape(20, 4), of_couplets.mean)
    torch.testing.assert_close(
        of_poems.log_variance[:, 3:].reshape(20, 4), of_couplets.log_variance
    )
    code = torch.randn(5, 19, generator=_seeded())
    states = model.states(code)
    torch.testing.assert_close(states.view(20, 10, -1), couplets.states(code[:, 3:].reshape(20, 4)))
    other = torch.cat([torch.randn(5, 3, generator=_seeded(1)), code[:, 3:]], dim=-1)
    assert torch.equal(model.states(other), states)


def test_the_code_of_the_poem_can_learn() -> None:
    """It changes nothing at first, but it is told what does."""
    couplets = small_model(**_COUPLETS)
    model = warm_started(small_config(**_JOINED), small_tokenizer(), couplets, seed=1)
    (-model(_ids(8), generator=_seeded()).log_likelihood.mean()).backward()
    top = model.levels[0]
    assert top.enter.weight.grad.abs().sum() > 0  # type: ignore[union-attr]


def test_places_of_the_refiner_are_those_of_couplets() -> None:
    couplets = small_model(**_COUPLETS)
    model = warm_started(small_config(**_JOINED), small_tokenizer(), couplets, seed=1)
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
    more = {"latent": 3, "couplet_latent": 4, **_SHORT}
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
    again = train(corpus, tmp_path / "b", start=loaded, overrides={**_SHORT, "masked": 0})
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
    more = {"couplet_latent": 4, **_SHORT}
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


_ANY = {
    "forms": "any",
    "lines": 64,
    "chars": 9,
    "couplet_latent": 4,
    "latent": 4,
    "prior": "learned",
    "refiner_layers": 3,
    "refiner_tables": True,
    "dynasties": ("唐",),
    "subject": 3,
    "in_turn": True,
}


def _shaken(model: PoetryVAE) -> PoetryVAE:
    with torch.no_grad():
        for number, parameter in enumerate(model.parameters()):
            parameter += 0.2 * torch.randn(parameter.shape, generator=_seeded(number))
    return model


def _surprise(model: PoetryVAE, ids: torch.Tensor, in_turn: bool) -> torch.Tensor:
    """−log p of each character, nothing known of z: [B, T]."""
    asked = model.asked
    order = orders.written(asked.layout, orders.nothing_given(1, asked.layout), in_turn=in_turn)
    states = model.states(torch.zeros(len(ids), model.code_size))
    slots = Slots.of(order, asked.subject_present)
    read = model.refine(ids, slots, states, torch.zeros(len(ids)))
    return -model.readout.log_prob(read, ids)


def test_a_model_of_any_form_begins_with_what_one_of_one_form_knows() -> None:
    """It says of such poems nearly what the other says, in another vocabulary: what is lost is how
    the old decoder's states for no code differ between places."""
    start = _shaken(small_model(refiner_layers=2, refiner_tables=True))
    tokenizer = CharTokenizer(["龍", *reversed(small_tokenizer().characters), "鳳"])
    config = replace(small_config(**_ANY), vocabulary=len(tokenizer))
    model = warm_started(config, tokenizer, start, seed=0).eval().writing(start.form)
    poems = start.poems_of(torch.randint(2, 20, (64, 10), generator=_seeded()))
    with torch.no_grad():
        wanted, found = (_surprise(m, m.ids_of(poems), in_turn=True).mean() for m in (start, model))
        blank = PoetryVAE.build(config, tokenizer, seed=0).eval().writing(start.form)
        unlearned = _surprise(_shaken(blank), blank.ids_of(poems), in_turn=True).mean()
    assert abs(found - wanted) < 0.3
    assert abs(unlearned - wanted) > 2 * abs(found - wanted)
    rare = tokenizer.encode_folded("龍鳳")
    assert (model.readout.table[1][rare] < model.readout.table[1][2:].median()).all()


def test_a_model_of_any_form_needs_a_refiner_of_its_width_to_begin_with() -> None:
    config = small_config(**_ANY)
    with pytest.raises(ConfigError, match="goes on from a model with a refiner"):
        warm_started(config, small_tokenizer(), small_model(), seed=0)
    with pytest.raises(ConfigError, match="has 4 blocks of width 8"):
        warm_started(config, small_tokenizer(), small_model(refiner_layers=4), seed=0)


def test_a_refiner_can_be_widened() -> None:
    """It computes what the narrower one does, and every new weight can learn."""
    start = _shaken(small_model(**_ANY)).eval()
    wide = replace(start.config, refiner_hidden=start.config.refiner_width + 8, refiner_layers=4)
    model = warm_started(wide, small_tokenizer(), start, seed=0).eval()
    ids = torch.randint(2, 20, (8, 10), generator=_seeded())
    form = Form.of(2, 5)
    before, after = (_surprise(m.writing(form, about="春"), ids, True) for m in (start, model))
    # All but equal: a layer norm adds a little to the variance, lest it divide by 0.
    torch.testing.assert_close(before, after, atol=1e-3, rtol=1e-3)
    after.mean().backward()
    assert model.refiner is not None
    width = start.config.refiner_width
    for name, parameter in model.refiner.blocks[0].named_parameters():
        if "norm" not in name and name.endswith("weight"):
            assert parameter.grad is not None
            assert parameter.grad[width:].abs().sum() > 0, name


def test_a_poet_goes_on_with_a_wider_refiner(tmp_path: Path) -> None:
    start = small_model(**_ANY)
    asked = {"refiner_hidden": 12, "epochs": 1, "min_steps": 2, "batch_size": 16}
    found = train(small_treasury(), tmp_path / "m", start=start, overrides=asked)
    assert (found.model.config.refiner_hidden, found.model.config.hidden) == (12, 8)
    with pytest.raises(ConfigError, match="refiner_hidden is given"):
        train(small_treasury(), tmp_path / "n", start=found.model, overrides=asked)


def test_the_seed_alone_decides_what_is_drawn_for_a_warm_start() -> None:
    start, config = small_model(refiner_layers=1, refiner_tables=True), small_config(**_ANY)
    states = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        states.append(warm_started(config, small_tokenizer(), start, seed=5).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_poet_is_trained_from_a_model_of_one_form(tmp_path: Path) -> None:
    few = {"refiner_layers": 2, "refiner_hidden": 0, "hidden": 8, "latent": 4}
    few |= {"couplet_latent": 4, "encoder_layers": 1, "decoder_layers": 1, "epochs": 1}
    few |= {"min_steps": 2, "batch_size": 16, "validate_every": 2}
    start = small_model(refiner_layers=1)
    found = train(small_treasury(), tmp_path / "m", preset="poet", start=start, overrides=few)
    assert found.model.config.forms == "any"
    assert len(found.model.tokenizer) == len(small_treasury().tokenizer)
