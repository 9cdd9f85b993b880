"""Poems of many forms in one file: what goes in comes out, and what is damaged is named."""

import json
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from poetry_vae.text.corpus import Corpus, read_corpus
from poetry_vae.text.encoded import EncodedCorpus, looks_encoded
from poetry_vae.text.errors import CorpusError, FormError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.splitting import PARTS
from poetry_vae.text.titles import split_tune, subject_of
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.text.treasury import KINDS, Treasury, encode_poems, is_treasury
from tests.small import FORMS, small_poems, small_treasury, without_sums

ANTHOLOGY = Path(__file__).parents[1] / "data" / "anthology.jsonl"


@pytest.fixture(params=["a.safetensors", "a.safetensors.xz"])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    small_treasury().save(path)
    return path


def texts(treasury: Treasury, part: str) -> Counter[str]:
    return Counter(
        row
        for block in treasury.of_part(part)  # type: ignore[arg-type]
        for row in treasury.tokenizer.decode_rows(treasury.ids(block))
    )


def test_a_saved_file_opens_with_all_that_was_in_it(saved: Path) -> None:
    assert looks_encoded(saved)
    assert is_treasury(saved)
    found, poems = Treasury.open(saved), small_poems()
    assert found.source == "made-up poems"
    assert {str(form) for form in found.forms} == set(FORMS)
    assert len(found) == sum(found.sizes.values()) == sum(map(len, poems.values()))
    for part in PARTS:
        assert texts(found, part) == Counter(poem.text for poem in poems[part])
        known = {
            kind: Counter(v for b in found.of_part(part) for v in found.column(kind, b))
            for kind in KINDS
        }
        assert known["dynasty"] == Counter(poem.dynasty for poem in poems[part])
        assert known["tune"] == Counter(poem.tune for poem in poems[part])


@pytest.mark.parametrize("name", ["五言联", "七言联", "五绝", "浣溪沙"])
def test_a_form_is_found_as_in_the_poems_themselves(name: str, saved: Path) -> None:
    form = Form.parse(name)
    found = EncodedCorpus.load(saved, form)
    for part, poems in small_poems().items():
        there = [part.text for poem in poems for part in poem.of_form(form)]
        assert Counter(found.tokenizer.decode_rows(found.parts[part])) == Counter(there)
    assert found.labels["dynasty"].texts("test").count("唐") > 0


def test_a_form_must_be_named_and_be_there(saved: Path) -> None:
    with pytest.raises(FormError, match="many forms: name one"):
        EncodedCorpus.load(saved)
    with pytest.raises(CorpusError, match="not one of the 288 poems of the corpus is a 6x7"):
        EncodedCorpus.load(saved, Form.of(6, 7))


def test_another_vocabulary_renumbers_text_and_titles() -> None:
    treasury = small_treasury()
    other = CharTokenizer(list(reversed(treasury.tokenizer.characters)))
    again = treasury.in_vocabulary(other)
    assert texts(again, "train") == texts(treasury, "train")
    titles = [t.tokenizer.decode(t.tensors["titles"]) for t in (treasury, again)]
    assert titles[0] == titles[1] != ""


def test_a_read_corpus_is_split_and_counted() -> None:
    corpus = read_corpus(ANTHOLOGY)
    treasury = encode_poems(corpus, source="anthology")
    assert len(treasury) == len(corpus.poems) == 178
    assert {str(form) for form in treasury.forms} == {"五绝", "七绝"}
    rare = CharTokenizer.from_counts(corpus.character_counts, min_count=1)
    assert len(treasury.tokenizer) <= len(rare)
    with pytest.raises(CorpusError, match="at least 9 times"):
        encode_poems(Corpus([Poem(("白日依山盡",))]), min_count=9)


def _damaged(path: Path, old: bytes, new: bytes) -> Path:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new.ljust(len(old))))
    return path


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    path = tmp_path / "a.safetensors"
    small_treasury().save(path)
    return without_sums(path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (b"corpus 2", b"corpus 9", "of this version"),
        (b'"U16"', b'"F16"', r"text is F16 \[\d+\], not U16"),
        (b'"titles"', b'"tiddle"', "titles"),
        ('["train"'.replace('"', '\\"').encode(), '["trane"'.replace('"', '\\"').encode(), "trane"),
    ],
)
def test_a_header_that_says_something_else_is_refused(
    plain: Path, old: bytes, new: bytes, told: str
) -> None:
    with pytest.raises(CorpusError, match=told):
        Treasury.open(_damaged(plain, old, new))


def test_a_file_that_is_cut_off_or_something_else_is_refused(plain: Path, tmp_path: Path) -> None:
    content = plain.read_bytes()
    for size in (0, 7, 8, 200, len(content) // 2, len(content) - 1):
        plain.write_bytes(content[:size])
        with pytest.raises(CorpusError, match=str(plain)):
            Treasury.open(plain)
    other = tmp_path / "b.safetensors.xz"
    other.write_bytes(content)
    with pytest.raises(CorpusError, match="not a readable encoded corpus"):
        Treasury.open(other)
    assert not is_treasury(tmp_path / "nowhere")


def test_numbers_that_stand_for_nothing_are_refused(tmp_path: Path) -> None:
    treasury = small_treasury()
    for name, told in (("text", "outside the vocabulary"), ("author", "numbers without a value")):
        wrong = np.full_like(treasury.tensors[name], 60_000)
        path = tmp_path / name
        Treasury(
            treasury.tokenizer,
            treasury.blocks,
            treasury.values,
            {**treasury.tensors, name: wrong},
            "",
        ).save(path)
        with pytest.raises(CorpusError, match=told):
            Treasury.open(path)


def test_a_poem_that_is_too_long_is_left_out() -> None:
    long = Poem(tuple("白日依山盡" for _ in range(257)), dynasty="唐")
    short = Poem(("白日依山盡", "黃河入海流"))
    assert len(encode_poems(Corpus([long, short]), min_count=1)) == 1
    assert list(long.of_form(Form.parse("七绝"))) == []
    assert len(list(long.of_form(Form.parse("五言联")))) == 0  # an odd number of lines


# --- titles


@pytest.mark.parametrize(
    ("title", "subject"),
    [
        ("帝京篇十首 四", "帝京篇"),
        ("送友人（一作送別）", "送友人"),
        ("秋興八首 其一", "秋興"),
        ("又和景贤四绝", "又和景贤"),
        ("十五夜望月", "十五夜望月"),
        ("次韻三首並序", "次韻"),
        ("一", "一"),
        ("", ""),
        ("？", ""),
    ],
)
def test_the_subject_is_the_title_without_numbers_and_remarks(title: str, subject: str) -> None:
    assert subject_of(title) == subject


@pytest.mark.parametrize(
    ("title", "lengths", "tune", "rest"),
    [
        ("菩萨蛮·寄攘叔", (7, 7, 5, 5, 5, 5, 5, 5), "菩萨蛮", "寄攘叔"),
        ("望江南 春", (3, 5, 7, 7, 5), "望江南", "春"),
        ("憶江南（一作望江南）", (3, 5, 7, 7, 5), "憶江南", "一作望江南"),
        ("浪淘沙", (7, 7, 7, 7), "", "浪淘沙"),
        ("送友人", (5,) * 8, "", "送友人"),
    ],
)
def test_tune_and_title_come_apart_where_the_lines_are_the_tune_s(
    title: str, lengths: tuple[int, ...], tune: str, rest: str
) -> None:
    assert split_tune(title, lengths) == (tune, rest)


def test_a_tune_is_read_from_a_corpus(tmp_path: Path) -> None:
    poem = {
        "title": "忆江南·怀旧",
        "authorName": "某",
        "dynasty": "宋",
        "content": ["江南好，风景旧曾谙。日出江花红胜火，春来江水绿如蓝。", "能不忆江南。"],
    }
    path = tmp_path / "ci.json"
    path.write_text(json.dumps([poem], ensure_ascii=False), encoding="utf-8")
    (found,) = read_corpus(path).poems
    assert (found.tune, found.title, str(found.form)) == ("憶江南", "懷舊", "忆江南")
    assert (found.author, found.dynasty) == ("某", "宋")


def test_a_title_of_brackets_that_never_close_is_read_at_once() -> None:
    began = time.perf_counter()
    assert subject_of("（" * 30_000 + "春") == "春"
    assert subject_of("送友人（一作送別）（") == "送友人"
    assert time.perf_counter() - began < 2
