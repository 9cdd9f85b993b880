"""Pictures as files: SVG whose text the browser draws, and PNG.

matplotlib is loaded here and in ``pictures.py``, inside the functions that need it, and only its
object interface is used: nothing opens a window and no global figure is kept.
"""

from __future__ import annotations

import io
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from poetry_vae.text.errors import PoetryVAEError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.text import Text

FORMATS = (".svg", ".png")
POINTS = "points"
"""The group id of the points that :func:`as_svg` gives titles to."""

_SVG, _XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
_MEASURED = "DejaVu Sans"  # comes with matplotlib: layout is the same on every machine
_DRAWN = [  # fonts for a browser that draws an SVG's text: the first that it has
    _MEASURED, "Verdana", "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC",
    "PingFang SC", "Microsoft YaHei", "WenQuanYi Micro Hei", "Noto Sans CJK TC",
]  # fmt: skip
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": _DRAWN,
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "figure.constrained_layout.h_pad": 0.07,
    "figure.constrained_layout.w_pad": 0.07,
    "grid.color": "#e4e4e4",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "text.parse_math": False,  # a $ in a name is a $
}


class PictureError(PoetryVAEError):
    """A picture that cannot be drawn: matplotlib, a font, or something to show is missing."""


@contextmanager
def drawing() -> Iterator[None]:
    """matplotlib in this project's style, whatever the user's own settings; also a decorator.

    Raises:
        PictureError: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise PictureError("pictures need matplotlib: pip install 'poetry-vae[plots]'") from error
    with matplotlib.rc_context(), warnings.catch_warnings():
        # matplotlib's own font has no Chinese; in an SVG it is the browser that draws the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def as_svg(figure: Figure, titles: Sequence[str] | None = None, *, name: str = "picture") -> str:
    """A figure as one ``<svg>`` element, the same text for the same figure.

    Args:
        titles: what shows when the pointer rests on a point, for the points of the group
            :data:`POINTS` in order.
        name: of the picture; the ids of two pictures in one page differ if their names do.

    Raises:
        PictureError: matplotlib is not installed.
        ValueError: there are not as many titles as points.
    """
    buffer = io.StringIO()
    with drawing():
        import matplotlib

        matplotlib.rcParams["svg.hashsalt"] = name
        _lay_out(figure)
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA)
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", _XLINK)
    root = ElementTree.fromstring(buffer.getvalue())
    if titles is not None:
        _add_titles(root, titles)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', buffer.getvalue()))
    for element in root.iter():
        if element.get("id") not in used:  # two pictures in a page would share it
            element.attrib.pop("id", None)
    return ElementTree.tostring(root, encoding="unicode")


def as_png(figure: Figure, *, dpi: int = 160) -> bytes:
    """A figure as PNG.

    Raises:
        PictureError: matplotlib is not installed, or no font has the Chinese characters shown.
    """
    buffer = io.BytesIO()
    with drawing():
        chinese = [text for text in _texts(figure) if _is_wide(text.get_text())]
        if chinese:
            needed = {c for text in chinese for c in text.get_text() if _is_wide(c)}
            family = _family_with(needed)
            for text in chinese:
                text.set_fontfamily([_MEASURED, family])
        figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def _texts(figure: Figure) -> list[Text]:
    from matplotlib.text import Text

    return [text for text in figure.findobj(Text) if isinstance(text, Text)]


def _is_wide(text: str) -> bool:
    return any(unicodedata.east_asian_width(c) in "WF" for c in text)


def _lay_out(figure: Figure) -> None:
    """Fix the layout with room for Chinese characters in their full width. The font that matplotlib
    measures with lacks them and leaves too little room; its dash is as wide as one.
    """
    shown = {text: _printable(text.get_text()) for text in _texts(figure)}
    changed = {text: s for text, s in shown.items() if _is_wide(s) or s != text.get_text()}
    for text, s in changed.items():
        text.set_text("".join("—" if _is_wide(c) else c for c in s))
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for text, s in changed.items():
        text.set_text(s)


def _printable(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _add_titles(root: ElementTree.Element, titles: Sequence[str]) -> None:
    groups = [group for group in root.iter(f"{{{_SVG}}}g") if group.get("id") == POINTS]
    points = [point for group in groups for point in _drawn_in(group)]
    if len(points) != len(titles):
        raise ValueError(f"{len(titles)} titles for {len(points)} points")
    for point, title in zip(points, titles, strict=True):
        ElementTree.SubElement(point, f"{{{_SVG}}}title").text = _printable(title)


def _drawn_in(group: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The points of a group in order: uses of one shape, or shapes where they are few."""
    for child in group:
        if child.tag == f"{{{_SVG}}}g":
            yield from _drawn_in(child)
        elif child.tag in (f"{{{_SVG}}}use", f"{{{_SVG}}}path"):
            yield child


# Fonts by how well they suit: an installed one of these first, any other after them.
_KNOWN = ("NotoSansCJK", "NotoSansSC", "SourceHanSans", "PingFang", "msyh", "wqy", "Droid", "Han")


def _family_with(characters: set[str]) -> str:
    """The family of an installed font that has all these characters.

    Raises:
        PictureError: none has.
    """
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    def rank(path: str) -> tuple[int, bool, str]:
        name = Path(path).name
        known = [i for i, part in enumerate(_KNOWN) if name.startswith(part)]
        return min(known, default=len(_KNOWN)), "Regular" not in name, path

    for path in sorted(font_manager.findSystemFonts(), key=rank):
        try:
            font = FT2Font(path)
            if {*map(ord, characters)} <= set(font.get_charmap()):
                font_manager.fontManager.addfont(path)
                return font.family_name
        except (OSError, RuntimeError):  # a file that is no font, or a damaged one
            continue
    shown = "".join(sorted(characters)[:10])
    raise PictureError(
        f"no installed font has all the Chinese characters of this picture ({shown}…): write an "
        ".svg instead, whose text the browser draws, or install a font such as Noto Sans CJK"
    )
