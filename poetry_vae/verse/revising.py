"""Work on a given poem: find other characters for a place, and write some places anew."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch

from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.prosody import readings
from poetry_vae.text.script import fold, to_simplified, understand
from poetry_vae.text.tokenizer import CharTokenizer
from poetry_vae.verse.believing import expected, surprises
from poetry_vae.verse.rulebook import Rulebook
from poetry_vae.verse.rules.near import Near
from poetry_vae.verse.rules.pins import FREE, Template, place_of
from poetry_vae.verse.rules.rule import Rule, RuleError, together
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

NEARNESS = 0.6
"""How far a new version follows the latents of the poem as it is."""
_TEMPERATURE = 0.6  # of new versions; at the settings for readers they would all be alike
TRIED = 4
"""How many poems are tried for each version of a poem that is asked for."""

_SAMPLES = 4  # latents over which a model's probabilities are averaged


@dataclass(frozen=True)
class Alternative:
    """A character that fits a place."""

    character: str
    """In the models' orthography."""
    probability: float
    """p(character | all others), among what the rules allow."""
    tones: str
    """平, 仄, both, or empty where no book knows it."""
    rhymes: tuple[str, ...]
    """Its groups in 平水韻."""


def alternatives(
    model: PoetryVAE,
    poem: Poem | str,
    line: int,
    place: int,
    *,
    n: int = 12,
    rules: Rule | None = None,
    seed: int = 0,
) -> list[Alternative]:
    """The characters that fit a place of a poem, the likeliest first; the present one is not left
    out.

    Args:
        line, place: from 1, or from the end where they are negative.
        rules: rules that the poem must keep with any of these characters.

    Raises:
        FormError: the poem does not have the model's form.
        RuleError: the form has no such place, or nothing keeps the rules there.
    """
    form = model.form
    at = place_of(line, place, form, f"place {line},{place}")
    ids = model.ids_of([poem])[0]
    draws = torch.Generator().manual_seed(derived_seed(seed, "alternatives"))
    chances = expected(model, ids, at, samples=_SAMPLES, generator=draws)
    chances[: len(CharTokenizer.SPECIAL)] = 0
    if rules is not None:
        book = Rulebook(rules, form, model.tokenizer)
        chances = chances * book.fits(ids, at)[: len(chances)]
    if not float(chances.sum()) > 0:
        raise RuleError(f"nothing at place {line},{place} keeps the rules: loosen them")
    best = (chances / chances.sum()).topk(min(n, int((chances > 0).sum())))
    return [
        _alternative(model.tokenizer.decode([i]), p)
        for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def revise(
    model: PoetryVAE,
    poem: Poem | str,
    places: Collection[int],
    *,
    rules: Rule | None = None,
    settings: SamplingSettings | None = None,
    near: float = NEARNESS,
) -> Sampler:
    """A sampler of the poem with some places, as :func:`places_of` counts them, written anew.

    Args:
        rules: what the new poem shall keep.
        settings: by default, those for readers that suit the model.
        near: how far to trust the latents read from the poem as it is, from 0, not at all, to 1.

    Raises:
        FormError: the poem does not have the model's form.
        RuleError: the places that stay break the rules.
    """
    if not places:
        raise RuleError("nothing is to be written anew: name a place, or keep less")
    text = "".join(_lines(poem, model.form))
    kept = [_drawn(text, places, model.form), Near(text), *([rules] if rules else [])]
    settings = settings or SamplingSettings.of(model, sampling="chosen", temperature=_TEMPERATURE)
    return Sampler(model, replace(settings, trust=near), together(kept))


def other_versions(sampler: Sampler, poem: Poem, n: int, *, seed: int) -> Iterator[Poem]:
    """Up to ``n`` poems of a sampler that differ from the poem and from each other in simplified
    script, of :data:`TRIED` times as many as are asked for."""
    seen = {to_simplified(poem.text)}
    for found in islice(sampler.stream(seed), TRIED * n):
        if (text := to_simplified(found.text)) not in seen:
            seen.add(text)
            yield found
        if len(seen) > n:
            return


def least_believed(
    model: PoetryVAE, poem: Poem | str, *, most: int | None = None, seed: int = 0
) -> list[tuple[int, float]]:
    """The places that a model believes least, and p(character | all others) of each.

    Args:
        most: how many; by default one in seven.

    Raises:
        FormError: the poem does not have the model's form.
    """
    ids = model.ids_of([poem])
    draws = torch.Generator().manual_seed(derived_seed(seed, "believed"))
    found = surprises(model, ids, samples=_SAMPLES, generator=draws)[0]
    most = most or max(1, len(found) // 7)
    worst = found.topk(min(most, len(found)))
    pairs = zip(worst.indices.tolist(), (-worst.values).exp().tolist(), strict=True)
    return [(place, chance) for place, chance in pairs]


def places_of(asked: Sequence[str], form: Form) -> set[int]:
    """Places as people name them: ``line3`` or ``3`` a line, ``2,3`` a place, ``2,3-4`` several.

    Raises:
        RuleError: it is nothing of the kind, or the form has no such place.
    """
    found: set[int] = set()
    for text in asked:
        match = re.fullmatch(
            r"\s*(?:line|第)?\s*(-?\d+)\s*(?:[,，]\s*(-?\d+)(?:\s*-\s*(\d+))?)?\s*", text
        )
        if match is None:
            raise RuleError(f"{text!r} names no place: write line3, or 2,3 or 2,3-4 (line, places)")
        line = int(match[1])
        if match[2] is None:
            first = place_of(line, 1, form, text)
            found |= set(range(len(form.line_of))[form.span(form.line_of[first])])
            continue
        start = place_of(line, int(match[2]), form, text)
        end = place_of(line, int(match[3]), form, text) if match[3] else start
        if end < start:
            raise RuleError(f"{text!r} ends before it begins")
        found |= set(range(start, end + 1))
    return found


def _lines(poem: Poem | str, form: Form) -> Sequence[str]:
    return (Poem.typed(poem, form) if isinstance(poem, str) else poem).lines


def _drawn(text: str, places: Collection[int], form: Form) -> Template:
    """The poem with some places left free."""
    open_text = "".join(FREE if i in places else c for i, c in enumerate(text))
    return Template("\n".join(form.cut(open_text)), name="the kept characters")


def _alternative(character: str, probability: float) -> Alternative:
    found = readings(fold(understand(character)))
    tones = "".join(tone for tone in "平仄" if any(r.tone == tone for r in found))
    return Alternative(
        character, probability, tones, tuple(sorted({r.group for r in found if r.group}))
    )
