"""How much each character of a poem surprises a model that has read all the others."""

from __future__ import annotations

import torch
from torch import Tensor

from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer

# Readings of masked poems, times samples, in one forward pass.
_AT_ONCE = 512


@torch.no_grad()
def surprises(model: PoetryVAE, ids: Tensor, *, samples: int, generator: torch.Generator) -> Tensor:
    """−log p(x_i | all other characters) in nats of every character of poems ids [N, T]: [N, T].

    The encoder reads each poem with place i masked, so that z ~ q(z | x without i) has not seen the
    character; self-normalised importance weights p(z)·p(x without i | z)/q(z) then correct the
    proposal: p(x_i | rest) ≈ Σ_k w_k p(x_i | z_k) / Σ_k w_k with K = ``samples``. Biased upward a
    little for few samples, as every such ratio is (Owen 2013, "Monte Carlo theory", 9.2).
    """
    N, T = ids.shape
    poems, places = ids.repeat_interleave(T, dim=0), torch.arange(T).repeat(N)
    found = []
    rows = max(1, _AT_ONCE // samples)
    for whole, place in zip(torch.split(poems, rows), torch.split(places, rows), strict=True):
        _, weight, own = _weighed(model, whole, place, samples, generator)
        found.append(weight.logsumexp(0) - (weight + own).logsumexp(0))
    return torch.cat(found).view(N, T)


@torch.no_grad()
def expected(
    model: PoetryVAE, poem: Tensor, place: int, *, samples: int, generator: torch.Generator
) -> Tensor:
    """p(x_i = v | all other characters) of one poem ids [T] at place i, from 0: [V]."""
    z, weight, _ = _weighed(model, poem[None], torch.tensor([place]), samples, generator)
    label = model.infer_labels(read_without(poem[None], torch.tensor([place])))
    probs = model.decode(z, label)[:, 0, place].softmax(-1)  # [K, V]
    out: Tensor = weight.softmax(0).T @ probs
    return out[0]


def read_without(whole: Tensor, place: Tensor) -> Tensor:
    """Poems ids [R, T] with the character at ``place`` [R] masked."""
    return whole.scatter(1, place[:, None], CharTokenizer.MASK)


def _weighed(
    model: PoetryVAE, whole: Tensor, place: Tensor, samples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Latents [K, R, D] that have not seen the character at ``place`` [R] of poems [R, T], their
    log-weights [K, R], and the log-probability of that character under each [K, R]."""
    read = read_without(whole, place)
    label = model.infer_labels(read)
    posterior = model.encode(read, label)
    z = posterior.rsample(samples, generator=generator)
    prior = DiagonalGaussian.standard(posterior.mean)
    targets = whole.expand(samples, *whole.shape)
    log_probs = model.decoder.likelihood.log_prob(model.hidden(z, label), targets)  # [K, R, T]
    own = log_probs.gather(-1, place.expand(samples, -1)[..., None])[..., 0]
    weight = log_probs.sum(-1) - own + prior.log_prob(z) - posterior.log_prob(z)
    return z, weight, own
