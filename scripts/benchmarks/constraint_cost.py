"""A section of ``constraints.py``: what constraints cost in time, in candidates and in sameness."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from typing import Any

import torch
from drawn_rules import Subject
from measure import table, tell
from poetry_vae.verse.compiled import Compiled, compile_constraints
from torch import Tensor

from poetry_vae.model.sampling import derived_seed
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.verse import decode
from poetry_vae.verse.generate import stream
from poetry_vae.verse.manner import Manner
from poetry_vae.verse.rules import (
    Favour,
    Metre,
    NoRepeat,
    Parallel,
    Rhyme,
    Rule,
    Words,
    acrostic,
)
from poetry_vae.verse.steer import Steering

Figures = dict[str, Any]
_CANDIDATES = (16, 64)
_PROPOSED = {"prior": "from the prior", "both": "and the encoder"}
_FREE = "free"


def asked(form: Form) -> dict[str, Rule]:
    """The constraints whose cost is measured, by name."""
    heads = acrostic("春江花月夜山風水"[: form.lines])
    return {
        f"acrostic of {form.lines}": heads,
        "metre": Metre(),
        "metre, rhyme 真": Metre() & Rhyme("真"),
        "theme 明月 春風": Words(("明月", "春風")) & Favour("明月春風"),
        "no-repeat": NoRepeat(),
        "parallel": Parallel(),
        "acrostic, metre, rhyme 真, no-repeat": heads & Metre() & Rhyme("真") & NoRepeat(),
    }


def masking(subject: Subject, compiled: Compiled, manner: Manner | None = None) -> Steering:
    """Latents of the prior as they come: only the characters keep the constraints."""
    steering = _steering(subject, compiled, manner, candidates=1, steps=0)
    steering.proposals = None
    return steering


def _steering(
    subject: Subject, compiled: Compiled, manner: Manner | None = None, **settings: Any
) -> Steering:
    return Steering(subject.model, compiled, manner or Manner.of(subject.model), **settings)


# Whether the latents are bent to the constraints at all, by resampling, or by walking as well.
WAYS: dict[str, Callable[[Subject, Compiled], Steering]] = {
    "plain masking": masking,
    "resampling": partial(_steering, steps=0),
    "resampling, Langevin steps": _steering,
}


def written(subject: Subject, n: int, seed: int, steering: Steering | None = None) -> list[Poem]:
    """``n`` poems at default settings."""
    return list(islice(stream(subject.model, seed=seed, steering=steering), n))


def cost(subjects: Sequence[Subject], poems: int, latents: int, seed: int) -> Figures:
    """For every model and constraint: speed, unique poems, effective candidates, log P."""
    found: Figures = {}
    for subject in subjects:
        rows: dict[str, Figures] = {_FREE: _speed(subject, None, poems, seed)}
        for name, constraint in asked(subject.model.form).items():
            tell(f"cost: {subject.name}, {name}")
            rows[name] = _row(subject, constraint, poems, latents, seed)
        found[subject.name] = rows
    return {"models": found, "poems": poems, "latents": latents}


def _row(subject: Subject, constraint: Rule, poems: int, latents: int, seed: int) -> Figures:
    begun = time.perf_counter()
    compiled = compile_constraints(constraint, subject.model.form, subject.model.tokenizer)
    row: Figures = {"compiled in": time.perf_counter() - begun}
    row |= _speed(subject, compiled, poems, seed)
    row["effective"] = {
        str(n): {way: _effective(subject, compiled, n, way, latents, seed) for way in _PROPOSED}
        for n in _CANDIDATES
    }
    row["log P"] = {
        way: _log_kept(make(subject, compiled), latents, seed) for way, make in WAYS.items()
    }
    return row


def _speed(subject: Subject, compiled: Compiled | None, poems: int, seed: int) -> Figures:
    """Poems a second and the share of them that are unique, in blocks as users get them."""
    steering = None if compiled is None else _steering(subject, compiled)
    written(subject, 1, seed + 1, steering)  # what is prepared once
    if steering:
        steering.tally.mended = 0
    begun = time.perf_counter()
    try:
        texts = [poem.text for poem in written(subject, poems, seed, steering)]
    except PoetryVAEError as error:
        return {"failed": str(error)}
    seconds = time.perf_counter() - begun
    mended = steering.tally.mended if steering else 0
    return {"rate": poems / seconds, "unique": len(set(texts)) / poems, "mended": mended}


@torch.no_grad()
def _effective(
    subject: Subject, compiled: Compiled, candidates: int, way: str, latents: int, seed: int
) -> float:
    """Effective number of candidates; without steps the walk cannot help."""
    steering = _steering(subject, compiled, candidates=candidates, steps=0)
    if way == "prior":
        steering.proposals = None
    steering._latents(latents, _generator(seed))
    return steering.tally.effective[-1]


@torch.no_grad()
def _log_kept(steering: Steering, latents: int, seed: int) -> tuple[float, float]:
    """Mean log P(constraints, words where they are held | z) in nats, and its standard error."""
    z, held = steering._latents(latents, _generator(seed))
    kept: list[Tensor] = [
        decode.log_kept(steering.compiled, steering._shares(z[rows], temperature=1.0), held[rows])
        for rows in torch.split(torch.arange(latents), 64)
    ]
    values = torch.cat(kept).tolist()
    return statistics.fmean(values), statistics.stdev(values) / latents**0.5


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(derived_seed(seed, "latents"))


def show_cost(figures: Figures) -> str:
    """The tables of :func:`cost`."""
    out = ""
    for model, rows in figures["models"].items():
        asked_for = {name: row for name, row in rows.items() if name != _FREE}
        header = [
            model,
            "compiled in, s",
            "poems a second",
            "times slower",
            "unique",
            "drafts mended",
        ]
        out += table(header, [_speed_row(name, row, rows[_FREE]) for name, row in rows.items()])
        header = [f"{n} {proposed}" for n in _CANDIDATES for proposed in _PROPOSED.values()]
        out += "\nEffective candidates, and log P(constraints | z) in nats of latents by:\n\n"
        header = [model, *header, *WAYS]
        out += table(header, [_weight_row(name, row) for name, row in asked_for.items()]) + "\n"
    return out


def _speed_row(name: str, row: Figures, free: Figures) -> list[object]:
    compiled = f"{row['compiled in']:.2f}" if "compiled in" in row else "–"
    if "failed" in row:
        return [name, compiled, f"failed: {row['failed']}", "–", "–", "–"]
    slower = free["rate"] / row["rate"]
    told = [f"{row['rate']:,.3g}", f"{slower:.3g}", f"{row['unique']:.1%}"]
    return [name, compiled, *told, row["mended"]]


def _weight_row(name: str, row: Figures) -> list[object]:
    counts = [f"{row['effective'][str(n)][way]:.1f}" for n in _CANDIDATES for way in _PROPOSED]
    means = [f"{mean:.2f} ± {error:.2f}" for mean, error in row["log P"].values()]
    # Of repeats and parallel couplets no probability is known.
    return [name, *counts, *(means if any(mean for mean, _ in row["log P"].values()) else "–––")]
