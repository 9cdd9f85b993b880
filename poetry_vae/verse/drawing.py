"""Characters one after the other, each beside those that are settled, so that rules are kept."""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.model.sampling import draw, draw_weighted, drawn_at
from poetry_vae.verse.rulebook import Held, Rulebook

# Poems are drawn freely so often, and those that break a rule again, before masks lead them.
_FREE = 8
_LED = 20


class Failed:
    """Which of R poems came to a place where nothing may stand."""

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
    """Put a character at one place of each poem, in ids [R, T], that the rules admit.

    Args:
        logits: [R, V'] of all characters, or of those that the model knows; they are overwritten.
        places: [R]; where something is settled already, it stays.
        failed: rows where nothing may stand are noted.
    """
    rows = torch.arange(len(ids))
    is_open = ids[rows, places] < 0
    kept = book.mask(ids, places, held)[:, : logits.shape[-1]] & (logits > -torch.inf)
    none = ~kept.any(1)
    failed.rows |= none & is_open
    kept[none], logits[none] = True, 0.0  # whatever it is, it will not be taken
    drawn = draw(logits.masked_fill_(~kept, -torch.inf), temperature, generator=generator)
    ids[rows, places] = torch.where(is_open, drawn, ids[rows, places])


def draw_kept(
    book: Rulebook, weights: Tensor, held: Held, *, temperature: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Poems from independent weights [R, T, V] that keep the rules: ids [R, T], and which rows did
    not find one, [R].

    Those that break a rule are drawn anew as a whole, which is exact. What still breaks one, and
    what only masks can keep, is drawn place by place beside what is settled, the places with the
    fewest choices first.
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
    """Each place beside those that are settled: ids [R, T], and which rows came to an end."""
    R, T, _ = weights.shape
    ids = torch.full((R, T), -1)
    failed = torch.zeros(R, dtype=torch.bool)
    rows = torch.arange(R)
    choices = (weights > 0).sum(-1)
    for number in range(T):
        # Whoever has the fewest choices is next, so that none is left without.
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
