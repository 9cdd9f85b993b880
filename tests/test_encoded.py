"""Encoded corpora: the parts, the vocabulary, the file, and what counts as a damaged one."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import save

from poetry_vae.text.corpus import Corpus
from poetry_vae.text.encoded import EncodedCorpus, encode_corpus, looks_encoded
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.splitting import PARTS, Part, part_of_line
from poetry_vae.text.tokenizer import CharTokenizer

Write = Callable[..., Path]
COUPLET, JUEJU, LUSHI = Form.of(2, 5), Form.of(4, 5), Form.of(8, 5)


def poem_of(part: Part, form: Form, start: int) -> Poem:
    """A made-up poem of characters after ``start`` whose lines all belong to one part."""
    lines = (chr(code) * form.chars for code in range(0x4E00 + start, 0x9FFF))
    return Poem(tuple(islice((line for line in lines if part_of_line(line) == part), form.lines)))


QUATRAINS: dict[Part, Poem] = {
    "train": poem_of("train", JUEJU, 0),
    "validation": poem_of("validation", JUEJU, 1000),
    "test": poem_of("test", JUEJU, 2000),
}
EIGHTS: dict[Part, Poem] = {
    "train": poem_of("train", LUSHI, 3000),
    "validation": poem_of("validation", LUSHI, 4000),
    "test": poem_of("test", LUSHI, 5000),
}
CORPUS = Corpus([*QUATRAINS.values(), *EIGHTS.values(), Poem(("春", "花"))])


def texts(encoded: EncodedCorpus, part: Part) -> list[str]:
    return [encoded.tokenizer.decode(row) for row in encoded.parts[part]]


@pytest.fixture
def encoded() -> EncodedCorpus:
    return encode_corpus(CORPUS, JUEJU, source="made up")


@pytest.fixture
def saved(tmp_path: Path, encoded: EncodedCorpus) -> Path:
    path = tmp_path / "corpus.safetensors"
    encoded.save(path)
    return path


# --- encoding


def test_each_part_has_its_poems_and_windows_only_the_training_part(
    encoded: EncodedCorpus,
) -> None:
    eight = EIGHTS["train"].lines
    windows = ["".join(eight[start : start + 4]) for start in (0, 2, 4)]
    assert texts(encoded, "train") == [QUATRAINS["train"].text, *windows]
    assert [len(encoded.parts[part]) for part in PARTS] == [4, 1, 1]
    for ids in encoded.parts.values():
        assert ids.dtype == np.uint16
        assert ids.shape[1] == JUEJU.positions


def test_without_windows_eight_lines_are_no_quatrains() -> None:
    plain = encode_corpus(CORPUS, JUEJU, windows=False)
    assert texts(plain, "train") == [QUATRAINS["train"].text]


def test_couplets_come_from_every_longer_poem() -> None:
    couplets = encode_corpus(CORPUS, COUPLET)
    assert [len(couplets.parts[part]) for part in PARTS] == [6, 6, 6]


def test_the_vocabulary_knows_the_training_part_alone(encoded: EncodedCorpus) -> None:
    assert set(encoded.tokenizer.characters) == set(QUATRAINS["train"].text + EIGHTS["train"].text)
    assert set(encoded.parts["test"].flat) == {CharTokenizer.UNKNOWN}


def test_rare_characters_are_left_out_where_asked() -> None:
    # The middle couplets of an eight-line poem stand in two windows each.
    common = encode_corpus(CORPUS, JUEJU, min_count=10)
    assert common.tokenizer.characters == tuple(
        sorted(line[0] for line in EIGHTS["train"].lines[2:6])
    )
    assert texts(common, "train")[0] == "□" * 20


def test_with_many_poems_the_vocabulary_wants_a_character_five_times() -> None:
    def in_training(first: str, n: int) -> list[Poem]:
        pairs = (first + chr(0x6000 + i) for i in range(1000))
        return [Poem((pair,)) for pair in islice(filter(is_training, pairs), n)]

    def is_training(line: str) -> bool:
        return part_of_line(line) == "train"

    rare = [*in_training("甲", 4), *in_training("乙", 5)]
    many = [poem for code in range(0x4F00, 0x4F20) for poem in in_training(chr(code), 625)]
    # 19,999 poems, and one more
    few_enough = encode_corpus(Corpus([*rare, *many[:-10]]), Form.of(1, 2)).tokenizer
    vocabulary = encode_corpus(Corpus([*rare, *many[:-9]]), Form.of(1, 2)).tokenizer
    assert ("甲" in few_enough, "乙" in few_enough) == (True, True)
    assert ("甲" in vocabulary, "乙" in vocabulary) == (False, True)


def test_a_form_that_is_not_there_is_an_error_with_the_commonest_shapes() -> None:
    with pytest.raises(
        CorpusError, match=r"not one of the 7 poems is a 七绝 .*4x5 \(3\), 8x5 \(3\)"
    ):
        encode_corpus(CORPUS, Form.of(4, 7))
    with pytest.raises(CorpusError, match="none regular"):
        encode_corpus(Corpus([Poem(("春", "花開"))]), JUEJU)


# --- the file


def test_a_saved_corpus_reads_back(saved: Path, encoded: EncodedCorpus) -> None:
    again = EncodedCorpus.load(saved)
    assert (again.form, again.tokenizer, again.source) == (JUEJU, encoded.tokenizer, "made up")
    for part in PARTS:
        np.testing.assert_array_equal(again.parts[part], encoded.parts[part], strict=True)


def test_a_part_without_poems_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "a"
    encode_corpus(Corpus([QUATRAINS["train"]]), JUEJU).save(path)
    assert [EncodedCorpus.load(path).parts[part].shape for part in PARTS] == [
        (1, 20),
        (0, 20),
        (0, 20),
    ]


def test_only_an_encoded_corpus_looks_like_one(saved: Path, write: Write, tmp_path: Path) -> None:
    assert looks_encoded(saved)
    for content in [
        "白日依山盡",
        "",
        '[{"paragraphs": []}]',
        "{}",
        "\ufeff{",
        "abcdefgh{",
        b"\0" * 20,
    ]:
        assert not looks_encoded(write("other", content))
    assert not looks_encoded(write("b", JUEJU.slug * 3, "utf-16"))
    assert not looks_encoded(tmp_path)
    assert not looks_encoded(tmp_path / "nowhere")


@pytest.mark.parametrize("size", [9, 100, 500, -1, -40])
def test_a_cut_file_is_an_error(saved: Path, size: int) -> None:
    saved.write_bytes(saved.read_bytes()[:size])
    assert looks_encoded(saved)
    with pytest.raises(CorpusError, match=r"corpus\.safetensors: not a readable encoded corpus"):
        EncodedCorpus.load(saved)


def test_what_is_no_such_file_is_an_error(write: Write, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere", write("a", "白日依山盡"), write("b", "")):
        told = "not a readable encoded corpus|cannot be read"
        with pytest.raises(CorpusError, match=f"{path.name}: ({told})"):
            EncodedCorpus.load(path)


def rewritten(
    encoded: EncodedCorpus, path: Path, train: npt.NDArray[Any] | None = None, **metadata: str
) -> Path:
    """The file of ``encoded`` with other metadata (empty: none) or another training part."""
    usual = {
        "format": "poetry-vae corpus 1",
        "form": encoded.form.slug,
        "tokenizer": encoded.tokenizer.to_json(),
        "source": "made up",
    }
    kept = {key: value for key, value in {**usual, **metadata}.items() if value}
    tensors: dict[str, npt.NDArray[Any]] = {str(k): v for k, v in encoded.parts.items()}
    if train is not None:
        tensors["train"] = train
    path.write_bytes(save(tensors, kept))
    return path


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"format": "poetry-vae corpus 9"}, "no encoded corpus of this version"),
        ({"format": ""}, "no encoded corpus of this version"),
        ({"form": ""}, "not a readable encoded corpus.*form"),
        ({"form": "sonnet"}, "not a readable encoded corpus.*sonnet"),
        ({"tokenizer": "?"}, "not a readable encoded corpus.*vocabulary"),
        ({"source": ""}, "not a readable encoded corpus.*source"),
        ({"form": "jueju7"}, r"damaged: train is U16 \[4, 20\], not U16 \[any, 28\]"),
        (
            {"tokenizer": CharTokenizer("山人").to_json()},
            "ids outside the vocabulary",
        ),
    ],
)
def test_metadata_that_do_not_fit_are_an_error(
    encoded: EncodedCorpus, tmp_path: Path, metadata: dict[str, str], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        EncodedCorpus.load(rewritten(encoded, tmp_path / "a", None, **metadata))


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (np.zeros(20, np.uint16), r"damaged: train is U16 \[20\]"),
        (np.zeros((1, 20), np.int64), "damaged: train is I64"),
        (np.full((1, 20), 60_000, np.uint16), "damaged: train holds ids outside the vocabulary"),
    ],
)
def test_a_part_that_does_not_fit_is_an_error(
    encoded: EncodedCorpus, tmp_path: Path, part: npt.NDArray[Any], message: str
) -> None:
    with pytest.raises(CorpusError, match=message):
        EncodedCorpus.load(rewritten(encoded, tmp_path / "a", part))


def test_a_missing_part_is_an_error(encoded: EncodedCorpus, tmp_path: Path) -> None:
    path = rewritten(encoded, tmp_path / "a")
    path.write_bytes(path.read_bytes().replace(b'"validation"', b'"valibation"'))
    with pytest.raises(CorpusError, match="damaged: validation is missing"):
        EncodedCorpus.load(path)


# --- poems for a model


def test_an_encoded_corpus_is_renumbered_for_another_vocabulary(
    saved: Path, encoded: EncodedCorpus
) -> None:
    lines = QUATRAINS["train"].lines
    other = CharTokenizer([lines[2][0], "他", lines[0][0]])
    ids = EncodedCorpus.load(saved, JUEJU).in_vocabulary(other).parts["train"]
    assert ids.dtype == np.uint16
    assert ids[0].tolist() == [4] * 5 + [0] * 5 + [2] * 5 + [0] * 5
    same = encoded.in_vocabulary(encoded.tokenizer).parts["train"]
    np.testing.assert_array_equal(same, encoded.parts["train"])


def test_a_hidden_character_stays_hidden_in_another_vocabulary(
    encoded: EncodedCorpus, tmp_path: Path
) -> None:
    masked = np.full((1, 20), CharTokenizer.MASK, np.uint16)
    path = rewritten(encoded, tmp_path / "a", masked)
    found = EncodedCorpus.load(path, JUEJU).in_vocabulary(CharTokenizer("山"))
    assert set(found.parts["train"].flat) == {1}


def test_another_form_than_the_model_writes_is_an_error(saved: Path) -> None:
    with pytest.raises(FormError, match="encoded as 五绝, not as 五律"):
        EncodedCorpus.load(saved, LUSHI)
