"""From files of every known format to clean poems, with an account of what was left out."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from poetry_vae.text.corpus import Corpus, Reject, corpus_files, read_corpus
from poetry_vae.text.errors import CorpusError
from poetry_vae.text.form import Form
from poetry_vae.text.opening import load_text
from poetry_vae.text.poem import Poem
from poetry_vae.text.readers import find_reader
from poetry_vae.text.source_poem import SourcePoem

Write = Callable[..., Path]

STORK = Poem(("白日依山盡", "黃河入海流", "欲窮千里目", "更上一層樓"), "登鸛雀樓", "王之渙", "唐")
DEER = Poem(("空山不見人", "但聞人語響", "返景入深林", "復照青苔上"), "鹿柴", "王維", "唐")
BARE = [Poem(STORK.lines), Poem(DEER.lines)]

PARAGRAPHS = [
    {
        "title": poem.title,
        "author": poem.author,
        "paragraphs": [poem.one_line[:12], poem.one_line[12:]],
        "id": "x",
    }
    for poem in (STORK, DEER)
]
JSON = json.dumps(PARAGRAPHS, ensure_ascii=False)
JSON_LINES = "".join(
    json.dumps(
        {"title": p.title, "author": p.author, "dynasty": "唐", "lines": p.lines},
        ensure_ascii=False,
    )
    + "\n"
    for p in (STORK, DEER)
)
CSV = "题目,朝代,作者,内容\n" + "".join(
    f'"{p.title}","唐","{p.author}","{p.one_line}"\n' for p in (STORK, DEER)
)
TITLED = f"""卷1_1 【登鸛雀樓】王之渙

{STORK}


卷1_2 【鹿柴】王維

{DEER}
"""
BLOCKS = f"{STORK}\n\n{DEER}\n"
ROWS = f"{STORK.one_line}\n{DEER.one_line}\n"
FORMATS = {"json": JSON, "jsonl": JSON_LINES, "csv": CSV, "titled": TITLED, "blocks": BLOCKS}
AUTHORS = json.dumps([{"name": "王維", "desc": "字摩詰", "id": "y"}], ensure_ascii=False)


def records(path: Path) -> list[SourcePoem]:
    text = load_text(path)
    reader = find_reader(path, text)
    assert reader is not None
    return list(reader(path, text))


def reasons(corpus: Corpus) -> list[tuple[str, str, int]]:
    return [(reject.reason, reject.file.name, reject.line) for reject in corpus.rejects]


# --- formats


@pytest.mark.parametrize(
    ("name", "content", "dynasty"),
    [
        ("poet.tang.0.json", JSON, "唐"),
        ("poet.song.1000.json", JSON, "宋"),
        ("mine.json", JSON, ""),
        ("mine.json", JSON.replace("paragraphs", "content"), ""),
        ("mine.json", json.dumps(PARAGRAPHS, ensure_ascii=False, indent=2), ""),
        ("mine.json", json.dumps(PARAGRAPHS, ensure_ascii=True).replace('"x"', "null"), ""),
        ("mine.jsonl", JSON_LINES, "唐"),
        ("mine.jsonl", JSON_LINES.replace("}\n", "}\n\n"), "唐"),
        ("mine.csv", CSV, "唐"),
        ("mine.csv", "\n\n" + CSV, "唐"),
        ("mine.csv", CSV.replace("题目,朝代,作者,内容", ' 题目 , 朝代,"作者", 内容'), "唐"),
        ("mine.csv", CSV.replace("题目,朝代,作者,内容", "title,dynasty,author,content"), "唐"),
        ("all.txt", TITLED, ""),
        ("all.txt", TITLED.replace("卷1_1 ", "").replace("卷1_2 ", ""), ""),
        ("all.txt", TITLED.replace("卷1_1 ", "　1-1").replace("】王", "】 王"), ""),
    ],
)
def test_a_format_gives_poems_and_what_it_says_about_them(
    write: Write, name: str, content: str, dynasty: str
) -> None:
    corpus = read_corpus(write(name, content))
    assert corpus.poems == [Poem(p.lines, p.title, p.author, dynasty) for p in (STORK, DEER)]
    assert corpus.rejects == []


@pytest.mark.parametrize(
    "content",
    [
        BLOCKS,
        BLOCKS.replace("\n\n", "\n \n\n"),
        "\n\n" + BLOCKS,
        ROWS,
        ROWS + "\n\n",  # a blank line at either end separates nothing
        "\n" + ROWS,
        ROWS.replace("\n", "\n\n"),
        ROWS.replace("\n", "\r\n"),
        BLOCKS.replace("，\n", "，").replace("\n", "\r\n"),  # a couplet a row
        ROWS.translate(str.maketrans("，。", "  ")),
    ],
)
def test_plain_text_is_blocks_or_a_poem_a_line(write: Write, content: str) -> None:
    assert read_corpus(write("poems.txt", content)).poems == BARE
    assert read_corpus(write("poems", content)).poems == BARE


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("suffix", [".txt", ".json", ".jsonl", ".csv", ".md", ""])
def test_a_format_is_known_by_its_content_whatever_the_suffix(
    write: Write, format_: str, suffix: str
) -> None:
    path = write("poems" + suffix, FORMATS[format_])
    if format_ in ("titled", "blocks") and suffix in (".json", ".jsonl", ".csv"):
        with pytest.raises(CorpusError, match="no poems found"):  # no such format, plain text least
            read_corpus(path)
    else:
        assert [poem.lines for poem in read_corpus(path).poems] == [STORK.lines, DEER.lines]


@pytest.mark.parametrize("format_", [*FORMATS, "rows"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_byte_order_marks_and_line_ends_change_nothing(
    write: Write, format_: str, newline: str, encoding: str
) -> None:
    content = FORMATS.get(format_, ROWS)
    plain = read_corpus(write("plain.txt", content))
    path = write("poems.txt", content.replace("\n", newline), encoding)
    assert read_corpus(path).poems == plain.poems != []


def test_a_poem_in_csv_may_hold_line_breaks_and_commas(write: Write) -> None:
    path = write("a.csv", f'题目,内容\n"登,楼","{STORK}"\n\n鹿柴,{DEER.one_line}\n短\n')
    assert records(path) == [
        SourcePoem(str(STORK), "登,楼", "", "", 2),
        SourcePoem(DEER.one_line, "鹿柴", "", "", 7),
        SourcePoem("", "短", "", "", 8),
    ]


def test_verse_in_quotes_is_no_title(write: Write) -> None:
    corpus = read_corpus(write("a.txt", ROWS + "「勸君更盡一杯酒，西出陽關無故人」\n"))
    assert [poem.lines for poem in corpus.poems] == [
        STORK.lines,
        DEER.lines,
        ("勸君更盡一杯酒", "西出陽關無故人"),
    ]


def test_text_before_the_first_title_is_not_lost(write: Write) -> None:
    path = write("a.txt", f"\n{STORK.one_line}\n\n【鹿柴】王維\n{DEER}\n【缺】\n")
    assert [(r.title, r.author, r.line) for r in records(path)] == [
        ("", "", 2),
        ("鹿柴", "王維", 4),
        ("缺", "", 9),
    ]
    corpus = read_corpus(path)
    assert corpus.poems == [Poem(STORK.lines), Poem(DEER.lines, "鹿柴", "王維")]
    assert reasons(corpus) == [("no text", "a.txt", 9)]


# --- where a record stands


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (JSON, [1, 1]),
        (json.dumps(PARAGRAPHS, indent=1, ensure_ascii=False), [2, 11]),
        ("\n\n" + JSON.replace("}, {", "},\n\n{"), [3, 5]),
        (JSON_LINES.replace("}\n", "}\n\n"), [1, 3]),
        (CSV, [2, 3]),
        (f"题目,内容\n甲,{STORK.one_line}\n\n乙,{DEER.one_line}\n", [2, 4]),
        (TITLED, [1, 9]),
        (BLOCKS, [1, 6]),
        ("\n" + BLOCKS, [2, 7]),
        (ROWS, [1, 2]),
        ("\n" + ROWS.replace("\n", "\n\n"), [2, 4]),
    ],
)
def test_a_record_knows_the_line_where_it_begins(
    write: Write, content: str, lines: list[int]
) -> None:
    path = write("a.txt", content)
    assert [record.line for record in records(path)] == lines
    crlf = write("b.txt", content.replace("\n", "\r\n"))
    assert [record.line for record in records(crlf)] == lines


# --- broken files


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("a.json", JSON[:-1].replace("}, {", "},\n{"), 2),
        ("a.json", JSON.replace("}, {", "},\n{\n")[:-20], 3),
        ("a.json", JSON.replace("}, {", "},\n{'title': 0, "), 2),
        ("a.jsonl", JSON_LINES + '{"lines": [', 3),
        ("a.jsonl", JSON_LINES + '\n["白日依山盡"]', 4),
        ("a.json", JSON[:-1] + ', "白日依山盡"]', 1),
        ("a.csv", CSV + '"甲","唐","人","白日依山盡\n次\n', 4),  # nobody closes the quote
    ],
)
def test_a_broken_file_is_named_with_the_line(
    write: Write, name: str, content: str, line: int
) -> None:
    with pytest.raises(CorpusError, match=rf"{name}, line \d+: (not valid|expected)") as error:
        read_corpus(write(name, content))
    assert f"{name}, line {line}:" in str(error.value)


@pytest.mark.parametrize("encoding", ["gb18030", "gbk"])
def test_a_chinese_encoding_is_named_and_can_be_given(write: Write, encoding: str) -> None:
    path = write("a.csv", CSV, encoding)
    with pytest.raises(CorpusError, match=r"a\.csv: byte 0 \(0xcc\) is not utf-8.*gb18030"):
        read_corpus(path)
    assert [p.lines for p in read_corpus(path, encoding="gb18030").poems] == [
        STORK.lines,
        DEER.lines,
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf-8-sig", "gb18030", "utf-16-le"])
def test_a_byte_order_mark_is_no_part_of_the_text(write: Write, encoding: str) -> None:
    path = write("a.csv", ("" if encoding == "utf-8-sig" else "\ufeff") + CSV, encoding)
    assert load_text(path, encoding) == CSV


def test_big5_reads_when_it_is_named(write: Write) -> None:
    path = write("a.txt", BLOCKS, "big5")
    with pytest.raises(CorpusError, match=r"is not utf-8.*--encoding"):
        read_corpus(path)
    assert read_corpus(path, encoding="big5").poems == BARE


def test_bytes_of_no_known_encoding_are_an_error(write: Write) -> None:
    with pytest.raises(CorpusError, match=r"byte 1 \(0xff\).*; give the right one"):
        read_corpus(write("a.txt", b"a\xff\xff"))
    with pytest.raises(CorpusError, match=r"is not utf-16"):
        read_corpus(write("b.txt", b"\xff\xfea"))


def test_an_unknown_encoding_is_quoted(write: Write) -> None:
    path = write("a.txt", ROWS)
    with pytest.raises(CorpusError, match=r"'klingon'.*gb18030"):
        read_corpus(path, encoding="klingon")
    with pytest.raises(CorpusError, match="'hex'"):  # Python has it, but not for text
        read_corpus(path, encoding="hex")


def test_a_binary_file_is_no_corpus(write: Write) -> None:
    with pytest.raises(CorpusError, match=r"a\.txt: a binary file \(byte 3 is zero\)"):
        read_corpus(write("a.txt", b"PK\x03\x00\x01"))


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.csv", "a"])
@pytest.mark.parametrize("content", ["", " \n\n", "\ufeff"])
def test_an_empty_file_is_an_error(write: Write, name: str, content: str) -> None:
    with pytest.raises(CorpusError, match=f"{name}: (no poems found|not a single poem in 1 file)"):
        read_corpus(write(name, content))


def test_a_file_of_authors_alone_is_an_error(write: Write) -> None:
    with pytest.raises(CorpusError, match=r"a\.json: no poems found; known are"):
        read_corpus(write("a.json", AUTHORS))


def test_a_path_without_anything_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"nowhere: no such file.*corpus download"):
        read_corpus(tmp_path / "nowhere")


def test_a_corpus_of_rejects_alone_says_why(write: Write) -> None:
    path = write("a.txt", "白日依□盡，黃。\n白日依山盡（，黃。\n白日○山盡，黃。\n")
    with pytest.raises(CorpusError, match="2 with lost characters, 1 with a bracket without"):
        read_corpus(path)


# --- folders


def test_a_folder_may_hold_every_format_and_other_files(write: Write, tmp_path: Path) -> None:
    for i, content in enumerate([JSON, JSON_LINES, CSV, TITLED, BLOCKS]):
        text = content.replace("空山不見人", "空" * (i + 1))  # the same poem no second time
        text = text.replace("白日依山盡", "白" * (i + 1))
        write(f"deep/{i}/poems{['.JSON', '.jsonl', '.csv', '.txt', '.txt'][i]}", text)
    write("authors.tang.json", AUTHORS)
    write("package.json", '{\n "name": "x",\n "content": "y"\n}')
    write("README.md", "# Poems")
    write("poems.rar", b"Rar!\0")
    write(".hidden.txt", ROWS)
    write(".git/poems.txt", ROWS)
    (tmp_path / "folder.txt").mkdir()
    corpus = read_corpus(tmp_path)
    assert Counter(poem.lines[0][0] for poem in corpus.poems) == {"白": 5, "空": 5}
    assert [file.name for file in corpus.skipped_files] == ["authors.tang.json", "package.json"]
    assert corpus.rejects == []


def test_the_files_of_a_folder_come_in_the_order_of_their_names(
    write: Write, tmp_path: Path
) -> None:
    for name in ("b.txt", "a/z.csv", "c.jsonl", "a/y.JSON", "d.md"):
        write(name, "")
    names = [file.relative_to(tmp_path).as_posix() for file in corpus_files(tmp_path)]
    assert names == ["a/y.JSON", "a/z.csv", "b.txt", "c.jsonl"]


@pytest.mark.parametrize("name", ["a.md", ".hidden/a.txt", ".a.txt"])
def test_a_folder_without_poem_files_is_an_error(write: Write, tmp_path: Path, name: str) -> None:
    write(name, ROWS)
    with pytest.raises(CorpusError, match=r"no \.json, \.jsonl, \.csv, \.tsv, \.txt file.*\.gz"):
        read_corpus(tmp_path)


def test_a_folder_whose_files_hold_no_poem_is_an_error(write: Write, tmp_path: Path) -> None:
    write("a.json", AUTHORS)
    write("b.json", AUTHORS)
    with pytest.raises(CorpusError, match=r"not a single poem in 2 file\(s\)"):
        read_corpus(tmp_path)


def test_progress_is_told_before_each_file_in_bytes(write: Write, tmp_path: Path) -> None:
    a, b = write("a.txt", ROWS), write("b.txt", AUTHORS)
    told: list[tuple[Path, int, int]] = []
    read_corpus(tmp_path, progress=lambda *now: told.append(now))
    size = len(ROWS.encode())
    assert told == [(a, 0, size + len(AUTHORS.encode())), (b, size, told[0][2])]


# --- what is kept


def test_rejects_are_counted_by_reason_and_placed(write: Write, tmp_path: Path) -> None:
    write("a.txt", f"{STORK.one_line}\n白日依□盡\nabc\n（注）\n白日（依山\n")
    write("b.txt", f"{DEER}\n\n{STORK}\n\n白日依□盡，\n黃河{'流' * 70}\n")
    corpus = read_corpus(tmp_path)
    assert corpus.poems == [Poem(STORK.lines), Poem(DEER.lines)]
    assert reasons(corpus) == [
        ("lost characters", "a.txt", 2),
        ("other than Chinese characters", "a.txt", 3),
        ("no text", "a.txt", 4),
        ("a bracket without its partner", "a.txt", 5),
        ("the same poem a second time", "b.txt", 6),
        ("lost characters", "b.txt", 11),
    ]
    assert corpus.rejects[0] == Reject("lost characters", tmp_path / "a.txt", 2, "白日依□盡")
    assert len(corpus.rejects[-1].text) == 60
    assert corpus.rejects_by_reason["lost characters"] == 2


def test_repeated_poems_are_dropped_also_in_another_script_or_spelling(write: Write) -> None:
    again = [
        "白日依山盡 黃河入海流 欲窮千里目 更上一層樓",
        "白日依山尽，黄河入海流。欲窮千里目，更上一層樓。",
    ]
    corpus = read_corpus(write("a.txt", "\n".join([STORK.one_line, *again, DEER.one_line])))
    assert corpus.poems == BARE
    assert [reject.line for reject in corpus.rejects] == [2, 3]


def test_a_simplified_corpus_is_converted_by_phrases(write: Write) -> None:
    path = write("a.txt", "白发三千丈，缘愁似个长。\n朝发白帝城，云开见日边。\n")
    assert [poem.lines for poem in read_corpus(path).poems] == [
        ("白髮三千丈", "緣愁似個長"),
        ("朝發白帝城", "雲開見日邊"),
    ]


def test_strays_of_a_traditional_corpus_are_folded_and_nothing_else(write: Write) -> None:
    rows = ["千里鶯啼綠映紅，水村山郭酒旗風。南朝四百八十寺，多少樓臺煙雨中。"] * 2
    rows[1] = "国破山河在，皇后有餘悲。干戈猶未定，余亦倚闌干。孤云獨去閒，千里共嬋娟。"
    corpus = read_corpus(write("a.txt", "\n".join(rows)))
    assert corpus.poems[1].text == ("國破山河在皇后有餘悲干戈猶未定余亦倚闌干孤云獨去閑千里共嬋娟")


def test_each_file_has_a_script_of_its_own(write: Write, tmp_path: Path) -> None:
    write("simplified.txt", "云开见日边，万里无尘。")
    write("traditional.txt", "孤云獨去閒，眾鳥高飛盡。")
    assert [poem.text[:2] for poem in read_corpus(tmp_path).poems] == ["雲開", "孤云"]


# --- counts


def test_a_corpus_counts_forms_and_characters(write: Write) -> None:
    corpus = read_corpus(write("a.txt", ROWS + "孤帆遠影碧空盡，唯見長江天際流。"))
    counts = corpus.by_form_and_dynasty()
    forms = [Form.parse(name) for name in ("五绝", "五言联", "七言联")]
    assert [counts[form, ""] for form in forms] == [2, 4, 1]
    assert corpus.character_counts == Counter("".join(poem.text for poem in corpus.poems))
    assert corpus.character_counts["人"] == 2
