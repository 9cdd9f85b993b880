"""The pictures of a report, each a matplotlib figure from plain numbers.

``rendering.py`` makes files of them; ``curves.py`` has those of training.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from poetry_vae.evaluation.report.canvas import (
    COLOURS,
    GREY,
    PALE,
    labelled,
    log_scale,
    marker_of,
    new_figure,
    series,
    style_of,
    styles_of,
)
from poetry_vae.evaluation.report.rendering import POINTS, drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PictureRow = Mapping[str, Any]
"""A row of the ``verse`` of a report."""

_NO_LABEL = ("", "—")


def _name(row: PictureRow) -> str:
    return series(str(row.get("name", "–")))


@drawing()
def bound_by_samples(models: Mapping[str, Mapping[int, tuple[float, float]]]) -> Figure:
    """Bounds by the number K of importance samples: {model: {K: (mean, standard error)}}."""
    figure, (ax,) = new_figure(2.9)
    for i, (name, bounds) in enumerate(models.items()):
        samples = sorted(bounds)
        means, errors = zip(*(bounds[k] for k in samples), strict=True)
        style = {"marker": marker_of(i), "markersize": 4, **style_of(i)}
        ax.errorbar(samples, means, errors, label=series(name), capsize=3, **style)
    shown = sorted({k for bounds in models.values() for k in bounds})
    ax.set_xscale("log")
    ax.set_xticks(shown, [f"{k:,}" for k in shown])
    ax.set_xticks([], minor=True)
    return labelled(figure, ax, "importance samples K", "−log p, nats a character")


@drawing()
def rate_by_dimension(models: Mapping[str, Sequence[float]]) -> Figure:
    """The rate of every dimension of the latent, highest first: {model: D values in nats}."""
    figure, (ax,) = new_figure(2.9)
    ordered = {name: sorted(rates, reverse=True) for name, rates in models.items()}
    values = [rate for rates in ordered.values() for rate in rates]
    positive = [rate for rate in values if rate > 0]
    # Where a posterior has collapsed some dimensions say thousands of times less than others.
    is_log = bool(positive) and max(positive) > 50 * min(values)
    floor = max(min(positive), 1e-4 * max(positive)) / 2 if is_log else 0.0
    for i, (name, rates) in enumerate(ordered.items()):
        heights, label = [max(rate, floor) for rate in rates], series(name)
        if len(models) == 1:
            ax.bar(range(1, len(rates) + 1), heights, width=0.8, color=COLOURS[0], label=label)
        else:  # outlines: the bars of several models would hide each other
            edges = [j + 0.5 for j in range(len(rates) + 1)]
            ax.stairs(heights, edges, baseline=floor, label=label, linewidth=1.4, **style_of(i))
    if is_log:
        log_scale(ax)
        ax.set_ylim(bottom=floor)
    ax.grid(axis="x", visible=False)
    return labelled(figure, ax, "dimension of the latent, highest rate first", "rate, nats")


@drawing()
def scatter(
    x: Sequence[float], y: Sequence[float], labels: Sequence[str], *, most: int = 8
) -> Figure:
    """The map of a latent space: points coloured by the ``most`` commonest labels, the rest grey.

    An empty label or — stands for none. The points are one group in their order, so that
    ``as_svg`` can title each.
    """
    from matplotlib.lines import Line2D

    figure, (ax,) = new_figure(3.9)
    counts = Counter("" if label in _NO_LABEL else label for label in labels)
    none = counts.pop("", 0)
    # By count, equal ones by name, so that the order of the poems changes no colour.
    named = sorted(counts, key=lambda label: (-counts[label], label))[: min(most, len(COLOURS))]
    colours = dict(zip(named, COLOURS, strict=False)) | dict.fromkeys(_NO_LABEL, PALE)
    points = ax.scatter(
        x, y, c=[colours.get(label, GREY) for label in labels], s=11, alpha=0.8, linewidths=0
    )
    points.set_gid(POINTS)
    others = sum(counts.values()) - sum(counts[label] for label in named)
    entries = [(label, counts[label], colours[label]) for label in named]
    entries += [("other", others, GREY), ("none", none, PALE)]
    handles = [
        Line2D([], [], linestyle="", marker="o", color=colour, label=f"{label} ({count:,})")
        for label, count, colour in entries
        if count
    ]
    ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        handletextpad=0.2,
        markerscale=0.8,
    )
    ax.set(xlabel="first component", ylabel="second component")
    return figure


@drawing()
def likelihood_histograms(rows: Sequence[PictureRow]) -> Figure:
    """The judge's log-likelihood of poems; the real ones are the grey area."""
    figure, (ax,) = new_figure(3.1)
    for row, style in zip(rows, styles_of(rows), strict=True):
        found = row["log_likelihood"]
        total = sum(found["counts"]) or 1
        shares = [count / total for count in found["counts"]]
        look = {"linewidth": 1.4, **style}
        if row.get("kind") == "real":
            look = {"fill": True, "color": "#D5D5D5"}
        ax.stairs(shares, found["edges"], label=_name(row), **look)
    return labelled(figure, ax, "log-likelihood under the judge, nats a poem", "share of poems")


@drawing()
def tone_agreement(rows: Sequence[PictureRow], *, chars: int) -> Figure:
    """How often a position has the tone its template asks for; upright lines part the verses."""
    figure, (ax,) = new_figure(3.1)
    longest = max((len(row["tone_agreement"]) for row in rows), default=0)
    for row, style in zip(rows, styles_of(rows), strict=True):
        shares = row["tone_agreement"]
        width = 2.4 if row.get("kind") == "real" else 1.3
        places = range(1, len(shares) + 1)
        ax.plot(places, shares, marker="o", ms=2.5, lw=width, label=_name(row), **style)
    for end in range(chars, longest, chars):
        ax.axvline(end + 0.5, color="#999999", linewidth=0.8)
    ax.set_xticks(range(1, longest + 1, 1 if longest <= 20 else chars))
    ax.grid(axis="x", visible=False)
    return labelled(figure, ax, "position in the poem", "share with the right tone")


@drawing()
def metre_bars(rows: Sequence[PictureRow]) -> Figure:
    """Shares of poems that keep metre, rhyme and both."""
    figure, (ax,) = new_figure(3.1)
    names = ("metre", "rhyme", "both")
    width = 0.84 / max(1, len(rows))
    for i, (row, style) in enumerate(zip(rows, styles_of(rows), strict=True)):
        shares = [row["metre"].get(name) or 0.0 for name in names]
        places = [j - 0.42 + (i + 0.5) * width for j in range(len(names))]
        bars = ax.bar(places, shares, 0.94 * width, color=style["color"], label=_name(row))
        if len(rows) <= 6:
            ax.bar_label(bars, [f"{100 * share:.0f}" for share in shares], fontsize=7, padding=1)
    ax.set_xticks(range(len(names)), names)
    ax.set_ylim(0, 1.05)
    ax.grid(axis="x", visible=False)
    return labelled(figure, ax, "", "share of poems")


@drawing()
def traversal(values: Sequence[float], poems: Sequence[Sequence[str]], *, title: str) -> Figure:
    """Poems along one dimension, one row a value; differences from the middle row are red.

    Args:
        values: of the dimension, one a poem.
        poems: each as its lines, all of one form.
    """
    lines, chars = len(poems[0]), len(poems[0][0])
    figure, (ax,) = new_figure(0.3 * (len(poems) + 2))
    figure.set_figwidth(max(3.6, 1.0 + 0.21 * (lines * (chars + 1))))
    ax.set_axis_off()
    ax.set_title(title, loc="left")
    centre = len(poems) // 2
    middle = "".join(poems[centre])
    ax.axhspan(centre - 0.5, centre + 0.5, color="#F0F0F0", linewidth=0)
    for row, (value, poem) in enumerate(zip(values, poems, strict=True)):
        shown = f"{value:+.1f}".replace("-", "−")
        ax.text(-1.5, row, shown, ha="right", va="center", color="#777777", fontsize=8)
        for i, character in enumerate("".join(poem)):
            colour = "#BB2244" if character != middle[i] else "#222222"
            place = i + i // chars  # a gap after every line
            ax.text(place, row, character, ha="center", va="center", color=colour, fontsize=11)
    ax.set(xlim=(-3.5, lines * (chars + 1) - 1), ylim=(len(poems) - 0.5, -0.5))
    return figure
