"""Pictures: valid, the same for the same numbers, and their text left to the browser."""

import sys
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from poetry_vae.evaluation.metrics.errors import MetricError
from poetry_vae.evaluation.metrics.latent_map import latent_map
from poetry_vae.evaluation.report import pictures
from poetry_vae.evaluation.report.curves import training_curves
from poetry_vae.evaluation.report.rendering import PictureError, as_png, as_svg
from poetry_vae.text.form import Form
from poetry_vae.text.labels import NO_METRE, template_names
from poetry_vae.text.metre import MetreError

SVG = "{http://www.w3.org/2000/svg}"
LOG: list[dict[str, Any]] = [
    {"step": 0, "validation": {"elbo": -30.0, "rate": 5.0, "distortion": 25.0, "positions": 10}},
    {"step": 20, "rate": 4.0, "distortion": 20.0, "kl_weight": 0.5},
    {"step": 40, "rate": 3.0, "distortion": 18.0, "kl_weight": 1.0},
    {"step": 40, "validation": {"elbo": -20.0, "rate": 3.0, "distortion": 17.0, "positions": 10}},
    {"step": 60, "validation": {"elbo": -21.0, "rate": 3.0, "distortion": 18.0, "positions": 10}},
]
VERSE: list[dict[str, Any]] = [
    {
        "name": name,
        "kind": kind,
        "log_likelihood": {"edges": [-3.0, -2.0, -1.0], "counts": [1, 3]},
        "tone_agreement": [0.5] * 10,
        "metre": {"metre": 0.5, "rhyme": None, "both": 0.25},
    }
    for name, kind in (("real poems", "real"), ("chance", "chance"), ("<m> & co", "model"))
]
DRAWN: dict[str, Callable[[], Figure]] = {
    "bound": lambda: pictures.bound_by_samples({"a": {1: (3.0, 0.1), 10: (2.0, 0.1)}}),
    "rate": lambda: pictures.rate_by_dimension({"a": [1.0, 0.5], "$b$": [0.0, 1e-3, 2.0]}),
    "one rate": lambda: pictures.rate_by_dimension({"a": [0.0, 0.0]}),
    "training": lambda: training_curves({"a": LOG, "b": LOG[:1], "c": []}),
    "map": lambda: pictures.scatter([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], ["唐", "宋", ""]),
    "likelihood": lambda: pictures.likelihood_histograms(VERSE),
    "tones": lambda: pictures.tone_agreement(VERSE, chars=5),
    "metre": lambda: pictures.metre_bars(VERSE),
    "traversal": lambda: pictures.traversal([-3, 0, 3], [["春月"], ["春水"], ["天水"]], title="1"),
}


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_valid_and_the_same_every_time(name: str) -> None:
    figure = DRAWN[name]()
    svg = as_svg(figure, name=name)
    assert ElementTree.fromstring(svg).tag == f"{SVG}svg"
    assert texts(svg)
    assert svg == as_svg(figure, name=name) == as_svg(DRAWN[name](), name=name)
    assert "matplotlib" not in svg.lower()


def test_text_stays_text_with_fonts_that_have_chinese() -> None:
    svg = as_svg(DRAWN["map"]())
    assert {"唐 (1)", "宋 (1)", "none (1)"} <= set(texts(svg))
    assert "Noto Sans CJK SC" in svg


def test_names_are_escaped_and_are_no_formulas() -> None:
    assert "<m> & co" in texts(as_svg(DRAWN["metre"]()))
    assert "$b$" in texts(as_svg(DRAWN["rate"]()))


def test_what_xml_cannot_hold_is_replaced() -> None:
    svg = as_svg(pictures.rate_by_dimension({"a\x01\udcff": [1.0]}))
    assert "a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}" in texts(svg)


def test_pictures_of_one_page_share_no_ids() -> None:
    def ids(name: str) -> set[str]:
        root = ElementTree.fromstring(as_svg(DRAWN["map"](), name=name))
        return {element.attrib["id"] for element in root.iter() if "id" in element.attrib}

    assert ids("one")
    assert not ids("one") & ids("two")


def test_every_name_used_inside_a_picture_is_defined() -> None:
    root = ElementTree.fromstring(as_svg(DRAWN["map"]()))
    ids = {element.get("id") for element in root.iter()}
    uses = [e.attrib["{http://www.w3.org/1999/xlink}href"] for e in root.iter(f"{SVG}use")]
    assert uses
    assert {use.removeprefix("#") for use in uses} <= ids


class TestTitles:
    @pytest.mark.parametrize("n", [1, 2, 3, 200])
    def test_every_point_has_its_own_in_order(self, n: int) -> None:
        x = [float(i) for i in range(n)]
        labels = [("唐", "宋", "<i>")[i % 3] for i in range(n)]
        titles = [f"<poem {i}> & more" for i in range(n)]
        root = ElementTree.fromstring(as_svg(pictures.scatter(x, x, labels), titles))
        points = [e for e in root.iter() if e.find(f"{SVG}title") is not None]
        assert [point.findtext(f"{SVG}title") for point in points] == titles
        if n > 1:  # points are drawn from left to right here
            places = [float(point.attrib["x"]) for point in points]
            assert places == sorted(places)

    def test_their_number_is_checked(self) -> None:
        with pytest.raises(ValueError, match="2 titles for 3 points"):
            as_svg(DRAWN["map"](), ["a", "b"])


def test_the_map_names_the_commonest_labels() -> None:
    labels = [label for i in range(10) for label in [f"l{i}"] * (i + 1)]
    figure = pictures.scatter([0.0] * len(labels), [0.0] * len(labels), labels)
    (legend,) = [ax.get_legend() for ax in figure.axes]
    assert legend is not None
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == [*(f"l{i} ({i + 1})" for i in range(9, 1, -1)), "other (3)"]


def test_the_best_bound_leaves_out_random_weights() -> None:
    assert "a: best bound 2.000" in texts(as_svg(training_curves({"a": LOG})))
    assert "a: best bound 3.000" in texts(as_svg(training_curves({"a": LOG[:1]})))


@pytest.mark.parametrize(
    "row",
    [
        {"step": 5, "rate": "high"},
        {"step": 5, "rate": None},
        {"step": True, "rate": 1.0},
        {"step": 5, "validation": 7},
        {"step": 5, "validation": {"rate": 1.0}},
    ],
)
def test_a_damaged_log_is_named(row: dict[str, Any]) -> None:
    with pytest.raises(PictureError, match=r"^b: the log .* damaged: .* is .*, not a number"):
        training_curves({"a": LOG, "b": [*LOG, row]})


def test_a_run_whose_name_begins_with_a_line_below_is_in_the_legend() -> None:
    """matplotlib takes such labels for hidden ones."""
    found = texts(as_svg(training_curves({"_a": LOG})))
    assert any("_a: best bound 2.000" in text for text in found)


def test_a_diverged_run_can_be_drawn() -> None:
    row = {"step": 80, "rate": float("nan"), "distortion": float("inf"), "kl_weight": 1.0}
    assert texts(as_svg(training_curves({"a": [*LOG, row]})))
    with pytest.raises(PictureError, match="nothing to draw"):
        training_curves({"a": []})


class TestPNG:
    def test_without_chinese_no_font_is_needed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [])
        png = as_png(DRAWN["bound"]())
        assert png.startswith(b"\x89PNG")
        assert png == as_png(DRAWN["bound"]())

    def test_chinese_without_a_font_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda: ["/no/such/font.ttf"])
        with pytest.raises(PictureError, match=r"唐宋.*write an .svg instead"):
            as_png(DRAWN["map"]())


def test_without_matplotlib_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(PictureError, match=r"pip install 'poetry-vae\[plots\]'"):
        pictures.metre_bars(VERSE)


class TestLatentMap:
    def test_the_widest_directions_come_first(self) -> None:
        rng = np.random.default_rng(0)
        means = rng.normal(size=(500, 4)) * [0.1, 5.0, 0.1, 2.0] + 7
        x, y = latent_map(means)
        assert np.corrcoef(x, means[:, 1])[0, 1] > 0.99
        assert np.corrcoef(y, means[:, 3])[0, 1] > 0.99
        assert abs(x.mean()) < 1e-9
        assert abs(np.corrcoef(x, y)[0, 1]) < 1e-9

    def test_signs_do_not_depend_on_the_order(self) -> None:
        means = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
        forwards, backwards = np.stack(latent_map(means)), np.stack(latent_map(means[::-1]))
        np.testing.assert_allclose(forwards, backwards[:, ::-1], atol=1e-9)

    def test_one_dimension(self) -> None:
        x, y = latent_map(np.array([[1.0], [3.0]]))
        assert x.tolist() == [-1.0, 1.0]
        assert y.tolist() == [0.0, 0.0]

    def test_what_cannot_be_mapped(self) -> None:
        with pytest.raises(MetricError, match="at least 2"):
            latent_map(np.ones((1, 3)))
        with pytest.raises(MetricError, match="finite"):
            latent_map(np.array([[1.0], [np.nan]]))


def test_template_names() -> None:
    kept, broken = "白日依山盡黃河入海流", "山山山山山山山山山山"
    assert template_names([kept, broken], Form.of(2, 5)) == ["仄起首句不入韵", NO_METRE]
    with pytest.raises(MetreError):
        template_names(["月"], Form.of(1, 1))
