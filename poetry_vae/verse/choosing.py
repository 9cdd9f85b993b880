"""The best of several poems, as the model itself judges them.

A typical sample of a model is no good poem. A model of one form takes the likeliest of N
candidates, the one with the lowest −log p(x) under a refiner that knows nothing of z; each
character is predicted from all that are settled before it (``orders.written``). But the likeliest
poems say what every poem says. So a model of any form, which can also score a poem without its
subject and a couplet without the others, uses mutual information above all: how much likelier its
subject makes a poem, and how much likelier the couplets above make each couplet.
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
from poetry_vae.verse.passes import Passes, Surprise

_AT_ONCE = 512
# The weight of a nat of a poem's likelihood. A nat that a poem gains from its subject, or its
# couplets from each other, has weight 1.
_LIKELIHOOD = 0.2
# What each repeated character costs, in nats, beyond a tenth of the poem. Fewer than one real poem
# in twenty repeats that many.
_REPEATED = 5.0


def against(
    model: PoetryVAE, ids: Tensor, labels: Tensor | None = None, *, passes: Passes | None = None
) -> Tensor:
    """A score against poems ids [B, T] as an answer to what was asked, in nats: [B].

    It is −λ log p(x | asked), minus the gain from what was asked, log p(x | asked) − log p(x), and
    minus the gain of the couplets from each other, see :func:`agreement`. A poem that would be as
    likely without its subject does not answer it, and a poem whose couplets do not need each other
    has no single theme. A poem that says the words of its subject again and again gains from it
    each time, so it pays for them. For models of one form the score is −log p(x) alone.

    Args:
        passes: those that wrote the poems. A model of any form then takes all probabilities given
            the poems' codes, since the passes have them already.
    """
    if model.config.forms == "one":
        return surprise(model, ids, labels)
    found = read(model, ids, labels) if passes is None else passes.surprise(ids)
    own = found.own.sum(-1)
    gained = found.unsaid.sum(-1) - own + agreement(found)
    most = ids.shape[1] / 10
    return _LIKELIHOOD * own - gained + _REPEATED * (repeated(ids) - most).clamp_min(0)


def repeated(ids: Tensor) -> Tensor:
    """How many characters of poems ids [B, T] stood in the poem before, except right before, as in
    青青: [B]."""
    same = ids[:, :, None] == ids[:, None, :]  # [B, T, T]
    before = same.tril(-1).any(-1)
    before[:, 1:] &= ids[:, 1:] != ids[:, :-1]
    return before.sum(-1)


def agreement(found: Surprise) -> Tensor:
    """How much likelier the couplets of poems make each other, in nats, [B].

    Σ_k log p(u_k | u_1 … u_{k−1}, asked) − log p(u_k | asked): their pointwise total correlation
    (Watanabe 1960), as the model estimates it. It can score a couplet alone because it was also
    trained on parts of long poems.
    """
    return (found.alone - found.own).sum(-1)


def read(model: PoetryVAE, ids: Tensor, labels: Tensor | None = None) -> Surprise:
    """How surprising the characters of poems ids [B, T] are to a model of any form that knows
    nothing of z. Poems that :class:`Passes` wrote need not be read: see :meth:`Passes.surprise`."""
    own = surprise_by_place(model, ids, labels)
    unit, alone = model.asked.layout.unit, own
    for k in range(1, model.asked.units):
        alone = alone.where(unit != k, surprise_by_place(model, ids, labels, only=unit == k))
    if not model.asked.says_something:
        return Surprise(own, own, alone)
    return Surprise(own, surprise_by_place(model, ids, labels, asked=model.asked.unsaid()), alone)


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
