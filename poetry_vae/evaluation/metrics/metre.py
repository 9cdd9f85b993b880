"""How many poems keep metre and rhyme, and where the tones are right."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poetry_vae.text.form import Form
from poetry_vae.text.metre import MetreError
from poetry_vae.text.scansion import check


def metre(texts: Sequence[str], form: Form) -> dict[str, float] | None:
    """Shares that keep metre, rhyme and both by strict rules and lenient readings, and both by
    strict readings; nothing for forms that have no metre."""
    try:
        reports = [check(form.cut(text)) for text in texts]
    except MetreError:
        return None
    strict = [check(form.cut(text), readings="strict").ok for text in texts]
    return {
        "metre": float(np.mean([report.keeps_metre for report in reports])),
        "rhyme": float(np.mean([report.keeps_rhyme for report in reports])),
        "both": float(np.mean([report.ok for report in reports])),
        "strict_readings": float(np.mean(strict)),
    }


def tone_agreement(texts: Sequence[str], form: Form) -> list[float] | None:
    """Share of poems whose character at a position has the tone of the nearest template: [T]."""
    try:
        reports = [check(form.cut(text), rules="loose") for text in texts]
    except MetreError:
        return None
    wrong = np.zeros(form.positions)
    for fault in (fault for report in reports for fault in report.faults):
        if fault.kind == "平仄":
            wrong[form.place(fault.line - 1, fault.position - 1)] += 1
    agreement: list[float] = (1 - wrong / len(texts)).tolist()
    return agreement
