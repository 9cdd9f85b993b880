"""The weights inside the package: they load, they are small, they remember what they read."""

import json
from pathlib import Path

import pytest
import torch

from poetry_vae import CharTokenizer, Form, PoetryVAE, generate
from poetry_vae.model.pretrained import DEFAULT_FORM, ShippedModel, shipped_models
from poetry_vae.text.corpus import read_corpus
from poetry_vae.text.known_lines import lines_file
from poetry_vae.training.diagnostics import watch

ANTHOLOGY = Path(__file__).parents[1] / "data" / "anthology.jsonl"
SHIPPED = shipped_models()


def test_couplets_and_quatrains_ship_within_forty_megabytes() -> None:
    assert {Form.parse("五言联"), DEFAULT_FORM} <= {model.form for model in SHIPPED}
    folder = SHIPPED[0].path.parent
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < 40_000_000
    for chars in {model.form.chars for model in SHIPPED}:
        assert lines_file(SHIPPED[0].path, chars) in files


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda model: model.name)
class TestShipped:
    def test_it_loads_with_its_form_and_card(self, shipped: ShippedModel) -> None:
        model = PoetryVAE.from_pretrained(shipped.name)
        assert model.form == shipped.form
        card = (shipped.path / "README.md").read_text(encoding="utf-8")
        figures = json.loads((shipped.path / "figures.json").read_text(encoding="utf-8"))
        assert "chinese-poetry" in card
        assert "chinese-poetry" in figures["corpus"]

    def test_poems_are_whole_and_all_different(self, shipped: ShippedModel) -> None:
        poems = generate(100, form=shipped.form, seed=0)
        assert all(poem.form == shipped.form for poem in poems)
        assert len({poem.text for poem in poems}) == 100

    def test_it_reads_famous_verse(self, shipped: ShippedModel) -> None:
        """Figures on the anthology: the latent carries the poem, far above chance."""
        model = PoetryVAE.from_pretrained(shipped.name)
        poems = [p for whole in read_corpus(ANTHOLOGY).poems for p in shipped.form.poems_in(whole)]
        ids = model.ids_of(poems)
        assert isinstance(model.tokenizer, CharTokenizer)
        assert (ids == model.tokenizer.UNKNOWN).float().mean() < 0.005
        figures = watch(model, ids, generator=torch.Generator().manual_seed(0))
        assert figures.rate > 10
        assert figures.reconstruction > 0.5
        assert figures.active_units > 20
