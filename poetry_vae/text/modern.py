"""Modern Mandarin readings, for verse in the new rhymes: tones 1 and 2 are level, 3 and 4 oblique.

The rhymes are the fourteen groups of 中華新韻（十四韻）, published in 2005 by the Chinese Poetry
Society (中華詩詞學會), or the sixteen of 中華通韻, published in 2019 by the Ministry of Education:
which finals of pinyin rhyme with each other. Readings come from pypinyin, an optional extra; the
neutral tone belongs to neither class and is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache, partial

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.prosody import Reading, RhymeBook, Tone
from poetry_vae.text.script import to_simplified

_LEAST_SHARE = 0.1
"""The share of a character's words that a reading needs to count beside the commonest."""

_FINALS = {
    "麻": "a ia ua",
    "波": "o e uo",
    "皆": "ie üe ê",
    "開": "ai uai",
    "微": "ei uei",
    "豪": "ao iao",
    "尤": "ou iou",
    "寒": "an ian uan üan",
    "文": "en in uen ün",
    "唐": "ang iang uang",
    "庚": "eng ing ueng ong iong",
    "齊": "i er ü",
    "支": "-i",
    "姑": "u",
}
_FINALS_OF_TONGYUN = {
    "啊": "a ia ua",
    "喔": "o uo",
    "鵝": "e ie üe ê",
    "衣": "i -i",
    "烏": "u",
    "迂": "ü",
    "哀": "ai uai",
    "欸": "ei uei",
    "熬": "ao iao",
    "歐": "ou iou",
    "安": "an ian uan üan",
    "恩": "en in uen ün",
    "昂": "ang iang uang",
    "英": "eng ing ueng",
    "雍": "ong iong",
    "兒": "er",
}
_GROUPS_OF = {
    name: {final: group for group, finals in table.items() for final in finals.split()}
    for name, table in (("xinyun", _FINALS), ("tongyun", _FINALS_OF_TONGYUN))
}
_TONES: dict[str, Tone] = {"1": "平", "2": "平", "3": "仄", "4": "仄"}
# The i of these syllables (知 吃 詩 日 資 雌 思) is a vowel of its own.
_BUZZING = {"zh", "ch", "sh", "r", "z", "c", "s"}


class ModernReadingsError(PoetryVAEError):
    """Modern readings were asked for, but pypinyin is not installed."""


@cache
def modern(name: str = "xinyun") -> RhymeBook:
    """A book of modern readings: ``xinyun`` (中華新韻) or ``tongyun`` (中華通韻).

    Raises:
        ModernReadingsError: pypinyin is not installed.
    """
    try:
        import pypinyin  # noqa: F401
    except ImportError as error:
        raise ModernReadingsError(
            "modern readings need pypinyin: pip install 'poetry-vae[modern]'"
        ) from error
    return RhymeBook(name, partial(_readings, book=name))


@cache
def _readings(character: str, book: str) -> frozenset[Reading]:
    """The commonest reading of a character, and those that its words have often enough.

    Dictionaries give a third of all characters in verse both tones, most of them by readings that
    nobody uses (風 as fèng).
    """
    from pypinyin import Style, pinyin

    if len(character) != 1:
        return frozenset()
    listed = pinyin(character, style=Style.TONE, errors="ignore")
    spoken = _in_words().get(to_simplified(character), Counter())
    often = [syllable for syllable, n in spoken.items() if n >= _LEAST_SHARE * spoken.total()]
    parsed = (_reading(syllable, book) for syllable in {*often, *(row[0] for row in listed)})
    return frozenset(reading for reading in parsed if reading)


@cache
def _in_words() -> dict[str, Counter[str]]:
    """How many words of pypinyin's list, in simplified script, give a character each reading."""
    from pypinyin.constants import PHRASES_DICT

    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for word, syllables in PHRASES_DICT.items():
        for character, syllable in zip(word, syllables, strict=False):
            counts[character][syllable[0]] += 1
    return counts


@cache
def _reading(syllable: str, book: str) -> Reading | None:
    """The reading of a syllable with its tone mark; none for the neutral tone."""
    from pypinyin.contrib.tone_convert import to_finals, to_initials, to_tone3

    tone = _TONES.get(to_tone3(syllable)[-1:])
    final = to_finals(syllable, strict=True, v_to_u=True)
    if final == "i" and to_initials(syllable, strict=True) in _BUZZING:
        final = "-i"
    return Reading(tone, _GROUPS_OF[book].get(final, "")) if tone else None
