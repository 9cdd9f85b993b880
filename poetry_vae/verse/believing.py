"""How much each character of a poem surprises a model that has read all the others."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from poetry_vae.model import labelling, orders
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.inference import inference
from poetry_vae.model.slots import Slots
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.sampling_settings import OF_A_POEM

# Readings of masked poems, times samples, in one forward pass.
_AT_ONCE = 512


@inference()
def surprises(
    model: PoetryVAE,
    ids: Tensor,
    *,
    samples: int,
    generator: torch.Generator,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tensor:
    """−log p(x_i | all other characters) in nats of every character of poems ids [N, T]: [N, T].

    The encoder reads each poem with place i masked, so that z ~ q(z | x without i) has not seen the
    character, K = ``samples`` times. A refiner reads the other characters beside each z, and its
    K answers are averaged. Without one, self-normalised importance weights
    p(z)·p(x without i | z)/q(z) bring the other characters in: p(x_i | rest) ≈ Σ_k w_k p(x_i | z_k)
    / Σ_k w_k, biased upward a little for few samples, as every such ratio is (Owen 2013, "Monte
    Carlo theory", 9.2). ``progress`` gets the number of characters done and of all.
    """
    N, T = ids.shape
    poems, places = ids.repeat_interleave(T, dim=0), torch.arange(T).repeat(N)
    found: list[Tensor] = []
    rows = max(1, _AT_ONCE // samples)
    for whole, place in zip(torch.split(poems, rows), torch.split(places, rows), strict=True):
        progress(rows * len(found), N * T)
        states, weight = _read(model, whole, place, samples, generator)
        character = whole.gather(1, place[:, None])[:, 0].expand(samples, -1)
        own = model.readout.log_prob(states, character)
        found.append(weight.logsumexp(0) - (weight + own).logsumexp(0))
    return torch.cat(found).view(N, T)


@inference()
def expected(
    model: PoetryVAE, poem: Tensor, place: int, *, samples: int, generator: torch.Generator
) -> Tensor:
    """p(x_i = v | all other characters) of one poem ids [T] at place i, from 0: [V]."""
    states, weight = _read(model, poem[None], torch.tensor([place]), samples, generator)
    probs = model.readout.logits(states)[:, 0].softmax(-1)  # [K, V]
    out: Tensor = weight.softmax(0).T @ probs
    return out[0]


def read_without(whole: Tensor, place: Tensor) -> Tensor:
    """Poems ids [R, T] with the character at ``place`` [R] masked."""
    return whole.scatter(1, place[:, None], CharTokenizer.MASK)


def _read(
    model: PoetryVAE, whole: Tensor, place: Tensor, samples: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Read poems [R, T] without the character at ``place`` [R]: the hidden states that predict it
    under K latents, [K, R, H], and the log-weights of these latents, [K, R]."""
    read = read_without(whole, place)
    label = labelling.infer(model, read)
    posterior = model.encode(read, label)
    at = place.view(1, -1, 1, 1).expand(samples, -1, 1, model.config.hidden)
    if model.refiner is not None:
        trust = torch.tensor(OF_A_POEM)
        code = posterior.blurred(trust).rsample(samples, generator=generator)
        states = model.states(trust * code, label).flatten(0, 1)  # [K·R, T, H]
        others = torch.ones_like(read, dtype=torch.bool).scatter(1, place[:, None], False)
        slots = Slots.of(orders.read(others.repeat(samples, 1)))
        refined = model.refine(read.repeat(samples, 1), slots, states, trust.expand(len(states)))
        states = refined.view(samples, *whole.shape, -1)
        return states.gather(2, at)[:, :, 0], states.new_zeros(samples, len(whole))
    code = posterior.rsample(samples, generator=generator)
    states = model.states(code, label)
    targets = whole.expand(samples, *whole.shape)
    log_probs = model.decoder.likelihood.log_prob(states, targets)  # [K, R, T]
    own = log_probs.gather(-1, place.expand(samples, -1)[..., None])[..., 0]
    prior = DiagonalGaussian.standard(posterior.mean)
    weight = log_probs.sum(-1) - own + prior.log_prob(code) - posterior.log_prob(code)
    return states.gather(2, at)[:, :, 0], weight
