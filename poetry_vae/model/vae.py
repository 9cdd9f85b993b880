"""The whole model: an encoder, a list of stochastic levels, a decoder with its likelihood.

Kingma & Welling 2014, "Auto-Encoding Variational Bayes"; Rezende et al. 2014, "Stochastic
Backpropagation". Shape letters: K samples, B batch, T positions, H hidden, D latent, V vocabulary,
Y labels. There is no loss in here: bounds are functions of the :class:`Record` of a forward pass.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from poetry_vae.model import labelling
from poetry_vae.model.asked import Asked, Given, ask
from poetry_vae.model.attention import Memories
from poetry_vae.model.config import ModelConfig
from poetry_vae.model.decoder import ParallelDecoder
from poetry_vae.model.encoder import ConvEncoder, LabelClassifier
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.hub import source_of
from poetry_vae.model.inference import few_rows
from poetry_vae.model.latents import Level, LevelRecord, Placing, Record, build_levels
from poetry_vae.model.likelihoods import CharacterHeads
from poetry_vae.model.named import form_meant, model_folder
from poetry_vae.model.pretrained import load_model, save_model
from poetry_vae.model.refiner import Refiner
from poetry_vae.model.reward import Reward
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.slots import Slots
from poetry_vae.model.units import AskedEmbedding, Asking, PlacedEncoder, PoemLevel, UnitLevel
from poetry_vae.text.errors import FormError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.tokenizer import CharTokenizer


class PoetryVAE(nn.Module):
    """A text VAE for poems of one form, or of any.

    With every batch, a model of any form is told what is **asked** of the poems: form, dynasty and
    subject. :meth:`writing` makes a view that fixes them, and is used like a model of one form.

    A poem's **code** is its latents, from the top level down, each in standard deviations of its
    prior from the prior's mean. So codes follow N(0, I) whatever the levels are, and those of a
    flat VAE are its z. D counts all their coordinates.
    """

    def __init__(self, config: ModelConfig, tokenizer: CharTokenizer) -> None:
        """A new model with random weights; see :meth:`build`."""
        super().__init__()
        self.config, self.tokenizer = config, tokenizer
        self.source = ""
        """``owner/name@commit`` of a model that comes from the Hugging Face hub."""
        is_of_any = config.forms == "any"
        self.encoder = PlacedEncoder(config) if is_of_any else ConvEncoder(config)
        of_any: list[Level] = [PoemLevel(config), UnitLevel(config)] if is_of_any else []
        self.latents = nn.ModuleList(of_any or build_levels(config))
        self.decoder = ParallelDecoder(config)
        self.classifier = LabelClassifier(config) if config.classifier else None
        self.refiner = Refiner(config) if config.refiner_layers else None
        self.asking = AskedEmbedding(config, config.hidden) if is_of_any else None
        self.given = Given(None if is_of_any else config.form)
        self.reward = Reward()

    @classmethod
    def build(cls, config: ModelConfig, tokenizer: CharTokenizer, *, seed: int = 0) -> PoetryVAE:
        """A new model with random weights, the same for the same seed."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derived_seed(seed, "weights"))
            return cls(config, tokenizer)

    @property
    def form(self) -> Form:
        """The form that the model, or this view of it, writes.

        Raises:
            FormError: it writes any form.
        """
        return self.given.form or self.config.form

    @property
    def written(self) -> Form | None:
        """The form that the model, or this view of it, writes; None if it is any."""
        return self.given.form

    @property
    def asked(self) -> Asked:
        """The request used by default: one row for all poems.

        Raises:
            FormError: the model writes any form.
        """
        return (self.given.asked or Asked.of(self.form)).to(self.device)

    def view(self, **changes: Any) -> PoetryVAE:
        """A view of the model, weights shared, for which more is given: fields of Given."""
        view = copy.copy(self)
        view.given = replace(self.given, **changes)
        return view

    def writing(self, form: Form, *, about: str = "", dynasty: str = "") -> PoetryVAE:
        """A view of the model, weights shared, that asks for this in every poem.

        Args:
            about: the subject in free words, in either script; punctuation is ignored.
            dynasty: one of ``config.dynasties``; empty for any.

        Raises:
            FormError: the model does not write the form.
            LabelError: it cannot be told a subject or a dynasty, or not this one.
        """
        if self.config.forms == "one" and form == self.form and not (about or dynasty):
            return self
        asked = ask(self.config, self.tokenizer, form, about, dynasty).to(self.device)
        return self.view(form=form, asked=asked)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def level_sizes(self) -> dict[str, int]:
        """Coordinates of the code by level, from the top."""
        return {level.name: level.size_for(self.form) for level in self.levels}

    @property
    def code_size(self) -> int:
        """D, all coordinates of a code."""
        return sum(self.level_sizes.values())

    @property
    def has_gaussian_code(self) -> bool:
        """Whether the posterior of the code is a Gaussian, as :meth:`encode` has it."""
        return self.config.prior == "standard"

    def forward(
        self,
        ids: Tensor,
        labels: Tensor | None = None,
        *,
        samples: int = 1,
        as_trained: bool = False,
        generator: torch.Generator | None = None,
        asked: Asked | None = None,
    ) -> Record:
        """Encode ids [B, T], draw K = ``samples`` latents each, and score the poems under them.

        Args:
            labels: numbers [B], where the model has labels.
            as_trained: score with the density that the likelihood is trained with instead of the
                probability of the characters; they differ for Gaussian and Bernoulli heads.
            asked: of each poem, for a model of any form.

        Raises:
            LabelError: a label is missing, or the model has none.
        """

        def place(posterior: DiagonalGaussian, prior: DiagonalGaussian) -> Tensor:
            if posterior.mean.dim() == 3:  # the levels above have been drawn K times
                return posterior.rsample(1, generator=generator)[0]
            return posterior.rsample(samples, generator=generator)

        label = labelling.label_for(self, labels)
        asking = self._asking(asked, len(ids))
        levels, state = self.walk(self.encoder(ids, label, asking), place, asking)
        states = self.decoder(state, label, asking and asking.there)  # [K, B, T, H]
        heads = self.decoder.likelihood
        score = heads.log_density if as_trained else heads.log_prob
        there = None if asking is None else asking.there
        log_p = score(states, ids.expand(samples, *ids.shape), there)
        return Record(log_p.sum(-1), levels)

    def encode(
        self,
        poems: Sequence[Poem | str] | Tensor,
        labels: Tensor | None = None,
        asked: Asked | None = None,
    ) -> DiagonalGaussian:
        """The posterior of the codes, [B, D], of poems or of ids [B, T].

        It is exact for a flat VAE and for levels that do not depend on each other. Otherwise the
        posterior of each level is the one given the posterior means above it. Labels that are not
        given are inferred.

        Raises:
            FormError: a poem does not have the model's form.
        """
        ids = poems if isinstance(poems, Tensor) else self.ids_of(poems)
        label = labelling.label_for(self, labelling.infer(self, ids) if labels is None else labels)
        asking = self._asking(asked, len(ids))
        features = self.encoder(ids, label, asking)
        levels, _ = self.walk(features, lambda posterior, prior: posterior.mean, asking)
        means = [level.code for level in levels]
        log_variances = [v.posterior.log_variance - v.prior.log_variance for v in levels]
        return DiagonalGaussian(torch.cat(means, -1), torch.cat(log_variances, -1))

    def decode(self, code: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits of every character at every position: codes [..., D] → [..., T, V]."""
        return self.decoder.likelihood.logits(self.states(code, labels))

    def states(
        self, code: Tensor, labels: Tensor | None = None, asked: Asked | None = None
    ) -> Tensor:
        """Hidden states for the likelihood: codes [..., D] → [..., T, H].

        Raises:
            LabelError: a label is missing, or the model has none.
        """
        asking = self._asking(asked, code.shape[-2] if code.dim() > 1 else 1)
        first = self.config.latent  # the levels below share the rest
        sizes = [first, code.shape[-1] - first] if asking else list(self.level_sizes.values())
        parts = iter(torch.split(code, sizes, dim=-1))
        _, state = self.walk(None, lambda _, prior: prior.mean + prior.stddev * next(parts), asking)
        out: Tensor = self.decoder(
            state, labelling.label_for(self, labels), asking and asking.there
        )
        return out

    def refine(
        self,
        ids: Tensor,
        slots: Slots,
        states: Tensor,
        trust: Tensor,
        memory: Memories | None = None,
        asked: Asked | None = None,
    ) -> Tensor:
        """Hidden states for ``readout`` at the places asked for, see :meth:`Refiner.forward`."""
        assert self.refiner is not None
        table = self.refiner.embedding or self.encoder.embedding
        with few_rows(len(ids) * slots.target.shape[1]):
            out: Tensor = self.refiner(
                ids, table, slots, states, trust, asked or self.asked, memory
            )
        return out

    @property
    def readout(self) -> CharacterHeads:
        """The likelihood that reads refined states."""
        return (self.refiner and self.refiner.likelihood) or self.decoder.likelihood

    def draw(
        self,
        code: Tensor,
        labels: Tensor | None = None,
        *,
        temperature: float = 1.0,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Characters given codes [..., D]: ids [..., T]; temperature 0 takes the likeliest."""
        heads, rare = self.decoder.likelihood, self.tokenizer.rare if temperature else ()
        return heads.draw(self.states(code, labels), temperature, refused=rare, generator=generator)

    def rewrite(self, ids: Tensor, labels: Tensor | None = None) -> Tensor:
        """Read poems ids [B, T] and take the likeliest characters at the mean of their codes: ids
        [B, T]."""
        label = labelling.label_for(self, labelling.infer(self, ids) if labels is None else labels)
        code = self.encode(ids, label).mean
        return self.draw(code, label, temperature=0.0)

    def ids_of(self, poems: Sequence[Poem | str]) -> Tensor:
        """Poems of the model's form as ids [B, T]; either script is understood.

        Raises:
            FormError: a poem does not have the model's form.
        """
        if not poems:
            raise FormError("no poem was given")
        if isinstance(poems, str):
            raise FormError("one text was given: give a list of poems")
        cut = [Poem.typed(p, self.form) if isinstance(p, str) else p for p in poems]
        for poem in cut:
            if poem.form.lengths != self.form.lengths:
                raise FormError(f"{poem.one_line} is a {poem.form}; the model writes {self.form}")
        rows = [torch.from_numpy(self.tokenizer.encode(poem)) for poem in cut]
        if any(len(row) != self.form.positions for row in rows):
            raise FormError(f"signs that combine into fewer characters make no {self.form}")
        return torch.stack(rows).to(self.device)

    def poems_of(self, ids: Tensor) -> list[Poem]:
        """Ids [B, T] as poems, in the models' orthography."""
        cut, tune = self.form.cut, self.form.tune
        return [Poem(cut(self.tokenizer.decode(row)), tune=tune) for row in ids.tolist()]

    def save_pretrained(self, path: str | Path, *, card: str = "") -> None:
        """Write the model's folder: ``model.save_pretrained("my-model")``.

        Args:
            card: what its README says.

        Raises:
            FileWriteError: a file cannot be written; what stood there before is untouched.
        """
        save_model(self, Path(path), card=card)

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path) -> PoetryVAE:
        """A model by its folder or name, see :func:`model_folder`: ``from_pretrained("poet")``.

        It is on the CPU, in evaluation mode. A name such as ``jueju7`` gives a view that writes
        that form, see :func:`form_meant`.

        Raises:
            CheckpointError: no model has that name, or a file is missing, damaged or of another
                version.
        """
        folder = model_folder(name_or_path)
        model = load_model(cls, folder)
        model.source = source_of(folder)
        form = form_meant(name_or_path)
        return model if form is None else model.writing(form)

    @property
    def levels(self) -> list[Level]:
        """The levels of the latents, from the top."""
        return list(self.latents)  # type: ignore[arg-type]

    def _asking(self, asked: Asked | None, poems: int) -> Asking | None:
        """The input of the levels beside z, for a model of any form."""
        if self.asking is None:
            return None
        assert isinstance(self.encoder, PlacedEncoder)
        asked = asked or self.asked
        return Asking.of(asked, self.asking(asked, self.encoder.embedding), self.config.chars)

    def walk(
        self,
        features: tuple[Tensor, ...] | None,
        place: Placing,
        asking: Asking | None = None,
    ) -> tuple[tuple[LevelRecord, ...], Tensor]:
        """Place every level's z, from the top: records, and the state handed to the decoder."""
        records, state = [], None
        for j, level in enumerate(self.latents):
            record, state = level(features[j] if features else None, state, place, asking)
            records.append(record)
        assert state is not None
        return tuple(records), state
