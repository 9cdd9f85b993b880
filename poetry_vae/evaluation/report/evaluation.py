"""One report of everything: models as densities and as poets, beside real poems and chance.

The result is a dict that JSON can hold. A figure that cannot be taken is left out, and ``missing``
says why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poetry_vae.evaluation.material import Material, as_ids, other_characters, other_lines
from poetry_vae.evaluation.metrics.latent_map import latent_map
from poetry_vae.evaluation.metrics.two_sample import TwoSampleError
from poetry_vae.evaluation.metrics.usage import usage
from poetry_vae.evaluation.report.density import density, rate_by_dimension
from poetry_vae.evaluation.report.model import Effort, codes_of, latent_figures
from poetry_vae.evaluation.report.subjects import poems_to, subjects_of
from poetry_vae.evaluation.report.verse import Asked, VerseEvaluator
from poetry_vae.model import labelling
from poetry_vae.model.inference import inference
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.labels import NO_METRE
from poetry_vae.text.metre import MetreError
from poetry_vae.text.scansion import check
from poetry_vae.text.script import present
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

_SHOWN, _EXTREMES, _ON_THE_MAP = 20, 5, 1500
_AT_ONCE = 256

EvaluationProgress = Callable[..., None]
"""Gets the name of a measurement, the amount done and the total, ``progress(what, 3, 10)``; or the
name alone."""


FULL = Effort()
QUICK = Effort(100, (1, 10, 100), 2_000, 1_000, 1_000, 0)


@dataclass(frozen=True)
class Subject:
    """A model with its name and, where known, its card and the log of its training."""

    name: str
    model: PoetryVAE
    card: dict[str, Any]
    training: list[dict[str, Any]] | None


@dataclass
class Evaluation:
    """Takes the figures of several models and samples on the same poems."""

    material: Material
    evaluator: VerseEvaluator
    effort: Effort
    settings: Callable[[PoetryVAE], SamplingSettings]
    seed: int
    progress: EvaluationProgress = lambda *what: None

    def __post_init__(self) -> None:
        self.compared = self.effort.verse_poems
        """The number of poems for diversity, equal in every row: as many as the smallest row
        has."""
        self.missing: list[dict[str, str]] = []

    def report(
        self, subjects: Sequence[Subject], samples: Sequence[tuple[str, Sequence[str]]]
    ) -> dict[str, Any]:
        """Everything, of models and of samples from elsewhere (name, texts)."""
        form = self.material.form
        self.material.needs("train", 2, "what is known and copied")
        self.material.needs("test", 2, "every row of the tables")
        models = [self._model(subject) for subject in subjects]
        written = [(subject, self.samples_of(subject.model)) for subject in subjects]
        sizes = [len(texts) for _, texts in (*written, *samples)]
        self.compared = min(self.effort.verse_poems, len(self.material.parts["test"]), *sizes)
        if self.evaluator.judges is not None and self.evaluator.subject is None:
            self._miss("whether poems are about a subject", "the corpus has no titles")
        return {
            "version": 1,
            "form": form.slug,
            "form_name": str(form),
            "corpus": self.material.source,
            "part": "test",
            "seed": self.seed,
            "effort": asdict(self.effort),
            "models": models,
            "verse": [
                *self._measures_of_verse(),
                *(
                    self._verse(subject.name, "model", texts, asked=self._to_subjects(subject))
                    for subject, texts in written
                ),
                *(self._verse(name, "samples", texts) for name, texts in samples),
            ],
            "missing": self.missing,
        }

    def samples_of(self, model: PoetryVAE) -> list[str]:
        """Poems of a model at the settings of this evaluation."""
        texts: list[str] = []
        for start in range(0, self.effort.samples, _AT_ONCE):
            self.progress("writing poems", start, self.effort.samples)
            n = min(_AT_ONCE, self.effort.samples - start)
            generator = self._generator("samples", start)
            ids = Sampler(model, self.settings(model)).write(n, generator=generator)
            texts += [poem.text for poem in model.poems_of(ids)]
        return texts

    def _measures_of_verse(self) -> list[dict[str, Any]]:
        """The rows to compare every other with: real poems and chance."""
        real = self.material.parts["test"]
        rng = np.random.default_rng(derived_seed(self.seed, "chance"))
        halves = [list(real[i::2]) for i in range(2)]
        asked = real, self.material.titles.get("test", [])
        lines, characters = other_lines(real, self.material.form, rng), other_characters(real, rng)
        return [
            self._verse("real poems", "real", real, halves, asked),
            self._verse("lines of other poems", "chance", lines),
            self._verse("characters of other poems", "chance", characters),
        ]

    def _to_subjects(self, subject: Subject) -> Asked | None:
        """Poems to titles of unseen ones, from a model that is told a subject."""
        model = subject.model
        if self.evaluator.subject is None or not model.config.subject:
            return None
        titles = subjects_of(self.material.titles["test"], self.effort.subjects, self.seed)
        told = partial(self.progress, f"{subject.name}: writing to titles")
        return poems_to(model, titles, self.settings, self.seed, told), titles

    def _verse(
        self,
        name: str,
        kind: str,
        texts: Sequence[str],
        against: Sequence[Sequence[str]] | None = None,
        asked: Asked | None = None,
    ) -> dict[str, Any]:
        self.progress(f"reading {name}")
        row = self.evaluator.measure(name, kind, texts, compared=self.compared, asked=asked)
        if kind == "chance":
            return row
        if self.evaluator.judges is None:
            self._miss(f"two-sample test of {name}", "left out of a quick evaluation")
            return row
        try:
            self.progress(f"two-sample test of {name}")
            real, others = against or (self.material.parts["test"], texts)
            read = partial(self.progress, f"two-sample test of {name}")
            row["two_sample"] = self.evaluator.two_sample(real, others, read)
        except TwoSampleError as error:
            self._miss(f"two-sample test of {name}", str(error))
        return row

    def _model(self, subject: Subject) -> dict[str, Any]:
        model, name = subject.model, subject.name
        texts = self.material.needs("test", 2, "the bound")
        rng = np.random.default_rng(derived_seed(self.seed, "poems"))
        order = rng.permutation(len(texts))
        ids = torch.from_numpy(as_ids([texts[i] for i in order], model.tokenizer))
        some = ids[: self.effort.density_poems]
        found = density(
            model,
            some,
            samples=self.effort.importance_samples,
            generator=self._generator("density"),
            progress=partial(self.progress, f"{name}: bound"),
        )
        sampler = Sampler(model, self.settings(model))
        fresh = sampler.write(_SHOWN, generator=self._generator("fresh"))
        result: dict[str, Any] = {
            "name": name,
            "manner": asdict(self.settings(model)),
            "parameters": sum(p.numel() for p in model.parameters()),
            "card": subject.card,
            "density": {
                **asdict(found),
                "rate_by_dimension": rate_by_dimension(model, some).tolist(),
            },
            "training": subject.training,
            "reconstructions": self._reconstructions(model, ids[:2000]),
            "samples": self._shown(model, fresh),
        }
        trained_on = subject.card.get("corpus")
        if trained_on and trained_on != self.material.source:
            self._miss(
                f"certainty that {name} has not seen these poems",
                f"it was trained on {trained_on}, and they are from {self.material.source}, whose "
                "parts may be others",
            )
        if subject.training is None:
            self._miss(f"training curves of {name}", "its folder has no metrics.jsonl")
        result |= self._latent(name, model, ids[: self.effort.latent_poems], order)
        self.progress(f"{name}: is the latent used?")
        settings = self.settings(model)
        used = usage(
            some,
            write=_rewriter(model, some, settings),
            passes=(0, settings.passes),
            generator=self._generator("usage"),
        )
        result["usage"] = [asdict(figures) for figures in used]
        return result

    def _latent(
        self, name: str, model: PoetryVAE, ids: Tensor, order: np.ndarray[Any, Any]
    ) -> dict[str, Any]:
        self.progress(f"{name}: latent space")
        codes = codes_of(model, ids, generator=self._generator("posterior"))
        labels = self._labels(order[: len(ids)])
        found = latent_figures(
            codes,
            seeded=self._generator,
            labels=labels,
            missing=lambda figure, why: self._miss(f"{figure} of {name}", why),
        )
        x, y = latent_map(codes.means.numpy())
        n = min(len(ids), _ON_THE_MAP)
        shown = {
            "x": x[:n].tolist(),
            "y": y[:n].tolist(),
            "poems": self._shown(model, ids[:n]),
            "labels": {kind: values[:n] for kind, values in labels.items()},
        }
        return {"latent": found, "map": shown}

    def _labels(self, order: np.ndarray[Any, Any]) -> dict[str, list[str]]:
        """The labels of the test poems in this order, template and rhyme included."""
        form, texts = self.material.form, self.material.parts["test"]
        known = {kind: [values[i] for i in order] for kind, values in self.material.labels.items()}
        with suppress(MetreError):  # of forms that have none
            reports = [check(form.cut(texts[i])) for i in order]
            known["metre"] = [r.template.name if r.keeps_metre else NO_METRE for r in reports]
            known["rhyme"] = ["/".join(sorted(r.rhymes)) or NO_METRE for r in reports]
        return known

    def _reconstructions(self, model: PoetryVAE, ids: Tensor) -> dict[str, list[dict[str, Any]]]:
        read = torch.cat([model.rewrite(some) for some in torch.split(ids, 1000)])
        right = (read == ids).float().mean(1)
        order = right.argsort(descending=True, stable=True)
        extremes = {"best": order[:_EXTREMES], "worst": order[-_EXTREMES:].flip(0)}
        return {
            end: [
                {"poem": poem, "read": again, "right": right[i].item()}
                for poem, again, i in zip(
                    self._shown(model, ids[rows]), self._shown(model, read[rows]), rows, strict=True
                )
            ]
            for end, rows in extremes.items()
        }

    def _shown(self, model: PoetryVAE, ids: Tensor) -> list[str]:
        lines = [poem.one_line for poem in model.poems_of(ids)]
        return present("\n".join(lines), "simplified").split("\n")

    def _generator(self, *purpose: str | int) -> torch.Generator:
        return torch.Generator().manual_seed(derived_seed(self.seed, *purpose))

    def _miss(self, figure: str, why: str) -> None:
        self.missing.append({"figure": figure, "why": why})


@inference()
def _rewriter(
    model: PoetryVAE, ids: Tensor, settings: SamplingSettings
) -> Callable[[Tensor, int], Tensor]:
    """Writes the likeliest characters given the typical codes and the labels of some of the poems:
    their numbers [M], and a number of passes → ids [M, T]."""
    label = labelling.infer(model, ids)
    code = model.encode(ids, label).typical()

    def written(rows: Tensor, passes: int) -> Tensor:
        sampler = Sampler(model, replace(settings, temperature=0.0, passes=passes))
        generator = torch.Generator().manual_seed(0)  # of the order in which characters are settled
        labels = None if label is None else label[rows]
        return sampler.write_from(code[rows], labels, generator=generator)

    return written
