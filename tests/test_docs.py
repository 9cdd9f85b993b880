"""What the documents show of the code stands there, and what they link to exists."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
VAE = (ROOT / "docs" / "vae.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", VAE, re.DOTALL | re.MULTILINE)
PROSE = re.sub(r"^```.*?^```$", "", VAE, flags=re.DOTALL | re.MULTILINE)
FORMULAS = re.findall(r"\$\$(.*?)\$\$|\$(.+?)\$", PROSE, re.DOTALL)


def _runs(lines: list[str]) -> list[list[str]]:
    """Lines between lines that are ``...``, each run dedented by itself."""
    runs: list[list[str]] = [[]]
    for line in lines:
        if line.strip() == "...":
            runs.append([])
        else:
            runs[-1].append(line)
    return [dedent("\n".join(run)).splitlines() for run in runs]


def _fault(block: str, root: Path) -> str | None:
    """What is wrong with a block of ``# path`` and lines of that file; None where nothing is."""
    head, *lines = block.splitlines()
    name = head.removeprefix("# ")
    if head == name or not (root / name).is_file():
        return f"{head!r} names no file"
    source = (root / name).read_text(encoding="utf-8").splitlines()
    start = 0
    for run in _runs(lines):
        if not run:
            return f"{name}: nothing is quoted"
        n = len(run)
        places = range(start, len(source) - n + 1)
        found = (i for i in places if dedent("\n".join(source[i : i + n])).splitlines() == run)
        if (place := next(found, None)) is None:
            return f"{name} has no {run[0]!r} with what follows it here"
        start = place + n
    return None


def _links(text: str) -> Iterator[str]:
    """Where links lead that are not to other sites; code in backticks is no link."""
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"(?s)```.*?```", "", text)):
        if not re.match(r"[a-z]+:", target):
            yield target


def _anchors(text: str) -> set[str]:
    """Names that GitHub gives to headings: lower case, without punctuation, joined by hyphens."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"(?s)```.*?```", "", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def _lost(document: Path) -> list[str]:
    """Links of a document that lead nowhere."""
    lost = []
    for target in _links(document.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        there = document.parent / path if path else document
        if not there.exists() or (
            anchor and anchor not in _anchors(there.read_text(encoding="utf-8"))
        ):
            lost.append(target)
    return lost


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_quoted_code_stands_in_its_file(block: str) -> None:
    assert _fault(block, ROOT) is None


def test_every_formula_section_quotes_code() -> None:
    sections = re.split(r"^## ", VAE, flags=re.MULTILINE)[1:]
    assert len(sections) == 16
    assert all("```python\n# poetry_vae/" in section for section in sections[:-1])
    assert VAE.count("```") == 2 * len(BLOCKS)  # no fence of another kind escapes the check


@pytest.mark.parametrize(
    ("block", "fault"),
    [
        ("# part.py\na = 1\nb = 2\n", None),
        ("# part.py\nif b:\n    c = 3\n...\nd = 4\n", None),
        ("# part.py\n    c = 3\n", None),  # indentation of the whole is free
        ("# part.py\na = 1\nb = 3\n", "has no"),
        ("# part.py\na = 1\nif b:\n", "has no"),  # a line left out without ...
        ("# part.py\nif b:\nc = 3\n", "has no"),  # indentation within is not
        ("# part.py\nd = 4\n...\na = 1\n", "has no"),  # another order
        ("# part.py\n...\n", "nothing"),
        ("# other.py\na = 1\n", "no file"),
        ("a = 1\n", "no file"),
    ],
)
def test_a_wrong_quotation_is_found(block: str, fault: str | None, tmp_path: Path) -> None:
    source = "def f():\n    a = 1\n    b = 2\n    if b:\n        c = 3\n    d = 4\n"
    (tmp_path / "part.py").write_text(source, encoding="utf-8")
    found = _fault(block, tmp_path)
    assert (found is None) if fault is None else (found is not None and fault in found)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    assert _lost(document) == []


def test_a_lost_link_is_found(tmp_path: Path) -> None:
    there = "## 1. A (b), c\n[d](#1-a-b-c) [e](there.md#a) [f](not.md) [g](https://not.org)\n"
    (tmp_path / "there.md").write_text(there, encoding="utf-8")
    assert _lost(tmp_path / "there.md") == ["there.md#a", "not.md"]


def _long(text: str) -> list[str]:
    """Lines of 110 characters or more, without code, formulas, tables and quoted verse."""
    prose = re.sub(r"(?ms)^```.*?^```$|^\$\$.*?^\$\$$|^ {4}.*?$", "", text)
    return [line for line in prose.splitlines() if len(line) >= 110 and line[:1] not in "|>"]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_lines_are_short(document: Path) -> None:
    assert _long(document.read_text(encoding="utf-8")) == []


def test_a_long_line_is_found() -> None:
    long = "a " * 60
    assert _long(f"{long}\n```\n{long}\n```\n| {long} |\n> {long}\n    {long}\n") == [long]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_named_in_documents_exist(document: Path) -> None:
    """Those in backticks, from the root or, within the package, from its rooms."""
    names = re.findall(r"`((?:\w+/)+\w+\.py)`", document.read_text(encoding="utf-8"))
    assert [n for n in names if not any((ROOT / p / n).exists() for p in ("", "poetry_vae"))] == []


def test_formulas_hold_nothing_that_markdown_takes_for_its_own() -> None:
    """A backslash before punctuation is eaten, ``_`` after punctuation may open emphasis, a sign
    and a space begin a list, and formulas within a line end in it."""
    assert len(FORMULAS) > 100
    for block, inline in FORMULAS:
        formula = block or inline
        assert not re.search(r"\\[^A-Za-z]|(?<![A-Za-z0-9])_|[*<>`#~]|^[-+] ", formula, re.M), (
            formula
        )
        assert formula.count("{") == formula.count("}"), formula
        assert formula.count(r"\left") == formula.count(r"\right"), formula
        assert "\n" not in inline, formula
        assert inline == inline.strip()
