"""All rules that a poem shall keep, bound to a form and an alphabet; refused if no poem can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from poetry_vae.text.form import Form
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.masked_probabilities import MaskedProbabilities
from poetry_vae.verse.rules import BINDERS
from poetry_vae.verse.rules.alphabet import Alphabet
from poetry_vae.verse.rules.placements import Placements
from poetry_vae.verse.rules.rule import BoundRule, Ground, Rule, RuleError


@dataclass(frozen=True)
class Held:
    """The decisions of R poems, one for every rule; None for a rule that decides nothing."""

    decisions: tuple[Tensor | None, ...]

    def __getitem__(self, rows: Tensor) -> Held:
        return Held(tuple(None if d is None else d[rows] for d in self.decisions))

    @classmethod
    def joined(cls, parts: Sequence[Held]) -> Held:
        """Those of several groups of poems, one group after the other."""
        columns = zip(*(part.decisions for part in parts), strict=True)
        return cls(tuple(None if each[0] is None else torch.cat(each) for each in columns))

    def where(self, number: int, decision: Tensor) -> Held:
        """The same with the decision of one rule replaced."""
        decisions = list(self.decisions)
        decisions[number] = decision
        return Held(tuple(decisions))


class Rulebook:
    """Answers the sampler's questions for all rules together.

    Shape letters: R poems, T places, V characters of the alphabet, strangers included.
    """

    def __init__(self, rules: Rule, form: Form, tokenizer: CharTokenizer) -> None:
        """
        Raises:
            RuleError: no poem of this form and vocabulary can keep the rules; the message says
                which one, where, and what would help.
            MetreError: metre was asked for and the form has none, or the named template is not
                there.
        """
        self.form = form
        shown = "".join(part.characters for part in rules.parts)
        self.alphabet = Alphabet.of(tokenizer, shown)
        asked = {i for character in shown for i in self.alphabet.known(character)}
        self._hidden = [i for i in tokenizer.rare if i not in asked]
        """Characters that most fonts cannot show, except those that are asked for."""
        self._parts = rules.parts
        self.rules, self.allowed = self._bound(rules.parts)
        if not self._is_possible(self.rules, self.allowed):
            self._blame()
        for rule in self.rules:
            rule.narrow(self.allowed, self._can_stand)

    def begun(self, rows: int) -> Tensor:
        """Poems with only the pinned characters settled: ids [R, T], −1 where open."""
        only = self.allowed.sum(1) == 1
        ids = self.allowed.long().argmax(1).masked_fill(~only, -1)
        return ids.expand(rows, -1).clone()

    def known(self, ways: int) -> Tensor:
        """Poems with every unknown place masked: ids [A, T], as the model reads them.

        Args:
            ways: the most ways to place words; there is a poem for each.
        """
        fixed = self.alphabet.only_kind(self.allowed)[None]
        for rule in self.rules:
            if (placements := rule.placements) is not None:
                placed = placements[torch.arange(min(ways, len(placements)))]
                there = placed.fixed(self.alphabet.same)
                fixed = torch.where(there >= 0, there, fixed)
        return self.alphabet.read(fixed)

    @property
    def is_read_first(self) -> bool:
        """Whether some decision depends on the model's first reading of the poem."""
        fixed = self.alphabet.only_kind(self.allowed)
        several = (fixed >= 0) & (self.allowed.sum(1) > 1)
        deciding = any(
            type(rule).place is not BoundRule.place or type(rule).plan is not BoundRule.plan
            for rule in self.rules
        )
        return deciding or bool(several.any())

    @property
    def near(self) -> str | None:
        """A poem near which the latents must lie."""
        return next((rule.near for rule in self.rules if rule.near is not None), None)

    def masked(
        self, logits: Tensor, bias: Tensor | None, *, temperature: float
    ) -> MaskedProbabilities:
        """Masked probabilities from logits [R, T, V'] of the characters that a model knows; a
        stranger has almost no probability, but all of it where it is pinned."""
        if bias is not None:
            logits = logits + bias
        if self.alphabet.strangers:
            logits = torch.nn.functional.pad(logits, (0, len(self.alphabet.strangers)), value=-99.0)
        return MaskedProbabilities.of(logits, self.allowed, temperature=temperature)

    def bias(self, table: Tensor) -> Tensor | None:
        """Nats that are added to the logits of characters, [V'], of a model's output layer."""
        found = [b for rule in self.rules if (b := rule.bias(table)) is not None]
        return torch.stack(found).sum(0) if found else None

    def undecided(self) -> Held:
        """Nothing decided yet."""
        return Held((None,) * len(self.rules))

    def place(
        self, masked: MaskedProbabilities, *, generator: torch.Generator
    ) -> tuple[Held, Tensor]:
        """Draw the places of words: the decisions, and the log-probability of the draw, [R]."""
        held, drawn = self.undecided(), masked.log_mass.new_zeros(len(masked.log_mass))
        for number, rule in enumerate(self.rules):
            if (found := rule.place(masked, generator=generator)) is not None:
                held, drawn = held.where(number, found[0]), drawn + found[1]
                masked = rule.placed(masked, found[0])
        return held, drawn

    def placed(self, masked: MaskedProbabilities, held: Held) -> MaskedProbabilities:
        """The masked probabilities with all words placed."""
        for rule, decision in zip(self.rules, held.decisions, strict=True):
            if decision is not None:
                masked = rule.placed(masked, decision)
        return masked

    def plan(
        self,
        masked: MaskedProbabilities,
        held: Held,
        *,
        is_greedy: bool,
        generator: torch.Generator,
    ) -> Held:
        """Draw the plan that each poem keeps, such as a rhyme group, once all words are placed."""
        masked = self.placed(masked, held)
        for number, rule in enumerate(self.rules):
            plan = rule.plan(masked, is_greedy=is_greedy, generator=generator)
            if plan is not None:
                held = held.where(number, plan)
        return held

    def foreseen(self, masked: MaskedProbabilities) -> MaskedProbabilities:
        """What a model that writes one character after the other says of a poem at first, as it
        would be if the model knew the rules."""
        for rule in self.rules:
            masked = rule.foreseen(masked)
        return masked

    def planned(
        self, masked: MaskedProbabilities, held: Held, *, generator: torch.Generator
    ) -> Tensor:
        """Weights of the characters, [R, T, V]; poems drawn from them keep the decisions."""
        masked = self.placed(masked, held)
        for rule, decision in zip(self.rules, held.decisions, strict=True):
            if decision is not None:
                masked = rule.planned(masked, decision, generator=generator)
        return masked.probs

    def log_kept(self, masked: MaskedProbabilities, held: Held) -> Tensor:
        """log P(rules, words at their places | z) in nats, exact and differentiable: [R].

        It covers metre, rhyme, pins and avoided characters, but not the rules that only masks and
        rejection keep.
        """
        masked = self.placed(masked, held)
        for rule in self.rules:
            if (exact := rule.log_prob(masked)) is not None:
                return exact
        return masked.log_mass.sum(-1)

    def plans_kept(self, ids: Tensor) -> Tensor:
        """How many plans each poem ids [R, T] would have kept, 1 at least: [R]."""
        total = torch.ones(len(ids), dtype=torch.long)
        for rule in self.rules:
            if (kept := rule.plans_kept(ids)) is not None:
                total = total * kept.clamp_min(1)
        return total

    def mask(self, ids: Tensor, places: Tensor, held: Held) -> Tensor:
        """The characters that fit a place of each poem, [R], beside those settled: [R, V]."""
        kept = self.allowed[places]
        for rule, decision in zip(self.rules, held.decisions, strict=True):
            if (mask := rule.mask(ids, places, decision)) is not None:
                kept = kept & mask
        for rule, decision in zip(self.rules, held.decisions, strict=True):
            if (better := rule.prefers(ids, places, decision)) is not None:
                both = kept & better
                kept = torch.where(both.any(1, keepdim=True), both, kept)
        return kept

    def reweighed(self, log_weights: Tensor, places: Tensor, held: Held) -> Tensor:
        """Logarithms of the weights, [R, V'], by which a place of each poem, [R], is drawn."""
        for rule, decision in zip(self.rules, held.decisions, strict=True):
            log_weights = rule.reweighed(log_weights, places, decision)
        return log_weights

    def fits(self, ids: Tensor, place: int) -> Tensor:
        """The characters that fit a place of a whole poem ids [T], the rest unchanged: [V]."""
        around = ids.clone()
        around[place] = -1
        kept = self.allowed[place].clone()
        for rule in self.rules:
            if type(rule).plan is not BoundRule.plan:
                each = ids.expand(len(kept), -1).clone()
                each[:, place] = torch.arange(len(kept))
                plans = rule.plans_kept(each)
                kept &= True if plans is None else plans > 0
            elif type(rule).place is BoundRule.place:
                for limit in (rule.mask, rule.prefers):
                    mask = limit(around[None], torch.tensor([place]), None)
                    kept &= True if mask is None else mask[0]
        return kept

    @property
    def judges_poems(self) -> bool:
        """Whether :meth:`keeps` can tell of any poem whether it keeps all rules, and rules have no
        other wishes."""
        return not any(
            rule.is_led
            or rule.near is not None
            or type(rule).place is not BoundRule.place
            or type(rule).bias is not BoundRule.bias
            for rule in self.rules
        )

    def keeps(self, ids: Tensor) -> Tensor:
        """Which whole poems, written without regard to the rules, keep all of them: [R]."""
        kept = self.allowed[torch.arange(ids.shape[1]), ids].all(1) & ~self.broken(ids)
        for rule in self.rules:
            if (plans := rule.plans_kept(ids)) is not None:
                kept &= plans > 0
        return kept

    def broken(self, ids: Tensor) -> Tensor:
        """Which whole poems break a rule: [R]."""
        wrong = torch.zeros(len(ids), dtype=torch.bool)
        for rule in self.rules:
            left = (~wrong).nonzero()[:, 0]  # the cheap rules come first
            if len(left) and (found := rule.broken(ids[left])) is not None:
                wrong[left] = found
        return wrong

    def blemished(self, ids: Tensor) -> Tensor:
        """Which whole poems keep a rule badly: [R]."""
        wrong = torch.zeros(len(ids), dtype=torch.bool)
        for rule in self.rules:
            if (found := rule.blemished(ids)) is not None:
                wrong |= found
        return wrong

    def told(self) -> str:
        """All of them that a poem can break, in a user's words."""
        return ", ".join(part.told() for part in self._parts if not part.is_wish)

    def _bound(self, parts: Sequence[Rule]) -> tuple[list[BoundRule], Tensor]:
        """The rules, and what a place may hold under all of them, [T, V]."""
        ground = Ground(self.form, self.alphabet)
        rules = [rule for bind in BINDERS if (rule := bind(parts, ground)) is not None]
        allowed = torch.ones(self.form.positions, len(self.alphabet), dtype=torch.bool)
        allowed[:, : len(CharTokenizer.SPECIAL)] = False
        allowed[:, self._hidden] = False
        for rule in rules:
            if rule.allowed is not None:
                allowed &= rule.allowed
        return rules, allowed

    def _is_possible(self, rules: Sequence[BoundRule], allowed: Tensor) -> bool:
        columns = _different(rules, allowed)
        fixed = self.alphabet.only_kind(allowed)
        return bool(_keeps(rules, allowed[None, :, columns], columns, fixed[None], fixed >= 0))

    def _can_stand(self, placements: Placements) -> Tensor:
        """Whether all rules admit each way to place words: [A]."""
        columns = _different(self.rules, self.allowed)
        possible = placements.only(columns).possible()
        fixed = placements.fixed(self.alphabet.same)
        before = self.alphabet.only_kind(self.allowed)
        both = torch.where(fixed >= 0, fixed, before)
        return _keeps(self.rules, possible, columns, both, before >= 0)

    def _blame(self) -> None:
        """Name the rule to blame: the one without which a poem can keep the rest.

        Raises:
            RuleError: always.
        """
        culprits = []
        for i, part in enumerate(self._parts):
            rest = [other for j, other in enumerate(self._parts) if j != i]
            if self._is_possible(*self._bound(rest)):
                culprits.append(part.told())
        blamed = " or ".join(culprits) or "more than one of them"
        raise RuleError(
            f"no {self.form} keeps all of {self.told()}: they do not go together; leave out "
            f"{blamed}"
        )


def _keeps(
    rules: Sequence[BoundRule], possible: Tensor, columns: Tensor, fixed: Tensor, given: Tensor
) -> Tensor:
    """Whether some possible poem keeps all rules, each rule asked alone: [A]."""
    kept = possible.any(-1).all(-1)
    for rule in rules:
        if (found := rule.can_stand(possible, columns, fixed, given)) is not None:
            kept = kept & found
    return kept


def _different(rules: Sequence[BoundRule], allowed: Tensor) -> Tensor:
    """One character of every kind: ids. Characters are of one kind if every rule treats them alike.
    This leaves hundreds of columns instead of thousands.
    """
    rows = [allowed, *(row[None] for rule in rules for row in rule.kinds)]
    _, kind = torch.unique(torch.cat(rows), dim=1, return_inverse=True)
    first = torch.full((int(kind.max()) + 1,), len(kind))
    return first.scatter_reduce(0, kind, torch.arange(len(kind)), "amin")
