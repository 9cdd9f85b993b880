"""The whole model: an encoder, a list of stochastic levels, a decoder with its likelihood.

Kingma & Welling 2014, "Auto-Encoding Variational Bayes"; Rezende et al. 2014, "Stochastic
Backpropagation". Shape letters: K samples, B batch, T positions, H hidden, D latent, V vocabulary.
There is no loss in here: bounds are functions of the :class:`Record` of one forward pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from poetry_vae.model.config import ModelConfig
from poetry_vae.model.decoder import ParallelDecoder
from poetry_vae.model.encoder import ConvEncoder
from poetry_vae.model.gaussian import DiagonalGaussian
from poetry_vae.model.latents import GaussianLevel, LevelRecord
from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.errors import FormError
from poetry_vae.text.poem import Form, Poem
from poetry_vae.text.tokenizer import CharTokenizer


@dataclass(frozen=True)
class Record:
    """One forward pass: log p(x|z) [K, B] in nats, and what each level did."""

    log_likelihood: Tensor
    levels: tuple[LevelRecord, ...]


class PoetryVAE(nn.Module):
    """A text VAE for poems of one form."""

    def __init__(
        self,
        encoder: ConvEncoder,
        latents: Sequence[GaussianLevel],
        decoder: ParallelDecoder,
        *,
        config: ModelConfig,
        tokenizer: CharTokenizer,
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.latents = nn.ModuleList(latents)
        self.decoder = decoder
        self.config = config
        self.tokenizer = tokenizer

    @classmethod
    def build(cls, config: ModelConfig, tokenizer: CharTokenizer, *, seed: int = 0) -> PoetryVAE:
        """A new model with random weights, the same for the same seed."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(derived_seed(seed, "weights"))
            encoder = ConvEncoder(config)
            level = GaussianLevel(encoder.features, config.latent)
            return cls(
                encoder, [level], ParallelDecoder(config), config=config, tokenizer=tokenizer
            )

    @property
    def form(self) -> Form:
        return self.config.form

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def forward(
        self, ids: Tensor, *, samples: int = 1, generator: torch.Generator | None = None
    ) -> Record:
        """Encode ids [B, T], draw K = ``samples`` latents each, and score the poems under them."""
        features = self.encoder(ids)
        levels = self._levels(features, len(ids), samples, generator)
        hidden = self.decoder(_joined(levels))  # [K, B, T, H]
        log_likelihood = self.decoder.likelihood.log_prob(
            hidden, ids.expand(samples, *ids.shape)
        ).sum(-1)
        return Record(log_likelihood, levels)

    def encode(self, poems: Sequence[Poem | str] | Tensor) -> DiagonalGaussian:
        """The posterior q(z|x), [B, D], of poems or of ids [B, T].

        Raises:
            FormError: a poem does not have the model's form.
        """
        ids = poems if isinstance(poems, Tensor) else self.ids_of(poems)
        return self._flat_level.posterior(self.encoder(ids))

    def decode(self, z: Tensor) -> Tensor:
        """Logits of every character at every position: z [K, B, D] → [K, B, T, V]."""
        logits: Tensor = self.decoder.likelihood.logits(self.decoder(z))
        return logits

    def draw(
        self, z: Tensor, *, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """Characters given z [..., D]: ids [..., T]; temperature 0 takes the likeliest."""
        hidden = self.decoder(z)
        ids: Tensor = self.decoder.likelihood.draw(hidden, temperature, generator=generator)
        return ids

    @torch.no_grad()
    def sample(
        self, n: int, *, temperature: float = 1.0, generator: torch.Generator | None = None
    ) -> Tensor:
        """``n`` poems from the prior, as ids [n, T]."""
        levels = self._levels(None, n, 1, generator)
        return self.draw(_joined(levels)[0], temperature=temperature, generator=generator)

    def ids_of(self, poems: Sequence[Poem | str]) -> Tensor:
        """Poems of the model's form as ids [B, T]; either script is understood.

        Raises:
            FormError: a poem does not have the model's form.
        """
        if not poems:
            raise FormError("no poem was given")
        cut = [self.form.poem(p) if isinstance(p, str) else p for p in poems]
        for poem in cut:
            if poem.form != self.form:
                raise FormError(f"{poem.one_line} is a {poem.form}; the model writes {self.form}")
        rows = [torch.from_numpy(self.tokenizer.encode(poem)) for poem in cut]
        for poem, row in zip(cut, rows, strict=True):
            if len(row) != self.form.positions:  # signs that combine into fewer characters
                raise FormError(f"{poem.one_line!r} has {len(row)} characters, not {poem.form}")
        return torch.stack(rows).to(self.device)

    def poems_of(self, ids: Tensor) -> list[Poem]:
        """Ids [B, T] as poems, in the models' orthography."""
        return [Poem(self.form.cut(self.tokenizer.decode(row))) for row in ids.tolist()]

    def save_pretrained(self, path: str | Path, *, card: str = "") -> None:
        """See :func:`poetry_vae.model.pretrained.save_model`."""
        from poetry_vae.model.pretrained import save_model

        save_model(self, Path(path), card=card)

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path) -> PoetryVAE:
        """See :func:`poetry_vae.model.pretrained.load_model`."""
        from poetry_vae.model.pretrained import load_model

        return load_model(name_or_path)

    @property
    def _flat_level(self) -> GaussianLevel:
        level = self.latents[0]
        assert isinstance(level, GaussianLevel)
        return level

    def _levels(
        self, features: Tensor | None, batch: int, samples: int, generator: torch.Generator | None
    ) -> tuple[LevelRecord, ...]:
        return tuple(level(features, batch, samples, generator=generator) for level in self.latents)


def _joined(levels: tuple[LevelRecord, ...]) -> Tensor:
    """All levels' samples side by side, [K, B, ΣD]."""
    return torch.cat([level.z for level in levels], dim=-1)
