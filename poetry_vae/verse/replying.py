"""对联: the second line to a first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

import torch

from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.cleaning import clean_typed
from poetry_vae.text.form import Form
from poetry_vae.text.poem import split_lines
from poetry_vae.verse.choosing import surprise
from poetry_vae.verse.generate import choose_model
from poetry_vae.verse.rules.parallel import Parallel
from poetry_vae.verse.rules.pins import Template
from poetry_vae.verse.rules.rule import RuleError, together
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

_TRIES = 5  # lines that are written for each that is wanted
_ROUNDS = 4
_LOOSER = (
    (Parallel(end=True), ""),
    (Parallel(word_ends=False, end=True), "words that end at the same places"),
    (Parallel(word_ends=False, classes=False, end=True), "words of the same class"),
    (Parallel(word_ends=False, classes=False, tones=False), "opposed tones"),
)
"""Rules from strict to loose, each with what it gives up, tried until there are enough lines."""


@dataclass(frozen=True)
class Reply:
    """A second line."""

    line: str
    """In the models' orthography."""
    score: float
    """log p of both lines in nats a character, by the model that wrote it."""
    given_up: tuple[str, ...] = ()
    """The rules of 对仗 that it does not keep."""


def reply(
    line: str, n: int = 20, *, model: PoetryVAE | str | None = None, seed: int = 0
) -> list[Reply]:
    """Second lines to a first, those that keep most rules first, and among them the likeliest.

    Tones are opposed at the even places and at the end, facing characters are of one word class,
    both lines are cut into words at the same places, the second line repeats a character where the
    first does, and no character is in both lines.

    Raises:
        RuleError: it is not one line.
        CheckpointError: no model writes lines of this length.
    """
    lines = split_lines(clean_typed(line))
    if len(lines) != 1:
        raise RuleError(f"{line!r} is {len(lines)} lines: give one, without punctuation inside")
    chosen = choose_model(Form.of(2, len(lines[0])), model)
    settings = SamplingSettings.of(chosen, sampling="chosen", candidates=1)
    found: dict[str, Reply] = {}
    given_up: list[str] = []
    for rule, loosened in _LOOSER:
        given_up += [loosened] if loosened else []
        sampler = Sampler(chosen, settings, together([Template(lines[0]), rule]))
        for each in _replies(sampler, _TRIES * n, seed, tuple(given_up)):
            if len(found) >= n:
                break
            found.setdefault(each.line, each)
        if len(found) >= n:
            break
    return list(found.values())


def _replies(sampler: Sampler, tries: int, seed: int, given_up: tuple[str, ...]) -> list[Reply]:
    """The different lines among so many tries, the likeliest first."""
    found: dict[str, tuple[float, Reply]] = {}
    size = sampler.model.form.chars
    for number in count():
        draws = torch.Generator().manual_seed(derived_seed(seed, "replies", len(given_up), number))
        ids, scores = sampler.candidates(tries, generator=draws, is_scored=True)
        kept = scores.isfinite().nonzero()[:, 0]
        ids, scores = ids[kept], scores[kept]
        likely = -surprise(sampler.model, sampler.read(ids)) / (2 * size)
        rows = zip(sampler.poems(ids), scores.tolist(), likely.tolist(), strict=True)
        for poem, against, score in rows:
            each = Reply(poem.lines[1], score, given_up)
            found.setdefault(each.line, (against, each))
        if len(found) * _TRIES >= tries or number + 1 == _ROUNDS:
            break
    return [each for _, each in sorted(found.values(), key=lambda pair: pair[0])]
