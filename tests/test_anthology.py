"""The anthology that comes with the source: a small corpus of well-known quatrains."""

import json
from collections import Counter
from pathlib import Path

import pytest

from poetry_vae.text.corpus import Corpus, read_corpus
from poetry_vae.text.form import Form
from poetry_vae.text.scansion import check
from poetry_vae.text.script import fold, looks_simplified, to_simplified, to_traditional
from poetry_vae.text.splitting import split

ANTHOLOGY = Path(__file__).parent.parent / "data" / "anthology.jsonl"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus(ANTHOLOGY)


def test_every_row_is_a_poem(corpus: Corpus) -> None:
    rows = ANTHOLOGY.read_text(encoding="utf-8").splitlines()
    assert len(corpus.poems) == len(rows) >= 150
    assert corpus.rejects == []
    assert corpus.skipped_files == []


def test_all_are_quatrains_of_five_or_seven_characters(corpus: Corpus) -> None:
    shapes = Counter(poem.form for poem in corpus.poems)
    assert set(shapes) == {Form.of(4, 5), Form.of(4, 7)}
    assert min(shapes.values()) >= 50


def test_title_author_and_dynasty_are_known(corpus: Corpus) -> None:
    for poem in corpus.poems:
        assert poem.title, poem
        assert poem.author, poem
        assert poem.dynasty, poem


def test_no_line_stands_there_twice(corpus: Corpus) -> None:
    lines = Counter(line for poem in corpus.poems for line in poem.lines)
    assert [line for line, n in lines.items() if n > 1] == []


def test_the_script_is_traditional_with_a_variant_here_and_there(corpus: Corpus) -> None:
    rows = [json.loads(row) for row in ANTHOLOGY.read_text(encoding="utf-8").splitlines()]
    written = "".join(line for row in rows for line in row["lines"])
    read = "".join(poem.text for poem in corpus.poems)
    variants = [a for a, b in zip(written, read, strict=True) if a != b]
    assert len(variants) < 0.005 * len(written)
    assert fold(read) == read == fold(written)
    # One at a time: not a single character belongs to simplified script alone.
    assert [character for character in set(written) if looks_simplified([character])] == []


def test_conversion_to_simplified_script_and_back_loses_next_to_nothing(corpus: Corpus) -> None:
    text = "".join(poem.text for poem in corpus.poems)
    lost = [
        (a, b) for a, b in zip(text, to_traditional(to_simplified(text)), strict=True) if a != b
    ]
    assert len(lost) < 0.0005 * len(text)  # poems run into each other here, without a line end


def test_there_are_poems_for_every_part(corpus: Corpus) -> None:
    parts = Counter(split(corpus.poems))
    assert parts["train"] > parts["test"] > 0
    assert parts["validation"] > 0


# Quatrains that rhyme in level tones and break the metre: poets of Tang wrote old-style verse too.
BREAK_THE_METRE = {
    "於易水送人",
    "終南望餘雪",
    "山中",
    "少年行",
    "靜夜思",
    "怨情",
    "黃鶴樓送孟浩然之廣陵",
    "江畔獨步尋花·其六",
    "聽彈琴",
    "登科後",
    "玉臺體",
    "新嫁娘詞",
    "夜雪",
    "金縷衣",
    "春怨",
}


def test_every_quatrain_is_regular_or_known_by_its_name(corpus: Corpus) -> None:
    reports = {(poem.title, poem.lines): check(poem.lines) for poem in corpus.poems}
    styles = Counter(report.style for report in reports.values() if not report.ok)
    assert styles == {"古绝": 19, "折腰体": 11, "近体": len(BREAK_THE_METRE)}
    wrong = {title for (title, _), r in reports.items() if r.style == "近体" and not r.ok}
    assert wrong == BREAK_THE_METRE
    for report in reports.values():
        if report.style == "近体" and not report.ok:  # and the report says so
            assert "old-style verse" in report.style_explanation
        elif report.style != "古绝":
            assert report.faults == ()
    saved = Counter(turned.kind for report in reports.values() for turned in report.turned)
    assert set(saved) == {"大拗", "小拗", "孤平拗救", "特拗"}
    borrowed = Counter(b.kind for report in reports.values() for b in report.borrowed)
    assert set(borrowed) == {"孤雁出群", "孤雁入群"}
