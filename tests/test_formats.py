"""Layouts that people's own files have: titled plain text, tables, and every shape of JSON."""

import contextlib
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from poetry_vae.text.corpus import Corpus, read_corpus
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.poem import Poem

Write = Callable[..., Path]

NIGHT = Poem(("床前明月光", "疑是地上霜", "舉頭望明月", "低頭思故鄉"), "靜夜思", "李白")
HERON = Poem(("白日依山盡", "黃河入海流", "欲窮千里目", "更上一層樓"), "登鸛雀樓", "王之渙")
SPRING = Poem(("渭城朝雨浥輕塵", "客舍青青柳色新"), "渭城曲", "王維")
TWO = [NIGHT, HERON]


def told(corpus: Corpus) -> list[tuple[tuple[str, ...], str, str, str]]:
    return [(p.lines, p.title, p.author, p.dynasty) for p in corpus.poems]


def rejected(corpus: Corpus) -> list[tuple[str, int]]:
    return [(reject.reason, reject.line) for reject in corpus.rejects]


def punctuated(poem: Poem) -> str:
    return "\n".join(f"{a}，{b}。" for a, b in zip(poem.lines[::2], poem.lines[1::2], strict=True))


def bare(poem: Poem) -> str:
    return "\n".join(poem.lines)


# --- plain text with titles


@pytest.mark.parametrize("verse", [punctuated, bare])
@pytest.mark.parametrize("between", ["\n\n", "\n \n\n", "\r\n\r\n"])
@pytest.mark.parametrize(
    ("above", "dynasty"),
    [
        ("{title}\n{author}", ""),
        ("{title} {author}", ""),
        ("{title}\t{author}", ""),
        ("《{title}》 [唐] {author}", "唐"),
        ("《{title}》{author}", ""),
        ("{author}《{title}》", ""),
        ("唐·{author}《{title}》", "唐"),
        ("{title}（唐·{author}）", "唐"),
        ("{title}（{author}）", ""),
        ("{title}\n[唐] {author}", "唐"),
        ("{title}\n唐·{author}", "唐"),
        ("{title}\n【唐】{author}", "唐"),
        ("{title}\n（唐）{author}", "唐"),
        ("{title}\n{author}（唐）", "唐"),
        ("{title}\n唐代：{author}", "唐"),
        ("{title}\n唐\n{author}", "唐"),
        ("{title}\n作者：{author}", ""),
        ("題目：{title}\n作者：{author}\n朝代：唐", "唐"),
        ("1. {title}\n{author}", ""),
        ("{title}——{author}", ""),
    ],
)
def test_title_and_author_above_a_poem(
    write: Write, verse: Callable[[Poem], str], between: str, above: str, dynasty: str
) -> None:
    blocks = [above.format(title=p.title, author=p.author) + "\n" + verse(p) for p in TWO]
    expected = [(p.lines, p.title, p.author, dynasty) for p in TWO]
    corpus = read_corpus(write("a.txt", between.join(blocks)))
    assert told(corpus) == expected
    assert corpus.rejects == []
    assert told(read_corpus(write("one.txt", blocks[0]))) == expected[:1]


def test_a_title_alone_and_one_as_long_as_a_line_of_verse(write: Write) -> None:
    monk = "送靈澈上人\n蒼蒼竹林寺，杳杳鐘聲晚。\n荷笠帶斜陽，青山獨歸遠。"
    corpus = read_corpus(write("a.txt", f"{monk}\n\n靜夜思\n{punctuated(NIGHT)}\n"))
    assert [(p.title, len(p.lines)) for p in corpus.poems] == [("送靈澈上人", 4), ("靜夜思", 4)]


def test_titled_poems_without_a_blank_line_between_them(write: Write) -> None:
    for verse in (punctuated, bare):
        text = "\n".join(f"{p.title}\n{p.author}\n{verse(p)}" for p in TWO)
        assert told(read_corpus(write("a.txt", text))) == [
            (p.lines, p.title, p.author, "") for p in TWO
        ]
    rows = "\n".join(f"{p.title} {p.author}\n{p.one_line}" for p in TWO)
    assert told(read_corpus(write("b.txt", rows))) == [
        (p.lines, p.title, p.author, "") for p in TWO
    ]


def test_blank_lines_between_title_author_and_verse(write: Write) -> None:
    text = "\n\n".join(f"{p.title}\n\n{p.author}\n\n{punctuated(p)}" for p in TWO)
    corpus = read_corpus(write("a.txt", text))
    assert told(corpus) == [(p.lines, p.title, p.author, "") for p in TWO]


def test_titles_keep_their_parts_of_series(write: Write) -> None:
    text = f"絕句二首 其一\n{punctuated(NIGHT)}\n\n《無題》其二\n李商隱\n{punctuated(HERON)}"
    assert [(p.title, p.author) for p in read_corpus(write("a.txt", text)).poems] == [
        ("絕句二首 其一", ""),
        ("無題其二", "李商隱"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        bare(NIGHT),
        bare(NIGHT) + "\n\n" + bare(HERON),
        "\n".join([*NIGHT.lines, *HERON.lines]),
        # punctuation at the ends of couplets alone
        "床前明月光\n疑是地上霜。\n舉頭望明月\n低頭思故鄉。\n\n白日依山盡\n黃河入海流。",
        # lines that begin with fewer characters, in files that have no titles
        "君不見\n黃河之水天上來\n奔流到海不復回\n\n" + bare(NIGHT),
        "楊花\n楊花飛盡綠陰遮\n猶在天涯客未家\n\n" + bare(NIGHT) + "\n\n" + bare(HERON),
        "昨夜雨疏風驟\n濃睡不消殘酒\n試問捲簾人\n卻道海棠依舊\n知否\n知否\n應是綠肥紅瘦",
        "江南好\n風景舊曾諳\n日出江花紅勝火\n春來江水綠如藍\n能不憶江南",
        "白日依山盡\n\n" + bare(NIGHT),  # a fragment
    ],
)
def test_verse_without_titles_stays_whole(write: Write, text: str) -> None:
    corpus = read_corpus(write("a.txt", text))
    assert "".join(p.text for p in corpus.poems) == "".join(c for c in text if c not in "\n。")
    assert [p.lines for p in corpus.poems] == [
        tuple(block.replace("。", "").split("\n")) for block in text.split("\n\n")
    ]
    assert {p.title for p in corpus.poems} == {""}


def test_rows_that_are_poems_are_no_poem_together(write: Write) -> None:
    text = f"唐詩\n{NIGHT.one_line}\n{HERON.one_line}\n"
    assert [p.lines for p in read_corpus(write("a.txt", text)).poems][1:] == [
        NIGHT.lines,
        HERON.lines,
    ]


@pytest.mark.parametrize("sign", "】【《》（[〔「一 ，")
def test_a_row_of_one_sign_takes_no_time(write: Write, sign: str) -> None:
    path = write("a.txt", f"【{sign * 100_000}\n{NIGHT.one_line}\n" + sign * 100_000)
    start = time.perf_counter()
    with contextlib.suppress(CorpusError):
        read_corpus(path)
    assert time.perf_counter() - start < 5


# --- tables


HEADERS = [
    "题目,作者,内容",
    "标题,作者,正文",
    "標題,作者,正文",
    "诗题,诗人,诗文",
    "詩題,詩人,詩文",
    "题名,作者,原文",
    "Title,Author,Content",
    "TITLE,AUTHOR,TEXT",
    "title,poet,body",
    "title,writer,contents",
    "title,authorName,paragraphs",
]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("header", [*HEADERS, "title,author,verse", "题目,作者,诗", ""])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt"])
def test_a_table_is_read_by_its_columns(
    write: Write, delimiter: str, header: str, name: str
) -> None:
    rows = [header] if header else []
    rows += [f"{p.title},{p.author},{p.one_line}" for p in TWO]
    corpus = read_corpus(write(name, "\n".join(rows).replace(",", delimiter)))
    assert told(corpus) == [(p.lines, p.title, p.author, "") for p in TWO]
    assert corpus.rejects == []


def test_columns_without_a_header_are_told_by_their_looks(write: Write) -> None:
    rows = [f"{i}\t唐\t{p.author}\t{p.title}\t{p.text}" for i, p in enumerate(TWO)]
    assert told(read_corpus(write("a.txt", "\n".join(rows)))) == [
        ((p.text,), p.title, p.author, "唐") for p in TWO
    ]
    rows = [f"{p.one_line}\t李白\t{p.title}" for p in TWO]
    assert [(p.title, p.author) for p in read_corpus(write("b.tsv", "\n".join(rows))).poems] == [
        (p.title, "李白") for p in TWO
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", ", "])
def test_verse_parted_by_a_delimiter_is_no_table(write: Write, delimiter: str) -> None:
    text = "\n".join(delimiter.join(p.lines) for p in TWO)
    assert [p.lines for p in read_corpus(write("a.txt", text)).poems] == [p.lines for p in TWO]
    text = "\n".join(f"{p.one_line[:12]}{delimiter}{p.one_line[12:]}" for p in TWO)
    assert [p.lines for p in read_corpus(write("b.txt", text)).poems] == [p.lines for p in TWO]


def test_a_row_with_more_cells_than_the_header_is_left_out(write: Write) -> None:
    text = f"题目,内容\n甲,{NIGHT.lines[0]},{NIGHT.lines[1]}\n乙,{HERON.one_line},\n"
    corpus = read_corpus(write("a.csv", text))
    assert [p.lines for p in corpus.poems] == [HERON.lines]
    assert rejected(corpus) == [("more cells than the table has columns", 2)]


def test_a_cell_without_end_costs_its_row_alone(write: Write) -> None:
    limit = csv.field_size_limit()
    rows = [f"甲,{NIGHT.one_line}", "乙," + "春" * 131_073, f"丙,{HERON.one_line}"]
    corpus = read_corpus(write("a.csv", "题目,内容\n" + "\n".join(rows)))
    assert [p.lines for p in corpus.poems] == [NIGHT.lines, HERON.lines]
    assert rejected(corpus) == [("a cell of more than 131,072 characters", 3)]
    assert csv.field_size_limit() == limit


# --- JSON


def as_json(poem: Poem, verse: str = "paragraphs", **names: str) -> dict[str, object]:
    title, author = names.get("title", "title"), names.get("author", "author")
    return {title: poem.title, author: poem.author, verse: list(poem.lines)}


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    ("verse", "author", "title"),
    [
        ("contents", "authorName", "title"),
        ("text", "poet", "标题"),
        ("body", "writer", "诗题"),
        ("正文", "作者", "題目"),
        ("Content", "Author", "Title"),
        ("lines", "author", "chapter"),
    ],
)
def test_keys_of_json(
    write: Write, verse: str, author: str, title: str, indent: int | None, ascii_only: bool
) -> None:
    items = [as_json(p, verse, author=author, title=title) for p in TWO]
    expected = [(p.lines, p.title, p.author, "") for p in TWO]
    for name, value in {"array": items, "held": {"poems": items}, "rest": items[0]}.items():
        text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
        corpus = read_corpus(write(f"{name}.json", text))
        assert told(corpus) == (expected[:1] if name == "rest" else expected)
        assert corpus.rejects == []
    lines = "\n".join(json.dumps(item, ensure_ascii=ascii_only, indent=indent) for item in items)
    assert told(read_corpus(write("a.jsonl", lines))) == expected


def test_poems_inside_the_chapters_of_a_book(write: Write) -> None:
    poems = [
        {"chapter": p.title, "subchapter": "", "author": p.author, "paragraphs": [p.one_line]}
        for p in TWO
    ]
    book = {
        "title": "唐詩三百首",
        "content": [{"type": "五言絕句", "content": [poem]} for poem in poems],
    }
    corpus = read_corpus(write("a.json", json.dumps(book, ensure_ascii=False, indent=1)))
    assert told(corpus) == [(p.lines, p.title, p.author, "") for p in TWO]
    assert corpus.rejects == []


def test_what_holds_poems_says_who_wrote_them(write: Write) -> None:
    shelf = {"author": "李白", "dynasty": "唐", "poems": [{"title": "甲", "text": NIGHT.one_line}]}
    text = json.dumps([shelf], ensure_ascii=False)
    assert told(read_corpus(write("a.json", text))) == [(NIGHT.lines, "甲", "李白", "唐")]


def test_a_record_inside_a_book_has_its_own_line(write: Write) -> None:
    book = {"poems": [as_json(NIGHT), {"paragraphs": ["白日□"]}, {"paragraphs": ["□□"]}]}
    text = json.dumps(book, ensure_ascii=False, indent=1)
    lines = [i for i, row in enumerate(text.split("\n"), 1) if "□" in row]
    corpus = read_corpus(write("a.json", text))
    assert rejected(corpus) == [("lost characters", line) for line in lines]


def test_two_arrays_in_a_file_are_both_read(write: Write) -> None:
    text = "\n".join(json.dumps([as_json(p)], ensure_ascii=False) for p in TWO)
    assert [p.lines for p in read_corpus(write("a.json", text)).poems] == [p.lines for p in TWO]
    with pytest.raises(CorpusError, match=r"a\.json, line 3: not valid JSON"):
        read_corpus(write("a.json", text + "\n以上"))


@pytest.mark.parametrize("nothing", [None, "", [], [None], {}])
def test_a_poem_without_verse_has_no_text(write: Write, nothing: object) -> None:
    text = json.dumps([as_json(NIGHT), {"title": "無", "paragraphs": nothing}])
    corpus = read_corpus(write("a.json", text))
    assert rejected(corpus) == [("no text", 1)]


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"id": ' + "7" * 5000 + "}", "a number of too many digits"),
        ('{"title": "\\ud800", "text": "白"}', "half a character"),
        ('{"text": "\\udc00白"}', "half a character"),
        ('{"author": "\\ud800", "text": "白"}', "half a character"),
    ],
)
def test_json_that_python_cannot_hold_is_named_with_its_line(
    write: Write, broken: str, why: str
) -> None:
    good = json.dumps(as_json(NIGHT), ensure_ascii=False)
    for text in (f"[{good},\n{broken}]", f"{good}\n{broken}"):
        with pytest.raises(CorpusError, match=rf"a\.json, line 2: .*{why}"):
            read_corpus(write("a.json", text))


def test_deep_but_whole_json_is_no_trouble(write: Write) -> None:
    good = json.dumps(as_json(NIGHT), ensure_ascii=False)
    corpus = read_corpus(write("a.json", '{"x": [' * 200 + good + "]}" * 200))
    assert [p.lines for p in corpus.poems] == [NIGHT.lines]


def test_surrogates_in_pairs_are_characters(write: Write) -> None:
    corpus = read_corpus(write("a.json", '[{"text": "\\ud840\\udc00\\u6625"}]'))
    assert corpus.poems[0].lines == ("\U00020000春",)


def test_plain_text_may_begin_with_a_bracket(write: Write) -> None:
    corpus = read_corpus(write("a.txt", f"[唐] 李白\n{punctuated(NIGHT)}\n"))
    assert told(corpus) == [(NIGHT.lines, "", "李白", "唐")]
