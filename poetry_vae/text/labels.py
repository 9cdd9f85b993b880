"""Labels of poems, as numbered columns: dynasty, author, metre."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poetry_vae.text.form import Form
from poetry_vae.text.metre import templates
from poetry_vae.text.scansion import check
from poetry_vae.text.splitting import PARTS, Part

LABELS = ("dynasty", "author")
"""The kinds of labels that sources give."""
OTHER = "其他"
NO_METRE = "—"
_MOST = 50  # values of a kind; rarer ones become OTHER
_RAREST = 0.001  # share of the training poems


@dataclass(frozen=True)
class LabelColumn:
    """One value a poem, by part, as numbers [N] into ``values``."""

    values: tuple[str, ...]
    parts: Mapping[Part, npt.NDArray[np.uint16]]

    def texts(self, part: Part) -> list[str]:
        """The values of a part's poems."""
        return [self.values[number] for number in self.parts[part]]

    def shares(self) -> tuple[float, ...]:
        """How common each value is among the training poems. One is added to each count, so that
        no value has the probability 0."""
        counts = np.bincount(self.parts["train"], minlength=len(self.values)) + 1
        return tuple((counts / counts.sum()).tolist())


def label_column(texts: Mapping[Part, Sequence[str]]) -> LabelColumn | None:
    """A column from the value of every poem, by part; None if there are no two different values.

    The 50 commonest values of the training part keep their names, those of less than a thousandth
    of the poems and all further ones are 其他. A poem of which nothing is known is 其他 too.
    """
    counts = Counter(value for value in texts["train"] if value)
    enough = _RAREST * len(texts["train"])
    named = [value for value, n in counts.most_common(_MOST) if n >= enough]
    number = {value: i for i, value in enumerate(named)}
    if any(value not in number for values in texts.values() for value in values):
        named.append(OTHER)
    if len(named) < 2 or not number:
        return None
    parts = {
        part: np.array([number.get(v, len(named) - 1) for v in values], dtype=np.uint16)
        for part, values in texts.items()
    }
    return LabelColumn(tuple(named), parts)


def label_columns(known: Mapping[Part, Mapping[str, Sequence[str]]]) -> dict[str, LabelColumn]:
    """Columns from what is known of the poems of each part, by kind; none where all is one."""
    found = {kind: label_column({part: known[part][kind] for part in PARTS}) for kind in LABELS}
    return {kind: column for kind, column in found.items() if column is not None}


def metre_column(texts: Mapping[Part, Iterable[str]], form: Form) -> LabelColumn | None:
    """The metre template that every poem of T characters keeps, or —.

    Raises:
        MetreError: the form has no metre.
    """
    return label_column({part: template_names(texts[part], form) for part in PARTS})


def template_names(texts: Iterable[str], form: Form) -> list[str]:
    """The metre template that each poem of T characters keeps; — where it keeps none.

    Raises:
        MetreError: the form has no metre.
    """
    templates(form)
    reports = [check(form.cut(text)) for text in texts]
    return [report.template.name if report.keeps_metre else NO_METRE for report in reports]
