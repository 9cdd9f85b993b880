"""Fit the reward model of a model of any form to the marks that readers gave.

    python -m scripts.benchmarks reward --threads 1
    python -m scripts.benchmarks reward --output FOLDER

The marks are of poems in ``data/marks.tsv.xz``: six to a subject, which one reader marked together
for fluency, coherence, merit and fit. A ridge regression on differences from the mean of a subject
predicts the mean of the four marks. The table shows, for subjects that the fit has not seen, how
the predicted differences correlate with the given ones, and the marks of the poem of each six that
is predicted to be the best; then those of all poems, and of the best by the marks themselves.
"""

from __future__ import annotations

import csv
import lzma
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from measure import parser, table, tell, use_threads, write_json

from poetry_vae.model.reward import Reward
from poetry_vae.model.vae import PoetryVAE
from poetry_vae.text.form import Form
from poetry_vae.verse.choosing import features

MARKS = Path(__file__).resolve().parents[2] / "data" / "marks.tsv.xz"
MARKED = ("fluency", "coherence", "merit", "fit")
FIGURES = ("surprise", "gained", "repeated", "said")
_FOLDS = 10
# The penalty of a weight for a feature of unit variance; figures are shrunk less than states.
_RIDGE, _TRUSTED = 1000.0, 3.0

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def read_marks(path: Path) -> list[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def figures_of(model: PoetryVAE, rows: Sequence[dict[str, str]]) -> Floats:
    """The features of each poem, the figures first, then the states: [N, 4 + H]."""
    found, begun = [], 0
    while begun < len(rows):
        end = begun
        while end < len(rows) and rows[end]["group"] == rows[begun]["group"]:
            end += 1
        first = rows[begun]
        view = model.writing(Form.parse(first["form"]), about=first["subject"])
        each = features(view, view.ids_of([row["poem"] for row in rows[begun:end]]))
        columns = [getattr(each, name)[:, None] for name in FIGURES]
        found.append(torch.cat([*columns, each.states], dim=1).double().numpy())
        begun = end
        if len(found) % 100 == 0:
            tell(f"{begun} of {len(rows)} poems read")
    return np.concatenate(found)


def within(values: Floats, group: Ints) -> Floats:
    """Differences from the mean of each group: [N, K]."""
    counts = np.bincount(group)[:, None]
    sums = np.zeros((len(counts), values.shape[1]))
    np.add.at(sums, group, values)
    return values - (sums / counts)[group]


def ridge(x: Floats, y: Floats) -> Floats:
    weights: Floats = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ y)
    return weights


def predicted(x: Floats, y: Floats, group: Ints) -> Floats:
    """For each poem from a fit to the others' subjects: [N]."""
    fold = np.random.default_rng(0).permutation(group.max() + 1)[group] % _FOLDS
    out = np.zeros(len(x))
    for number in range(_FOLDS):
        out[fold == number] = x[fold == number] @ ridge(x[fold != number], y[fold != number])
    return out


def best(score: Floats, marks: Floats, group: Ints) -> Floats:
    """The mean marks of the best poem of each group by a score."""
    order = np.lexsort((-score, group))
    _, first = np.unique(group[order], return_index=True)
    chosen: Floats = marks[order][first].mean(0)
    return chosen


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", default="poet")
    options.add_argument("--marks", type=Path, default=MARKS)
    options.add_argument("--output", type=Path, help="write the reward model to this folder")
    options.add_argument("--threads", type=int)
    given = options.parse_args()
    use_threads(given.threads)
    rows = read_marks(given.marks)
    group = np.unique([int(row["group"]) for row in rows], return_inverse=True)[1]
    marks = np.array([[float(row[name]) for name in MARKED] for row in rows])
    x = figures_of(PoetryVAE.from_pretrained(given.model), rows)
    scale = 1 / (x.std(0) + 1e-9)
    scale[: len(FIGURES)] *= _TRUSTED
    centred, target = within(x * scale, group), within(marks.mean(1, keepdims=True), group)[:, 0]
    cells, found = [], {}
    several = len(FIGURES)
    for name, some in (("−log p alone", 1), ("the four figures", several), ("all", x.shape[1])):
        score = predicted(centred[:, :some], target, group)
        each = [np.corrcoef(score, column)[0, 1] for column in within(marks, group).T]
        chosen = best(score, marks, group)
        cells.append([name, *(f"{r:.2f}" for r in each), *(f"{mark:.2f}" for mark in chosen)])
        found[name] = {"correlation": each, "best": chosen.tolist()}
    for name, mean in (("all poems", marks.mean(0)), ("by marks", best(target, marks, group))):
        cells.append([name, *[""] * len(MARKED), *(f"{mark:.2f}" for mark in mean)])
    header = [f"{len(rows)} poems to {group.max() + 1} subjects", *(f"r, {m}" for m in MARKED)]
    print(table([*header, *(f"best, {m}" for m in MARKED)], cells))
    weights = ridge(centred, target) * scale
    alone = ridge(centred[:, :several], target) * scale[:several]
    print("without states:", ", ".join(f"{n} {w:.2f}" for n, w in zip(FIGURES, alone, strict=True)))
    made = Reward(
        *(round(float(w), 3) for w in weights[:several]),
        states=tuple(float(f"{w:.4g}") for w in weights[several:]),
    )
    print("with states:", ", ".join(f"{name} {getattr(made, name)}" for name in FIGURES))
    if given.output:
        made.save(given.output)
    write_json(given.json, {"found": found, "reward": asdict(made)})


if __name__ == "__main__":
    main()
