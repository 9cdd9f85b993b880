"""Who may import whom: the rooms of the house, read from the source."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import poetry_vae

PACKAGE = Path(poetry_vae.__file__).parent
MAY_IMPORT: dict[str, set[str]] = {
    "text": set(),
    "model": {"text"},
    "training": {"text", "model"},
    "verse": {"text", "model"},
    "evaluation": {"text", "model", "verse", "training.bounds", "training.diagnostics"},
    "web": {"text", "model", "verse"},
    "cli": {"text", "model", "training", "verse", "evaluation", "web"},
}


IN_EVALUATION: dict[str, set[str]] = {
    "metrics": set(),
    "judges": {"metrics"},
    "report": {"metrics", "judges", "material"},
}


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def _sources(room: str) -> list[Path]:
    return sorted((PACKAGE / room).rglob("*.py"))


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    assert _sources(room)
    for path in _sources(room):
        for name in _imports(path):
            parts = name.split(".")
            if parts[0] != "poetry_vae" or len(parts) < 2 or parts[1] not in MAY_IMPORT:
                continue
            allowed = MAY_IMPORT[room] | {room}
            is_allowed = parts[1] in allowed or ".".join(parts[1:3]) in allowed
            only_a_room = len(parts) == 2 and any(a.startswith(parts[1]) for a in allowed)
            assert is_allowed or only_a_room, f"{path.relative_to(PACKAGE)} imports {name}"


@pytest.mark.parametrize("room", ["model", "training"])
def test_no_file_of_a_room_needs_one_that_needs_it(room: str) -> None:
    """Imports within functions count too; those for the types alone do not."""
    needs: dict[str, set[str]] = {}
    for path in _sources(room):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = [node for node in tree.body if "TYPE_CHECKING" not in ast.unparse(node)[:20]]
        every = [node for part in nodes for node in ast.walk(part)]
        names = {node.module or "" for node in every if isinstance(node, ast.ImportFrom)}
        needs[f"poetry_vae.{room}.{path.stem}"] = names
    order = list(TopologicalSorter(needs).static_order())  # or a CycleError, which names the circle
    assert set(needs) <= set(order)


@pytest.mark.parametrize("room", IN_EVALUATION)
def test_figures_are_taken_below_judges_and_judges_below_reports(room: str) -> None:
    for path in _sources(f"evaluation/{room}"):
        names = [name.split(".") for name in _imports(path)]
        used = {parts[2] for parts in names if parts[:2] == ["poetry_vae", "evaluation"]}
        assert used <= IN_EVALUATION[room] | {room}, path
        knows_models = ["poetry_vae", "model", "vae"] in [parts[:3] for parts in names]
        assert not knows_models or room == "report", path


@pytest.mark.parametrize("room", [room for room in MAY_IMPORT if room != "cli"])
def test_the_library_neither_prints_nor_knows_click(room: str) -> None:
    for path in _sources(room):
        assert not any(name.split(".")[0] in ("click", "rich") for name in _imports(path)), path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_print = isinstance(node, ast.Name) and node.id == "print"
            assert not is_print, f"{path}:{getattr(node, 'lineno', 0)} prints"


def test_the_page_is_nobody_elses() -> None:
    """What it stands on is an extra, so only its own command loads it."""
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name == "web" or path == PACKAGE / "cli" / "serve.py":
            continue
        assert not any(name.startswith("poetry_vae.web") for name in _imports(path)), path


def test_the_text_room_needs_no_torch() -> None:
    for path in _sources("text"):
        assert not any(name.split(".")[0] == "torch" for name in _imports(path)), path


def test_files_hold_one_idea() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert path.name not in ("utils.py", "base.py", "helpers.py", "misc.py", "common.py")
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 350, path


_HEAVY = (
    "torch",
    "jieba",
    "opencc",
    "numpy",
    "rich",
    "sklearn",
    "matplotlib",
    "starlette",
    "huggingface_hub",
)


@pytest.mark.parametrize(
    "statement",
    [
        "import poetry_vae",
        "from poetry_vae.cli import main; main(['--help'], standalone_mode=False)",
        "from poetry_vae.cli import main; main(['--version'], standalone_mode=False)",
        "from poetry_vae.cli import main; main(['train', '--help'], standalone_mode=False)",
        "from poetry_vae.cli import main; main(['serve', '--help'], standalone_mode=False)",
        "from poetry_vae import Form, Poem",
    ],
)
def test_light_things_load_nothing_heavy(statement: str) -> None:
    code = f"import sys; {statement}; print([m for m in {_HEAVY!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert result.stdout.splitlines()[-1] == "[]"


def test_public_names_are_there() -> None:
    for name in poetry_vae.__all__:
        assert getattr(poetry_vae, name) is not None
    assert set(poetry_vae.__all__) <= set(dir(poetry_vae))
    assert {"generate", "PoetryVAE", "RuleError", "acrostic"} <= set(poetry_vae.__all__)
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        poetry_vae.missing  # noqa: B018


def test_every_rule_is_public_and_every_public_name_stands_once() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    aliases = [alias for node in imports for alias in node.names]
    assert all(alias.name == alias.asname for alias in aliases)
    names = [alias.name for alias in aliases]
    assert sorted(set(names)) == sorted(names) == poetry_vae.__all__
    for path in _sources("verse/rules"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            bases = node.bases if isinstance(node, ast.ClassDef) else []
            is_rule = "Rule" in [base.id for base in bases if isinstance(base, ast.Name)]
            if is_rule and isinstance(node, ast.ClassDef) and node.name != "Together":
                assert node.name in names, f"{path}: {node.name} is not public"


def test_a_star_takes_the_public_names() -> None:
    names: dict[str, object] = {}
    exec("from poetry_vae import *", names)
    assert set(poetry_vae.__all__) <= set(names)


def test_checkers_of_types_may_read_the_package() -> None:
    about = (PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert '"poetry_vae" = ["py.typed", "*.pyi"]' in about
    assert (PACKAGE / "py.typed").is_file()
