"""Rules as pins and masks of a refiner's passes.

A refiner can read any settled characters in any order. So pinned characters come first. The places
of words, the template and the rhyme group are drawn once, by their probabilities in the refiner's
first reading of the poem. Then each character is drawn from those that fit the settled ones. As in
free verse, nothing that was read is read again.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poetry_vae.model.sampling import lessen
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.verse.choosing import against
from poetry_vae.verse.drawing import Failed, settle
from poetry_vae.verse.passes import Passes
from poetry_vae.verse.rulebook import Held, Rulebook
from poetry_vae.verse.sampling_settings import SamplingSettings

# So many candidates for a poem share the decisions that are made at first.
_SHARING = 4
# _PROPOSED codes are proposed for a poem if the trust is at least _TRUSTED and some place admits at
# most the share _FEW of all characters. _CODES codes are decoded at once.
_PROPOSED, _TRUSTED, _FEW, _CODES = 4, 0.5, 0.1, 256
# Poems that are read as a whole at once: some hundred megabytes of logits.
_ROWS = 64
# A place that admits at most so many characters holds variants of one, as of a pin or a word.
_VARIANTS = 8
# A poem that was hard to write begins at the places that admit at most this share of all
# characters.
_TIGHT = 0.05


class Ruled:
    """Writes poems of a model with a refiner that keep rules."""

    def __init__(self, model: PoetryVAE, settings: SamplingSettings, book: Rulebook) -> None:
        self.model, self.settings, self.book = model, settings, book
        self.bias = book.bias(model.readout.table[0].detach())
        number = book.allowed[:, : book.alphabet.known_to_model].sum(1)
        is_limited = (number > 0) & (number < _FEW * len(book.alphabet))
        self._limited = is_limited.nonzero()[:, 0]
        """The places where pins and the rhyme admit only a small share of all characters."""

    @property
    def proposed(self) -> int:
        """How many codes are proposed for each poem, of which one is taken."""
        return _PROPOSED if self.settings.trust >= _TRUSTED and len(self._limited) else 1

    def resampled(
        self, code: Tensor, labels: Tensor | None, *, generator: torch.Generator
    ) -> Tensor:
        """Draw one of every few codes in a row, [R·N, D], by how likely it makes the pinned and the
        rhyming characters: [R, D]. So the rest of a poem suits them as far as it follows its code.
        """
        many, places = self.proposed, self._limited
        if many == 1:
            return code
        known = self.book.allowed[places, : self.book.alphabet.known_to_model]
        columns = [row.nonzero()[:, 0] for row in known]  # they are few
        heads, scores = self.model.decoder.likelihood, []
        for rows in torch.split(torch.arange(len(code)), _CODES):
            some = None if labels is None else labels.repeat_interleave(many)[rows]
            logits = heads.logits(self.model.states(code[rows], some)[:, places]).float()
            within = [logits[:, i, kept].logsumexp(-1) for i, kept in enumerate(columns)]
            scores.append((torch.stack(within, 1) - logits.logsumexp(-1)).sum(-1))
        weights = torch.cat(scores).view(-1, many).double().softmax(-1)
        chosen = torch.multinomial(weights, 1, generator=generator)[:, 0]
        return code.view(len(chosen), many, -1)[torch.arange(len(chosen)), chosen]

    def write(
        self,
        code: Tensor,
        labels: Tensor | None,
        *,
        generator: torch.Generator,
        is_hard: bool = False,
        is_scored: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Poems from codes [R, D]: ids [R, T], which rows keep no rule, [R], and the score of
        ``verse.choosing`` against each, [R], or zeros.

        Where a decision would come first, and leaves much open, as that of a template does, poems
        are first written freely, and those that keep the rules stay: they have the model's own
        distribution, given the rules. Of several candidates for a poem it is enough if one does.

        Args:
            is_hard: begin with the places that admit few characters, since an earlier try left them
                none.
        """
        is_free = self.book.is_read_first and self.book.judges_poems and not len(self._limited)
        if is_hard or not is_free:
            return self._led(code, labels, is_hard, is_scored, generator)
        passes = Passes(self.model, code, labels, self.settings)
        ids = passes.write(generator=generator)
        scores = self._scores(passes, ids, is_scored)
        failed = ~self.book.keeps(ids)
        many = math.gcd(self.settings.candidates, len(ids))
        hopeless = torch.unflatten(failed, 0, (-1, many)).all(1).repeat_interleave(many)
        left = hopeless.nonzero()[:, 0]
        if len(left):
            some = None if labels is None else labels[left]
            again = self._led(code[left], some, False, is_scored, generator)
            for part, new in zip((ids, failed, scores), again, strict=True):
                part[left] = new
        return ids, failed, scores

    def _scores(self, passes: Passes, ids: Tensor, is_scored: bool) -> Tensor:
        """Of poems as the model reads them: [R]."""
        if not is_scored:
            return torch.zeros(len(ids), device=ids.device)
        return against(self.model, ids, passes.labels, passes=passes)

    def _led(
        self,
        code: Tensor,
        labels: Tensor | None,
        is_hard: bool,
        is_scored: bool,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """:meth:`write`, every character so that it fits the rules."""
        book = self.book
        passes = Passes(self.model, code, labels, self.settings)
        ids, held = book.begun(len(code)), book.undecided()
        failed = Failed(len(code))
        if book.is_read_first or is_hard:
            held = self._decide(passes, ids, failed, is_hard, generator)
        shown, given = book.alphabet.read(ids), ids >= 0
        strange = ids >= book.alphabet.known_to_model
        if bool((given == given[:1]).all()):  # the same slots for all take less work
            given, strange = given[:1], strange[:1]
        for targets, read in passes.run(shown, given, strange):
            if bool(failed.rows.all()):
                return ids, failed.rows, self._scores(passes, ids, False)  # nobody reads them
            for number in range(targets.shape[1]):
                places = targets[:, number].expand(len(ids))
                is_there = places < ids.shape[1]
                some = is_there.nonzero()[:, 0]
                if not len(some):
                    continue
                self._settle(read[:, number], ids, some, places, held, failed, generator)
            shown.copy_(book.alphabet.read(ids))
        return ids, failed.rows | book.broken(ids), self._scores(passes, shown, is_scored)

    def _settle(
        self,
        read: Tensor,
        ids: Tensor,
        some: Tensor,
        places: Tensor,
        held: Held,
        failed: Failed,
        generator: torch.Generator,
    ) -> None:
        """One character of each of some poems, from hidden states [R, H]."""
        whole = len(some) == len(ids)
        own = ids if whole else ids[some]
        tried = Failed(len(some))
        settle(
            self.book,
            self._logits(read if whole else read[some], own),
            own,
            places if whole else places[some],
            held if whole else held[some],
            tried,
            temperature=self.settings.temperature,
            generator=generator,
        )
        if not whole:
            ids[some] = own
        failed.rows[some] |= tried.rows

    def _logits(self, read: Tensor, ids: Tensor) -> Tensor:
        """Logits [R, V'] from hidden states [R, H], with the bias and the penalty for
        repetition."""
        logits = self.model.readout.logits(read)
        if self.bias is not None:
            logits = logits + self.bias
        if self.settings.repetition:
            present = ids.masked_fill(ids >= logits.shape[-1], -1)
            logits = lessen(logits, present, self.settings.repetition)
        return logits

    def _decide(
        self,
        passes: Passes,
        ids: Tensor,
        failed: Failed,
        is_hard: bool,
        generator: torch.Generator,
    ) -> Held:
        """Decide the places of words, the template and the rhyme group; put in what they settle."""
        book, is_greedy = self.book, not self.settings.temperature
        parts = []
        alike = math.gcd(_SHARING, self.settings.candidates, len(ids))
        for rows in torch.split(torch.arange(0, len(ids), alike), _ROWS):
            own = ids[rows]
            strange = own >= book.alphabet.known_to_model
            read = passes.all_open(book.alphabet.read(own), own >= 0, strange, rows=rows)
            masked = book.foreseen(
                book.masked(
                    self.model.readout.logits(read),
                    self.bias,
                    temperature=self.settings.temperature,
                )
            )
            held, _ = book.place(masked, generator=generator)
            held = book.plan(masked, held, is_greedy=is_greedy, generator=generator)
            parts.append(held)
            weights = book.placed(masked, held).probs
            if is_hard:
                weights = book.planned(masked, held, generator=generator)
            tried = Failed(len(own))
            most = int(_TIGHT * len(book.alphabet)) if is_hard else 0
            self._put_in(own, weights, held, max(_VARIANTS, most), tried, generator)
            for number in range(alike):
                ids[rows + number] = own
                failed.rows[rows + number] = tried.rows
        return Held.joined(parts)[torch.arange(len(ids)) // alike]

    def _put_in(
        self,
        ids: Tensor,
        weights: Tensor,
        held: Held,
        most: int,
        failed: Failed,
        generator: torch.Generator,
    ) -> None:
        """Settle the places of ids [R, T] where at most so many characters have a weight, those
        with the fewest first."""
        several = (weights > 0).sum(-1).masked_fill(ids >= 0, weights.shape[-1] + 1)  # [R, T]
        order = several.argsort(dim=-1, stable=True)
        for number in range(int((several <= most).sum(-1).max())):
            places = order[:, number]
            some = (several.gather(1, places[:, None])[:, 0] <= most).nonzero()[:, 0]
            own, tried = ids[some], Failed(len(some))
            settle(
                self.book,
                weights[some, places[some]].log(),
                own,
                places[some],
                held[some],
                tried,
                temperature=1.0 if self.settings.temperature else 0.0,
                generator=generator,
            )
            ids[some] = own
            failed.rows[some] |= tried.rows
