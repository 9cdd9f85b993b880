"""Poems from a model: seeds, forms, scripts, ways between poems."""

from itertools import islice
from pathlib import Path

import pytest
import torch

from poetry_vae import Form, Poem, RuleError, generate
from poetry_vae.model.sampling import SamplingError, derived_seed
from poetry_vae.text.errors import FormError
from poetry_vae.verse.generate import in_script, reconstruct
from poetry_vae.verse.morph import interpolate, spherical
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings
from tests.small import small_model


def test_poem_i_of_a_seed_does_not_depend_on_how_many_are_asked_for() -> None:
    model = small_model()
    many = generate(300, model=model, seed=3)
    for n in (1, 2, 9, 64, 299):
        assert generate(n, model=model, seed=3) == many[:n]
    assert generate(5, model=model, seed=4) != many[:5]


def test_poems_of_one_stream_differ() -> None:
    poems = list(islice(Sampler(small_model(), SamplingSettings(1.0, 0)).stream(0), 600))
    assert len({poem.text for poem in poems}) > 550


def test_without_a_refiner_poems_are_what_the_decoder_draws() -> None:
    model = small_model()
    generator = torch.Generator().manual_seed(derived_seed(0, "poems", 0))
    code = torch.randn(8, model.code_size, generator=generator)
    sampled = model.draw(code, temperature=1.0, generator=generator)
    plain = generate(8, model=model, seed=0, temperature=1.0, passes=0, script="traditional")
    assert plain == model.poems_of(sampled)


def test_poems_have_the_models_form_and_known_characters() -> None:
    for poem in generate(50, model=small_model(), script="traditional", temperature=1.0):
        assert poem.form == Form.of(2, 5)
        assert "□" not in poem.text
        assert "＿" not in poem.text


def test_script() -> None:
    poem = Poem(("不人山無風", "一日雲有何"), "題", "某", "唐")
    assert in_script(poem, "traditional") == poem
    assert in_script(poem, "simplified").lines == ("不人山无风", "一日云有何")
    assert in_script(poem, "simplified").author == "某"


def test_a_model_of_another_form_is_refused() -> None:
    with pytest.raises(FormError, match="writes 五言联, not 七绝"):
        generate(1, form="七绝", model=small_model())
    assert generate(1, form="couplet5", model=small_model())


def test_a_form_that_no_model_writes_is_refused() -> None:
    with pytest.raises(FormError, match="at most 64 lines of at most 9 characters, and a 2x12"):
        generate(1, form="2x12")


def test_a_models_folder_serves_as_its_name(tmp_path: Path) -> None:
    model = small_model()
    model.save_pretrained(tmp_path / "m")
    assert generate(3, model=tmp_path / "m", seed=1) == generate(3, model=model, seed=1)


def test_reconstruction_is_the_likeliest_given_the_typical_code() -> None:
    model = small_model()
    poems = generate(3, model=model, script="traditional")
    codes = model.encode(poems).typical()
    expected = model.poems_of(model.decode(codes)[..., 2:].argmax(-1) + 2)
    assert reconstruct(model, poems) == expected


def test_interpolation_runs_from_one_reconstruction_to_the_other() -> None:
    model = small_model()
    start, end = generate(2, model=model, seed=1)
    path = interpolate(model, start, end, steps=5)
    assert len(path) == 5
    assert [path[0], path[-1]] == reconstruct(model, [start, end])
    with pytest.raises(ValueError, match="at least 2"):
        interpolate(model, start, end, steps=1)


def test_the_arc_keeps_to_the_shell() -> None:
    a, b = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 3.0])
    points = spherical(a, b, torch.linspace(0, 1, 5))
    torch.testing.assert_close(points.norm(dim=1), torch.full((5,), 3.0))
    torch.testing.assert_close(points[2], torch.tensor([1.0, 1.0]) * 3 / 2**0.5)
    torch.testing.assert_close(points[[0, -1]], torch.stack([a, b]))


@pytest.mark.parametrize(
    ("a", "b"), [((0.0, 0.0), (1.0, 1.0)), ((1.0, 2.0), (1.0, 2.0)), ((1.0, 0.0), (-1.0, 0.0))]
)
def test_where_there_is_no_arc_the_way_is_straight(
    a: tuple[float, ...], b: tuple[float, ...]
) -> None:
    start, end = torch.tensor(a), torch.tensor(b)
    points = spherical(start, end, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(points, torch.stack([start, (start + end) / 2, end]))


def test_without_a_seed_poems_are_others_every_time() -> None:
    model = small_model()
    assert generate(4, model=model, temperature=1.0) != generate(4, model=model, temperature=1.0)


def test_what_is_asked_amiss_is_told() -> None:
    model = small_model()
    assert generate(0, model=model) == []
    with pytest.raises(SamplingError, match="n is -1"):
        generate(-1, model=model)
    with pytest.raises(ValueError, match="'hans' is no script: there are traditional and simpl"):
        generate(1, model=model, script="hans")  # type: ignore[arg-type]
    with pytest.raises(RuleError, match="'春江' is no rule"):
        generate(1, model=model, rules="春江")  # type: ignore[arg-type]
    with pytest.raises(RuleError, match="as 'acrostik': there are acrostic, tail"):
        generate(1, model=model, rules={"acrostik": "春江"})


def test_wishes_are_rules_by_name() -> None:
    wishes = {"acrostic": "春月", "pin": "1,2=水", "avoid": ["花", "人"], "no_repeat": True}
    (poem,) = generate(model=small_model(), seed=1, rules=wishes)
    assert poem.lines[0][:2] == "春水"
    assert poem.lines[1][0] == "月"
    assert not set(poem.text) & set("花人")
