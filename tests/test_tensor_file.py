"""Files of tensors: what is written is read again, by others too, and every damage is named."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save, save_file

from poetry_vae.model.pretrained import CheckpointError, save_model
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.encoded import EncodedCorpus
from poetry_vae.text.errors import CorpusError, PoetryVAEError
from poetry_vae.text.tensor_file import SUMS, TensorFile, TensorFileError, save_tensors
from tests.small import small_config, small_corpus, small_model, without_sums

TENSORS: dict[str, Any] = {
    "flags": np.array([True, False, True]),
    "halves": np.array([[0.5, -2.0]], np.float16),
    "none": np.zeros((0, 5), np.uint16),
    "one": np.array(7, np.int64),
    "行": np.arange(6, dtype=np.float32).reshape(2, 3),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_tensors(tmp_path / "a.safetensors", TENSORS, {"format": "f 1", "form": "七絕"})
    return tmp_path / "a.safetensors"


@pytest.mark.parametrize("name", ["a.safetensors", "a.safetensors.xz"])
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    save_tensors(tmp_path / name, TENSORS, {"form": "七絕"})
    file = TensorFile.open(tmp_path / name, "file", known=("form",))
    assert file.metadata == {"form": "七絕"}
    assert file.tensors.keys() == TENSORS.keys()
    for key, array in TENSORS.items():
        again = file.array(key, array.dtype, array.shape)
        np.testing.assert_array_equal(again, array)
        again[...] = 0  # the file stays what it is
    np.testing.assert_array_equal(
        TensorFile.open(tmp_path / name, "file", known=("form",)).view("one"), 7
    )


def test_others_read_it_and_it_reads_what_others_write(path: Path) -> None:
    for key, array in load_file(path).items():
        np.testing.assert_array_equal(array, TENSORS[key])
    file = TensorFile.open(without_sums(path), "file", version="f 1", known=("form",))
    np.testing.assert_array_equal(file.view("行"), TENSORS["行"])


def test_a_bit_turned_anywhere_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    for place in range(0, len(whole), 5):
        path.write_bytes(
            whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]
        )
        told, read = "", {}
        try:
            file = TensorFile.open(path, "file", version="f 1", known=("form",))
            read = {key: file.view(key) for key in file.tensors}
        except TensorFileError as error:
            told = str(error)
        if read:  # a blank turned into another one
            assert all((read[key] == TENSORS[key]).all() for key in TENSORS)
        else:
            assert told.startswith(f"{path}: ")
            assert "\n" not in told


def _header(changes: dict[str, Any], content: bytes = bytes(8)) -> bytes:
    head = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, **changes})
    return len(head).to_bytes(8, "little") + head.encode() + content


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "not a readable index"),
        (b"\xff" * 99, "cut short"),
        ((1 << 30).to_bytes(8, "little") + b"{}", "cut short"),
        (_header({})[:-1], "7 bytes of tensors and not 8"),
        (_header({}) + b"x", "9 bytes of tensors and not 8"),
        (_header({"a": 1}), "nothing sensible of 'a'"),
        (_header({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}), "of 'a'"),
        (_header({"a": {"dtype": "F32", "shape": [-2], "data_offsets": [8, 0]}}), "of 'a'"),
        (_header({"a": {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}}), "of 'a'"),
        (_header({"a": {"dtype": "Q9", "shape": [2], "data_offsets": [0, 8]}}), "of 'a'"),
        (_header({"b": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}), "one another"),
        (_header({"__metadata__": []}), "no texts"),
        (_header({"__metadata__": {"a": 1}}), "no texts"),
        (_header({"__metadata__": {SUMS: "{}"}}), "checksums"),
        (_header({"__metadata__": {SUMS: "[" * 9999}}), "nested too deeply"),
        (_header({"__metadata__": {"new": "x"}}), "nothing called 'new'"),
        (b"\x50\xc3\0\0\0\0\0\0" + b"[" * 50_000, "nested too deeply"),
        (b"\x04\0\0\0\0\0\0\0[{}]", "no object"),
    ],
)
def test_a_header_that_makes_no_sense(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(content)
    with pytest.raises(TensorFileError, match=told):
        TensorFile.open(path, "index")


def test_another_version_and_kind_are_told_apart(path: Path) -> None:
    with pytest.raises(TensorFileError, match=r"no file of this version \(f 2\): make it anew"):
        TensorFile.open(path, "file", version="f 2")
    file = TensorFile.open(path, "file", known=("form",))
    with pytest.raises(TensorFileError, match=r"行 is F32 \[2, 3\], not F32 \[any, 4\]"):
        file.array("行", np.float32, (None, 4))
    with pytest.raises(TensorFileError, match=r"one is I64 \[\], not U16 \[\]"):
        file.array("one", np.uint16, ())
    with pytest.raises(TensorFileError, match="other is missing"):
        file.array("other", np.uint16, ())


def test_a_packed_file_unpacks_to_what_it_says_and_no_more(tmp_path: Path) -> None:
    import lzma

    path = tmp_path / "a.safetensors.xz"
    for content in (_header({}) + b"\0", _header({})[:-1], b"", _header({})[:30]):
        path.write_bytes(lzma.compress(content))
        with pytest.raises(TensorFileError, match="not a readable file"):
            TensorFile.open(path, "file")
    about = {"dtype": "U8", "shape": [1 << 40], "data_offsets": [0, 1 << 40]}
    path.write_bytes(lzma.compress(_header({"a": about})))
    with pytest.raises(TensorFileError, match="read at most"):
        TensorFile.open(path, "file")


# --- models


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(small_model(refiner_layers=1), tmp_path / "m")
    return tmp_path / "m"


def _rewritten(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = folder / "model.safetensors"
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def test_a_turned_bit_in_the_weights_is_named_by_its_tensor(folder: Path) -> None:
    path = folder / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(CheckpointError, match=r"damaged: \S+ is not what was written"):
        PoetryVAE.from_pretrained(folder)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_by_name(folder: Path, wrong: float) -> None:
    def spoil(tensors: dict[str, Any]) -> None:
        tensors["decoder.heads.bias"][3] = wrong

    _rewritten(folder, spoil)
    with pytest.raises(CheckpointError, match=r"decoder\.heads\.bias holds a number that is not f"):
        PoetryVAE.from_pretrained(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t: t.pop("decoder.heads.bias"), r"decoder\.heads\.bias is missing"),
        (lambda t: t.update(more=np.zeros(2)), "more belongs to nothing in it"),
        (
            lambda t: t.update({"decoder.heads.bias": t["decoder.heads.bias"].astype(np.int32)}),
            r"decoder\.heads\.bias is I32, not F32",
        ),
        (
            lambda t: t.update({"decoder.heads.bias": t["decoder.heads.bias"] > 0}),
            r"decoder\.heads\.bias is BOOL, not F32",
        ),
        (
            lambda t: t.update({"decoder.heads.bias": t["decoder.heads.bias"][:-1]}),
            r"decoder\.heads\.bias is \[79\], not \[80\]",
        ),
        (
            lambda t: t.update({"decoder.heads.weight": t["decoder.heads.weight"].astype("i1")}),
            r"decoder\.heads\.weight\.scale is missing",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_named(
    folder: Path, change: Callable[[dict[str, Any]], None], told: str
) -> None:
    _rewritten(folder, change)
    with pytest.raises(CheckpointError, match=rf"does not fit config\.json: {told}"):
        PoetryVAE.from_pretrained(folder)


@pytest.mark.parametrize(
    "size",
    [
        {"hidden": 20_000},
        {"latent": 10**7},
        {"refiner_layers": 10**6},
        {"encoder_layers": 10**6},
        {"kernel": 10**9 + 1},
        {"subject": 0, "refiner_hidden": 10**9},
    ],
)
def test_sizes_are_held_against_the_file_before_anything_is_built(
    folder: Path, size: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps({**config, **size}), encoding="utf-8")
    empty, room = torch.empty, []

    def counted(*args: Any, **kwargs: Any) -> torch.Tensor:
        out = empty(*args, **kwargs)
        room.append(out.numel())
        return out

    monkeypatch.setattr(torch, "empty", counted)
    with pytest.raises(CheckpointError, match=r"does not fit config\.json"):
        PoetryVAE.from_pretrained(folder)
    assert sum(room) < 500_000


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"refiner_layers": 2, "refiner_tables": True, "refiner_hidden": 12},
        {"likelihood": "gaussian"},
        {"likelihood": "bernoulli", "pooling": "positions", "normalise": True},
        {"components": 2, "encoder_layers": 2},
        {"couplet_latent": 2, "line_latent": 3, "prior": "learned", "posterior": "merged"},
    ],
)
def test_every_kind_of_model_is_put_together_from_its_file_alone(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    model = small_model(1, **changes)
    save_model(model, tmp_path / "m")
    before = torch.random.get_rng_state()
    again = PoetryVAE.from_pretrained(tmp_path / "m")
    assert torch.equal(torch.random.get_rng_state(), before)
    assert again.config == small_config(**changes)
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert {n for n, _ in again.named_parameters()} == {n for n, _ in model.named_parameters()}
    z = torch.randn(3, model.code_size)
    assert torch.equal(model.decode(z), again.decode(z))


def test_weights_without_checksums_still_load(folder: Path) -> None:
    model = small_model(refiner_layers=1)
    without_sums(folder / "model.safetensors")
    assert torch.equal(
        PoetryVAE.from_pretrained(folder).decoder.heads.bias, model.decoder.heads.bias
    )


def test_another_vocabulary_than_the_weights_is_refused(folder: Path) -> None:
    path = folder / "tokenizer.json"
    path.write_text(path.read_text(encoding="utf-8").replace("山", "川"), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"tokenizer\.json: damaged: not the vocabulary that"):
        PoetryVAE.from_pretrained(folder)


# --- encoded corpora


def test_poems_are_what_was_written_or_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    small_corpus(is_labelled=True).save(path)
    whole = path.read_bytes()
    for place in range(8, len(whole), 41):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(CorpusError, match=r"a\.safetensors: "):
            EncodedCorpus.load(path)


def test_labels_that_are_no_texts_are_refused(tmp_path: Path) -> None:
    corpus = small_corpus(is_labelled=True)
    path = tmp_path / "a.safetensors"
    about = {
        "format": "poetry-vae corpus 1",
        "form": corpus.form.slug,
        "tokenizer": corpus.tokenizer.to_json(),
        "source": "",
    }
    tensors = {str(part): ids for part, ids in corpus.parts.items()}
    for labels in ("[]", "3", '{"dynasty": 3}', '{"dynasty": [["a"]]}', "[" * 5000, "1" * 5000):
        path.write_bytes(save(tensors, {**about, "labels": labels}))
        with pytest.raises(CorpusError, match=r"a\.safetensors: "):
            EncodedCorpus.load(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX systems")
@pytest.mark.parametrize("kind", ["pipe", "device", "loop", "folder", "sparse"])
@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_what_is_no_regular_file_is_refused_at_once(folder: Path, name: str, kind: str) -> None:
    path = folder / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(100 << 30)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else path)
    with pytest.raises(PoetryVAEError, match=name):
        PoetryVAE.from_pretrained(folder)


def test_other_settings_than_the_weights_is_refused(folder: Path) -> None:
    """Of those that no size of a tensor depends on; how the file is set out does not matter."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(dict(reversed(config.items()))), encoding="utf-8")
    PoetryVAE.from_pretrained(folder)
    assert (config["lines"], config["chars"]) == (2, 5)
    path.write_text(json.dumps({**config, "lines": 5, "chars": 2}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json: damaged: not the settings that"):
        PoetryVAE.from_pretrained(folder)
