"""How likely independent heads are to write metre and rhyme, exactly, and how to draw it.

Given z the characters of a poem are independent, so the probability that it keeps a template and a
rhyme group is a product of sums over characters. The difficulty is that one poem can keep several
templates or rhyme in several groups, since a character may have several readings, and then a plain
sum over templates and groups would add its probability more than once. Remedies:

- Characters are grouped by their *set* of tones (level only, oblique only, either), so that each
  line type becomes a few disjoint products of such sets.
- A line may depart from its type if the line that answers saves it (拗救), so couplets are
  multiplied, and not lines: each is a few disjoint pairs of lines.
- Unions over templates and over groups are taken by inclusion and exclusion
  (|A ∪ B| = |A| + |B| − |A ∩ B|). Only few sets of groups ever share a character, so there are
  few terms.

Shape letters: R rows, L lines, C characters a line, T = L·C positions, V vocabulary, G rhyme
groups, S shared sets of groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property

import torch
from torch import Tensor

from poetry_vae.model.sampling import draw_weighted
from poetry_vae.text.form import Form
from poetry_vae.text.metre import MetreTemplate, Rules
from poetry_vae.text.prosody import RhymeBook
from poetry_vae.verse.masked_probabilities import MaskedProbabilities
from poetry_vae.verse.rules.couplets import (
    CLASSES,
    EITHER,
    LEVEL,
    UNREAD,
    Couplets,
    Product,
    as_mask,
    couplet_products,
    joined,
    tone_classes,
)
from poetry_vae.verse.rules.rhyme_groups import RhymeGroups, if_first_rhymes, nonempty_subsets
from poetry_vae.verse.rules.rule import BoundRule

_TINY = 1e-300


class Metrical(BoundRule):
    """Metre and rhyme of one form over one vocabulary.

    A plan is a tensor [R, 2]: the template and the rhyme group that each poem keeps, as indices.

    Args:
        characters: V characters by id; special symbols as empty strings, which no poem may hold.
        templates: any one of these is to be kept; none where only the rhyme is asked for.
        groups: rhyme groups, any one of which is to be kept.
        strangers: the last so many characters are admitted everywhere if no book knows their tone.
    """

    def __init__(
        self,
        form: Form,
        characters: Sequence[str],
        *,
        templates: Sequence[MetreTemplate],
        groups: Sequence[str],
        rules: Rules,
        book: RhymeBook,
        strangers: int = 0,
    ) -> None:
        self.form, self.rules = form, rules
        self.templates, self.groups = tuple(templates), tuple(groups)
        self.tones = tone_classes(characters, book, strangers=strangers)  # [V]
        # In metre the rhyme is level, so an oblique reading of the character does not count.
        self.rhymes = RhymeGroups.of(characters, self.groups, book, is_level=bool(self.templates))
        # Without metre there is one template, in which any line may stand.
        self.rhyming = [template.rhyming_lines for template in self.templates] or [
            tuple(range(1, form.lines, 2)) or (0,)
        ]
        """By template the lines, from 0, that end in the rhyme."""
        self._kinds = torch.nn.functional.one_hot(self.tones, 4).float()  # [V, 4]
        self.kinds = [*self._kinds.bool().T, *self.rhymes.member.T]
        # The even lines rhyme under every template.
        self.allowed = torch.ones(form.positions, len(characters), dtype=torch.bool)
        self.allowed[[(line + 1) * form.chars - 1 for line in range(1, form.lines, 2)]] = (
            self.rhymes.member.any(1)
        )

    @property
    def units(self) -> tuple[range, ...]:
        """The lines of each couplet; an odd last line is a unit of its own."""
        lines = self.form.lines
        return tuple(range(i, min(i + 2, lines)) for i in range(0, lines, 2))

    def products(self, templates: Sequence[int], unit: range) -> Couplets:
        """The lines of a unit that all of these templates admit."""
        if not self.templates:
            free = tuple(frozenset((*CLASSES, UNREAD)) for _ in range(self.form.chars))
            return (tuple((free,) for _ in unit),)
        first, second = unit
        types = frozenset(
            (self.templates[t].types[first], self.templates[t].types[second]) for t in templates
        )
        return couplet_products(types, self.form.chars, self.rules)

    def log_prob(self, masked: MaskedProbabilities) -> Tensor:
        """log P(what is allowed, metre and rhyme), exactly, in nats: [R]. Differentiable."""
        masses, ends = self._masses(masked)
        subsets = nonempty_subsets(range(len(self.rhyming)))
        terms = [self.rhymes.sign.to(ends) * (-1.0) ** (len(chosen) + 1) for chosen in subsets]
        scale = masked.log_mass.double().sum(-1)
        for unit in self.units:
            found = [self._unit(masses, ends, chosen, unit) for chosen in subsets]
            # Couplets are scaled one by one: the product of all may be smaller than any number.
            largest = torch.cat(found, dim=1).detach().amax(1, keepdim=True).clamp_min(_TINY)
            terms = [term * mass / largest for term, mass in zip(terms, found, strict=True)]
            scale = scale + largest[:, 0].log()
        total = torch.stack([term.sum(-1) for term in terms]).sum(0)
        return scale + total.clamp_min(0).log()

    def plan_log_probs(self, masked: MaskedProbabilities) -> Tensor:
        """log P(what is allowed, template and group) for every pair: [R, templates, G].

        The pairs overlap; see :meth:`plans_kept` for how many of them a poem keeps.
        """
        masses, ends = self._masses(masked)
        found = []
        for t in range(len(self.rhyming)):
            kept = ends.new_zeros(len(ends), ends.shape[-1])
            for unit in self.units:
                kept = kept + self._unit(masses, ends, (t,), unit).log()
            padded = torch.cat([kept, kept.new_full((len(kept), 1), -torch.inf)], dim=1)
            found.append(padded[:, self.rhymes.single])
        return masked.log_mass.double().sum(-1)[:, None, None] + torch.stack(found, dim=1)

    def can_stand(self, possible: Tensor, columns: Tensor, fixed: Tensor, given: Tensor) -> Tensor:
        """Whether some template and group are left, tested with equal probabilities."""
        number = possible.sum(-1)
        evenly = MaskedProbabilities(
            possible / number.clamp_min(1)[..., None], torch.where(number > 0, 0.0, -torch.inf)
        )
        pairs = self.only(columns).plan_log_probs(evenly)
        return pairs.flatten(1).isfinite().any(-1)

    def plan(
        self, masked: MaskedProbabilities, *, is_greedy: bool, generator: torch.Generator
    ) -> Tensor:
        """A pair of template and group for each poem, by its own probability."""
        pairs = self.plan_log_probs(masked).flatten(1).softmax(-1)
        pair = pairs.argmax(-1) if is_greedy else draw_weighted(pairs, generator=generator)
        return torch.stack([pair // len(self.groups), pair % len(self.groups)], dim=1)

    def planned(
        self, masked: MaskedProbabilities, plan: Tensor, *, generator: torch.Generator
    ) -> MaskedProbabilities:
        """Weights of the characters that keep a plan: drawn independently from them, a poem has
        the distribution of ``masked`` given the plan.

        For each couplet one of its disjoint products is drawn, by its probability.
        """
        C = self.form.chars
        template, group = plan.T
        masses = masked.probs @ self._kinds
        open_classes = torch.zeros_like(masses)
        rhymed: list[tuple[Tensor, int]] = []
        for t in torch.unique(template).tolist():
            rows = (template == t).nonzero()[:, 0]
            for unit in self.units:
                places = slice(unit.start * C, unit.stop * C)
                masks = as_mask(joined(self.products((t,), unit))).to(masses)  # [N, lines·C, 4]
                here = masses[rows, places].double()
                by_place = (here[:, None] * masks).sum(-1)  # [rows, N, lines·C]
                for number, line in enumerate(unit):
                    if line in self.rhyming[t]:
                        # The end that rhymes is weighed by its group, alike under every product.
                        by_place[..., number * C + C - 1] = 1.0
                        rhymed.append((rows, line * C + C - 1))
                pick = torch.multinomial(by_place.prod(-1), 1, generator=generator)[:, 0]
                open_classes[rows, places] = masks[pick]
        weights = (open_classes @ self._kinds.T).mul_(masked.probs)
        for rows, end in rhymed:
            weights[rows, end] *= self.rhymes.member[:, group[rows]].T
        return MaskedProbabilities(weights, masked.log_mass)

    def mask(self, ids: Tensor, places: Tensor, decision: Tensor) -> Tensor:
        """What a place may hold so that its couplet can still become one of its template."""
        C = self.form.chars
        template, group = decision.T
        span = 2 * C
        unit = places // span
        where = (unit * span)[:, None] + torch.arange(span)
        here = ids.gather(1, where.clamp_max(ids.shape[1] - 1))  # [R, lines·C]
        # A fifth kind of character stands for open places, among them the place that is asked
        # about.
        kind = self.tones[here.clamp_min(0)].masked_fill(here < 0, 4)
        kind = kind.masked_fill(where == places[:, None], 4)
        admitted = self._admitted[template, unit]  # [R, N, lines·C, 5]
        fits = admitted.gather(-1, kind[:, None, :, None].expand(-1, admitted.shape[1], -1, 1))
        alive = fits[..., 0].all(-1)  # [R, N]
        at = (places % span)[:, None, None, None].expand(-1, admitted.shape[1], 1, 5)
        open_kinds = (admitted.gather(2, at)[:, :, 0, :4] & alive[..., None]).any(1)  # [R, 4]
        kept = open_kinds[:, self.tones]
        rhymes = self._rhymes[template, places]
        kept[rhymes] &= self.rhymes.member[:, group[rhymes]].T
        return kept

    def prefers(self, ids: Tensor, places: Tensor, decision: Tensor) -> Tensor:
        """At the end of a line that rhymes, what poems do rhyme in the group, and not twice. At the
        end of a first line that does not rhyme by its template, no 長 or 衣, which could be level,
        too, and sound like a missed rhyme."""
        template, group = decision.T
        rhymes = self._rhymes[template, places]
        better = torch.ones(len(places), len(self.tones), dtype=torch.bool)
        ends = ids[rhymes].where(self._rhymes[template[rhymes]], -1)
        better[rhymes] = self.rhymes.fresh(group[rhymes], ends)
        if self.templates:
            better[(places == self.form.chars - 1) & ~rhymes] = self.tones != EITHER
        return better

    def foreseen(self, masked: MaskedProbabilities) -> MaskedProbabilities:
        """The first line is written before the others, so it does not yet know their rhyme."""
        end, probs = self.form.chars - 1, masked.probs.clone()
        groups = self.rhymes.level.any(1)
        probs[:, end] = if_first_rhymes(probs[:, end].log(), groups, self.tones == LEVEL).exp()
        return MaskedProbabilities(probs, masked.log_mass)

    def reweighed(self, log_weights: Tensor, places: Tensor, decision: Tensor) -> Tensor:
        """Without metre no template says whether the first line rhymes."""
        first = (places == self.form.chars - 1).nonzero()[:, 0]
        if self.templates or not len(first):
            return log_weights
        V = log_weights.shape[-1]
        group = self.rhymes.level[:V, decision[first, 1]].T
        some = if_first_rhymes(log_weights[first], group, self.tones[:V] == LEVEL)
        return log_weights.index_copy(0, first, some)

    @cached_property
    def _admitted(self) -> Tensor:
        """What the couplets of each template admit, padded with products that admit nothing:
        [templates, units, N, lines·C, 5], where the fifth kind is an open place."""
        span = 2 * self.form.chars
        each = [
            [as_mask(joined(self.products((t,), unit))) for unit in self.units]
            for t in range(len(self.rhyming))
        ]
        most = max(len(masks) for units in each for masks in units)
        out = torch.zeros(len(each), len(self.units), most, span, 5, dtype=torch.bool)
        for t, units in enumerate(each):
            for u, masks in enumerate(units):
                out[t, u, : len(masks)] = True  # an odd last line leaves the other half free
                out[t, u, : len(masks), : masks.shape[1], :4] = masks
        return out

    @cached_property
    def _rhymes(self) -> Tensor:
        """Which places rhyme under each template: [templates, T]."""
        out = torch.zeros(len(self.rhyming), self.form.positions, dtype=torch.bool)
        for t, lines in enumerate(self.rhyming):
            out[t, [(line + 1) * self.form.chars - 1 for line in lines]] = True
        return out

    def only(self, columns: Tensor) -> Metrical:
        """The same rules over some of the characters, by their ids."""
        small = copy(self)
        small.tones, small._kinds = self.tones[columns], self._kinds[columns]
        small.rhymes = self.rhymes.only(columns)
        return small

    def plans_kept(self, ids: Tensor) -> Tensor:
        """How many pairs of a template and a group poems ids [R, T] keep: [R]."""
        C, tones = self.form.chars, self.tones[ids]
        total = torch.zeros(len(ids), dtype=torch.long)
        for t in range(len(self.rhyming)):
            kept = torch.ones(len(ids), dtype=torch.bool)
            for unit in self.units:
                masks = as_mask(joined(self.products((t,), unit)))  # [N, lines·C, 4]
                here = tones[:, unit.start * C : unit.stop * C]  # [R, lines·C]
                places = torch.arange(here.shape[1])
                kept &= masks[:, places, here].all(-1).any(0)
            total += kept * self.rhymes.member[ids[:, self._rhymes[t]]].all(1).sum(-1)
        return total

    def _masses(self, masked: MaskedProbabilities) -> tuple[Tensor, Tensor]:
        """Probability of every tone class, [R, T, 4], and of every shared set of groups at the line
        ends, [R, L, 2, S]: of all characters, and of those that can be of either tone."""
        last = masked.probs[:, self.form.chars - 1 :: self.form.chars]  # [R, L, V]
        either = self.rhymes.shared * (self.tones == EITHER).to(self.rhymes.shared)[:, None]
        ends = torch.unflatten(last @ torch.cat([self.rhymes.shared, either], dim=1), -1, (2, -1))
        return (masked.probs @ self._kinds).double(), ends.double()

    def _unit(self, masses: Tensor, ends: Tensor, templates: Sequence[int], unit: range) -> Tensor:
        """Mass of a couplet under all of these templates, by shared set of groups: [R, S or 1]."""
        total = masses.new_zeros(len(masses), 1)
        for lines in self.products(templates, unit):
            mass = masses.new_ones(len(masses), 1)
            for line, products in zip(unit, lines, strict=True):
                rhymes = any(line in self.rhyming[t] for t in templates)
                mass = mass * self._line(masses, ends, products, line, rhymes)
            total = total + mass
        return total

    def _line(
        self,
        masses: Tensor,
        ends: Tensor,
        products: tuple[Product, ...],
        line: int,
        rhymes: bool,
    ) -> Tensor:
        """Mass of the lines that are in these products, by shared set of groups: [R, S or 1]."""
        C = self.form.chars
        here = masses[:, line * C : (line + 1) * C]  # [R, C, 4]
        total = here.new_zeros(len(here), 1)
        for classes in products:
            mask = as_mask((classes,))[0].to(here)  # [C, 4]
            places = (here * mask).sum(-1)  # [R, C]
            inner = places[:, :-1].prod(-1, keepdim=True)
            if not rhymes:
                end = places[:, -1:]
            elif LEVEL in classes[-1]:
                end = ends[:, line, 0]
            elif EITHER in classes[-1]:
                end = ends[:, line, 1]
            else:
                continue
            total = total + inner * end
        return total
