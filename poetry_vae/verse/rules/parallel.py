"""对仗: two lines of a couplet that answer each other, place by place.

What is kept: at even places one line can be read level and the other oblique; facing characters are
of one word class; the lines share no character; where one line repeats itself, so does the other;
and their words, as jieba's dictionary cuts them, end at the same places. In eight-line verse the
second and third couplets are parallel, as is customary; in shorter verse every couplet is.
Characters that are given need not answer each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from poetry_vae.text.form import Form
from poetry_vae.text.keywords import NO_CLASS, boundaries, word_classes
from poetry_vae.text.prosody import PINGSHUI, RhymeBook
from poetry_vae.verse.rules.couplets import EITHER, LEVEL, OBLIQUE, tone_classes
from poetry_vae.verse.rules.rule import BoundRule, Ground, Rule, RuleError, only
from poetry_vae.verse.rules.sound import Sounds
from poetry_vae.verse.rules.word_ends import WordEnds


@dataclass(frozen=True)
class Parallel(Rule):
    """Parallel couplets, 对仗. Looser rules give up the word ends, the classes, or the tones."""

    word_ends: bool = True
    classes: bool = True
    tones: bool = True
    end: bool = False
    """Whether the last characters are opposed in tone too, as those of 对联 are."""

    def told(self) -> str:
        return "parallel couplets"


def parallel_couplets(form: Form) -> tuple[int, ...]:
    """The first lines, from 0, of the couplets that are made parallel."""
    return (2, 4) if form.lines == 8 else tuple(range(0, form.lines - 1, 2))


class Facing(BoundRule):
    """The characters that may face each other, over one form and alphabet."""

    is_led = True

    def __init__(self, ground: Ground, rule: Parallel, book: RhymeBook) -> None:
        self.rule, self.form, self.alphabet = rule, ground.form, ground.alphabet
        symbols = ground.alphabet.symbols
        first = next((i for i, c in enumerate(symbols) if c), len(symbols))
        # Characters without a class may face each other.
        self._class = torch.tensor([NO_CLASS] * first + word_classes(symbols[first:]))
        tones = tone_classes(symbols, book, strangers=len(ground.alphabet.strangers))
        self._level = (tones == LEVEL) | (tones == EITHER)
        self._oblique = (tones == OBLIQUE) | (tones == EITHER)
        T = ground.form.positions
        self._partner = torch.full((T,), -1)
        """The place that a place faces, −1 where none."""
        C = self.form.chars
        for line in parallel_couplets(ground.form):
            upper = torch.arange(line * C, (line + 1) * C)
            self._partner[upper], self._partner[upper + C] = upper + C, upper
        self._place = torch.tensor(ground.form.from_start)
        asks_end = torch.arange(C) == C - 1
        self._asks_tone = rule.tones & (torch.arange(C) % 2 == 1) | (rule.end & asks_end)
        """At which places of a line tones are opposed: the even ones, counted from 1, and the end
        where that is asked."""
        one_hot = torch.nn.functional.one_hot(self._class, NO_CLASS + 1).bool()
        self._traits = torch.cat([one_hot, self._level[:, None], self._oblique[:, None]], 1)
        """The class of each character, and whether it can be level and oblique: [V, W + 2]."""
        self._ends: dict[tuple[bool, ...], np.ndarray] = {}
        self._possible = self._traits.any(0).expand(T, -1)
        """The same of all that a place may hold: [T, W + 2]."""
        self._is_given = torch.zeros(T, dtype=torch.bool)
        """Which places can only hold one character, in any of its forms: [T]."""

    def narrow(self, allowed: Tensor, can_stand: object) -> None:
        """Note the characters that each place may hold, so that the one facing it suits some of
        them."""
        self._possible = (allowed.float() @ self._traits.float()) > 0
        self._is_given = self.alphabet.only_kind(allowed) >= 0

    def can_stand(
        self, possible: Tensor, columns: Tensor, fixed: Tensor, given: Tensor
    ) -> Tensor | None:
        """Words must face characters that answer them, unless both sides are pinned."""
        kept = torch.ones(len(fixed), dtype=torch.bool)
        for place, partner in enumerate(self._partner.tolist()):
            both = (fixed[:, place] >= 0) & (fixed[:, partner] >= 0)
            both &= not bool(given[place] & given[partner])
            if place < partner and bool(both.any()):
                rows, at = both.nonzero()[:, 0], torch.tensor(place)
                around = fixed[rows].scatter(1, at.expand(len(rows), 1), -1)
                for limit in (self.mask, self.prefers):
                    if (mask := limit(around, at.expand(len(rows)), None)) is not None:
                        kept[rows] &= mask[torch.arange(len(rows)), fixed[rows, place]]
        return kept

    def mask(self, ids: Tensor, places: Tensor, decision: None) -> Tensor | None:
        """The characters that may face the one opposite, or one that may still come there."""
        partner = self._partner[places]
        faces = partner >= 0
        if not bool(faces.any()):
            return None
        rows, there = torch.arange(len(ids)), partner.clamp_min(0)
        facing = ids[rows, there].masked_fill(~faces, -1)
        known, at = (facing >= 0)[:, None], facing.clamp_min(0)
        traits = torch.where(known, self._traits[at], self._possible[there])  # [R, W + 2]
        kept = torch.ones(len(ids), len(self._class), dtype=torch.bool)
        if self.rule.classes:
            kept &= traits[:, self._class]
        level, oblique = traits[:, -2:-1], traits[:, -1:]
        asked = self._asks_tone[self._place[places]] & (~level | ~oblique)[:, 0]
        if bool(asked.any()):
            opposed = level & self._oblique | oblique & self._level
            kept &= opposed | ~asked[:, None]
        # A given character stays, whatever faces it; only its form is chosen here.
        is_given = self._is_given[places]
        kept |= (is_given & self._is_given[there])[:, None]
        kept &= self._apart(ids, places, partner, facing) | is_given[:, None]
        return kept | ~faces[:, None]

    def prefers(self, ids: Tensor, places: Tensor, decision: None) -> Tensor | None:
        """The characters that let the words of a line end where those of the other line do: [R, V].

        A place is cut as the one that it faces, and so are the settled places before it. If the
        other line has a word that begins one place before, a word must be able to end here. Lines
        are cut from their ends, because they are written from there; if they are not settled to
        their ends, they are cut as far as both are settled.

        The line that is written first has no word of three characters: hardly any would face it.
        """
        partner = self._partner[places]
        if not self.rule.word_ends or bool((partner < 0).all()):
            return None
        C, words = self.form.chars, WordEnds.of(self.alphabet)
        kept = np.ones((len(ids), len(self._class)), dtype=bool)
        where = torch.stack([self._place[places], places, partner], dim=1).tolist()
        for row, (poem, (at, start, other)) in enumerate(zip(ids.tolist(), where, strict=True)):
            if other < 0:
                continue
            own = poem[start - at : start - at + C]
            facing = poem[other - at : other - at + C]
            if facing[at] < 0:
                stop = next((i for i in range(at + 1, C) if own[i] < 0), C)
                kept[row, words.of_three(own[at + 1 : stop])] = False
                continue
            both = [i == at or (own[i] >= 0 and facing[i] >= 0) for i in range(C)]
            stop = next((i for i in range(at, C) if not both[i]), C)
            first = next((i + 1 for i in range(at, -1, -1) if not both[i]), 0)
            lengths = words.cut(facing[first:stop])[at - first :: -1]
            cut = words.cut_with(own[first:stop], at - first)
            for there, length in zip(lengths, cut, strict=True):
                kept[row] &= length == there
            is_next_open = first == at > 0 and facing[at - 1] >= 0
            if is_next_open and words.cut(facing[at - 1 : stop])[0] == 2:
                kept[row] &= self._ending(facing[at - 1], facing[at], at - 1)
        return torch.from_numpy(kept)

    def _apart(self, ids: Tensor, places: Tensor, partner: Tensor, facing: Tensor) -> Tensor:
        """No character of the other line, and repeats where the other line repeats: [R, V]."""
        C, V = self.form.chars, len(self._class)
        own = (places // C * C)[:, None] + torch.arange(C)
        other = (partner.clamp_min(0) // C * C)[:, None] + torch.arange(C)
        here, above = ids.gather(1, own), ids.gather(1, other)  # [R, C]
        taken = torch.zeros(len(ids), V + 1, dtype=torch.bool)
        taken.scatter_(1, above.where(above >= 0, V), True)
        # Repeats answer repeats: a character faces the same character everywhere.
        alike = (above == facing[:, None]) & (facing >= 0)[:, None] & (here >= 0)
        differs = (above >= 0) & (above != facing[:, None]) & (here >= 0) & (facing >= 0)[:, None]
        taken.scatter_(1, here.where(differs, V), True)
        kept = ~taken[:, :V]
        must = alike.any(1)
        again = here.gather(1, alike.int().argmax(1, keepdim=True))[:, 0]
        kept[must] = torch.nn.functional.one_hot(again[must].clamp_min(0), V).bool()
        return kept

    def _ending(self, first: int, second: int, at: int) -> np.ndarray:
        """The characters that may face the second character of a word and leave some character to
        face the first one, which is at a place of a line: [V]."""
        number = len(self._traits[first]) if self._asks_tone[at] else -2
        key = (first == second, *self._traits[first, :number].tolist())
        if key not in self._ends:
            firsts, seconds = WordEnds.of(self.alphabet).pairs
            fits = torch.ones(len(firsts), dtype=torch.bool)
            if self.rule.classes:
                fits &= self._class[firsts] == self._class[first]
            if self._asks_tone[at]:
                fits &= (self._level[first] & self._oblique[firsts]) | (
                    self._oblique[first] & self._level[firsts]
                )
            fits &= (firsts == seconds) == (first == second)
            self._ends[key] = np.zeros(len(self._class), dtype=bool)
            self._ends[key][seconds[fits].numpy()] = True
        return self._ends[key]

    def broken(self, ids: Tensor) -> Tensor:
        """Couplets whose words end at different places, or that share a character: masks see only
        two characters at a time, and not what other rules pin."""
        wrong = torch.zeros(len(ids), dtype=torch.bool)
        C, text = self.form.chars, self.alphabet.text
        for line in parallel_couplets(self.form):
            couplets = ids[:, line * C : (line + 2) * C]
            above, below = couplets[:, :C], couplets[:, C:]
            given = self._is_given[line * C : (line + 2) * C].view(2, C)
            alike = above[:, :, None] == below[:, None, :]  # [R, C, C]
            wrong |= (alike & ~(given[0][:, None] & given[1])).flatten(1).any(1)
            if self.rule.word_ends:
                rows = couplets.tolist()
                ends = [(boundaries(text(row[:C])), boundaries(text(row[C:]))) for row in rows]
                wrong |= torch.tensor([first != second for first, second in ends])
        return wrong


def bind(parts: Sequence[Rule], ground: Ground) -> BoundRule | None:
    """Whether couplets are parallel.

    Raises:
        RuleError: the lines of the form differ in length.
    """
    parallel, sounds = only(parts, Parallel), only(parts, Sounds)
    if parallel is None:
        return None
    if not ground.form.is_even or ground.form.lines < 2:
        raise RuleError(f"a {ground.form} has no couplets of equal lines to be made parallel")
    return Facing(ground, parallel, sounds.book if sounds else PINGSHUI)
