"""Latents under constraints: z is proposed, weighed by p(z)·P(c|z)/q(z), and drawn again.

Pinned characters alone would change a poem at a few places; a latent that makes them likely suits
all of it to them. Half of the candidates come from the prior, half from the encoder, which reads
the partly known poem with ``<mask>`` elsewhere (it is trained to, see ``training.additions``).
Importance weights make up for the difference, so the latents follow p(z | constraints) up to the
number of candidates (sampling importance resampling, Rubin 1988).

Four pinned heads are so unlikely that one candidate has nearly all the weight. Then the latents
continue as Markov chains: since P(c|z) is exact and differentiable, Langevin steps with a
Metropolis test (Roberts & Tweedie 1996) leave p(z | constraints) as it is and walk to where its
mass lies.

P(c|z) is the model's own, at temperature 1, even where the characters are drawn at another one: a
lower temperature would favour latents whose heads are overconfident.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.inference import inference
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.drawing import draw_kept
from poetry_vae.verse.masked_probabilities import MaskedProbabilities
from poetry_vae.verse.rulebook import Held, Rulebook
from poetry_vae.verse.rules.rule import RuleError
from poetry_vae.verse.sampling_settings import SamplingSettings

DEFAULT_CANDIDATES = 16
# Latents take Langevin steps where the effective number of candidates is below this.
_ENOUGH = 4.0
_STEPS = 24
_STEP_SIZE = 0.25
# Poems whose logits stand in memory at once: some hundred megabytes.
_ROWS = 64
# Attempts at poems for which masks alone do not suffice, each with other latents.
_ROUNDS = 20
# At most so many ways to place words; the encoder reads a partly known poem for each.
_READINGS = 16


@dataclass(frozen=True)
class Mixture:
    """Equally weighted Gaussians, [M, D] each parameter."""

    components: DiagonalGaussian

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """[n, D]."""
        mean, deviation = self.components.mean, self.components.stddev
        which = torch.randint(len(mean), (n,), generator=generator)
        noise = torch.randn((n, mean.shape[1]), generator=generator)
        return mean[which] + deviation[which] * noise

    def log_prob(self, code: Tensor) -> Tensor:
        """[n, D] → [n]."""
        each = self.components.log_prob(code[:, None])
        return each.logsumexp(1) - math.log(each.shape[1])


class Steering:
    """Draws poems of a model without a refiner that keep rules, a block of ``n`` at a time."""

    def __init__(
        self,
        model: PoetryVAE,
        book: Rulebook,
        settings: SamplingSettings,
        *,
        candidates: int = DEFAULT_CANDIDATES,
        steps: int = _STEPS,
    ) -> None:
        """
        Args:
            candidates: latents proposed for each poem.
            steps: Langevin steps where the candidates do not suffice; 0 takes none.
        """
        self.model, self.book = model, book
        self.settings = settings
        self.candidates, self.steps = candidates, steps
        self.bias = book.bias(model.decoder.likelihood.table[0].detach())
        standard = DiagonalGaussian.standard(torch.zeros(1, model.code_size))
        self.base = standard if book.near is None else model.encode([book.near])
        self.proposals = self._read_what_is_known()
        self.effective: list[float] = []
        """Effective number of candidates, by block of poems."""
        self.walked = 0
        """Langevin steps taken where the candidates did not suffice."""

    @inference()
    def write(self, n: int, *, generator: torch.Generator) -> Tensor:
        """``n`` poems as ids [n, T], all of which keep the rules.

        Raises:
            RuleError: none were found.
        """
        ids, lost = self._write(n, generator)
        for _ in range(_ROUNDS):
            missing = lost.nonzero()[:, 0]
            if not len(missing):
                return ids
            ids[missing], lost[missing] = self._write(len(missing), generator)
        raise RuleError(f"no poem was found that keeps all of {self.book.told()}: ask for less")

    def told(self) -> str:
        """A line for whoever asked for the poems."""
        effective = sum(self.effective) / max(1, len(self.effective))
        text = f"effective candidates: {effective:.1f} of {self.candidates} a poem"
        return text + (f", then {self.walked} Langevin steps" if self.walked else "")

    def _write(self, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """As :meth:`write`, and which rows found no poem that keeps the rules."""
        code, held = self._latents(n, generator)
        found = [self._characters(code[rows], held[rows], generator) for rows in _split(n)]
        ids, lost = zip(*found, strict=True)
        return torch.cat(ids), torch.cat(lost)

    def _characters(
        self, code: Tensor, held: Held, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Template, rhyme group and characters for codes [R, D]: ids [R, T], and which rows are
        lost.

        The pairs of template and group overlap, so a pair is drawn by its own probability and the
        poem kept with probability 1/(number of pairs it keeps); what is kept has the exact
        conditional distribution (the union sampler of Karp & Luby 1983).
        """
        temperature = self.settings.temperature
        masked = self._masked(code, temperature=temperature)
        ids = torch.zeros(masked.log_mass.shape, dtype=torch.long)
        lost = torch.zeros(len(code), dtype=torch.bool)
        waiting = torch.arange(len(code))
        while len(waiting):
            here = masked[waiting]
            plan = self.book.plan(
                here, held[waiting], is_greedy=not temperature, generator=generator
            )
            weights = self.book.planned(here, plan, generator=generator)
            ids[waiting], lost[waiting] = draw_kept(
                self.book, weights, plan, temperature=temperature, generator=generator
            )
            if not temperature:
                break
            lot = torch.rand(len(waiting), generator=generator)
            again = (lot * self.book.plans_kept(ids[waiting]) >= 1) & ~lost[waiting]
            waiting = waiting[again]
        return ids, lost

    def _latents(self, n: int, generator: torch.Generator) -> tuple[Tensor, Held]:
        """One of ``candidates`` latents for each poem, [n, D], and the places of its words."""
        total = n * self.candidates
        from_prior = math.ceil(total / 2) if self.proposals else total
        code = self.base.rsample(from_prior, generator=generator)[:, 0]
        log_q = self.base.log_prob(code)
        if self.proposals:
            code = torch.cat([code, self.proposals.sample(total - from_prior, generator=generator)])
            both = torch.stack([self.base.log_prob(code), self.proposals.log_prob(code)])
            log_q = both.logsumexp(0) - math.log(2)
            mixed = torch.randperm(total, generator=generator)
            code, log_q = code[mixed], log_q[mixed]
        weights, parts = [], []
        for rows in _split(total):
            masked = self._masked(code[rows], temperature=1.0)
            held, drawn = self.book.place(masked, generator=generator)
            weights.append(self.book.log_kept(masked, held) - drawn)
            parts.append(held)
        log_weights = torch.cat(weights) + self.base.log_prob(code) - log_q
        pools = log_weights.view(n, self.candidates).double().softmax(-1)
        self.effective.append((1 / pools.square().sum(-1)).mean().item())
        chosen = torch.multinomial(pools, 1, generator=generator)[:, 0]
        rows = torch.arange(n) * self.candidates + chosen
        code, held = code[rows], Held.joined(parts)[rows]
        if self.effective[-1] < min(_ENOUGH, self.candidates / 2) and self.steps:
            code = self._walk(code, held, generator)
        return code, held

    def _walk(self, code: Tensor, held: Held, generator: torch.Generator) -> Tensor:
        """Langevin steps from codes [n, D] with p(z | constraints, what is held) as their
        target."""
        size = _STEP_SIZE
        self.walked = self.steps
        log_p, gradient = self._target(code, held)
        for _ in range(self.steps):
            noise = torch.randn(code.shape, generator=generator)
            there = code + size**2 / 2 * gradient + size * noise
            log_p_there, gradient_there = self._target(there, held)
            back = (code - there - size**2 / 2 * gradient_there) / size
            forth_and_back = (noise.square() - back.square()).sum(-1) / 2
            lot = torch.rand(len(code), generator=generator)
            accepted = lot.log() < log_p_there - log_p + forth_and_back
            code = torch.where(accepted[:, None], there, code)
            gradient = torch.where(accepted[:, None], gradient_there, gradient)
            log_p = torch.where(accepted, log_p_there, log_p)
            # To accept two of three steps is near the best pace; on the way in, any rate will do.
            size *= 1.1 if accepted.float().mean() > 0.65 else 0.85
        return code

    def _target(self, code: Tensor, held: Held) -> tuple[Tensor, Tensor]:
        """log p(z)·P(constraints, what is held | z) up to a constant, [n], and its gradient."""
        values, gradients = [], []
        for rows in _split(len(code)):
            with torch.enable_grad():
                at = code[rows].detach().requires_grad_(True)
                masked = self._masked(at, temperature=1.0)
                kept = self.book.log_kept(masked, held[rows])
                value = kept + self.base.log_prob(at)
                (gradient,) = torch.autograd.grad(value.sum(), at)
            values.append(value.detach())
            gradients.append(gradient)
        return torch.cat(values), torch.cat(gradients)

    def _masked(self, code: Tensor, *, temperature: float) -> MaskedProbabilities:
        return self.book.masked(self.model.decode(code), self.bias, temperature=temperature)

    def _read_what_is_known(self) -> Mixture | None:
        """The encoder's posteriors of the poem with everything unknown masked."""
        known = self.book.known(_READINGS)
        if bool((known == CharTokenizer.MASK).all()):
            return None
        with inference():
            return Mixture(self.model.encode(known))


def _split(n: int) -> tuple[Tensor, ...]:
    return torch.split(torch.arange(n), _ROWS)
