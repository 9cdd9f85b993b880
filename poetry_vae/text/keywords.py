"""jieba: the words of a theme, where words end, and what class they are of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Any

from poetry_vae.text.poem import split_lines
from poetry_vae.text.script import to_simplified, understand


def keywords(text: str, *, most: int = 3, longest: int = 7) -> tuple[str, ...]:
    """The words that say most of what ``text`` is about, at most ``most``, in traditional script.

    By jieba's ranking (frequency in the text against rarity in general); single characters serve
    where there are no longer words. Words of more than ``longest`` characters are left out.
    """
    # jieba's dictionary is in simplified script.
    plain = " ".join(split_lines(to_simplified(understand(text))))
    analyse = _jieba()
    ranked = analyse.extract_tags(plain, topK=2 * most) or [c for c in plain if not c.isspace()]
    cut = (understand(word) for word in ranked)
    return tuple(dict.fromkeys(word for word in cut if len(word) <= longest))[:most]


@cache
def _jieba() -> Any:
    """jieba's keyword ranking, its dictionary read from its own package in about half a second.

    The library would keep what it has read in a file that it reads with ``marshal``, which a
    damaged or a foreign file can make do anything: nothing is written and nothing read back.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library is older than some of Python's warnings
        import jieba
        import jieba.analyse

    jieba.setLogLevel("WARNING")
    tokenizer = jieba.dt
    with tokenizer.lock:
        if not tokenizer.initialized:
            tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
            tokenizer.initialized = True
    return jieba.analyse


def boundaries(line: str) -> tuple[int, ...]:
    """Where the words of a line (traditional script) end, by jieba's dictionary alone."""
    _jieba()
    import jieba

    ends, end = [], 0
    for word in jieba.dt.cut(to_simplified(line), HMM=False):
        end += len(word)
        ends.append(end)
    return tuple(ends)


# Classes by the first letter of jieba's tags, after those that 对仗 tells apart (Wang Li,
# 詩詞格律): things, actions, qualities, numbers, times, places, pronouns, adverbs, particles.
_CLASSES = ("n i j l g q", "v", "a b z", "m", "t", "f s", "r", "d", "c p u y e o h k x")


@cache
def _class_of_tag() -> dict[str, int]:
    return {letter: i for i, letters in enumerate(_CLASSES) for letter in letters.split()}


NO_CLASS = len(_CLASSES)
"""The class of characters that the dictionary does not know."""


def word_classes(characters: Sequence[str]) -> list[int]:
    """The word class of single characters (traditional script), by jieba's tags: 0 to NO_CLASS."""
    _jieba()
    import jieba.posseg

    tags = jieba.posseg.dt.word_tag_tab
    simplified = to_simplified("\n".join(characters)).split("\n")
    classes = _class_of_tag()
    return [classes.get(tags.get(c, "")[:1], NO_CLASS) for c in simplified]
