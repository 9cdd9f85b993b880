"""Poems from a model: generate, reconstruct, and everything that goes through whole poems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import torch
from torch import Tensor

from poetry_vae.model import labelling
from poetry_vae.model.pretrained import DEFAULT_FORM, default_model, load_model
from poetry_vae.model.sampling import derived_seed
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.text.script import Script, present
from poetry_vae.verse.choosing import likeliest
from poetry_vae.verse.constraints import Constraint, Near
from poetry_vae.verse.manner import OF_A_POEM, Manner, Sampling
from poetry_vae.verse.refine import refined
from poetry_vae.verse.steer import Steering, steer

# Poems are drawn in blocks of this size, each from a generator of its own, so that poem i of a seed
# is the same however many are asked for; the first blocks are small, since somebody waits for them.
_BLOCK = 256
_FIRST_BLOCKS = (8, 56, 192)
_FEWEST = 4  # poems of a block, where each is chosen among many
_STEERED_BLOCK = 8  # of poems under constraints, each of which takes many candidates


@torch.no_grad()
def write(model: PoetryVAE, n: int, manner: Manner, *, generator: torch.Generator) -> Tensor:
    """``n`` poems as ids [n, T], from codes that are drawn from the prior.

    A model with a refiner settles their characters pass by pass. One without writes a draft, reads
    it and writes it again: a pass takes the posterior's mean of the poem before and draws all
    characters anew. Alternating between q(z|x) and p(x|z) is the Markov chain by which Rezende et
    al. 2014 (appendix F) fill in missing data; here it lets characters that were drawn
    independently fall into line, since what the encoder has never seen together is not what the
    decoder writes. With no pass the poems are the model's own samples, those that its bound speaks
    of.
    """
    many = 1 if model.refiner is None else manner.candidates
    labels = labelling.draw(model, n, generator=generator)
    if labels is not None:
        labels = labels.repeat_interleave(many)
    code = torch.randn(n * many, model.code_size, generator=generator, device=model.device)
    ids = write_from(model, code, labels, manner, generator=generator)
    return ids if many == 1 else likeliest(model, ids, many, labels)


@torch.no_grad()
def write_from(
    model: PoetryVAE,
    code: Tensor,
    labels: Tensor | None,
    manner: Manner,
    *,
    generator: torch.Generator | None,
) -> Tensor:
    """Poems as ids [n, T] from codes [n, D]; see :func:`write`."""
    if model.refiner is not None:
        return refined(model, code, labels, manner, generator=generator)
    temperature = manner.temperature
    ids = model.draw(code, labels, temperature=temperature, generator=generator)
    for _ in range(manner.passes):
        ids = model.rewrite(ids, labels, temperature=temperature, generator=generator)
    return ids


def stream(
    model: PoetryVAE,
    manner: Manner | None = None,
    *,
    seed: int,
    steering: Steering | None = None,
) -> Iterator[Poem]:
    """Poems without end, in the models' orthography; poem i depends on the seed and i alone.

    With ``steering`` they keep its constraints, and its own manner counts.
    """
    manner = manner or Manner.of(model)
    for block in count():
        generator = torch.Generator(model.device).manual_seed(derived_seed(seed, "poems", block))
        if steering is not None:
            ids = steering.write(_STEERED_BLOCK, generator=generator)
        else:
            size = _FIRST_BLOCKS[block] if block < len(_FIRST_BLOCKS) else _BLOCK
            size = max(_FEWEST, size // manner.candidates)
            ids = write(model, size, manner, generator=generator)
        yield from model.poems_of(ids)


def generate(
    n: int = 1,
    *,
    form: Form | str | None = None,
    model: PoetryVAE | str | Path | None = None,
    seed: int = 0,
    temperature: float | None = None,
    passes: int | None = None,
    trust: float | None = None,
    guidance: float | None = None,
    repetition: float | None = None,
    candidates: int | None = None,
    sampling: Sampling = "chosen",
    about: str = "",
    dynasty: str = "",
    constraint: Constraint | None = None,
    script: Script = "simplified",
) -> list[Poem]:
    """``n`` poems of the model's own.

    Args:
        n: how many.
        form: a form or its name; without one and without a model, 七绝.
        model: a model, its folder or its name; without one, what ships for the form.
        temperature, passes, trust, guidance, repetition, candidates: see
            :class:`~poetry_vae.verse.manner.Manner`; by default what suits model and ``sampling``.
        sampling: ``chosen`` for readers, ``plain`` near the model's own distribution.
        about: what the poems are about, in free words and either script; ``dynasty``: in whose
            manner, as 唐. For models that write any form.
        constraint: what every poem shall keep, as ``acrostic("春江花月") & Metre()``; see
            ``poetry_vae.verse.constraints``.

    Raises:
        ConstraintError: no poem of the model can meet the constraint.
        FormError: the name is no form, or the model writes another form.
        CheckpointError: no such model, or none for the form.
        SamplingError: temperature, passes, trust, guidance or repetition out of range.
    """
    chosen = choose_model(form, model, about=about, dynasty=dynasty)
    manner = Manner.of(
        chosen,
        temperature=temperature,
        passes=passes,
        trust=trust_in(constraint) if trust is None else trust,
        guidance=guidance,
        repetition=repetition,
        candidates=candidates,
        sampling=sampling,
    )
    steering = None if constraint is None else steer(chosen, constraint, manner)
    poems = stream(chosen, manner, seed=seed, steering=steering)
    return [in_script(next(poems), script) for _ in range(n)]


def trust_in(constraint: Constraint | None) -> float | None:
    """How far to go by latents that a constraint asks for; None leaves it to the model.

    Those in the neighbourhood of a poem are true to it, as draws of the prior are to none.
    """
    parts = () if constraint is None else constraint.parts
    return OF_A_POEM if any(isinstance(part, Near) for part in parts) else None


def choose_model(
    form: Form | str | None = None,
    model: PoetryVAE | str | Path | None = None,
    *,
    about: str = "",
    dynasty: str = "",
) -> PoetryVAE:
    """The model that a form and a model, either of them given or not, stand for; one that writes
    any form as a view for what is asked, see :meth:`PoetryVAE.writing`.

    Raises:
        FormError: the model does not write the form.
        LabelError: the model cannot be told a subject or a dynasty, or not this one.
        CheckpointError: there is no such model.
    """
    wanted = Form.parse(form) if isinstance(form, str) else form
    if model is None:
        folder = default_model(wanted or DEFAULT_FORM, any_form=bool(about or dynasty))
        chosen = load_model(folder)
    else:
        chosen = model if isinstance(model, PoetryVAE) else load_model(model)
    wanted = wanted or chosen.written or DEFAULT_FORM
    if wanted == chosen.written and not (about or dynasty):
        return chosen  # it may be a view that was asked for more
    return chosen.writing(wanted, about=about, dynasty=dynasty)


def in_script(poem: Poem, script: Script) -> Poem:
    """A poem of the models' orthography in the script asked for."""
    lines = [present(line, script) for line in poem.lines]
    return poem.with_lines(lines)


@torch.no_grad()
def reconstruct(model: PoetryVAE, poems: Sequence[Poem | str]) -> list[Poem]:
    """What the model remembers of poems: the likeliest characters given each typical code.

    See :meth:`~poetry_vae.model.gaussian.DiagonalGaussian.typical`.

    Raises:
        FormError: a poem does not have the model's form.
    """
    ids = model.ids_of(poems)
    labels = labelling.infer(model, ids)
    code = model.encode(ids, labels).typical()
    return model.poems_of(model.draw(code, labels, temperature=0))
