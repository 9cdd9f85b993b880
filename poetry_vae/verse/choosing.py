"""The best of several poems, as the model itself judges them.

A typical sample of a model is no good poem. A model of one form takes the likeliest of N
candidates, the one with the lowest −log p(x) under a refiner that knows nothing of z; each
character is predicted from all that are settled before it (``orders.written``). A model of any form
also weighs whether a poem answers what was asked, and whether it repeats itself. The weights are
those that best predict the marks that readers gave to 4,356 poems (docs/poet.md, "Choosing").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from poetry_vae.model import orders
from poetry_vae.model.asked import Asked
from poetry_vae.model.inference import inference
from poetry_vae.model.pretrained import lines_of_poets
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.passes import Passes, Surprise

_AT_ONCE = 512
# In nats of the poem's likelihood: a nat that it gains from what was asked for, a character that
# comes again, and a character of the poem times the share of the subject's that it says.
_GAINED, _REPEATED, _SAID = 0.6, 6.0, 0.3


def against(
    model: PoetryVAE, ids: Tensor, labels: Tensor | None = None, *, passes: Passes | None = None
) -> Tensor:
    """A score against poems ids [B, T] as an answer to what was asked, in nats: [B].

    It is −log p(x | asked), less a part of the gain from what was asked, log p(x | asked) − log
    p(x), and of what the poem says of its subject in so many words, plus a price for every
    character that comes again. For models of one form it is −log p(x) alone.

    Args:
        passes: those that wrote the poems. A model of any form then takes all probabilities given
            the poems' codes, since the passes have them already.
    """
    if model.config.forms == "one":
        return surprise(model, ids, labels)
    found = read(model, ids, labels) if passes is None else passes.surprise(ids)
    own = found.own.sum(-1)
    gained = found.unsaid.sum(-1) - own
    said = ids.shape[1] * said_of(model.asked, ids)
    return own - _GAINED * gained + _REPEATED * repeated(ids) - _SAID * said


def said_of(asked: Asked, ids: Tensor) -> Tensor:
    """The share of the subject's characters that stand in poems ids [B, T]: [B]; 0 without one."""
    if asked.subject is None:
        return torch.zeros(len(ids), device=ids.device)
    wanted = torch.unique(asked.subject[0])
    wanted = wanted[wanted >= len(CharTokenizer.SPECIAL)]
    share: Tensor = (ids[:, :, None] == wanted).any(1).sum(-1) / max(1, len(wanted))
    return share


def repeated(ids: Tensor) -> Tensor:
    """How many characters of poems ids [B, T] stood in the poem before, except right before, as in
    青青: [B]."""
    same = ids[:, :, None] == ids[:, None, :]  # [B, T, T]
    before = same.tril(-1).any(-1)
    before[:, 1:] &= ids[:, 1:] != ids[:, :-1]
    return before.sum(-1)


def read(model: PoetryVAE, ids: Tensor, labels: Tensor | None = None) -> Surprise:
    """How surprising the characters of poems ids [B, T] are to a model of any form that knows
    nothing of z. Poems that :class:`Passes` wrote need not be read: see :meth:`Passes.surprise`."""
    own = surprise_by_place(model, ids, labels)
    if not model.asked.says_something:
        return Surprise(own, own)
    return Surprise(own, surprise_by_place(model, ids, labels, asked=model.asked.unsaid()))


def surprise(
    model: PoetryVAE, ids: Tensor, labels: Tensor | None = None, *, asked: Asked | None = None
) -> Tensor:
    """−log p of poems ids [B, T] in nats, nothing known of z: [B]. For models with a refiner."""
    return surprise_by_place(model, ids, labels, asked=asked).sum(-1)


@inference()
def surprise_by_place(
    model: PoetryVAE,
    ids: Tensor,
    labels: Tensor | None = None,
    *,
    asked: Asked | None = None,
    only: Tensor | None = None,
) -> Tensor:
    """:func:`surprise` character by character, [B, T].

    Args:
        asked: one row for all poems; without it, what the model or view is asked for.
        only: the places that are read, [1, T], as if there were no others; those have 0.
    """
    asked, in_turn = asked or model.asked, model.config.in_turn
    order = orders.written(asked.layout, orders.nothing_given(1, asked.layout), in_turn=in_turn)
    if only is not None:
        order = replace(order, aside=order.aside | ~only)
    slots = Slots.of(order, asked.subject_present).seen()
    places = slots.target[0, : slots.questions]
    found = torch.zeros(ids.shape, device=ids.device)
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        label = None if labels is None else labels[start : start + _AT_ONCE]
        # The states of z = 0 are the same for all poems, unless their labels differ.
        rows = 1 if label is None else len(some)
        states = model.states(torch.zeros(rows, model.code_size, device=ids.device), label, asked)
        trust = torch.zeros(rows, device=ids.device)
        read = model.refine(some, slots, states, trust, asked=asked)
        nats = -model.readout.log_prob(read, some[:, places])
        found[start : start + len(some), places] = nats
    return found


def copied(poems: Sequence[Poem]) -> Tensor:
    """Which poems have a line that a poet wrote: [B]. Such a line is likely because the model has
    read it a hundred times, but it is not the model's own."""
    known = {len(line): lines_of_poets(len(line)) for poem in poems for line in poem.lines}
    return torch.tensor(
        [any(line in (known[len(line)] or ()) for line in poem.lines) for poem in poems]
    )
