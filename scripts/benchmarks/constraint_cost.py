"""A section of ``constraints.py``: the speed of rules and of free verse, measured in one run."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

from drawn_rules import Subject
from measure import table, tell

from poetry_vae import Favour, Metre, NoRepeat, Parallel, Rhyme, Rule, Words, acrostic
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.text.form import Form
from poetry_vae.text.poem import Poem
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings

Figures = dict[str, Any]
_FREE = "free"


def asked(form: Form) -> dict[str, Rule]:
    """The rules whose cost is measured, by name."""
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


def written(subject: Subject, n: int, seed: int, rules: Rule | None = None) -> list[Poem]:
    """``n`` poems of the plain settings."""
    sampler = Sampler(subject.model, SamplingSettings.of(subject.model), rules)
    return list(islice(sampler.stream(seed), n))


def cost(subjects: Sequence[Subject], poems: int, seed: int) -> Figures:
    """For every model, sampling and rule: poems a second, and the share of them that are unique.

    Free verse is measured before and after the rules; rules are compared with the mean of the two.
    """
    found: Figures = {}
    for subject in subjects:
        for sampling in ("plain", "chosen"):
            n = poems if sampling == "plain" else max(8, poems // 12)
            tell(f"cost: {subject.name}, {sampling}")
            before = _speed(subject, None, sampling, n, seed)
            rows = {
                name: _speed(subject, rules, sampling, n, seed)
                for name, rules in asked(subject.model.form).items()
            }
            after = _speed(subject, None, sampling, n, seed)
            free = {"rate": (before["rate"] + after["rate"]) / 2, "unique": before["unique"]}
            found[f"{subject.name}, {sampling}"] = {_FREE: free, **rows}
    return found


def _speed(subject: Subject, rules: Rule | None, sampling: Any, n: int, seed: int) -> Figures:
    """Measured in processor time, in blocks as users get them."""
    model = subject.model
    try:
        sampler = Sampler(model, SamplingSettings.of(model, sampling=sampling), rules)
        next(sampler.stream(seed + 1))  # prepares what is only done once
        begun = time.process_time()
        texts = [poem.text for poem in islice(sampler.stream(seed), n)]
    except PoetryVAEError as error:
        return {"failed": str(error)}
    return {"rate": n / (time.process_time() - begun), "unique": len(set(texts)) / n}


def show_cost(figures: Figures) -> str:
    """The tables of :func:`cost`."""
    out = ""
    for name, rows in figures.items():
        header = [name, "poems a second", "times slower", "unique"]
        out += table(header, [_row(rule, row, rows[_FREE]) for rule, row in rows.items()]) + "\n"
    return out


def _row(name: str, row: Figures, free: Figures) -> list[object]:
    if "failed" in row:
        return [name, f"failed: {row['failed']}", "–", "–"]
    return [
        name,
        f"{row['rate']:,.3g}",
        f"{free['rate'] / row['rate']:.2f}",
        f"{row['unique']:.1%}",
    ]
