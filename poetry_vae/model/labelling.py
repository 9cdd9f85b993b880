"""Labels of poems, for models that are conditioned on one: given, drawn, or inferred."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from poetry_vae.model.config import LabelError
from poetry_vae.model.inference import inference

if TYPE_CHECKING:
    from poetry_vae.model.vae import PoetryVAE
    from poetry_vae.text.poem import Poem


def with_label(model: PoetryVAE, value: str) -> PoetryVAE:
    """The same model, weights shared, where every poem has this label.

    Raises:
        LabelError: the model has no labels, or not this one.
    """
    if model.config.labels is None:
        raise LabelError("this model was trained without labels: leave out the label")
    return model.view(label=model.config.labels.number(value))


def as_of(model: PoetryVAE, poem: Poem | str | None) -> PoetryVAE:
    """The same model with the label that it infers for a poem, if there is a label to infer."""
    labels = None if poem is None else infer(model, model.ids_of([poem]))
    return model if labels is None else model.view(label=int(labels))


def prior(model: PoetryVAE) -> Tensor:
    """log p(y), [Y]."""
    assert model.config.labels is not None
    shares = torch.tensor(model.config.labels.shares, device=model.device)
    return shares.log().log_softmax(-1)


def draw(model: PoetryVAE, n: int, *, generator: torch.Generator | None) -> Tensor | None:
    """``n`` labels from p(y), [n]; None where the model has none or one is given."""
    if model.config.labels is None or model.given.label is not None:
        return None
    return torch.multinomial(prior(model).exp(), n, True, generator=generator)


def infer(model: PoetryVAE, ids: Tensor) -> Tensor | None:
    """The likeliest label of each poem, ids [B, T] → [B]; None where nothing is to be inferred,
    since the model has no labels, or one is given."""
    if model.config.labels is None or model.given.label is not None:
        return None
    return log_probs(model, ids).argmax(-1)


@inference()
def log_probs(model: PoetryVAE, ids: Tensor) -> Tensor:
    """log q(y|x) of poems ids [B, T]: [B, Y].

    It comes from the classifier. Without one it follows from Bayes' rule, with the bound of
    log p(x|y) at the posterior mean in place of log p(x|y).
    """
    if model.classifier is not None:
        out: Tensor = model.classifier(ids)
        return out
    each = []
    for y in range(len(prior(model))):
        label = torch.full((len(ids),), y, device=ids.device)
        levels, state = model.walk(model.encoder(ids, label), lambda q, p: q.mean)
        log_p = model.decoder.likelihood.log_prob(model.decoder(state, label), ids).sum(-1)
        each.append(log_p - torch.stack([level.kl.sum(-1) for level in levels]).sum(0))
    return (torch.stack(each, -1) + prior(model)).log_softmax(-1)


def label_for(model: PoetryVAE, labels: Tensor | None) -> Tensor | None:
    """The labels to use: those passed, or else the one label that a view gives every poem.

    Raises:
        LabelError: one is missing, or the model has none.
    """
    known = model.config.labels
    if known is None:
        if labels is not None:
            raise LabelError("this model was trained without labels: leave out the label")
        return None
    if labels is None and model.given.label is not None:
        return torch.tensor(model.given.label, device=model.device)
    if labels is None:
        raise LabelError(
            f"this model needs a label: --label {known.kind}=VALUE, where VALUE is one of "
            f"{', '.join(known.values)}"
        )
    return labels
