"""Traditional and simplified script, and the one orthography the models learn.

Inside, text is traditional in one spelling: variants (烟/煙, 峯/峰) and the simplified strays of a
traditional corpus are folded character by character, by ``orthography.tsv``. Outside, people read
and write either script. OpenCC writes simplified script; on the way back one simplified character
can stand for several traditional ones (发: 發 or 髮), which ``ambiguous.py`` chooses among.

What is shown is spelt as usual: by ``spellings.tsv``, after conversion, variants that models know
beside the usual character (馿 for 驢) are replaced, and so are simplified forms that common fonts
lack.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal, get_args

from poetry_vae.text.ambiguous import choose
from poetry_vae.text.shipped import rows

Script = Literal["traditional", "simplified"]

# In simplified verse a quarter of the characters exist in that script only; the strays of a
# traditional corpus, 却 and 黄 among them, stay below three in a hundred.
_SIMPLIFIED_SHARE = 0.08


@cache
def _folding() -> dict[int, str]:
    return {ord(variant): canonical for variant, canonical in rows("orthography")}


@cache
def _spellings(script: Script) -> dict[int, str]:
    return {ord(variant): usual for name, variant, usual in rows("spellings") if name == script}


@cache
def _opencc(config: str) -> Any:
    import opencc  # heavy: loaded by those who convert

    return opencc.OpenCC(config)


@cache
def _only_simplified(character: str) -> bool:
    """Whether the character belongs to simplified script alone (国, not 后)."""
    folded = _folding().get(ord(character))
    return folded is not None and _opencc("t2s").convert(folded) == character


def fold(text: str) -> str:
    """Write every character in the one traditional spelling, one character for one.

    Compatibility characters (U+F900 to U+FAFF) become their ordinary twins. Folding twice changes
    nothing.
    """
    return unicodedata.normalize("NFC", text).translate(_folding())


def to_traditional(text: str) -> str:
    """Simplified text in the models' orthography, one character for one.

    Ambiguous characters are decided by those beside them on their line.
    """
    return fold(choose(unicodedata.normalize("NFC", text)))


def to_simplified(text: str) -> str:
    """Text of the models' orthography in simplified script, spelt as usual."""
    simplified: str = _opencc("t2s").convert(text)
    return simplified.translate(_spellings("simplified"))


def looks_simplified(texts: Iterable[str]) -> bool:
    """Whether the texts, taken together, are in simplified script."""
    simplified = total = 0
    for text in texts:
        total += len(text)
        simplified += sum(map(_only_simplified, text))
    return simplified > _SIMPLIFIED_SHARE * total


def understand(text: str) -> str:
    """What a person typed, in the models' orthography: either script is understood.

    Text with any character that only simplified script has is converted; the rest is folded, so
    that 后 in traditional text stays the empress and does not become "after" (後).
    """
    return to_traditional(text) if any(map(_only_simplified, text)) else fold(text)


def check_script(script: str) -> None:
    """
    Raises:
        ValueError: there is no such script.
    """
    if script not in get_args(Script):
        raise ValueError(f"{script!r} is no script: there are {' and '.join(get_args(Script))}")


def present(text: str, script: Script) -> str:
    """Text of the models' orthography in the script asked for, spelt as usual."""
    return to_simplified(text) if script == "simplified" else text.translate(_spellings(script))


def is_usual(character: str) -> bool:
    """Whether GB 18030 has the character in two bytes at most: others, most fonts cannot show."""
    return len(character.encode("gb18030", errors="replace")) <= 2
