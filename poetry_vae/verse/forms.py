"""Which characters of a vocabulary a typed character stands for, in either script."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from poetry_vae.text.script import fold, to_simplified
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.constraints import ConstraintError


class Forms:
    """The forms of characters over one vocabulary.

    ``same`` [V] numbers the characters so that those which look the same in simplified script
    (里 and 裏) have one number.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        """``characters`` are those of the vocabulary after its special symbols, in order."""
        first = len(CharTokenizer.SPECIAL)
        # A line break keeps OpenCC from reading neighbours as a phrase.
        simplified = to_simplified("\n".join(characters)).split("\n")
        number = {simple: i for i, simple in enumerate(dict.fromkeys(simplified), start=first)}
        self.same = torch.tensor([*range(first), *(number[simple] for simple in simplified)])
        self.ids: dict[str, list[int]] = {}
        for i, both in enumerate(zip(characters, simplified, strict=True), start=first):
            for form in dict.fromkeys(both):
                self.ids.setdefault(form, []).append(i)

    def of(self, character: str) -> list[int]:
        """The ids a character stands for; a simplified one stands for all its traditional forms.

        Raises:
            ConstraintError: the model knows none.
        """
        if found := self.known(character):
            return found
        raise ConstraintError(
            f"the model does not know the character {character}: use a commoner one"
        )

    def known(self, character: str) -> list[int]:
        """As :meth:`of`, and nothing for a character that is not known."""
        return self.ids.get(character) or self.ids.get(fold(character), [])

    def mask(self, text: str) -> Tensor:
        """What may stand for each character of ``text``: [length, V] of truth values."""
        out = torch.zeros(len(text), len(self.same), dtype=torch.bool)
        for i, character in enumerate(text):
            out[i, self.of(character)] = True
        return out


@lru_cache(maxsize=8)
def forms_of(characters: tuple[str, ...]) -> Forms:
    """The forms over a vocabulary; remembered, since OpenCC takes its time."""
    return Forms(characters)
