"""The page of a report: whole, valid, escaped, and at ease with whatever is missing."""

import sys
from html.parser import HTMLParser
from typing import Any

import pytest
import torch

from poetry_vae.evaluation.metrics.latent_map import latent_map
from poetry_vae.evaluation.report import page_pictures
from poetry_vae.evaluation.report.html_table import (
    Line,
    estimate,
    figure,
    number,
    percent,
    table,
)
from poetry_vae.evaluation.report.page import page
from poetry_vae.evaluation.report.page_tables import (
    density_table,
    in_order,
    usage_table,
    verse_table,
)
from poetry_vae.evaluation.report.page_verses import marked_html, poem_html
from tests.small import CHARACTERS, small_model

_EMPTY = {"meta", "link", "br", "hr", "img", "use", "path", "rect", "image"}


class Page(HTMLParser):
    """Checks that elements close in order, and keeps what the tests ask about."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.titles: list[str] = []
        self.text = ""
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids += [str(found["id"])] if "id" in found else []
        self.links += [str(v) for k, v in attrs if k in ("href", "src", "xlink:href")]
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in _EMPTY:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "title":
            self.titles.append(data)
        self.text += data


def report() -> dict[str, Any]:
    """A report in which everything is there: of a random model, with figures of no meaning."""
    model = small_model()
    ids = torch.arange(2, 2 + 2 * model.form.positions).reshape(2, -1) % len(CHARACTERS)
    poems = [poem.one_line for poem in model.poems_of(ids)]
    x, y = latent_map(model.encode(ids).mean.detach().numpy())
    value = {"mean": 1.0, "error": 0.5}
    measured = {
        "name": "small <model>",
        "manner": {"temperature": 0.9, "passes": 8, "trust": 0.8},
        "parameters": 1234,
        "card": {"corpus": "a & b", "preset": "small", "nested": {"left": "out"}},
        "density": {
            "poems": 2,
            "bounds": {"1": value, "10": {"mean": 0.5, "error": 0.25}},
            "still_falls": True,
            "rate": value,
            "distortion": value,
            "rate_by_dimension": [0.5, 0.25, 0.125, 0.0],
            "active_units": 3,
            "latent": 4,
            "reconstruction": 0.5,
            "whole_poems": 0.0,
            "unknown": 0.0,
        },
        "latent": {
            "information": {"mutual_information": None, "limit": 7.5},
            "hole": value,
            "total_correlation": value,
            "gaussian_total_correlation": 0.125,
            "disentanglement": 0.5,
        },
        "usage": [
            {"passes": passes, "reconstruction": 0.5, "reconstruction_shuffled": 0.25}
            for passes in (8, 0)
        ],
        "map": {
            "method": "principal components",
            "x": x.tolist(),
            "y": y.tolist(),
            "poems": poems,
            "labels": {"dynasty": ["唐", "<b>"], "metre": ["—", "—"]},
        },
        "training": [{"step": 20, "rate": 1.0, "distortion": 2.0, "kl_weight": 1.0}],
        "reconstructions": {
            "best": [{"poem": "春月，", "read": "春月，", "right": 1.0}],
            "worst": [{"poem": "春月。", "read": "春水。", "right": 0.5}],
        },
        "samples": poems,
    }
    verse = [
        {
            "name": name,
            "kind": kind,
            "poems": 2000,
            "two_sample": {"r": 8.0, "error": 0.5, "lower": 8.0, "lower_error": 0.5},
            "metre": {"metre": 0.5, "rhyme": 0.5, "both": 0.25, "strict_readings": 0.125},
            "diversity": {"distinct_2": 0.5, "unique_poems": 1.0, "self_bleu_2": 0.5, "repeats": 0},
            "novelty": {"known_lines": 0, "known_poems": 0, "longest_copy": 3},
            "words": {"corpus": 0.5, "dictionary": 0.25, "words": 0.5},
            "log_likelihood": {"mean": -2.0, "edges": [-3.0, -2.0, -1.0], "counts": [1, 1]},
            "tone_agreement": [0.5] * 10,
        }
        for name, kind in (("small <model>", "model"), ("chance", "chance"), ("real", "real"))
    ]
    return {
        "version": 1,
        "form": "couplet5",
        "form_name": "五言联",
        "corpus": "<poems>",
        "part": "test",
        "seed": 7,
        "quick": True,
        "effort": {"importance_samples": [1, 10]},
        "models": [measured],
        "verse": verse,
        "missing": [{"figure": "x < y", "why": "a & b"}],
    }


@pytest.fixture(scope="module")
def whole() -> str:
    return page(report())


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made of the data, but not laid out and written, which takes the time."""
    monkeypatch.setattr(page_pictures, "as_svg", lambda *_, **__: "<svg></svg>")


def test_the_whole_page(whole: str) -> None:
    found = Page(whole)
    wrote = "small <model> wrote with temperature 0.9, 8 passes, trust 0.8."
    assert wrote in found.text
    for shown in (
        wrote,
        "small <model>",
        "<poems>",
        "x < y",
        "a & b",
        "五言联",
        "1.000 ± 0.500",
        "−2.0",
    ):
        assert shown in found.text
    assert "<model>" not in whole
    assert "<poems>" not in whole
    assert whole.count("<svg") == whole.count("<figure>") == 8
    assert "left" not in found.text.split("preset")[1].split("Sources")[0]
    assert whole == page(report())


def test_it_needs_nothing_but_itself(whole: str) -> None:
    found = Page(whole)
    assert all(link.startswith("#") for link in found.links)
    assert {link[1:] for link in found.links} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    for outside in ("<script", "@import", "url(http", "src="):
        assert outside not in whole


def test_points_of_the_map_show_their_poems(whole: str) -> None:
    titles = [title for title in Page(whole).titles if "，" in title]
    assert titles == 2 * report()["models"][0]["map"]["poems"]


@pytest.mark.usefixtures("quick")
def test_the_script_of_the_verse_is_told() -> None:
    assert 'lang="zh-Hans"' in page(report())
    assert 'lang="zh-Hant"' in page({**report(), "script": "traditional"})


@pytest.mark.usefixtures("quick")
def test_parts_of_the_report_may_be_absent() -> None:
    Page(page({}))
    for name in report():
        Page(page({**report(), name: None}))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("kind", ["models", "verse"])
def test_figures_may_be_absent(kind: str) -> None:
    Page(page({**report(), kind: [{}]}))
    for name, value in report()[kind][0].items():
        made = report()
        made[kind][0][name] = {} if isinstance(value, dict) else None
        Page(page(made))


def test_a_damaged_log_leaves_the_rest() -> None:
    made = report()
    made["models"][0]["training"] = [{"step": 1, "rate": "high"}]
    found = Page(page(made))
    assert "the log of the run is damaged: rate at step 1 is 'high'" in found.text
    assert "1.000 ± 0.500" in found.text


def test_without_matplotlib_the_page_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    source = page(report())
    assert "poetry-vae[plots]" in Page(source).text
    assert "<svg" not in source


class TestTables:
    def test_figures(self) -> None:
        assert number(1234.5, 1) == "1,234.5"
        assert number(-0.5, 2) == "−0.50"
        assert [number(v, 1) for v in (None, float("nan"), "x", True)] == ["–"] * 4
        assert figure("a", "b", digits=1)({"a": {"b": 2}}) == "2.0"
        assert percent("a")({"a": 0.125}) == "12.5%"
        assert percent("a", "b")({"a": None}) == "–"
        assert estimate(digits=1)({"mean": 1, "error": float("nan")}) == "1.0"

    def test_rows_without_a_figure_are_left_out(self) -> None:
        lines = [Line("there", "", figure("a", digits=0)), Line("gone", "", figure("b", digits=0))]
        made = table([{"name": "m", "a": 1}, {"name": "n"}], [("group", lines)])
        assert "there" in made
        assert "gone" not in made
        assert "group" in made
        assert "–" in made
        assert "Not one of these figures" in table([{"name": "m"}], [("group", lines)])

    def test_real_poems_and_chance_stand_first(self) -> None:
        order = [row["kind"] for row in in_order(report()["verse"])]
        assert order == ["real", "chance", "model"]
        head = verse_table(report()["verse"]).split("</thead>")[0]
        assert head.index("real") < head.index("chance") < head.index("small")

    def test_bounds_by_falling_tightness_and_passes_by_number(self) -> None:
        made = density_table(report()["models"])
        assert made.index("K = 1<") < made.index("K = 10<")
        made = usage_table(report()["models"])
        assert made.index("After 0") < made.index("After 8")
        assert "50.0%" in made


class TestVerses:
    def test_a_line_of_verse_a_line(self) -> None:
        assert poem_html("春月，花<。") == "<span>春月，</span><span>花&lt;。</span>"

    def test_what_differs_is_marked(self) -> None:
        assert marked_html("春水，花時。", "春月，花時。") == (
            "<span>春<mark>水</mark>，</span><span>花時。</span>"
        )
        assert marked_html("<>", "春月") == "<span><mark>&lt;&gt;</mark></span>"

    def test_poems_of_other_lengths_are_not_compared(self) -> None:
        assert "mark" not in marked_html("春水", "春月花")
