"""What all pictures share: their size, colours, lines, legends and scales.

Series differ in line or marker as well as in colour, and colour-blind readers tell the colours
apart (Tol 2021, "Colour Schemes", the scheme called muted, its lightest colours last).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    "#332288", "#CC6677", "#117733", "#882255", "#44AA99", "#AA4499", "#999933", "#88CCEE",
)  # fmt: skip
GREY, PALE = "#BBBBBB", "#E2E2E2"
_REAL, _CHANCE = "#444444", ("#888888", "#BBBBBB")
_DASHES = ("-", "--", "-.", ":")
_MARKERS = "os^Dv<>p"

_WIDTH = 5.4  # inches


def new_figure(height: float, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure so many inches high, with panels below each other that share their x axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, list(figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0])


def style_of(i: int) -> dict[str, Any]:
    """Colour and line of the i-th series."""
    return {"color": COLOURS[i % len(COLOURS)], "linestyle": _DASHES[i % len(_DASHES)]}


def marker_of(i: int) -> str:
    """The marker of the i-th series."""
    return _MARKERS[i % len(_MARKERS)]


def styles_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Colour and line of rows of verse: greys for real poems and chance, which the rest is read
    against, and colours for the rest."""
    chance, others = count(), count()

    def style(kind: str | None) -> dict[str, Any]:
        if kind == "real":
            return {"color": _REAL, "linestyle": "-"}
        if kind == "chance":
            i = next(chance) % 2
            return {"color": _CHANCE[i], "linestyle": _DASHES[1 + 2 * i]}
        return style_of(next(others))

    return [style(row.get("kind")) for row in rows]


def series(name: str) -> str:
    """The label of a series: matplotlib leaves those that begin with _ out of legends, so a sign
    that cannot be seen comes before it."""
    return f"\N{WORD JOINER}{name}" if name.startswith("_") else name


def labelled(figure: Figure, ax: Axes, x: str, y: str) -> Figure:
    """The figure with the names of its axes, and those of the series under it."""
    ax.set(xlabel=x, ylabel=y)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", ncols=2, columnspacing=3)
    return figure


def log_scale(ax: Axes) -> None:
    """A logarithmic y axis with plain numbers at 1, 2 and 5 of every power of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
