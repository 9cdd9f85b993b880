"""The best of several poems, by what the model itself makes of them.

A typical sample of a model is no good poem. Of N candidates the one is taken that is the likeliest
to a refiner that knows nothing of z: −log p(x), each character given all that are settled before it
(``orders.written``). A poem whose words agree with each other is likelier than one whose do not.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from poetry_vae.model import orders
from poetry_vae.model.asked import Asked
from poetry_vae.model.pretrained import lines_of_poets
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.poem import Poem

_AT_ONCE = 512


# How much more than its likelihood it counts what a poem owes to its subject.
_SUBJECT = 2.0


def against(model: PoetryVAE, ids: Tensor, labels: Tensor | None = None) -> Tensor:
    """What speaks against poems ids [B, T] as an answer to what was asked, in nats: [B].

    −log p(x | asked), and where a subject or a dynasty was asked for, less what the poem owes to
    it, log p(x | asked) − log p(x): a poem that would be as likely without it does not answer.
    """
    own = surprise(model, ids, labels)
    if not model.asked.says_something:
        return own
    return own + _SUBJECT * (own - surprise(model, ids, labels, asked=model.asked.unsaid()))


@torch.no_grad()
def surprise(
    model: PoetryVAE, ids: Tensor, labels: Tensor | None = None, *, asked: Asked | None = None
) -> Tensor:
    """−log p of poems ids [B, T] in nats, nothing known of z: [B]. For models with a refiner.

    Args:
        asked: one row for all poems; without it, what the model or view is asked for.
    """
    asked, in_turn = asked or model.asked, model.config.in_turn
    order = orders.written(asked.layout, orders.nothing_given(1, asked.layout), in_turn=in_turn)
    slots = Slots.of(order, asked.subject_present)
    found = []
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        label = None if labels is None else labels[start : start + _AT_ONCE]
        nothing = torch.zeros(len(some), model.code_size, device=ids.device)
        states = model.hidden(nothing, label, asked)
        trust = torch.zeros(len(some), device=ids.device)
        read = model.refine(some, slots, states, trust, asked=asked)
        found.append(-model.readout.log_prob(read, some).sum(-1))
    return torch.cat(found)


def copied(poems: Sequence[Poem]) -> Tensor:
    """Which of poems have a line that a poet wrote: [B]. What was read a hundred times is likely,
    and no poem of the model's own."""
    known = {len(line): lines_of_poets(len(line)) for poem in poems for line in poem.lines}
    return torch.tensor(
        [any(line in (known[len(line)] or ()) for line in poem.lines) for poem in poems]
    )
