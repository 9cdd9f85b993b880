"""The judge: its knowledge of real poems, and the features by which it tells samples from them.

It has read training poems and the validation part. Nothing that makes samples may see the judge.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poetry_vae.evaluation.judges.affinities import Affinity, across, aligned, neighbours
from poetry_vae.evaluation.judges.alphabet import CodePoints, Ints, Poems, SymbolTable, simplified
from poetry_vae.evaluation.judges.kneser_ney import KneserNey
from poetry_vae.evaluation.metrics.novelty import Copies
from poetry_vae.evaluation.metrics.two_sample import TwoSample, boosted_trees, two_sample
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.form import Form

Floats = npt.NDArray[np.float32]

_ORDER = 4
_TRAINING_POEMS = 4  # times the validation poems, for the language model
AFFINITIES = {"neighbours": neighbours, "aligned": aligned, "across": across}
"""Pairs of positions of a form, by the name of their kind."""


@dataclass(frozen=True)
class Judge:
    """A language model, affinities of characters, their frequency, and the training poems."""

    form: Form
    alphabet: SymbolTable
    language: KneserNey
    affinities: dict[str, Affinity]
    """By :data:`AFFINITIES`: neighbours, aligned characters, characters of two lines."""
    log_frequency: Floats
    """By symbol."""
    copies: Copies

    @classmethod
    def fit(cls, train: Poems, validation: Poems, form: Form, seed: int) -> Judge:
        """Read the training and the validation part.

        Raises:
            FormError: a poem is not of the form.
            LanguageModelError: no poem at all.
        """
        seen, kept = simplified(train, form), simplified(validation, form)
        alphabet = SymbolTable.of(seen)
        poems = alphabet.read(seen)
        rng = np.random.default_rng(derived_seed(seed, "language"))
        some = rng.permutation(len(poems))[: _TRAINING_POEMS * len(kept)]
        text = alphabet.with_separators(np.concatenate([alphabet.read(kept), poems[some]]), form)
        counts = np.bincount(poems.ravel(), minlength=len(alphabet)) + 1.0
        return cls(
            form,
            alphabet,
            KneserNey.fit(text, len(alphabet), _ORDER),
            {
                name: Affinity.fit(poems, of(form), len(alphabet), seed=derived_seed(seed, name))
                for name, of in AFFINITIES.items()
            },
            np.log(counts / counts.sum()).astype(np.float32),
            Copies.fit(seen, form.lengths),
        )

    def log_likelihood(self, poems: Poems) -> npt.NDArray[np.float64]:
        """log p of each poem under the language model, in nats: [N].

        Read it only beside R: poems that repeat themselves or others are likely too.
        """
        by_symbol = self._log_prob(self.alphabet.read(simplified(poems, self.form)))
        by_poem: npt.NDArray[np.float64] = by_symbol.sum(axis=1)
        return by_poem

    def two_sample(self, real: Poems, samples: Poems, seed: int) -> TwoSample:
        """R of samples against real poems that neither they nor the judge have seen.

        Raises:
            FormError: a poem is not of the form.
            TwoSampleError: too few poems for a figure.
        """
        features = np.concatenate([self.features(real), self.features(samples)])
        classify = boosted_trees(features, derived_seed(seed, "trees"))
        rng = np.random.default_rng(derived_seed(seed, "two-sample"))
        return two_sample(len(real), len(samples), classify, rng)

    def features(self, poems: Poems) -> Floats:
        """The features that the judge uses: [N, F]."""
        columns = self.features_by_name(simplified(poems, self.form))
        return np.concatenate(list(columns.values()), axis=1)

    def features_by_name(self, code_points: CodePoints) -> dict[str, Floats]:
        """The features of poems from :func:`simplified` by kind: [N, how many] each."""
        form = self.form
        symbols = self.alphabet.read(code_points)
        surprise = -self._log_prob(symbols)
        starts = np.array(form.starts) + np.arange(form.lines)  # behind a separator each
        by_line = np.add.reduceat(surprise, starts, axis=1)
        by_lines = {"across"} if form.lines != 2 else set()  # too many pairs for a feature each
        affinities = {
            name: affinity.of_lines(symbols, form)
            if name in by_lines
            else affinity.of_pairs(symbols, AFFINITIES[name](form))
            for name, affinity in self.affinities.items()
        }
        columns = {
            "surprise": surprise,
            "surprise, sum": surprise.sum(axis=1, keepdims=True),
            "surprise, largest": surprise.max(axis=1, keepdims=True),
            "surprise of line": by_line,
            **{f"affinity, {name}": values for name, values in affinities.items()},
            "repeated": _repeated(symbols)[:, None],
            "repeated in line": np.stack(
                [_repeated(symbols[:, form.span(line)]) for line in range(form.lines)], axis=1
            ),
            "log frequency": self.log_frequency[symbols],
            **{
                f"known {name}": found.sum(axis=1, keepdims=True)
                for name, found in self.copies.found(code_points).items()
            },
        }
        return {name: values.astype(np.float32) for name, values in columns.items()}

    def _log_prob(self, symbols: Ints) -> npt.NDArray[np.float64]:
        return self.language.log_prob(self.alphabet.with_separators(symbols, self.form))


def _repeated(symbols: Ints) -> Ints:
    """How many of the symbols along the last axis have occurred before."""
    ordered = np.sort(symbols, axis=-1)
    repeated: Ints = (ordered[..., 1:] == ordered[..., :-1]).sum(axis=-1)
    return repeated
