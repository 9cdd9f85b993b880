"""The best of several poems, as the model itself judges them.

A typical sample of a model is no good poem. A model of one form takes the likeliest of N
candidates, the one with the lowest −log p(x) under a refiner that knows nothing of z; each
character is predicted from all that are settled before it (``orders.written``). A model of any form
takes the one that readers would like best, as its reward model has learned from their marks.
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
from poetry_vae.model.reward import Features
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.passes import Passes, Surprise

_AT_ONCE = 512


def against(
    model: PoetryVAE, ids: Tensor, labels: Tensor | None = None, *, passes: Passes | None = None
) -> Tensor:
    """A score against poems ids [B, T] as an answer to what was asked: [B].

    Of a model of any form it is the mark that its reward model expects readers to give, with the
    sign reversed. For models of one form it is −log p(x) in nats.

    Args:
        passes: those that wrote the poems. A model of any form then takes all probabilities given
            the poems' codes, since the passes have them already.
    """
    if model.config.forms == "one":
        return surprise(model, ids, labels)
    return -model.reward.of(features(model, ids, labels, passes=passes))


def features(
    model: PoetryVAE, ids: Tensor, labels: Tensor | None = None, *, passes: Passes | None = None
) -> Features:
    """What a reward model knows of poems ids [B, T]; see :func:`against`."""
    found = read(model, ids, labels) if passes is None else passes.surprise(ids)
    count = found.count.clamp_min(1)
    own = found.own.sum(-1) / count
    return Features(
        surprise=own,
        gained=found.unsaid.sum(-1) / count - own,
        repeated=repeated(ids) / (ids != CharTokenizer.MASK).sum(-1),
        said=said_of(model.asked, ids),
        states=found.states,
    )


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
    青青: [B]. Open places do not count."""
    same = (ids[:, :, None] == ids[:, None, :]) & (ids != CharTokenizer.MASK)[:, :, None]
    before = same.tril(-1).any(-1)
    before[:, 1:] &= ids[:, 1:] != ids[:, :-1]
    return before.sum(-1)


def read(model: PoetryVAE, ids: Tensor, labels: Tensor | None = None) -> Surprise:
    """How surprising the characters of poems ids [B, T] are to a model of any form that knows
    nothing of z. Poems that :class:`Passes` wrote need not be read: see :meth:`Passes.surprise`."""
    (own, states), asked = _reading(model, ids, labels, model.asked), model.asked
    unsaid = own
    if asked.says_something:
        unsaid = surprise_by_place(model, ids, labels, asked=asked.unsaid())
    return Surprise(own, unsaid, ids.new_full((len(ids),), ids.shape[1]), states)


def surprise(
    model: PoetryVAE, ids: Tensor, labels: Tensor | None = None, *, asked: Asked | None = None
) -> Tensor:
    """−log p of poems ids [B, T] in nats, nothing known of z: [B]. For models with a refiner."""
    return surprise_by_place(model, ids, labels, asked=asked).sum(-1)


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
    return _reading(model, ids, labels, asked or model.asked, only=only)[0]


@inference()
def _reading(
    model: PoetryVAE,
    ids: Tensor,
    labels: Tensor | None,
    asked: Asked,
    *,
    only: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """:func:`surprise_by_place`, and the mean of the hidden states, [B, H]."""
    in_turn = model.config.in_turn
    order = orders.written(asked.layout, orders.nothing_given(1, asked.layout), in_turn=in_turn)
    if only is not None:
        order = replace(order, aside=order.aside | ~only)
    slots = Slots.of(order, asked.subject_present).seen()
    places = slots.target[0, : slots.questions]
    found = torch.zeros(ids.shape, device=ids.device)
    means = torch.zeros(len(ids), model.config.hidden, device=ids.device)
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
        means[start : start + len(some)] = read.mean(1)
    return found, means


def copied(poems: Sequence[Poem]) -> Tensor:
    """Which poems have a line that a poet wrote: [B]. Such a line is likely because the model has
    read it a hundred times, but it is not the model's own."""
    known = {len(line): lines_of_poets(len(line)) for poem in poems for line in poem.lines}
    return torch.tensor(
        [any(line in (known[len(line)] or ()) for line in poem.lines) for poem in poems]
    )
