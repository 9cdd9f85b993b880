"""Characters under constraints: what a poem has decided is held, the rest is drawn anew.

Works on logits from anywhere; ``poetry_vae.verse.steer`` finds the latents they come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from poetry_vae.model.sampling import draw_weighted, drawn_at
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.compiled import Compiled
from poetry_vae.verse.metrical import Plan
from poetry_vae.verse.parallel import Facing
from poetry_vae.verse.shares import Shares


@dataclass(frozen=True)
class Held:
    """What rows of poems have decided: where the words stand, the template and the rhyme group."""

    way: Tensor | None = None
    plan: Plan | None = None

    def __getitem__(self, rows: Tensor) -> Held:
        return Held(
            None if self.way is None else self.way[rows],
            None if self.plan is None else self.plan[rows],
        )


@dataclass
class Tally:
    """What happened while drawing, for whoever wants to tell."""

    poems: int = 0
    mended: int = 0
    """Drafts whose repeats were mended one by one, since redrawing did not remove them."""
    effective: list[float] = field(default_factory=list)
    """Effective number of candidates, by block of poems; see ``steer``."""
    steps: int = 0
    """Langevin steps taken where the candidates did not suffice."""

    def told(self, candidates: int) -> str:
        """A line for whoever asked for the poems."""
        effective = sum(self.effective) / max(1, len(self.effective))
        text = f"effective candidates: {effective:.1f} of {candidates} a poem"
        if self.steps:
            text += f", then {self.steps} Langevin steps"
        if self.mended:
            text += f"; repeats mended in {self.mended} drafts"
        return text


def log_prob(compiled: Compiled, logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    """log P(constraints | z) in nats, exact and differentiable: logits [R, T, V] → [R].

    Of metre, rhyme, pins and avoided characters; words, repeats and parallelism are left out.
    """
    shares = Shares.of(logits, compiled.allowed, temperature=temperature)
    return log_kept(compiled, shares, Held())


def settle(
    compiled: Compiled, shares: Shares, *, generator: torch.Generator
) -> tuple[Held, Tensor]:
    """Decide where words stand, in proportion to their probability.

    Returns what is held, without a plan yet, and log P(constraints, way | z) − log P(way drawn),
    the weight of a row [R].
    """
    if compiled.placements is None:
        return Held(), log_kept(compiled, shares, Held())
    scores = compiled.placements.log_scores(shares)
    way = draw_weighted(scores.softmax(-1), generator=generator)
    drawn = scores.log_softmax(-1).gather(1, way[:, None])[:, 0]
    return Held(way), log_kept(compiled, shares, Held(way)) - drawn


def log_kept(compiled: Compiled, shares: Shares, held: Held) -> Tensor:
    """log P(constraints, words where they are held | z) in nats: [R]."""
    if compiled.placements is not None and held.way is not None:
        shares = compiled.placements.restrict(shares, held.way)
    if compiled.metrical is None:
        return shares.log_mass.sum(-1)
    return compiled.metrical.log_prob(shares)


def first_draft(
    compiled: Compiled,
    shares: Shares,
    held: Held,
    *,
    temperature: float,
    generator: torch.Generator,
    tally: Tally | None = None,
) -> tuple[Tensor, Held]:
    """Template, rhyme group and characters: ids [R, T], and what is held from now on.

    The pairs of template and group overlap, so a pair is drawn by its own probability and the poem
    kept with probability 1/(number of pairs it keeps); what is kept has the exact conditional
    distribution (the union sampler of Karp & Luby 1983).
    """
    if compiled.metrical is None:
        ids = redraft(
            compiled, shares, held, temperature=temperature, generator=generator, tally=tally
        )
        return ids, held
    metrical = compiled.metrical
    placed = shares
    if compiled.placements is not None and held.way is not None:
        placed = compiled.placements.restrict(shares, held.way)
    pairs = metrical.plan_log_probs(placed).flatten(1).softmax(-1)
    G = len(metrical.groups)
    ids = torch.zeros(shares.log_mass.shape, dtype=torch.long)
    plan = Plan(ids.new_zeros(len(ids)), ids.new_zeros(len(ids)))
    waiting = torch.arange(len(ids))
    while len(waiting):
        likeliest = pairs[waiting].argmax(-1)
        pair = draw_weighted(pairs[waiting], generator=generator) if temperature else likeliest
        plan.template[waiting], plan.group[waiting] = pair // G, pair % G
        ids[waiting] = redraft(
            compiled,
            shares[waiting],
            Held(held[waiting].way, plan[waiting]),
            temperature=temperature,
            generator=generator,
            tally=tally,
        )
        if not temperature:
            break
        lot = torch.rand(len(waiting), generator=generator)
        waiting = waiting[lot * metrical.count(ids[waiting]).clamp_min(1) >= 1]
    return ids, Held(held.way, plan)


def redraft(
    compiled: Compiled,
    shares: Shares,
    held: Held,
    *,
    temperature: float,
    generator: torch.Generator,
    tally: Tally | None = None,
) -> Tensor:
    """All characters anew, under all that is held: ids [R, T].

    Where parallel couplets were asked for and a row found none, it is all ``<unk>``.
    """
    if compiled.placements is not None and held.way is not None:
        shares = compiled.placements.restrict(shares, held.way)
    weights = shares.probs
    if compiled.metrical is not None and held.plan is not None:
        weights = compiled.metrical.within(held.plan, shares, generator=generator)
    if compiled.facing is not None:
        return _facing(compiled, compiled.facing, weights, generator)
    if compiled.repeats is not None:
        ids, mended = compiled.repeats.draw(weights, temperature=temperature, generator=generator)
        if tally is not None:
            tally.mended += mended
        return ids
    return drawn_at(weights, temperature, generator)


def _facing(
    compiled: Compiled, facing: Facing, weights: Tensor, generator: torch.Generator
) -> Tensor:
    """Parallel couplets; rows that found none are 0 throughout, which is no character."""

    def is_wrong(ids: Tensor) -> Tensor:
        if compiled.repeats is None:
            return torch.zeros(len(ids), dtype=torch.bool)
        return compiled.repeats.found(ids).any(1)

    ids, lost = facing.draw(weights, is_wrong=is_wrong, generator=generator)
    return ids.masked_fill(lost[:, None], CharTokenizer.UNKNOWN)
