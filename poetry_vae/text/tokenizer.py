"""Characters as numbers: the same numbers in every process, stored beside the model."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.json_values import JsonError, parse_json
from poetry_vae.text.poem import Poem, split_lines
from poetry_vae.text.script import is_usual, present, understand

_NOT_SHOWN = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")  # control codes, halves, blanks


class TokenizerError(PoetryVAEError):
    """A vocabulary that cannot be used."""


class CharTokenizer:
    """A fixed, ordered vocabulary of characters in the models' orthography.

    Id 0 is ``<unk>`` (a character outside the vocabulary) and id 1 ``<mask>`` (a character not
    given); characters follow by falling frequency, equal ones by code point.
    """

    UNKNOWN = 0
    MASK = 1
    SPECIAL = ("<unk>", "<mask>")
    # How the special symbols look in a line of verse, where a character's width is expected.
    _SHOWN = ("□", "＿")

    def __init__(self, characters: Sequence[str]) -> None:
        """``characters`` are the vocabulary after the special symbols, in order.

        Raises:
            TokenizerError: an entry is not a single character, or occurs twice.
        """
        for character in characters:
            if not isinstance(character, str) or len(character) != 1:
                raise TokenizerError(f"vocabulary entry {character!r} is not a single character")
        repeated = [character for character, n in Counter(characters).items() if n > 1]
        if repeated:
            raise TokenizerError(f"vocabulary entry {repeated[0]!r} occurs twice")
        self.characters = tuple(characters)
        self._ids = {c: i for i, c in enumerate(self.characters, start=len(self.SPECIAL))}
        self._symbols = (*self._SHOWN, *self.characters)

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], *, min_count: int = 1) -> CharTokenizer:
        """The vocabulary of every character that was counted at least ``min_count`` times."""
        kept = (c for c, n in counts.items() if n >= min_count)
        return cls(sorted(kept, key=lambda c: (-counts[c], c)))

    def __len__(self) -> int:
        """V, the special symbols included."""
        return len(self._symbols)

    def __contains__(self, character: object) -> bool:
        return character in self._ids

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CharTokenizer) and other.characters == self.characters

    def __hash__(self) -> int:
        return hash(self.characters)

    def encode(self, poem: Poem | str) -> npt.NDArray[np.int64]:
        """Ids of the characters, [T]. Either script is understood; punctuation is passed over."""
        lines = poem.lines if isinstance(poem, Poem) else split_lines(poem)
        # Lines are converted together, so that they have one script; but no line looks at the next.
        return self.encode_folded(understand("\n".join(lines)).replace("\n", ""))

    def encode_folded(self, text: str) -> npt.NDArray[np.int64]:
        """Ids [T] of text that already is in the models' orthography (what a corpus holds)."""
        get = self._ids.get
        return np.array([get(c, self.UNKNOWN) for c in text], dtype=np.int64)

    def numbers_in(self, other: CharTokenizer) -> npt.NDArray[np.int64]:
        """The id that each symbol of this vocabulary has in another one, [V]."""
        symbols = other.encode_folded("".join(self.characters))
        return np.concatenate([[self.UNKNOWN, self.MASK], symbols])

    def decode(self, ids: Iterable[int]) -> str:
        """The characters of ids [T]; ``<unk>`` is shown as □, ``<mask>`` as ＿.

        Raises:
            TokenizerError: an id is outside the vocabulary.
        """
        numbers = list(map(int, ids))
        outside = [i for i in numbers if not 0 <= i < len(self)]
        if outside:
            raise TokenizerError(f"an id outside the vocabulary of {len(self)}: {outside[0]}")
        return "".join([self._symbols[i] for i in numbers])

    def decode_rows(self, ids: npt.NDArray[np.integer[Any]]) -> list[str]:
        """Poems ids [N, T] as strings of T characters."""
        T = ids.shape[1]
        text = self.decode(ids.ravel().tolist())
        return [text[start : start + T] for start in range(0, len(text), T)]

    def unknown(self, text: str) -> list[str]:
        """The characters of ``text``, as typed, that the vocabulary lacks, each once, in order."""
        text = unicodedata.normalize("NFC", text)  # as folding does, so that the two stay aligned
        pairs = zip(text, understand(text), strict=True)
        return list(dict.fromkeys(typed for typed, folded in pairs if folded not in self._ids))

    @cached_property
    def rare(self) -> tuple[int, ...]:
        """Ids of the characters that most fonts cannot show, however they are spelt. They are read,
        and written if they are asked for or remembered, but never drawn."""
        shown = present("".join(self.characters), "traditional")
        return tuple(i for i, c in enumerate(shown, start=len(self.SPECIAL)) if not is_usual(c))

    def to_json(self) -> str:
        """The vocabulary as a JSON object with one string."""
        return json.dumps(
            {"version": 1, "special": self.SPECIAL, "characters": "".join(self.characters)},
            ensure_ascii=False,
        )

    @classmethod
    def from_json(cls, text: str) -> CharTokenizer:
        """The inverse of :meth:`to_json`.

        Raises:
            TokenizerError: the text is not such a vocabulary.
        """
        try:
            data = parse_json(text)
            version, special, characters = data["version"], data["special"], data["characters"]
        except (JsonError, KeyError, TypeError) as error:
            raise TokenizerError(f"not a vocabulary of this project ({error})") from error
        if version != 1 or special != list(cls.SPECIAL) or not isinstance(characters, str):
            raise TokenizerError(f"a vocabulary of another version ({version!r})")
        if odd := [c for c in characters if unicodedata.category(c) in _NOT_SHOWN]:
            raise TokenizerError(f"vocabulary entry {odd[0]!r} is nothing that can be shown")
        return cls(list(characters))
