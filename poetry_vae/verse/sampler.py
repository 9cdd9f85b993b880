"""The one way from a model to poems: draw codes, write them, keep the rules, choose."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count

import torch
from torch import Tensor

from poetry_vae.model import labelling
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.inference import inference
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.choosing import against, copied
from poetry_vae.verse.passes import Passes, refined
from poetry_vae.verse.rulebook import Rulebook
from poetry_vae.verse.ruled import Ruled
from poetry_vae.verse.rules.rule import Rule, RuleError
from poetry_vae.verse.sampling_settings import SamplingSettings
from poetry_vae.verse.steer import Steering

# Poems are drawn in blocks of this size, each from a generator of its own, so that poem i of a seed
# is the same however many are asked for; the first blocks are small, since somebody waits for them.
# From the third block on, each has as many as came before it, up to _BLOCK candidates: so few are
# written that nobody asked for.
_BLOCK = 256
_FIRST_BLOCKS, _FIRST_CHOSEN = (8, 8), (1, 3)
_STEERED_BLOCK = 8  # of poems whose latents are weighed, each of which takes many
# A poem that fails to keep the rules is tried again at most _ROUNDS times, and with about _TRIED
# candidates in all, which take some seconds.
_ROUNDS, _TRIED = 40, 96
_BLEMISH = 1e4  # penalty for keeping a rule badly
_COPY = 1e3  # penalty for a line that a poet wrote


@dataclass
class Tally:
    """What happened while drawing, for whoever wants to tell."""

    rounds: int = 0
    """How often some poem had to be written again, since it broke a rule that masks cannot see."""
    steering: Steering | None = None

    def told(self) -> str:
        """A line, empty where there is nothing to tell."""
        if self.steering is not None:
            return self.steering.told()
        return f"{self.rounds} times some poems were written again" if self.rounds else ""


class Sampler:
    """Poems of a model that keep rules.

        settings = SamplingSettings.of(model, sampling="chosen")
        sampler = Sampler(model, settings, acrostic("春江花月"))
        for poem in islice(sampler.stream(seed=7), 3): ...

    With a refiner, rules are pins and masks of its passes, see :class:`~.ruled.Ruled`; without one
    latents are weighed by how likely they make the rules, see :class:`~.steer.Steering`.
    """

    def __init__(
        self, model: PoetryVAE, settings: SamplingSettings | None = None, rules: Rule | None = None
    ) -> None:
        """
        Raises:
            RuleError, MetreError: no poem of the model can keep the rules.
        """
        self.model = model
        self.settings = settings or SamplingSettings.of(model)
        self.book = None if rules is None else Rulebook(rules, model.form, model.tokenizer)
        self.tally = Tally()
        self._goes_in_passes = model.refiner is not None and self.settings.passes > 0
        self._ruled: Ruled | None = None
        if self.book is not None:
            if self._goes_in_passes:
                self._ruled = Ruled(model, self.settings, self.book)
            else:
                self.tally.steering = Steering(model, self.book, self.settings)
        near = self.book.near if self.book else None
        self._base: DiagonalGaussian | None = None
        if near is not None:
            with inference():
                self._base = model.encode([near])

    def stream(self, seed: int) -> Iterator[Poem]:
        """Poems without end, in the models' orthography; poem i depends on the seed and i alone."""
        for block in count():
            draws = torch.Generator(self.model.device)
            draws.manual_seed(derived_seed(seed, "poems", block))
            yield from self.poems(self.write(self._block(block), generator=draws))

    def _block(self, number: int) -> int:
        """How many poems a block has."""
        if self.tally.steering is not None:
            return _STEERED_BLOCK
        many = self.settings.candidates
        first = _FIRST_BLOCKS if many == 1 else _FIRST_CHOSEN
        size = first[number] if number < 2 else sum(first) << number - 2
        return min(size, max(1, _BLOCK // many))

    @inference()
    def write(self, n: int, *, generator: torch.Generator) -> Tensor:
        """``n`` poems as ids [n, T], from codes that are drawn from the prior.

        Raises:
            RuleError: no poem was found that keeps the rules, although none was known to be
                impossible.
        """
        if self.tally.steering is not None:
            return self.tally.steering.write(n, generator=generator)
        many = self.settings.candidates if self.model.refiner is not None else 1
        ids, scores = self.candidates(n * many, generator=generator)
        rounds = min(_ROUNDS, max(2, _TRIED // many))
        for number in range(rounds + 1):
            chosen, best = _best(ids, scores, many)
            missing = best.isinf().nonzero()[:, 0]
            if not len(missing):
                return chosen
            if number == rounds:
                break
            self.tally.rounds += 1
            again = (missing[:, None] * many + torch.arange(many)).flatten()
            ids[again], scores[again] = self.candidates(
                len(again), generator=generator, is_hard=number > 0
            )
        raise RuleError(
            f"no poem was found that keeps all of {self.book.told() if self.book else ''}: "
            "ask for less"
        )

    def write_from(
        self, code: Tensor, labels: Tensor | None = None, *, generator: torch.Generator | None
    ) -> Tensor:
        """Poems as ids [n, T] from codes [n, D], as they come: no rules, no choice."""
        return refined(self.model, code, labels, self.settings, generator=generator)

    @inference()
    def poems_of_codes(self, code: Tensor, labels: Tensor | None = None) -> list[Poem]:
        """The poems of codes [n, D], as they come, without a random generator."""
        return self.poems(self.write_from(code, labels, generator=None))

    def poems(self, ids: Tensor) -> list[Poem]:
        """Ids [n, T] as poems, in the models' orthography."""
        if self.book is None:
            return self.model.poems_of(ids)
        form, text = self.model.form, self.book.alphabet.text
        return [Poem(form.cut(text(row)), tune=form.tune) for row in ids.tolist()]

    @inference()
    def candidates(
        self,
        n: int,
        *,
        generator: torch.Generator,
        is_hard: bool = False,
        is_scored: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """``n`` poems as ids [n, T], and a score against each in nats, [n]: ∞ where it breaks a
        rule. If poems are chosen or ``is_scored``, it includes the score of ``verse.choosing``. It
        only compares candidates and is no likelihood.

        Args:
            is_hard: whether poems begin at places that admit few characters, see
                :meth:`Ruled.write`.
        """
        labels = self._labels(n, generator)
        D, device = self.model.code_size, self.model.device
        if self._base is not None:
            code = torch.randn(n, D, generator=generator, device=device)
            code = self._base.mean + self._base.stddev * code
        elif self._ruled is not None:
            proposed = n * self._ruled.proposed
            code = torch.randn(proposed, D, generator=generator, device=device)
            code = self._ruled.resampled(code, labels, generator=generator)
        else:
            code = torch.randn(n, D, generator=generator, device=device)
        scored = (self.settings.candidates > 1 or is_scored) and self.model.refiner is not None
        if self._ruled is not None:
            ids, wrong, scores = self._ruled.write(
                code, labels, generator=generator, is_hard=is_hard, is_scored=scored
            )
            if bool(wrong.all()):
                return ids, scores + torch.inf
        else:
            wrong = torch.zeros(n, dtype=torch.bool)
            ids, scores = self._written(code, labels, scored, generator)
        if scored:
            scores = scores + _COPY * copied(self.poems(ids)).to(scores.device)
        if self.book is not None:
            scores = scores + _BLEMISH * self.book.blemished(ids)
        return ids, scores.masked_fill(wrong.to(scores.device), torch.inf)

    def _written(
        self, code: Tensor, labels: Tensor | None, scored: bool, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Poems of codes without rules: ids [n, T], and the score against each, [n], or zeros."""
        if not scored:
            return self.write_from(code, labels, generator=generator), torch.zeros(len(code))
        if not self._goes_in_passes:
            ids = self.write_from(code, labels, generator=generator)
            return ids, against(self.model, ids, labels)
        passes = Passes(self.model, code, labels, self.settings)
        knows_gain = passes.emphasis > 0 or not self.model.asked.says_something
        by_lines = self.settings.candidates > 1 and self.model.config.in_turn and knows_gain
        choose = partial(self._best_beginnings, passes) if by_lines else None
        ids = passes.write(generator=generator, choose=choose)
        return ids, against(self.model, ids, labels, passes=passes)

    def _best_beginnings(self, passes: Passes, ids: Tensor) -> Tensor:
        """Of every N candidates in a row, all of which have some whole lines, the row of the one
        with the best lines so far, for each of them: [n]."""
        many, form = self.settings.candidates, self.model.form
        end = int((ids[0] != CharTokenizer.MASK).sum())
        # The lines before the last one are the same for all candidates of a poem.
        newest = ids[:, form.span(form.line_of[end - 1])].cpu().numpy()
        lines = [Poem((line,)) for line in self.model.tokenizer.decode_rows(newest)]
        scores = against(self.model, ids, passes.labels, passes=passes)
        scores = scores + _COPY * copied(lines).to(scores.device)
        best = scores.view(-1, many).argmin(1) + torch.arange(0, len(ids), many, device=ids.device)
        return best.repeat_interleave(many)

    def read(self, ids: Tensor) -> Tensor:
        """Ids [n, T] as the model reads them; it may not know all their characters."""
        return ids if self.book is None else self.book.alphabet.read(ids)

    def _labels(self, n: int, generator: torch.Generator) -> Tensor | None:
        many = self.settings.candidates if self.model.refiner is not None else 1
        labels = labelling.draw(self.model, n // many, generator=generator)
        return None if labels is None else labels.repeat_interleave(many)


def _best(ids: Tensor, scores: Tensor, many: int) -> tuple[Tensor, Tensor]:
    """The poem with the lowest score against it of every N in a row: ids [n·N, T] → [n, T], and
    that score, [n]."""
    groups = ids.view(-1, many, ids.shape[1])
    best = scores.view(-1, many).min(1)
    return groups[torch.arange(len(groups), device=ids.device), best.indices], best.values
