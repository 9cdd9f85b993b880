"""The characters that rules speak of: those of a model, and a few that it does not know."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from poetry_vae.text.cleaning import refuse_foreign
from poetry_vae.text.script import fold, to_simplified, understand
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.rules.rule import RuleError


class Alphabet:
    """The characters of a vocabulary by id, and behind them **strangers**: characters that the
    model has never seen, which can be shown in a poem (the names of people hold them) and of which
    the books may know tone and rhyme.

    ``symbols`` are the characters by id, empty strings for special symbols; ``simplified`` the same
    in simplified script; ``same`` [V] numbers them so that those which look the same in simplified
    script (里 and 裏) have one number.
    """

    def __init__(self, tokenizer: CharTokenizer, strangers: Sequence[str] = ()) -> None:
        first = len(CharTokenizer.SPECIAL)
        self.tokenizer, self.strangers = tokenizer, tuple(strangers)
        self.known_to_model = len(tokenizer)
        """The number of ids that the model knows."""
        characters = (*tokenizer.characters, *strangers)
        self.symbols = ("",) * first + characters
        # A line break keeps OpenCC from reading neighbours as a phrase.
        plain = to_simplified("\n".join(characters)).split("\n")
        self.simplified = ("",) * first + tuple(plain)
        number = {simple: i for i, simple in enumerate(dict.fromkeys(plain), start=first)}
        self.same = torch.tensor([*range(first), *(number[simple] for simple in plain)])
        self._ids: dict[str, list[int]] = {}
        for i, both in enumerate(zip(characters, plain, strict=True), start=first):
            for variant in dict.fromkeys(both):
                self._ids.setdefault(variant, []).append(i)

    @classmethod
    def of(cls, tokenizer: CharTokenizer, shown: str = "") -> Alphabet:
        """The alphabet of a vocabulary in which all of ``shown`` can be shown.

        Raises:
            RuleError: one of these signs is no Chinese character.
        """
        usual = _usual(tokenizer)
        strangers = dict.fromkeys(understand(c) for c in shown if not usual.known(c))
        refuse_foreign("".join(strangers), error=RuleError)
        return cls(tokenizer, tuple(strangers)) if strangers else usual

    def __len__(self) -> int:
        """V, special symbols and strangers included."""
        return len(self.symbols)

    def ids(self, character: str) -> list[int]:
        """The ids a character stands for; a simplified one stands for all its traditional variants.

        Raises:
            RuleError: there are none.
        """
        if found := self.known(character):
            return found
        raise RuleError(f"the model does not know the character {character}: use a commoner one")

    def known(self, character: str) -> list[int]:
        """As :meth:`ids`, but empty for an unknown character."""
        return self._ids.get(character) or self._ids.get(fold(character), [])

    def mask(self, text: str) -> Tensor:
        """The ids that may represent each character of ``text``: [length, V] of truth values."""
        out = torch.zeros(len(text), len(self), dtype=torch.bool)
        for i, character in enumerate(text):
            out[i, self.ids(character)] = True
        return out

    def only_kind(self, allowed: Tensor) -> Tensor:
        """The id for each place that can only hold one character or its like (里 and 裏), −1
        elsewhere, from the characters that places may hold: [T, V] → [T]."""
        kinds = self.same.expand_as(allowed)
        highest = kinds.where(allowed, -1).amax(-1)
        lowest = kinds.where(allowed, len(self)).amin(-1)
        return torch.where(highest == lowest, allowed.long().argmax(-1), -1)

    def read(self, ids: Tensor) -> Tensor:
        """Ids as the model reads them: strangers are ``<unk>``, open places ``<mask>``."""
        plain = ids.masked_fill(ids >= self.known_to_model, CharTokenizer.UNKNOWN)
        return plain.masked_fill(ids < 0, CharTokenizer.MASK)

    def text(self, ids: Sequence[int]) -> str:
        """The characters of ids."""
        return "".join(
            self.symbols[i] if i >= self.known_to_model else self.tokenizer.decode([i]) for i in ids
        )


@lru_cache(maxsize=8)
def _usual(tokenizer: CharTokenizer) -> Alphabet:
    """Cached, since OpenCC is slow."""
    return Alphabet(tokenizer)
