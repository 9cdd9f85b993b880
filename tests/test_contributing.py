"""The worked examples of CONTRIBUTING.md are true: applied to a copy of the package, they pass."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCKS = re.findall(
    r"^```(python|diff)\n# (\S+)\n(.*?)^```$", CONTRIBUTING, re.DOTALL | re.MULTILINE
)
WEIGHTS = "shipped"


def _changed(source: str, diff: str) -> str:
    """Source with the lines of a diff changed; its other lines must stand there, once."""
    rows = [line for line in diff.splitlines() if line]
    before = "".join(row[1:] + "\n" for row in rows if row[0] in " -")
    after = "".join(row[1:] + "\n" for row in rows if row[0] in " +")
    assert source.count(before) == 1, before
    return source.replace(before, after)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package, with the weights of the original, and of what tests share."""
    package = ROOT / "poetry_vae"
    ignored = shutil.ignore_patterns("__pycache__", WEIGHTS)
    shutil.copytree(package, tmp_path / "poetry_vae", ignore=ignored)
    (tmp_path / "poetry_vae" / "model" / WEIGHTS).symlink_to(package / "model" / WEIGHTS)
    (tmp_path / "tests").mkdir()
    for name in ("__init__.py", "small.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    return tmp_path


def test_the_examples_pass(copy: Path) -> None:
    assert len(BLOCKS) >= 10
    for kind, name, text in BLOCKS:
        path = copy / name
        if kind == "diff":
            text = _changed(path.read_text(encoding="utf-8"), text)
        else:
            assert not path.exists(), name
        path.write_text(text, encoding="utf-8")
    tests = [name for _, name, _ in BLOCKS if name.startswith("tests/")]
    asked = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", *tests]
    alone = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(asked, cwd=copy, env=alone, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_change_to_what_is_not_there_is_found() -> None:
    assert _changed("a\nb\nc\n", " a\n-b\n+d\n") == "a\nd\nc\n"
    for diff in (" b\n+d\n a\n", "-x\n+y\n"):
        with pytest.raises(AssertionError):
            _changed("a\nb\nc\n", diff)
