"""对仗: two lines of a couplet that answer each other, place by place.

What is kept: at even places one line can be read level and the other oblique; facing characters are
of one word class; the lines share no character; where one line repeats itself, so does the other;
and their words, as jieba's dictionary cuts them, end at the same places. In eight-line verse the
second and third couplets are made so, as usage has it; in shorter verse every couplet. Characters
that are given need not answer each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.text.form import Form
from poetry_vae.text.keywords import NO_CLASS, boundaries, word_classes
from poetry_vae.text.prosody import PINGSHUI, RhymeBook
from poetry_vae.verse.rules.rule import Bound, Ground, Rule, RuleError, only
from poetry_vae.verse.rules.sound import Sounds
from poetry_vae.verse.rules.word_ends import WordEnds


@dataclass(frozen=True)
class Parallel(Rule):
    """Couplets as 对仗. What is looser gives up the word ends, the classes, or the tones."""

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


class Facing(Bound):
    """The characters that may face each other, over one form and alphabet."""

    is_led = True

    def __init__(self, ground: Ground, rule: Parallel, book: RhymeBook) -> None:
        self.rule, self.form, self.alphabet = rule, ground.form, ground.alphabet
        symbols = ground.alphabet.symbols
        first = next((i for i, c in enumerate(symbols) if c), len(symbols))
        classes = torch.tensor([NO_CLASS] * first + word_classes(symbols[first:]))
        # What has no class may face anything that has none either.
        self._classes = torch.nn.functional.one_hot(classes, NO_CLASS + 1).bool()  # [V, W]
        tones = [{r.tone for r in book.readings(c)} if c else set() for c in symbols]
        strange = range(ground.alphabet.known_to_model, len(symbols))  # their tones may be unknown
        self._level = torch.tensor(
            ["平" in t or (i in strange and not t) for i, t in enumerate(tones)]
        )
        self._oblique = torch.tensor(
            ["仄" in t or (i in strange and not t) for i, t in enumerate(tones)]
        )
        T = ground.form.positions
        self._partner = torch.full((T,), -1)
        """The place that a place faces, −1 where none."""
        C = self.form.chars
        for line in parallel_couplets(ground.form):
            upper = torch.arange(line * C, (line + 1) * C)
            self._partner[upper], self._partner[upper + C] = upper + C, upper
        self._place = torch.tensor(ground.form.from_start)
        self._allowed = torch.ones(T, len(symbols), dtype=torch.bool)

    def narrow(self, allowed: Tensor, can_stand: object) -> None:
        """Know what a place may hold, so that the one that faces it is not led astray."""
        self._allowed = allowed

    def can_stand(
        self, possible: Tensor, columns: Tensor, fixed: Tensor, given: Tensor
    ) -> Tensor | None:
        """Words do not face what does not answer them; what is pinned on both sides may."""
        kept = torch.ones(len(fixed), dtype=torch.bool)
        for place, partner in enumerate(self._partner.tolist()):
            both = (fixed[:, place] >= 0) & (fixed[:, partner] >= 0)
            both &= not bool(given[place] & given[partner])
            if place < partner and bool(both.any()):
                rows, at = both.nonzero()[:, 0], torch.tensor(place)
                around = fixed[rows].scatter(1, at.expand(len(rows), 1), -1)
                mask = self.mask(around, at.expand(len(rows)), None)
                if mask is not None:
                    kept[rows] &= mask[torch.arange(len(rows)), fixed[rows, place]]
        return kept

    def mask(self, ids: Tensor, places: Tensor, decision: None) -> Tensor | None:
        """What may face what stands opposite, or what may come to stand there."""
        partner = self._partner[places]
        faces = partner >= 0
        if not bool(faces.any()):
            return None
        rows = torch.arange(len(ids))
        facing = ids[rows, partner.clamp_min(0)].masked_fill(~faces, -1)
        there = self._allowed[partner.clamp_min(0)].clone()  # [R, V]
        known = facing >= 0
        there[known] = torch.nn.functional.one_hot(facing[known], there.shape[1]).bool()
        kept = torch.ones(len(ids), len(self._classes), dtype=torch.bool)
        if self.rule.classes:
            wanted = (there.float() @ self._classes.float()) > 0  # [R, W]
            kept &= (wanted.float() @ self._classes.T.float()) > 0
        kept &= self._opposed(there, self._place[places])
        kept &= self._apart(ids, places, partner, facing)
        if self.rule.word_ends:
            kept &= self._cut_alike(ids, places, partner)
        return kept | ~faces[:, None]

    def _opposed(self, there: Tensor, place: Tensor) -> Tensor:
        """By tone, [R, V]: at even places, counted from 1, and at the end where that is asked."""
        asks = self.rule.tones & (place % 2 == 1)
        if self.rule.end:
            asks |= place == self.form.chars - 1
        level, oblique = ((there & t).any(1, keepdim=True) for t in (self._level, self._oblique))
        return (level & self._oblique) | (oblique & self._level) | ~asks[:, None]

    def _apart(self, ids: Tensor, places: Tensor, partner: Tensor, facing: Tensor) -> Tensor:
        """No character of the other line, and repeats where the other line repeats: [R, V]."""
        C, V = self.form.chars, len(self._classes)
        own = (places // C * C)[:, None] + torch.arange(C)
        other = (partner.clamp_min(0) // C * C)[:, None] + torch.arange(C)
        here, above = ids.gather(1, own), ids.gather(1, other)  # [R, C]
        taken = torch.zeros(len(ids), V + 1, dtype=torch.bool)
        taken.scatter_(1, above.where(above >= 0, V), True)
        # What the other line repeats is repeated: what faces a character faces it everywhere.
        alike = (above == facing[:, None]) & (facing >= 0)[:, None] & (here >= 0)
        differs = (above >= 0) & (above != facing[:, None]) & (here >= 0) & (facing >= 0)[:, None]
        taken.scatter_(1, here.where(differs, V), True)
        kept = ~taken[:, :V]
        must = alike.any(1)
        again = here.gather(1, alike.int().argmax(1, keepdim=True))[:, 0]
        kept[must] = torch.nn.functional.one_hot(again[must].clamp_min(0), V).bool()
        return kept

    def _cut_alike(self, ids: Tensor, places: Tensor, partner: Tensor) -> Tensor:
        """A word with what stands behind if the other line has one there, and else none: [R, V]."""
        rows = torch.arange(len(ids))
        T, V = ids.shape[1], len(self._classes)
        last = self._place[places] == self.form.chars - 1
        behind = ids[rows, (places + 1).clamp_max(T - 1)]
        over = ids[rows, partner.clamp_min(0)]
        over_behind = ids[rows, (partner + 1).clamp(0, T - 1)]
        asks = (partner >= 0) & ~last & (behind >= 0) & (over >= 0) & (over_behind >= 0)
        if not bool(asks.any()):
            return torch.ones(len(ids), V, dtype=torch.bool)
        words = WordEnds.of(self.alphabet)
        joins = words.before(behind.masked_fill(~asks, -1).tolist())  # [R, V]
        above = words.before(over_behind.masked_fill(~asks, -1).tolist())
        is_word = above[rows, over.clamp_min(0)]
        return torch.where(is_word[:, None], joins, ~joins) | ~asks[:, None]

    def broken(self, ids: Tensor) -> Tensor:
        """Couplets whose words end apart, which masks see only two characters at a time."""
        wrong = torch.zeros(len(ids), dtype=torch.bool)
        if self.rule.word_ends:
            C, text = self.form.chars, self.alphabet.text
            for line in parallel_couplets(self.form):
                couplets = ids[:, line * C : (line + 2) * C].tolist()
                ends = [(boundaries(text(row[:C])), boundaries(text(row[C:]))) for row in couplets]
                wrong |= torch.tensor([above != below for above, below in ends])
        return wrong


def bind(parts: Sequence[Rule], ground: Ground) -> Bound | None:
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
