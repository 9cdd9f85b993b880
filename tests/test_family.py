"""Every preset of the family: it trains, is stored, goes on exactly, and writes the same poems."""

from pathlib import Path
from typing import Any

import pytest
import torch

from poetry_vae.model import labelling
from poetry_vae.model.config import ConfigError, LabelError
from poetry_vae.model.critic import DensityRatioCritic
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.errors import CorpusError
from poetry_vae.training.batches import OfOneForm
from poetry_vae.training.objectives import Step
from poetry_vae.training.presets import PRESETS
from poetry_vae.training.recipe import build_objective
from poetry_vae.training.train import settings_of, train
from poetry_vae.verse.generate import generate
from tests.small import small_corpus, small_model

# The first two take a model, the last two poems of many forms: see test_any_form.py.
MEMBERS = [name for name in PRESETS if name not in ("finetune", "refine", "poet", "poet-finetune")]
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in MEMBERS),
    ("hierarchical", {"prior": "standard"}),
    ("iwae", {"doubly_reparameterised": True}),
    ("base", {"refiner_layers": 1}),
    ("base", {"bound": "sampled-elbo", "samples": 3, "kappa": 2, "masked": 0}),
]


def _settings(preset: str, more: dict[str, Any]) -> dict[str, Any]:
    """A preset made small enough for a test."""
    model = PRESETS[preset].changes
    small = {
        "hidden": 8,
        "latent": 8 if model.get("components") else 4,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "epochs": 2,
        "min_steps": 8,
        "batch_size": 16,
        "validate_every": 4,
        "patience": 0,
        "warmup": 0.5,
    }
    if "line_latent" in model:
        small |= {"line_latent": 2, "character_latent": 2}
    if "couplet_latent" in model:
        small |= {"couplet_latent": 2}
    return {**small, **more}


def _train(preset: str, more: dict[str, Any], folder: Path, **options: Any) -> PoetryVAE:
    return train(
        small_corpus(is_labelled=True),
        folder,
        preset=preset,
        overrides=_settings(preset, more),
        precision="float32",
        **options,
    ).model


@pytest.mark.parametrize(("preset", "more"), VARIANTS)
def test_a_member_trains_is_stored_resumes_and_writes(
    preset: str, more: dict[str, Any], tmp_path: Path
) -> None:
    whole = _train(preset, more, tmp_path / "whole")
    calls = iter(range(100))
    _train(preset, more, tmp_path / "parts", should_stop=lambda: next(calls) >= 3)
    _train(preset, more, tmp_path / "parts", resume=True)

    loaded = PoetryVAE.from_pretrained(tmp_path / "whole")
    ids = torch.from_numpy(small_corpus(is_labelled=True).parts["test"].astype("int64"))
    labels = torch.zeros(len(ids), dtype=torch.long) if loaded.config.labels else None
    code = torch.randn(16, loaded.code_size, generator=torch.Generator().manual_seed(0))
    assert torch.equal(whole.decode(code, labels), loaded.decode(code, labels))
    states = [
        (tmp_path / name / "training.safetensors").read_bytes() for name in ("whole", "parts")
    ]
    assert _tensors(states[0]) == _tensors(states[1])  # critic and moments too

    poems = [generate(3, model=tmp_path / name, seed=1) for name in ("whole", "parts")]
    assert poems[0] == poems[1]
    assert generate(3, model=loaded, seed=2) != poems[0]
    record = loaded(ids, labels, samples=2, generator=torch.Generator().manual_seed(0))
    assert record.log_likelihood.isfinite().all()
    assert record.code.shape == (2, 16, loaded.code_size)


def _tensors(state: bytes) -> dict[str, bytes]:
    from safetensors.torch import load

    return {name: tensor.numpy().tobytes() for name, tensor in load(state).items()}


@pytest.mark.parametrize(("preset", "more"), VARIANTS)
def test_every_parameter_of_a_member_is_reached_by_a_gradient(
    preset: str, more: dict[str, Any], tmp_path: Path
) -> None:

    corpus, config, training = settings_of(
        preset, small_corpus(is_labelled=True), _settings(preset, more)
    )
    given = None
    if training.label:
        given = torch.from_numpy(corpus.labels[training.label].parts["train"].astype("int64"))
    model = PoetryVAE.build(config, corpus.tokenizer, seed=3)
    if model.refiner is not None:  # it starts by changing nothing, which nothing else can mend
        torch.nn.init.eye_(model.refiner.change.weight)
    torch.manual_seed(0)
    critic = DensityRatioCritic(model.code_size) if training.gamma else None
    objective = build_objective(model, training, critic, poems=64)
    ids = torch.from_numpy(corpus.parts["train"].astype("int64"))
    batch = OfOneForm(ids, 64, seed=0, labels=given, shown=training.labelled)(0)
    terms = objective(Step(model, batch, generator=torch.Generator().manual_seed(0)))
    assert terms.loss.isfinite()
    terms.loss.backward()
    named = [*model.named_parameters(), *(critic.named_parameters() if critic else [])]
    for name, parameter in named:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().sum() > 0, name


_PLAIN = {"bound": "importance", "free_bits": 0, "warm_top_only": False}


@pytest.mark.parametrize(
    ("preset", "more", "message"),
    [
        ("hierarchical", {"masked": 0.5}, "masked"),
        ("ladder", {**_PLAIN, "doubly_reparameterised": True}, "do not depend"),
        ("ladder", {"prior": "standard"}, "prior=learned"),
        ("base", {"components": 3}, "3 equal components"),
        ("base", {"prior": "learned"}, "line_latent"),
        ("base", {"doubly_reparameterised": True}, "reparameterised changes nothing of the ELBO"),
        ("base", {"alpha": 3}, "alpha changes nothing of the ELBO"),
        ("iwae", {"bound_share": 0.5}, "bound_share changes nothing of the importance-weighted"),
        ("base", {"classifier": True}, "label=dynasty"),
        ("iwae", {"free_bits": 0.1}, "free_bits"),
        ("conditional", {"labelled": 0.5}, "classifier=true"),
        ("m2", {"bound": "importance"}, "M2's: leave out bound"),
        ("m2", {"kappa": 3}, "kappa changes nothing of the bound of M2"),
        ("base", {"updates": "sometimes"}, "together, in-turn or aggressive"),
        ("base", {"likelihood": "poisson"}, "likelihood is 'poisson'"),
        ("base", {"gamma": -1}, "gamma is -1"),
    ],
)
def test_settings_that_exclude_each_other_are_refused(
    preset: str, more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        _train(preset, more, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_labels_that_the_corpus_does_not_know_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no author that tells.*it has dynasty, metre"):
        _train("m2", {"label": "author"}, tmp_path / "m")


def test_a_label_is_asked_for_and_chosen(tmp_path: Path) -> None:
    model = _train("conditional", {}, tmp_path / "m")
    code = torch.zeros(2, model.code_size)
    with pytest.raises(LabelError, match="dynasty=VALUE, where VALUE is one of 宋, 唐"):
        model.decode(code)
    with pytest.raises(LabelError, match="no dynasty '清'; there are 宋, 唐"):
        labelling.with_label(model, "清")
    with pytest.raises(LabelError, match="without labels"):
        labelling.with_label(small_model(), "唐")
    song, tang = labelling.with_label(model, "宋"), labelling.with_label(model, "唐")
    assert not torch.equal(song.decode(code), tang.decode(code))
    torch.testing.assert_close(song.decode(code)[0], model.decode(code, torch.tensor([0, 1]))[0])
    torch.testing.assert_close(tang.decode(code)[1], model.decode(code, torch.tensor([0, 1]))[1])
    with pytest.raises(LabelError):
        model.decode(code)  # the model itself is as it was


def test_a_conditional_model_infers_labels_by_bayes_rule(tmp_path: Path) -> None:
    model = _train("conditional", {"epochs": 60, "learning_rate": 0.02}, tmp_path / "m")
    corpus = small_corpus(is_labelled=True)
    ids = torch.from_numpy(corpus.parts["train"].astype("int64"))
    known = torch.from_numpy(corpus.labels["dynasty"].parts["train"].astype("int64"))
    right = (labelling.infer(model, ids) == known).float().mean().item()
    assert right > 0.8
