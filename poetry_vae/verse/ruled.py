"""Rules as pins and masks of a refiner's passes.

A refiner answers for any characters settled in any order. So what is pinned comes first; where
words stand, and which template and rhyme group are to be kept, is drawn once, by its probability
under what the refiner makes of the poem at first; and each character is drawn from those that may
stand beside what is settled. Nothing that was read is read again, as in free verse.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from poetry_vae.model.sampling import lessen
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.verse.drawing import Failed, settle
from poetry_vae.verse.passes import Passes
from poetry_vae.verse.rulebook import Held, Rulebook
from poetry_vae.verse.sampling_settings import SamplingSettings

# Of the candidates for a poem so many share what is decided at first.
_SHARING = 4
# Codes that are proposed for a poem where codes are trusted so far and at some place little may
# stand, as a share of all characters; and decoded at once.
_PROPOSED, _TRUSTED, _FEW, _CODES = 16, 0.5, 0.1, 256
# Poems that are read as a whole at once: some hundred megabytes of logits.
_ROWS = 64
# Where no more characters than this may stand, they are the variants of one, as of a pin or a word.
_VARIANTS = 8
# And with no more than this share of all, a poem begins there that was found hard to write.
_TIGHT = 0.05


class Ruled:
    """Writes poems of a model with a refiner that keep rules."""

    def __init__(self, model: PoetryVAE, settings: SamplingSettings, book: Rulebook) -> None:
        self.model, self.settings, self.book = model, settings, book
        self.bias = book.bias(model.readout.table[0].detach())
        number = book.allowed[:, : book.alphabet.known_to_model].sum(1)
        is_limited = (number > 0) & (number < _FEW * len(book.alphabet))
        self._limited = is_limited.nonzero()[:, 0]
        """The places where what may stand, by pins and the rhyme, is a small share of all."""

    @property
    def proposed(self) -> int:
        """How many codes are proposed for each poem, of which one is taken."""
        return _PROPOSED if self.settings.trust >= _TRUSTED and len(self._limited) else 1

    def resampled(
        self, code: Tensor, labels: Tensor | None, *, generator: torch.Generator
    ) -> Tensor:
        """Of every few codes in a row, [R·N, D], one by how likely the decoder makes what is pinned
        and what rhymes with it: [R, D]. So the rest of a poem follows that as far as it goes by its
        code.
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
    ) -> tuple[Tensor, Tensor]:
        """Poems from codes [R, D]: ids [R, T], and which rows keep no rule, [R].

        Args:
            is_hard: begin with the places where little may stand, since they were left without.
        """
        book = self.book
        passes = Passes(self.model, code, labels, self.settings)
        ids, held = book.begun(len(code)), book.undecided()
        failed = Failed(len(code))
        if book.is_read_first or is_hard:
            held = self._decide(passes, ids, failed, is_hard, generator)
        shown, given = book.alphabet.read(ids), ids >= 0
        strange = ids >= book.alphabet.known_to_model
        if bool((given == given[:1]).all()):  # and with the same slots for all, less is to be done
            given, strange = given[:1], strange[:1]
        for targets, read in passes.run(shown, given, strange):
            if bool(failed.rows.all()):
                return ids, failed.rows  # nobody will read them
            for number in range(targets.shape[1]):
                places = targets[:, number].expand(len(ids))
                is_there = places < ids.shape[1]
                some = is_there.nonzero()[:, 0]
                if not len(some):
                    continue
                self._settle(read[:, number], ids, some, places, held, failed, generator)
            shown.copy_(book.alphabet.read(ids))
        return ids, failed.rows | book.broken(ids)

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
        """[R, V'] from hidden states [R, H], with all that is added to them and taken away."""
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
        """Where words stand, and what template and group are kept; what that settles is put in."""
        book, is_greedy = self.book, not self.settings.temperature
        parts = []
        alike = math.gcd(_SHARING, self.settings.candidates)
        for rows in torch.split(torch.arange(0, len(ids), alike), _ROWS):
            own = ids[rows]
            strange = own >= book.alphabet.known_to_model
            read = passes.all_open(book.alphabet.read(own), own >= 0, strange, rows=rows)
            masked = book.masked(
                self.model.readout.logits(read), self.bias, temperature=self.settings.temperature
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
