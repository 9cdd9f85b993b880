"""q(y|x): which label a poem has, where it is hidden (Kingma et al. 2014, M2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.layers import gated_stack

_WIDTH, _LAYERS = 64, 2


class LabelClassifier(nn.Module):
    """Embedding, gated convolutions, and one dense layer over all positions side by side."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        assert config.labels is not None
        self.embedding = nn.Embedding(config.vocabulary, _WIDTH)
        self.stack = gated_stack(_LAYERS, _WIDTH, config.kernel, normalise=True)
        self.output = nn.Linear(config.form.positions * _WIDTH, len(config.labels.values))

    def forward(self, ids: Tensor) -> Tensor:
        """ids [B, T] → log q(y|x), [B, Y], in float32."""
        h = self.stack(self.embedding(ids)).flatten(1)
        logits: Tensor = self.output(h)
        return logits.float().log_softmax(-1)


def label_log_probs(model: PoetryVAE, ids: Tensor) -> Tensor:
    """log q(y|x) of poems ids [B, T]: [B, Y]; see :meth:`PoetryVAE.label_log_probs`."""
    if model.classifier is not None:
        out: Tensor = model.classifier(ids)
        return out
    each = []
    for y in range(len(model.label_prior())):
        label = torch.full((len(ids),), y, device=ids.device)
        levels, state = model.walk(model.encoder(ids, label), lambda q, prior: q.mean)
        log_p = model.decoder.likelihood.log_prob(model.decoder(state, label), ids).sum(-1)
        each.append(log_p - torch.stack([level.kl.sum(-1) for level in levels]).sum(0))
    return (torch.stack(each, -1) + model.label_prior()).log_softmax(-1)
