"""jieba: the words of a theme, where words end, and what class they are of."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from math import log
from typing import Any

from poetry_vae.text.poem import split_lines
from poetry_vae.text.script import to_simplified, understand

# Words that people say around a subject, and classes of words (jieba's tags) that say nothing by
# themselves: numbers, measures, particles, pronouns and the like.
_ASKING = """写 作 一首 首 诗 诗词 诗歌 古诗 绝句 律诗 关于 送给 请 帮 帮我 给 我 你 一个 想 要 来
有关 主题 为题"""
_EMPTY = ("m", "q", "u", "p", "c", "r", "y", "e", "o", "x", "w", "d", "f")
# Of single characters, those classes say something that jieba takes 月 (a month), 天 and 西 for.
_EMPTY_ALONE = tuple(set(_EMPTY) - {"m", "q", "f"})


def keywords(text: str, *, most: int = 3, longest: int = 7) -> tuple[list[str], list[str]]:
    """The words that say most about the subject of ``text``, at most ``most``, and those that say
    something too, but were too many: in traditional script.

    They are ranked by jieba (frequency in the text against rarity in general). Single characters
    are taken only if there are no longer words. Words of more than ``longest`` characters are left
    out.
    """
    # jieba's dictionary is in simplified script.
    plain = " ".join(split_lines(to_simplified(understand(text))))
    tags = _tags()

    def says_something(word: str, empty: tuple[str, ...] = _EMPTY) -> bool:
        return word not in _ASKING.split() and not tags.get(word, "n").startswith(empty)

    ranked = [w for w in _jieba().analyse.extract_tags(plain, topK=50) if says_something(w)]
    if not ranked:
        ranked = [c for c in plain if not c.isspace() and says_something(c, _EMPTY_ALONE)]
    cut = list(dict.fromkeys(understand(word) for word in ranked if len(word) <= longest))
    return cut[:most], cut[most:]


@cache
def _jieba() -> Any:
    """jieba, its dictionary read from its own package in about half a second.

    The library itself would store the dictionary in a file and read it back with ``marshal``. A
    damaged or foreign file can make ``marshal`` do anything, so here no such file is used.
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
    return jieba


def _tags() -> dict[str, str]:
    """jieba's tags, by word: they tell its class."""
    _jieba()
    import jieba.posseg

    tags: dict[str, str] = jieba.posseg.dt.word_tag_tab
    return tags


def boundaries(line: str) -> tuple[int, ...]:
    """Where the words of a line (traditional script) end, by jieba's dictionary alone."""
    ends, end = [], 0
    for word in _jieba().dt.cut(to_simplified(line), HMM=False):
        end += len(word)
        ends.append(end)
    return tuple(ends)


@dataclass(frozen=True)
class Dictionary:
    """The words of jieba's dictionary, in simplified script, and how they cut a line: so that the
    product of the frequencies of its words is largest, computed from its end."""

    frequency: dict[str, int]
    """Frequency of every word; 0 for beginnings of words that are not words themselves."""
    log_total: float
    """The logarithm of the sum of all frequencies."""

    @cached_property
    def beginning(self) -> dict[str, list[str]]:
        """By the first character, the words of two characters and more."""
        return self._by(slice(0, 1))

    @cached_property
    def ending(self) -> dict[str, list[str]]:
        """By all but the first character, the words of two characters and more."""
        return self._by(slice(1, None))

    def _by(self, part: slice) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for word, n in self.frequency.items():
            if n and len(word) > 1:
                found.setdefault(word[part], []).append(word)
        return found

    def log_share(self, word: str) -> float:
        """Log of a word's share of all words; an unknown word has the frequency 1."""
        return log(self.frequency.get(word) or 1) - self.log_total


@cache
def dictionary() -> Dictionary:
    """jieba's dictionary."""
    jieba = _jieba()
    return Dictionary(jieba.dt.FREQ, log(jieba.dt.total))


# Classes by the first letter of jieba's tags, after those that 对仗 tells apart (Wang Li,
# 詩詞格律): things, actions, qualities, numbers, times, places, pronouns, adverbs, particles.
_CLASSES = ("n i j l g q", "v", "a b z", "m", "t", "f s", "r", "d", "c p u y e o h k x")

_CLASS_OF = {letter: i for i, letters in enumerate(_CLASSES) for letter in letters.split()}
NO_CLASS = len(_CLASSES)
"""The class of characters that the dictionary does not know."""


def word_classes(characters: Sequence[str]) -> list[int]:
    """The word class of single characters (traditional script), by jieba's tags: 0 to NO_CLASS."""
    tags = _tags()
    simplified = to_simplified("\n".join(characters)).split("\n")
    return [_CLASS_OF.get(tags.get(c, "")[:1], NO_CLASS) for c in simplified]
