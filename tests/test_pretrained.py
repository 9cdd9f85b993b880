"""Folders with models: what is written can be read, and what is broken is named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from poetry_vae.model import versions
from poetry_vae.model.named import FormerModelWarning, model_folder
from poetry_vae.model.pretrained import (
    CheckpointError,
    default_model,
    packed,
    save_model,
    unpacked,
)
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.model.versions import shipped_models
from poetry_vae.text.files import FileWriteError
from poetry_vae.text.form import Form
from tests.small import small_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(small_model(), tmp_path / "m", card="# a card\n", figures={"rate": 1.0})
    return tmp_path / "m"


def test_a_saved_model_loads_with_equal_logits_and_vocabulary(folder: Path) -> None:
    model, again = small_model(), PoetryVAE.from_pretrained(folder)
    z = torch.randn(1, 2, 4)
    assert torch.equal(model.decode(z), again.decode(z))
    assert again.tokenizer == model.tokenizer
    assert not again.training
    assert (folder / "README.md").read_text(encoding="utf-8") == "# a card\n"


def test_a_byte_a_weight_keeps_each_within_half_a_step(tmp_path: Path) -> None:
    model = small_model(hidden=64, refiner_layers=1)
    sizes = []
    for dtype in (torch.float32, torch.int8):
        save_model(model, tmp_path / str(dtype), dtype=dtype)
        sizes.append((tmp_path / str(dtype) / "model.safetensors").stat().st_size)
    assert sizes[1] < 0.35 * sizes[0]
    before, after = (
        model.state_dict(),
        PoetryVAE.from_pretrained(tmp_path / "torch.int8").state_dict(),
    )
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        if tensor.dim() == 2:
            step = tensor.abs().amax(1, keepdim=True).clamp_min(1e-4) / 127
            assert ((after[name] - tensor).abs() <= 0.501 * step).all(), name
        else:
            torch.testing.assert_close(after[name], tensor, atol=1e-3, rtol=1e-3)
    packing = packed({"zeros": torch.zeros(3, 4), "b": torch.ones(4)}, torch.int8)
    assert torch.equal(unpacked(packing)["zeros"], torch.zeros(3, 4))
    assert unpacked(packing).keys() == {"zeros", "b"}
    file = tmp_path / "torch.int8" / "model.safetensors"
    kept = {
        name: t for name, t in load_file(file).items() if name != "encoder.embedding.weight.scale"
    }
    save_file(kept, file)
    with pytest.raises(CheckpointError, match=r"encoder\.embedding\.weight\.scale is missing"):
        PoetryVAE.from_pretrained(tmp_path / "torch.int8")


def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path: Path) -> None:
    model = small_model()
    for dtype in (torch.float32, torch.float16):
        save_model(model, tmp_path / str(dtype), dtype=dtype)
    sizes = [
        len((tmp_path / str(d) / "model.safetensors").read_bytes())
        for d in (torch.float32, torch.float16)
    ]
    assert sizes[1] < 0.65 * sizes[0]
    again = PoetryVAE.from_pretrained(tmp_path / str(torch.float16))
    assert all(p.dtype == torch.float32 for p in again.parameters())
    z = torch.randn(1, 2, 4)
    torch.testing.assert_close(again.decode(z), model.decode(z), atol=0.01, rtol=0.01)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=name):
        PoetryVAE.from_pretrained(folder)


@pytest.mark.parametrize("keep", [0, 5, 500, -1])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_file_cut_short_is_named(folder: Path, name: str, keep: int) -> None:
    path = folder / name
    whole = path.read_bytes()
    path.write_bytes(whole.rstrip()[: keep if keep >= 0 else -2])
    if path.read_bytes() == whole.rstrip():
        pytest.skip("shorter than the cut")
    with pytest.raises(CheckpointError, match=name):
        PoetryVAE.from_pretrained(folder)


def test_a_file_that_is_not_utf8_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(CheckpointError, match="UTF-8"):
        PoetryVAE.from_pretrained(folder)


def _edit(path: Path, **changes: object) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**data, **changes}), encoding="utf-8")


def test_an_edited_or_foreign_checkpoint_is_refused(folder: Path) -> None:
    config = folder / "config.json"
    original = config.read_text(encoding="utf-8")
    for changes, message in (
        ({"hidden": 16}, "does not fit config.json"),
        ({"vocabulary": 99}, "different models"),
        ({"hidden": "many"}, "hidden is 'many'"),
        ({"flux": 1}, "'flux' is unknown"),
    ):
        _edit(config, **changes)
        with pytest.raises(CheckpointError, match=message):
            PoetryVAE.from_pretrained(folder)
        config.write_text(original, encoding="utf-8")
    _edit(folder / "tokenizer.json", version=2)
    with pytest.raises(CheckpointError, match="another version"):
        PoetryVAE.from_pretrained(folder)


def test_a_folder_is_meant_before_a_shipped_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "SHIPPED", tmp_path / "shipped")
    monkeypatch.chdir(tmp_path)
    save_model(small_model(1), tmp_path / "shipped" / "poet")
    save_model(small_model(2), tmp_path / "poet")

    def bias(path: str | Path) -> torch.Tensor:
        return PoetryVAE.from_pretrained(path).decoder.heads.bias

    assert torch.equal(bias("poet"), small_model(2).decoder.heads.bias)
    assert torch.equal(bias(default_model()), small_model(1).decoder.heads.bias)


def test_sizes_that_no_memory_holds(folder: Path) -> None:
    _edit(folder / "config.json", hidden=10**12)
    with pytest.raises(CheckpointError, match=r"does not fit config\.json"):
        PoetryVAE.from_pretrained(folder)
    _edit(folder / "config.json", hidden=8, lines=2.5)
    with pytest.raises(CheckpointError, match=r"lines is 2\.5"):
        PoetryVAE.from_pretrained(folder)


def test_no_such_model(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="neither a folder nor one of those"):
        PoetryVAE.from_pretrained(tmp_path / "nothing")


def test_writing_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    with pytest.raises(FileWriteError):
        save_model(small_model(), tmp_path / "file")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "SHIPPED", tmp_path)
    assert shipped_models() == {}
    with pytest.raises(CheckpointError, match="no model comes with this package"):
        default_model()
    save_model(small_model(), tmp_path / "poet")
    assert list(shipped_models()) == ["poet"]
    assert default_model() == tmp_path / "poet"


@pytest.mark.parametrize("name", ["couplet5", "couplet7", "jueju5", "jueju7", "lushi5", "lushi7"])
def test_a_name_of_earlier_versions_means_the_poet(name: str) -> None:
    with pytest.warns(FormerModelWarning, match=f"{name} names a form, no longer a model"):
        model = PoetryVAE.from_pretrained(name)
    assert model.written is not None
    assert model.written.slug == name
    assert model_folder(name) == default_model()


def test_a_folder_with_the_name_of_a_form_is_that_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_model(small_model(2), tmp_path / "jueju7")
    assert PoetryVAE.from_pretrained("jueju7").form == Form.of(2, 5)
    assert model_folder("jueju7") == Path("jueju7")
