"""The names of a poem's parts in sources, and the ways of headings to name author and dynasty."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

PoemField = Literal["verse", "title", "author", "dynasty"]

# The first that a source has is taken.
_NAMES: dict[PoemField, str] = {
    "verse": "lines paragraphs content contents 内容 內容 正文 诗文 詩文 原文 诗句 詩句 text verse "
    "verses poem body",
    "title": "title 题目 題目 标题 標題 诗题 詩題 题名 題名 诗名 詩名 篇名 chapter rhythmic",
    "author": "author authorname author_name 作者 poet writer 诗人 詩人",
    "dynasty": "dynasty 朝代 年代 时代 時代",
}
FIELD_OF_NAME: dict[str, tuple[PoemField, int]] = {
    name: (part, rank) for part, names in _NAMES.items() for rank, name in enumerate(names.split())
}
"""For each name, in lower case: the part of a poem that it means, and its rank among its names."""

DYNASTY = re.compile(
    "(?:先秦|春秋|[戰战][國国]|秦|[西東东]?[漢汉]|三[國国]|[曹北西東东]?魏|[吳吴]|蜀|[西東东]?[晉晋]|"
    "南北朝|[南北]朝|[北南]?宋|[南北]?[齊齐]|梁|[陳陈]|[後后]?[周梁]|隋|初?唐|[盛中晚]唐|五代|五代十[國国]|南唐|"
    "[後后]蜀|金|[遼辽]|元|明|清|民[國国]|近代|近[現现]代|[現现當当]代)(?:代|朝)?"
)
"""The names of dynasties, in either script."""

_NAME = r"[㐀-鿿\U00020000-\U0003ffff·□]{1,8}"
_DOT = r"[·・•‧.．]"
# [唐] 李白, 【唐】李白, （唐）李白; 唐·李白, 唐 李白, 唐：李白; 李白（唐）
_WHO = re.compile(
    rf"[\[【〔（(]\s*(?P<d1>{DYNASTY.pattern})\s*[\]】〕）)]\s*(?P<a1>{_NAME})"
    rf"|(?P<d2>{DYNASTY.pattern})\s*(?:{_DOT}|[\s|｜:：/／])\s*(?P<a2>{_NAME})"
    rf"|(?P<a3>{_NAME})\s*[\[【〔（(]\s*(?P<d3>{DYNASTY.pattern})\s*[\]】〕）)]"
)
_LABEL = re.compile(
    r"(?:(?P<title>[题題]目?|[标標][题題]|[诗詩][题題名])|(?P<author>作者|[诗詩]人)"
    r"|(?P<dynasty>朝代|年代))\s*[:：]\s*(?P<value>\S.*)"
)
_BOOK_TITLE = re.compile(r"(?P<before>[^《》]*)《(?P<title>[^《》]+)》(?P<after>[^《》]*)")
_IN_BRACKETS = re.compile(r"(?P<title>.+?)\s*[（(](?P<who>[^（）()]+)[）)]")
_NUMBER = re.compile(r"(?:#+\s*|[卷第]?\d+(?:[_\-.]\d+)*(?:\s*[.．、)）:：]\s*|\s+))")
# 其二, 三首, 並序, 次韻: the end of a title, not a name
_NO_NAME = re.compile(
    r"其.*|.*(?:首|[並并]?序|韻|韵|之[一二三四五六七八九十]|[体體])|[一二三四五六七八九十上下]+|又|"
    r"[节節][选選]|[並并].*"
)
_LONGEST_NAME = 4


def says_who(row: str) -> bool:
    """Whether a row can only be an author: 作者：…, [唐] 李白."""
    return _LABEL.fullmatch(row) is not None or _who(row) is not None


def says_who_or_what(row: str) -> bool:
    """Whether a row can only be a title or an author: 《…》, 作者：…, [唐] 李白, …（唐·李白）."""
    row = _NUMBER.sub("", row.strip(), count=1)
    if says_who(row):
        return True
    if book := _BOOK_TITLE.fullmatch(row):
        before, after = book["before"].strip(), book["after"].strip()
        # Four characters before 《…》 are more likely verse: 清歌一曲《倒金壺》
        short = len(before) < _LONGEST_NAME or _who(before) is not None
        return short and _is_who_or_nothing(before) and _is_who_or_nothing(after)
    marked = _IN_BRACKETS.fullmatch(row)
    if marked and _who(marked["who"].strip()):
        return True
    words = row.split()
    return any(_who(" ".join(words[-n:])) is not None for n in (1, 2) if len(words) > n)


def read_heading(rows: Sequence[str]) -> tuple[str, str, str]:
    """Title, author and dynasty from the rows above a poem, each empty if they do not say it."""
    title, author, dynasty = "", "", ""
    for i, row in enumerate(rows):
        row = _NUMBER.sub("", row.strip(), count=1).strip() or row.strip()
        last = i == len(rows) - 1
        if label := _LABEL.fullmatch(row):
            value = label["value"].strip("《》 ")
            title = value if label["title"] else title
            author = value if label["author"] else author
            dynasty = value if label["dynasty"] else dynasty
        elif not author and (who := _who(row)):
            dynasty, author = who
        elif title and DYNASTY.fullmatch(row):
            dynasty = row
        elif not title:
            title, author, dynasty = _title_row(row, author, dynasty, alone=last and not i)
        elif not author and last and len(row) <= _LONGEST_NAME + 2:
            author = row
        else:
            title = f"{title} {row}"
    return title, author, dynasty


def _title_row(row: str, author: str, dynasty: str, *, alone: bool) -> tuple[str, str, str]:
    """The parts of a row with the title; ``alone`` if only this row can name the author."""
    if book := _BOOK_TITLE.fullmatch(row):
        beside = book["before"].strip(" \t　:：") or book["after"].strip(" \t　:：—-/")
        if not _is_who_or_nothing(beside):  # 《無題》其二
            return row.replace("《", "").replace("》", ""), author, dynasty
        dynasty, author = _who(beside) or (dynasty, beside or author)
        return book["title"], author, dynasty
    if row.startswith("【") and "】" in row:
        title, _, beside = row[1:].partition("】")
        dynasty, author = _who(beside.strip()) or (dynasty, beside.strip() or author)
        return title, author, dynasty
    if (marked := _IN_BRACKETS.fullmatch(row)) and (who := _who(marked["who"].strip())):
        return marked["title"], who[1], who[0]
    if alone and marked and _is_name(marked["who"]) and len(marked["who"]) > 1:
        return marked["title"], marked["who"], dynasty
    words = re.split(r"\s+|——|—|／|/|\|", row)
    for n in (2, 1):
        if len(words) > n and (who := _who(" ".join(words[-n:]))):
            return " ".join(words[:-n]), who[1], who[0]
    if alone and len(words) > 1 and _is_name(words[-1]) and len(words[-1]) > 1:
        return " ".join(words[:-1]), words[-1], dynasty
    return row, author, dynasty


def _who(text: str) -> tuple[str, str] | None:
    """Dynasty and author, if the text consists of both and nothing else."""
    match = _WHO.fullmatch(text.strip())
    if match is None:
        return None
    name = match["a1"] or match["a2"] or match["a3"]
    return match["d1"] or match["d2"] or match["d3"], name


def _is_name(text: str) -> bool:
    return (
        len(text) <= _LONGEST_NAME
        and re.fullmatch(_NAME, text) is not None
        and _NO_NAME.fullmatch(text) is None
    )


def _is_who_or_nothing(text: str) -> bool:
    text = text.strip(" \t　:：—-/")
    return not text or _who(text) is not None or _is_name(text)


_ONE_CHARACTER = frozenset("唐宋元明清金遼辽隋漢汉晉晋秦魏梁陳陈齊齐周")


def dynasty_named(name: str) -> str:
    """A dynasty by its shortest name: 唐 for 唐朝 and 唐代. 五代 and 南朝 are whole names."""
    is_long = name[1:] in ("朝", "代") and name[:1] in _ONE_CHARACTER
    return name[:1] if is_long else name
