"""The whole model: shapes, seeds, gradients, poems in and out."""

import pytest
import torch

from poetry_vae.model.config import ConfigError, ModelConfig
from poetry_vae.model.layers import convolved
from poetry_vae.text.errors import FormError
from poetry_vae.text.poem import Poem
from tests.small import small_config, small_model


def test_shapes_keep_the_sample_axis_first() -> None:
    model = small_model()
    ids = torch.randint(2, 20, (3, 10))
    record = model(ids, samples=4, generator=torch.Generator().manual_seed(0))
    assert record.log_likelihood.shape == (4, 3)
    (level,) = record.levels
    assert level.z.shape == (4, 3, 4)
    assert level.kl.shape == (3, 4)
    assert level.log_ratio.shape == (4, 3)
    assert model.decode(level.z).shape == (4, 3, 10, len(model.tokenizer))
    assert model.encode(ids).mean.shape == (3, 4)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_convolution_is_a_product_over_neighbours(kernel: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 7, 8, generator=generator)
    weight = torch.randn(6, kernel, 8, generator=generator)
    bias = torch.randn(6, generator=generator)
    expected = bias.expand(2, 3, 7, 6).clone()
    for place in range(7):
        for tap in range(kernel):
            if 0 <= (there := place + tap - kernel // 2) < 7:
                expected[..., place, :] += x[..., there, :] @ weight[:, tap].T
    torch.testing.assert_close(convolved(x, weight, bias), expected)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(
            convolved(x, weight, bias).float(), expected, atol=0.2, rtol=0.05
        )
    assert convolved(x[:0], weight).shape == (0, 3, 7, 6)


def test_likelihood_is_the_product_over_positions() -> None:
    model = small_model()
    ids = torch.randint(2, 20, (3, 10))
    record = model(ids, samples=2, generator=torch.Generator().manual_seed(0))
    log_probs = model.decode(record.levels[0].z).log_softmax(-1)  # [K, B, T, V]
    chosen = log_probs.gather(-1, ids.expand(2, 3, 10)[..., None])[..., 0].sum(-1)
    torch.testing.assert_close(record.log_likelihood, chosen)


@pytest.mark.parametrize("changes", [{}, {"pooling": "positions", "normalise": True}])
def test_every_parameter_is_reached_by_a_gradient(changes: dict[str, object]) -> None:
    model = small_model(**changes).train()
    ids = torch.randint(0, 20, (8, 10))
    record = model(ids, generator=torch.Generator().manual_seed(0))
    (record.levels[0].kl.sum() - record.log_likelihood.sum()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_seed_decides_the_weights_and_leaves_the_global_generator_alone() -> None:
    before = torch.random.get_rng_state()
    first, again, other = small_model(1), small_model(1), small_model(2)
    assert torch.equal(before, torch.random.get_rng_state())
    pairs = zip(first.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(first.latents[0].mean.weight, other.latents[0].mean.weight)


def test_samples_depend_on_the_generator_and_hold_no_special_symbol() -> None:
    model = small_model()

    def sample(seed: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        code = torch.randn(500, model.code_size, generator=generator)
        return model.draw(code, generator=generator)

    assert sample(0).shape == (500, 10)
    assert torch.equal(sample(0), sample(0))
    assert not torch.equal(sample(0), sample(1))
    assert int(sample(0).min()) >= 2


def test_samples_given_z_follow_the_decoded_distribution() -> None:
    model = small_model()
    z = torch.randn(4, generator=torch.Generator().manual_seed(5))
    n = 100_000
    ids = model.draw(z.expand(n, 4), generator=torch.Generator().manual_seed(0))
    probabilities = model.decode(z[None])[0, :, 2:].softmax(-1)  # special symbols are left out
    for position in (0, 4, 9):
        seen = torch.bincount(ids[:, position] - 2, minlength=20) / n
        expected = probabilities[position]
        error = (expected * (1 - expected) / n).sqrt()
        assert ((seen - expected).abs() < 5 * error).all()


def test_poems_become_ids_and_ids_poems() -> None:
    model = small_model()
    ids = model.ids_of(["不人山无风，一日何有来。", Poem(("不人山無風", "一日何有來"))])
    assert torch.equal(ids[0], ids[1])  # either script
    assert model.poems_of(ids)[0].lines == ("不人山無風", "一日何有來")


def test_a_poem_of_another_form_is_refused() -> None:
    model = small_model()
    with pytest.raises(FormError, match="12 characters"):
        model.ids_of(["不人山無風一，一日雲有何天。"])
    with pytest.raises(FormError, match="2x4"):
        model.ids_of([Poem(("不人山無", "一日雲有"))])


def test_signs_that_combine_are_counted_as_one_character() -> None:
    combining = "か\u3099"
    with pytest.raises(FormError, match="signs that combine"):
        small_model().ids_of([Poem(("一二三" + combining, "一二三四五"))])
    with pytest.raises(FormError, match="give a list of poems"):
        small_model().ids_of("一二三四五一二三四五")
    with pytest.raises(FormError, match="a tuple of texts"):
        Poem("一二三四五")  # type: ignore[arg-type]
    with pytest.raises(FormError, match="no poem was given"):
        small_model().ids_of([])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden": 0}, "hidden is 0"),
        ({"latent": -1}, "latent is -1"),
        ({"kernel": 2}, "odd"),
        ({"pooling": "max"}, "pooling is 'max'"),
        ({"vocabulary": 1.5}, "vocabulary is 1.5"),
        ({"normalise": 1}, "normalise"),
    ],
)
def test_a_configuration_that_makes_no_model_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        small_config(**change)


def test_a_configuration_survives_json() -> None:
    config = small_config(pooling="positions")
    assert ModelConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize("text", ["{", "[]", '{"lines": 2}', '{"lines": 2, "colour": 1}'])
def test_a_broken_configuration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        ModelConfig.from_json(text)
