"""The curves of training runs, from what they logged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from poetry_vae.evaluation.report.canvas import (
    labelled,
    log_scale,
    marker_of,
    new_figure,
    series,
    style_of,
)
from poetry_vae.evaluation.report.columns import at
from poetry_vae.evaluation.report.rendering import PictureError, drawing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HistoryRow = Mapping[str, Any]
"""A row of ``metrics.jsonl``: of a step of training, or of a validation."""


@drawing()
def training_curves(runs: Mapping[str, Sequence[HistoryRow]]) -> Figure:
    """Rate, distortion and the validation bound by step: {run: rows of its ``metrics.jsonl``}.

    Thin lines are batches of training, markers validation; a star is the one that was kept.

    Raises:
        PictureError: no run has a row yet, or a figure in a row is no number.
    """
    if not any(runs.values()):
        raise PictureError("no run has logged a step yet: there is nothing to draw")
    figure, (rate, distortion, bound) = new_figure(6.2, rows=3)
    weight = rate.twinx()
    for i, (name, rows) in enumerate(runs.items()):
        try:
            _draw_run(rate, distortion, weight, rows, i)
            _draw_bound(bound, rows, name, i)
        except PictureError as error:
            raise PictureError(f"{name}: {error}") from error
    if any(value > 0 for rows in runs.values() for value in _curve(rows, "rate")[1]):
        log_scale(rate)
    weight.set_ylim(0, 1.05)
    weight.grid(visible=False)
    weight.set_ylabel("KL weight (grey)", color="#777777")
    weight.spines["right"].set_visible(True)
    rate.set_ylabel("rate, nats a poem")
    distortion.set_ylabel("distortion, nats a poem")
    bound.locator_params(axis="x", nbins=6)
    return labelled(figure, bound, "step", "bound, nats a character")


def _draw_run(
    rate: Axes, distortion: Axes, weight: Axes, rows: Sequence[HistoryRow], i: int
) -> None:
    """Rate, distortion and the weight of the rate at every step that was logged."""
    style, marker = style_of(i), marker_of(i)
    for ax, term in ((rate, "rate"), (distortion, "distortion")):
        ax.plot(*_curve(rows, term), linewidth=0.8, alpha=0.8, **style)
        ax.plot(*_curve(rows, "validation", term), marker, color=style["color"], markersize=3.5)
    weight.plot(*_curve(rows, "kl_weight"), linewidth=0.7, color="#999999", zorder=0)


def _curve(rows: Sequence[HistoryRow], *keys: str) -> tuple[list[float], list[float]]:
    """The steps of the rows that have this figure, and the figures."""
    there = [row for row in rows if keys[0] in row]
    return [_number(row, "step") for row in there], [_number(row, *keys) for row in there]


def _number(row: HistoryRow, *keys: str) -> float:
    value = at(row, ".".join(keys))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PictureError(
            f"the log of the run is damaged: {' '.join(keys)} at step {row.get('step')} is "
            f"{value!r}, not a number"
        )
    return float(value)  # also that of a diverged run: its curve ends there


def _draw_bound(ax: Axes, rows: Sequence[HistoryRow], name: str, i: int) -> None:
    """−ELBO a character at every validation; the one of step 0 only where its weights were kept;
    otherwise they are random."""
    validated = [row for row in rows if "validation" in row]
    kept = [row for row in validated if row.get("best")][-1:]
    shown = [row for row in validated if row["step"] > 0 or row in kept or len(validated) == 1]
    points = _points(shown)
    # The lowest, if the log does not say which was kept.
    best = _points(kept) if kept else sorted(points, key=lambda point: point[1])[:1]
    label = series(f"{name}: best bound {best[0][1]:.3f}" if best else name)
    x, y = zip(*points, strict=True) if points else ((), ())
    ax.plot(x, y, marker=marker_of(i), markersize=3.5, label=label, **style_of(i))
    if best:
        ax.plot(*best[0], marker="*", markersize=11, color=style_of(i)["color"])


def _points(rows: Sequence[HistoryRow]) -> list[tuple[float, float]]:
    """Steps and bounds of validations."""
    steps, elbos = _curve(rows, "validation", "elbo")
    _, positions = _curve(rows, "validation", "positions")
    # Runs of earlier versions did not log the bound by which weights were kept, if it is another.
    kept_by = [row["validation"].get("bound") for row in rows]
    found = zip(steps, elbos, positions, kept_by, strict=True)
    return [(s, -e / T if b is None else b) for s, e, T, b in found if T > 0]
