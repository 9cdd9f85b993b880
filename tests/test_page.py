"""The page of a report: whole, valid, escaped, and at ease with whatever is missing."""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import torch

import poetry_vae
from poetry_vae.evaluation.metrics.latent_map import latent_map
from poetry_vae.evaluation.report import page as page_module
from poetry_vae.evaluation.report.columns import (
    LATENT,
    VERSE,
    Column,
    compared_columns,
    density_columns,
    estimate,
    figure,
    in_order,
    named,
    number,
    percent,
    shown,
    usage_columns,
)
from poetry_vae.evaluation.report.page import marked, page
from tests.small import CHARACTERS, small_model

HERE = Path(page_module.__file__).parent
PACKAGE = Path(poetry_vae.__file__).parent
_EMPTY = {"meta", "link", "br", "hr", "img", "use", "path", "rect", "image"}


class Page(HTMLParser):
    """Checks that elements close in order, and keeps what the tests ask about."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.path: list[str] = []
        self.elements: set[str] = set()
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
        classes = "".join(f".{name}" for name in (found.get("class") or "").split())
        attributes = "".join(f'[{name}="{value}"]' for name, value in attrs)
        self.path = [*self.path[: len(self.open)], tag + classes + attributes]
        self.elements.add("\t".join(self.path))
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
    monkeypatch.setattr(page_module, "as_svg", lambda *_, **__: "<svg></svg>")


def test_the_whole_page(whole: str) -> None:
    found = Page(whole)
    wrote = "small <model> wrote with temperature 0.9, 8 passes, trust 0.8."
    assert wrote in found.text
    for told in (
        wrote,
        "small <model>",
        "<poems>",
        "x < y",
        "a & b",
        "五言联",
        "1.000 ± 0.500",
        "−2.0",
    ):
        assert told in found.text
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
        assert figure("a.b", 1)({"a": {"b": 2}}) == "2.0"
        assert percent("a")({"a": 0.125}) == "12.5%"
        assert percent("a.b")({"a": None}) == "–"
        assert percent("a.b", error="a.e")({"a": {"b": 0.5, "e": 0.025}}) == "50.0 ± 2.5%"
        assert estimate("a", 1)({"a": {"mean": 1, "error": float("nan")}}) == "1.0"

    def test_columns_without_a_figure_are_left_out(self) -> None:
        there, gone = (Column(key, figure(key, 0)) for key in "ab")
        found = shown([{"name": "m", "a": 1}, {"name": "n"}], {"x": [there, gone], "y": [gone]})
        assert found == (["m", "n"], [("x", [(there, ["1", "–"])])])
        assert "Not one of these figures" in page({})

    def test_every_label_is_there_once(self) -> None:
        model = report()["models"][0]
        for groups in (VERSE, {**density_columns([model]), **usage_columns([model]), **LATENT}):
            labels = [column.label for columns in groups.values() for column in columns]
            assert len(labels) == len(set(labels))
            assert [column.label for column in named(groups, labels)] == labels
        with pytest.raises(KeyError):
            named(VERSE, ["no such figure"])

    def test_runs_are_told_by_the_labels_of_models(self) -> None:
        model = {**report()["models"][0], "levels": {"line": {"rate": 2.0, "active": 3}}}
        labels = [column.label for column in compared_columns([model])]
        assert {"bound K=10, nats/char", "hole, AUC", "active units: line"} <= set(labels)

    def test_real_poems_and_chance_stand_first(self, whole: str) -> None:
        order = [row["kind"] for row in in_order(report()["verse"])]
        assert order == ["real", "chance", "model"]
        head = whole.split("thead>")[1]
        assert head.index(">real<") < head.index(">chance<") < head.index(">small &lt;")

    def test_bounds_by_samples_and_usage_by_passes(self, whole: str) -> None:
        assert whole.index("bound K=1,") < whole.index("bound K=10,")
        assert whole.index("After 0") < whole.index("After 8")


class TestVerses:
    @pytest.mark.usefixtures("quick")
    def test_a_line_of_verse_a_line(self) -> None:
        made = report()
        made["models"][0] |= {"samples": ["春月，花<。"], "reconstructions": None}
        assert "<span>春月，</span><span>花&lt;。</span>" in "".join(page(made).split("\n"))

    def test_what_differs_is_marked(self, whole: str) -> None:
        assert "<span>春<mark>水</mark>。</span>" in whole
        assert marked("春水，花時。", "春月，花時。") == [
            [("春", False), ("水", True), ("，", False)],
            [("花時。", False)],
        ]

    def test_poems_of_other_lengths_are_not_compared(self) -> None:
        assert marked("春水", "春月花") == [[("春水", False)]]


def _selectors(css: str) -> set[str]:
    """All selectors of a stylesheet, those inside media queries too."""
    rules = re.sub(r"/\*.*?\*/|@media[^{]*\{", "", css, flags=re.DOTALL)
    lists = re.findall(r"([^{};]+)\{", rules)
    return {selector.strip() for some in lists for selector in some.replace("}", "").split(",")}


def _matches(selector: str, element: str) -> bool:
    """Whether the compound selectors fit the last of these start tags and its ancestors, in order.

    ``element`` is a path of tags with classes and attributes such as ``ul.poems li``.
    """
    simple = [re.findall(r"^[\w*]+|\.[\w-]+|\[[^]]+\]", part) for part in selector.split()]
    path = [re.findall(r"^\w+|\.[\w-]+|\[[^]]+\]", part) for part in element.split("\t")]

    def fits(wanted: list[str], there: list[str]) -> bool:
        return set(wanted) - {"*"} <= set(there)

    if not fits(simple[-1], path[-1]):
        return False
    above = iter(path[:-1][::-1])
    return all(any(fits(wanted, there) for there in above) for wanted in simple[-2::-1])


def test_every_selector_of_the_stylesheet_is_of_something(whole: str) -> None:
    elements = Page(whole).elements | Page(page({})).elements
    for selector in _selectors((HERE / "page.css").read_text(encoding="utf-8")) - {":root"}:
        assert any(_matches(selector, element) for element in elements), selector
    assert not any(_matches("th.grouh4", element) for element in elements)
    assert not any(_matches("figure td", element) for element in elements)


def test_every_class_of_the_page_has_a_rule(whole: str) -> None:
    css = (HERE / "page.css").read_text(encoding="utf-8")
    outside = re.sub(r"<svg.*?</svg>", "", whole, flags=re.DOTALL)
    classes = {name for found in re.findall(r'class="([^"]+)"', outside) for name in found.split()}
    assert {name for name in classes if f".{name}" not in css} == set()


def test_what_the_page_is_made_of_comes_with_the_package() -> None:
    tomllib = pytest.importorskip("tomllib")
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    declared = settings["tool"]["setuptools"]["package-data"]["poetry_vae.evaluation.report"]
    beside = [path for path in HERE.iterdir() if path.is_file() and path.suffix != ".py"]
    assert len(beside) == 2
    assert all(any(path.match(pattern) for pattern in declared) for path in beside)
