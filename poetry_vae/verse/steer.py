"""Latents under constraints: z is proposed, weighed by p(z)·P(c|z)/q(z), and drawn again.

Pinned characters alone would bend a poem at a few places; a latent that makes them likely bends all
of it. Half of the candidates come from the prior, half from the encoder, which reads the partly
known poem with ``<mask>`` elsewhere (it is trained to, see ``training.masking``). Importance
weights make up for the difference, so the latents follow p(z | constraints) up to the number of
candidates (sampling importance resampling, Rubin 1988).

Four pinned heads are so unlikely that one candidate has nearly all the weight. Then the latents go
on as Markov chains: since P(c|z) is exact and differentiable, Langevin steps with a Metropolis test
(Roberts & Tweedie 1996) leave p(z | constraints) as it is and walk to where its mass lies.

P(c|z) is that of the model itself, at temperature 1, whatever temperature the characters are drawn
at: weighed at a lower one, latents are preferred whose heads are sure of themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.sampling import lessen
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse import decode
from poetry_vae.verse.compiled import Compiled, compile_constraints
from poetry_vae.verse.constraints import Constraint, ConstraintError
from poetry_vae.verse.decode import Held, Tally
from poetry_vae.verse.manner import Manner
from poetry_vae.verse.refine import Passes
from poetry_vae.verse.shares import Shares

DEFAULT_CANDIDATES = 16
# Latents walk on where fewer candidates than this would carry the same weight.
_ENOUGH = 4.0
_STEPS = 24
_STEP_SIZE = 0.25
# Poems whose logits stand in memory at once: some hundred megabytes.
_ROWS = 64
# Attempts at parallel couplets, each with other latents.
_ROUNDS = 20
# Nats that characters lose which most fonts cannot show.
_RARE = 40.0
# Ways to place words of which the encoder reads a partly known poem each.
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

    def log_prob(self, z: Tensor) -> Tensor:
        """[n, D] → [n]."""
        each = self.components.log_prob(z[:, None])
        return each.logsumexp(1) - math.log(each.shape[1])


class Steering:
    """Draws poems of a model that keep constraints, a block of ``n`` at a time."""

    def __init__(
        self,
        model: PoetryVAE,
        compiled: Compiled,
        manner: Manner,
        *,
        candidates: int = DEFAULT_CANDIDATES,
        steps: int = _STEPS,
    ) -> None:
        """
        Args:
            candidates: latents proposed for each poem.
            steps: Langevin steps where the candidates do not suffice; 0 takes none.
        """
        self.model, self.compiled = model, compiled
        self.manner = manner
        self.candidates, self.steps = candidates, steps
        self.bias = _favoured(model, compiled)
        # Finite, so that it is the same for all latents where such a character was asked for.
        self.bias[list(model.tokenizer.rare)] -= _RARE * max(1.0, manner.temperature)
        standard = DiagonalGaussian.standard(torch.zeros(1, model.code_size))
        self.base = standard if compiled.near is None else model.encode([compiled.near])
        self.proposals = self._read_what_is_known()
        self.tally = Tally()

    @torch.no_grad()
    def write(self, n: int, *, generator: torch.Generator) -> Tensor:
        """``n`` poems as ids [n, T], all of which keep the constraints.

        Raises:
            ConstraintError: poems without repeats or with parallel couplets were asked for, and
                none were found.
        """
        ids = self._write(n, generator)
        for _ in range(_ROUNDS):
            lost = (ids == CharTokenizer.UNKNOWN).any(1)
            if not lost.any():
                self.tally.poems += n
                return ids
            ids[lost] = self._write(int(lost.sum()), generator)
        raise ConstraintError(
            f"no parallel couplets were found in {_ROUNDS} rounds: ask for less beside --parallel"
        )

    def _write(self, n: int, generator: torch.Generator) -> Tensor:
        """As :meth:`write`; rows that found no parallel couplets are all ``<unk>``."""
        z, held = self._latents(n, generator)
        temperature = self.manner.temperature
        settings: Any = {
            "temperature": temperature,
            "generator": generator,
            "tally": self.tally,
        }
        out = []
        for rows in torch.split(torch.arange(n), _ROWS):
            ids, kept = decode.first_draft(
                self.compiled,
                self._shares(z[rows], temperature=temperature),
                held[rows],
                **settings,
            )
            out.append(self._again(z[rows], ids, kept, settings))
        return torch.cat(out)

    def _again(self, z: Tensor, ids: Tensor, held: Held, settings: dict[str, Any]) -> Tensor:
        """The passes: drafts ids [R, T] of latents z [R, D], gone over under what is held."""

        def redraft(shares: Shares) -> Tensor:
            again = decode.redraft(self.compiled, shares, held, **settings)
            lost = (again == CharTokenizer.UNKNOWN).any(1, keepdim=True)
            return torch.where(lost, ids, again)

        temperature = self.manner.temperature
        if self.model.refiner is None or not self.manner.passes:
            for _ in range(self.manner.passes):
                z = self.model.encode(ids).mean
                ids = redraft(self._shares(z, temperature=temperature))
            return ids
        settled = self._is_given(held, len(ids))
        given = torch.where(settled, settled.cumsum(1) - 1, -1)
        passes = Passes(self.model, z, None, self.manner, given)
        for number in range(passes.count):
            logits = self.model.readout.logits(passes.read(ids, number))
            logits = self._lessened(logits, ids, settled)
            shares = self._shares_of(logits, temperature=temperature).settled(ids, settled)
            # What is settled stays in every draft, so a draft that fails leaves the one before.
            ids = redraft(shares)
            settled = settled | passes.turn(number)
        return ids

    def _lessened(self, logits: Tensor, ids: Tensor, settled: Tensor) -> Tensor:
        """Logits [R, T, V] without the nats that what is settled loses elsewhere."""
        if not self.manner.repetition:
            return logits
        present = ids.masked_fill(~settled, -1)[:, None].expand(-1, logits.shape[1], -1)
        lessened = lessen(logits.flatten(0, 1), present.flatten(0, 1), self.manner.repetition)
        return lessened.view_as(logits)

    def _is_given(self, held: Held, rows: int) -> Tensor:
        """Which characters are pinned or part of a word: [R, T]."""
        given = (self.compiled.known != CharTokenizer.MASK).expand(rows, -1)
        if self.compiled.placements is None or held.way is None:
            return given
        return given | self.compiled.placements.holds(held.way)

    def _latents(self, n: int, generator: torch.Generator) -> tuple[Tensor, Held]:
        """One of ``candidates`` latents for each poem, [n, D], and where its words stand."""
        total = n * self.candidates
        from_prior = math.ceil(total / 2) if self.proposals else total
        z = self.base.rsample(from_prior, generator=generator)[:, 0]
        log_q = self.base.log_prob(z)
        if self.proposals:
            z = torch.cat([z, self.proposals.sample(total - from_prior, generator=generator)])
            both = torch.stack([self.base.log_prob(z), self.proposals.log_prob(z)])
            log_q = both.logsumexp(0) - math.log(2)
            mixed = torch.randperm(total, generator=generator)
            z, log_q = z[mixed], log_q[mixed]
        weights, ways = [], []
        for rows in torch.split(torch.arange(total), _ROWS):
            shares = self._shares(z[rows], temperature=1.0)
            held, weight = decode.settle(self.compiled, shares, generator=generator)
            weights.append(weight)
            ways.append(held.way)
        log_weights = torch.cat(weights) + self.base.log_prob(z) - log_q
        pools = log_weights.view(n, self.candidates).double().softmax(-1)
        self.tally.effective.append((1 / pools.square().sum(-1)).mean().item())
        chosen = torch.multinomial(pools, 1, generator=generator)[:, 0]
        rows = torch.arange(n) * self.candidates + chosen
        way = None if ways[0] is None else torch.cat([w for w in ways if w is not None])
        z, held = z[rows], Held(way)[rows]
        if self.tally.effective[-1] < min(_ENOUGH, self.candidates / 2) and self.steps:
            z = self._walk(z, held, generator)
        return z, held

    def _walk(self, z: Tensor, held: Held, generator: torch.Generator) -> Tensor:
        """Langevin steps from z [n, D] with p(z | constraints, what is held) as their target."""
        size = _STEP_SIZE
        self.tally.steps = self.steps
        log_p, gradient = self._target(z, held)
        for _ in range(self.steps):
            noise = torch.randn(z.shape, generator=generator)
            there = z + size**2 / 2 * gradient + size * noise
            log_p_there, gradient_there = self._target(there, held)
            back = (z - there - size**2 / 2 * gradient_there) / size
            forth_and_back = (noise.square() - back.square()).sum(-1) / 2
            lot = torch.rand(len(z), generator=generator)
            accepted = lot.log() < log_p_there - log_p + forth_and_back
            z = torch.where(accepted[:, None], there, z)
            gradient = torch.where(accepted[:, None], gradient_there, gradient)
            log_p = torch.where(accepted, log_p_there, log_p)
            # Two of three accepted is near the best pace; while still walking in, any will do.
            size *= 1.1 if accepted.float().mean() > 0.65 else 0.85
        return z

    def _target(self, z: Tensor, held: Held) -> tuple[Tensor, Tensor]:
        """log p(z)·P(constraints, what is held | z) up to a constant, [n], and its gradient."""
        values, gradients = [], []
        for rows in torch.split(torch.arange(len(z)), _ROWS):
            with torch.enable_grad():
                at = z[rows].detach().requires_grad_(True)
                shares = self._shares(at, temperature=1.0)
                kept = decode.log_kept(self.compiled, shares, held[rows])
                value = kept + self.base.log_prob(at)
                (gradient,) = torch.autograd.grad(value.sum(), at)
            values.append(value.detach())
            gradients.append(gradient)
        return torch.cat(values), torch.cat(gradients)

    def _shares(self, z: Tensor, *, temperature: float) -> Shares:
        return self._shares_of(self.model.decode(z), temperature=temperature)

    def _shares_of(self, logits: Tensor, *, temperature: float) -> Shares:
        return Shares.of(logits + self.bias, self.compiled.allowed, temperature=temperature)

    def _read_what_is_known(self) -> Mixture | None:
        """What the encoder makes of the poem with everything unknown masked."""
        known = self.compiled.known[None]
        placements = self.compiled.placements
        if placements is not None:
            placed = placements.first(_READINGS).possible()
            is_word = (placed != self.compiled.allowed).any(-1)
            known = torch.where(is_word, placed.long().argmax(-1), known)
        if bool((known == CharTokenizer.MASK).all()):
            return None
        with torch.no_grad():
            return Mixture(self.model.encode(known))


def _favoured(model: PoetryVAE, compiled: Compiled) -> Tensor:
    """What is added to the logits of characters akin to the theme, [V], in nats.

    Akin is who has a similar row in the output layer: such characters stand in similar places.
    """
    if compiled.favour is None:
        return torch.zeros(len(model.tokenizer))
    ids = model.tokenizer.encode_folded(compiled.favour.characters)
    rows = model.decoder.likelihood.table[0].detach()
    directions = torch.nn.functional.normalize(rows - rows.mean(0), dim=-1)
    kinship = (directions @ directions[torch.from_numpy(ids).long()].T).amax(-1).clamp_min(0)
    return compiled.favour.strength * kinship


def steer(
    model: PoetryVAE,
    constraint: Constraint,
    manner: Manner,
    *,
    candidates: int = DEFAULT_CANDIDATES,
    steps: int = _STEPS,
) -> Steering:
    """A model under a constraint, ready to write; see :class:`Steering`.

    Raises:
        ConstraintError: no poem of the model can meet the constraint.
    """
    compiled = compile_constraints(constraint, model.form, model.tokenizer)
    return Steering(
        model,
        compiled,
        manner,
        candidates=candidates,
        steps=steps,
    )
