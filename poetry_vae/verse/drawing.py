"""Draw characters one after the other, each to fit those already settled, so that rules are
kept."""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.model.sampling import draw, draw_weighted, drawn_at
from poetry_vae.verse.rulebook import Held, Rulebook

# Poems that break a rule are drawn freely again up to _FREE times, then up to _LED times with
# masks.
_FREE = 8
_LED = 20


class Failed:
    """Which of R poems reached a place for which no character is left."""

    def __init__(self, rows: int) -> None:
        self.rows = torch.zeros(rows, dtype=torch.bool)


def settle(
    book: Rulebook,
    logits: Tensor,
    ids: Tensor,
    places: Tensor,
    held: Held,
    failed: Failed,
    *,
    temperature: float,
    generator: torch.Generator,
) -> None:
    """Settle one place of each poem, in ids [R, T], with a character that the rules admit.

    Args:
        logits: [R, V'] of all characters, or of those that the model knows; they are overwritten.
        places: [R]; where something is settled already, it stays.
        failed: notes the rows for which no character is left.
    """
    rows = torch.arange(len(ids))
    is_open = ids[rows, places] < 0
    kept = book.mask(ids, places, held)[:, : logits.shape[-1]] & (logits > -torch.inf)
    none = ~kept.any(1)
    failed.rows |= none & is_open
    kept[none], logits[none] = True, 0.0  # whatever it is, it will not be taken
    if temperature:
        logits, temperature = logits.div_(temperature), 1.0
    logits = book.reweighed(logits, places, held)
    drawn = draw(logits.masked_fill(~kept, -torch.inf), temperature, generator=generator)
    ids[rows, places] = torch.where(is_open, drawn, ids[rows, places])


def draw_kept(
    book: Rulebook, weights: Tensor, held: Held, *, temperature: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw poems that keep the rules from independent weights [R, T, V]: ids [R, T], and which rows
    found no such poem, [R].

    A poem that breaks a rule is drawn anew as a whole, which is exact. If it still breaks one, or
    if only masks can keep a rule, it is drawn place by place, each character to fit those already
    settled, and the places with the fewest choices come first.
    """
    ids = drawn_at(weights, temperature, generator)
    is_led = any(rule.is_led for rule in book.rules)
    bad = torch.arange(len(ids)) if is_led else book.broken(ids).nonzero()[:, 0]
    for _ in range(_FREE if temperature and not is_led else 0):
        if not len(bad):
            break
        ids[bad] = drawn_at(weights[bad], temperature, generator)
        bad = bad[book.broken(ids[bad])]
    for _ in range(_LED):
        if not len(bad):
            break
        ids[bad], lost = _led(book, weights[bad], held[bad], temperature, generator)
        lost |= book.broken(ids[bad])
        bad = bad[lost]
    failed = torch.zeros(len(ids), dtype=torch.bool)
    failed[bad] = True
    return ids, failed


def _led(
    book: Rulebook, weights: Tensor, held: Held, temperature: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw each place to fit those already settled: ids [R, T], and which rows failed."""
    R, T, _ = weights.shape
    ids = torch.full((R, T), -1)
    failed = torch.zeros(R, dtype=torch.bool)
    rows = torch.arange(R)
    choices = (weights > 0).sum(-1)
    for number in range(T):
        # The place with the fewest choices is next, so that it is not left without any.
        places = choices.masked_fill(ids >= 0, weights.shape[-1] + 1).argmin(1)
        here = weights[rows, places] * book.mask(ids, places, held)
        none = here.sum(-1) <= 0
        failed |= none
        here[none] = weights[rows[none], places[none]]
        drawn = here.argmax(-1) if not temperature else draw_weighted(here, generator=generator)
        ids[rows, places] = drawn
        if number + 1 < T and int(choices.min()) < _FEW:
            choices = _choices(book, weights, ids, held)
    return ids, failed


_FEW = 64  # choices, below which they are counted anew after each character


def _choices(book: Rulebook, weights: Tensor, ids: Tensor, held: Held) -> Tensor:
    """How many characters each open place has left: [R, T]."""
    counts = []
    for place in range(ids.shape[1]):
        kept = book.mask(ids, torch.full((len(ids),), place), held)
        counts.append(((weights[:, place] > 0) & kept).sum(-1))
    return torch.stack(counts, 1)
