"""What is asked of poems: their form, a dynasty, a subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from poetry_vae.model.config import LabelError, ModelConfig
from poetry_vae.model.layout import Layout
from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.text.names import dynasty_named
from poetry_vae.text.old_words import in_old_words
from poetry_vae.text.tokenizer import CharTokenizer


@dataclass(frozen=True)
class Asked:
    """For B poems, or with one row for all. Models of one form are asked for that form alone."""

    layout: Layout
    units: int
    """U, the units of two lines of the longest poem. It is known beforehand, so that nothing has to
    wait for the accelerator."""
    dynasty: Tensor | None = None
    """Numbers from 1, [B]; 0 where none is asked for."""
    subject: Tensor | None = None
    """Ids of the characters of a title or of free words, [B, A]; ``<mask>`` fills up the rows.
    """

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, form: Form) -> Asked:
        """A form and nothing else, for any number of poems."""
        return cls(Layout.of(form), form.units)

    @property
    def subject_present(self) -> Tensor | None:
        """Whether each place of the subject holds a character, [B, A]."""
        return None if self.subject is None else self.subject != CharTokenizer.MASK

    @property
    def says_something(self) -> bool:
        """Whether a subject or a dynasty is asked for, of any poem."""
        present = self.subject_present
        return bool(
            (present is not None and present.any())
            or (self.dynasty is not None and self.dynasty.any())
        )

    def unsaid(self) -> Asked:
        """The same forms, with nothing else asked of the poems."""
        subject, dynasty = self.subject, self.dynasty
        return replace(
            self,
            dynasty=None if dynasty is None else torch.zeros_like(dynasty),
            subject=None if subject is None else torch.full_like(subject, CharTokenizer.MASK),
        )

    def and_unsaid(self, poems: int) -> Asked:
        """For so many poems what is asked, and then once more for all of them with nothing asked:
        2·``poems`` rows."""
        unsaid = self.unsaid()
        pairs = ((self.dynasty, unsaid.dynasty), (self.subject, unsaid.subject))
        dynasty, subject = (
            None
            if a is None or b is None
            else torch.cat([part.expand(poems, *part.shape[1:]) for part in (a, b)])
            for a, b in pairs
        )
        return replace(self, dynasty=dynasty, subject=subject)

    def __getitem__(self, rows: Tensor | slice) -> Asked:
        """What is asked of some of the poems."""
        return self._with(lambda part: part[rows])

    def to(self, device: torch.device) -> Asked:
        return self._with(lambda part: part.to(device))

    def _with(self, change: Callable[[Any], Any]) -> Asked:
        """Every part changed."""
        dynasty, subject = (x if x is None else change(x) for x in (self.dynasty, self.subject))
        return Asked(change(self.layout), self.units, dynasty, subject)


@dataclass(frozen=True)
class Given:
    """Label and request that a view of a model uses for every poem."""

    form: Form | None
    asked: Asked | None = None
    label: int | None = None
    """The number of the label."""


def ask(
    config: ModelConfig, tokenizer: CharTokenizer, form: Form, about: str, dynasty: str
) -> Asked:
    """One form, subject and dynasty for any number of poems; see :meth:`PoetryVAE.writing`.

    Modern words are replaced by those that old titles use.

    Raises:
        FormError: the model does not write the form.
        LabelError: it cannot be told a subject or a dynasty, or not this one.
    """
    if config.forms == "one" and form != config.form:
        raise FormError(f"the model writes {config.form}, not {form}: leave out the form")
    if config.forms == "one":
        raise LabelError("a model of one form cannot be told a subject or a dynasty")
    if max(form.lengths) > config.chars or form.lines > config.lines:
        raise FormError(
            f"the model writes at most {config.lines} lines of at most {config.chars} characters, "
            f"and a {form} has {form.described}"
        )
    dynasty = dynasty_named(dynasty)
    if dynasty and dynasty not in config.dynasties:
        known = ", ".join(config.dynasties)
        raise LabelError(f"no dynasty {dynasty!r}; the model knows {known}")
    number = config.dynasties.index(dynasty) + 1 if dynasty else 0
    subject = torch.from_numpy(tokenizer.encode(in_old_words(about))[: config.subject])
    return replace(Asked.of(form), dynasty=torch.tensor([number]), subject=subject.unsqueeze(0))
