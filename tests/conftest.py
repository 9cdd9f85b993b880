"""What several test files share."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# On a busy machine a slow example is no fault.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

Write = Callable[..., Path]


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is cached stays out of the user's own folder, and no terminal's width counts."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("cache"))
        patch.setenv("XDG_CACHE_HOME", folder)
        patch.setenv("LOCALAPPDATA", folder)
        patch.delenv("COLUMNS", raising=False)
        yield


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a small file under the test's own folder: ``write("a.txt", "白日依山盡")``."""

    def _write(name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return path

    return _write


@pytest.fixture
def in_other_process() -> Callable[[str, str], str]:
    """Runs code in a fresh interpreter with its own hash seed and returns what it prints."""

    def _run(code: str, hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONIOENCODING": "utf-8"}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=True
        )
        return done.stdout.decode("utf-8")

    return _run
