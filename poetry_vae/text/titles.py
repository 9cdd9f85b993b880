"""Read a title: the tune of a 词, and the subject of a poem in a few characters."""

from __future__ import annotations

import re

from poetry_vae.text.form import tune_form

_LONGEST_TUNE = 8
_AFTER_TUNE = "·・ 　．.，,（(:：-"
# What editors and numbering add to a title, and what stands in brackets.
_CLOSING = "）)〕]】〗"
_ASIDE = re.compile(r"[（(〔\[【〖][^）)〕\]】〗]*[）)〕\]】〗]")
_NUMBERS = "一二三四五六七八九十百兩两幾几廿卅"
_COUNTED = re.compile(
    rf"(其?[之第]?[{_NUMBERS}]+[首章絕绝律闋阕解]?|[並并][序引]|有序|有引|[{_NUMBERS}]+韻?韵?)$"
)
# Titles of these alone name a kind of poem, an occasion to write or a number: 絕句, 偶成, 再和前韻.
_SAYS_NOTHING = re.compile(
    rf"[無失闕題言絕律古詩詞句偈頌偶漫口占成作書即事雜詠興遣感有賦再次和前原韻又其之首{_NUMBERS}]*"
)
_NOT_HAN = re.compile("[^\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff]")


def split_tune(title: str, lengths: tuple[int, ...]) -> tuple[str, str]:
    """The tune that a title begins with, as it is written there, and the rest of the title.

    ``菩萨蛮·寄攘叔`` is the tune 菩萨蛮 with the title 寄攘叔, where the lines of the poem are as
    long as those of the tune. Else the tune is empty and the title whole: 浪淘沙 of four lines of
    seven is a quatrain by that name.
    """
    for n in range(min(_LONGEST_TUNE, len(title)), 1, -1):
        if form := tune_form(title[:n]):
            is_ci = form.lengths == lengths
            return (title[:n], title[n:].strip(_AFTER_TUNE + "）)")) if is_ci else ("", title)
    return "", title


def subject_of(title: str) -> str:
    """The characters of a title that say what a poem is about: without numbers of poems in a
    series, remarks in brackets and punctuation. May be empty.

    >>> subject_of("帝京篇十首 四"), subject_of("送友人（一作送別）"), subject_of("秋興八首 其一")
    ('帝京篇', '送友人', '秋興')
    """
    # No remark begins after the last closing bracket. So the search for each end is short.
    end = max(map(title.rfind, _CLOSING)) + 1
    text, before = _ASIDE.sub("", title[:end]) + title[end:], ""
    while text != before:
        before = text
        text = _COUNTED.sub("", text.strip(" 　·，。、,.")) or text
    return _NOT_HAN.sub("", text)


def says_a_subject(title: str) -> bool:
    """Whether a title, without numbers and remarks, tells more than what kind of poem it heads.

    >>> [says_a_subject(title) for title in ("宮詞", "七言絕句", "偶成", "無題 其二", "")]
    [True, False, False, False, False]
    """
    return _SAYS_NOTHING.fullmatch(subject_of(title)) is None
