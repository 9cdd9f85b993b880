"""The words of a theme need no place to write, and read nothing that others may have written."""

import marshal
import tempfile
import warnings

import pytest

from poetry_vae.text import keywords as module
from poetry_vae.text.keywords import boundaries, keywords


def test_no_cache_is_written_or_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a cache")

    for owner, name in ((marshal, "load"), (marshal, "dump"), (tempfile, "mkstemp")):
        monkeypatch.setattr(owner, name, refuse)
    monkeypatch.setattr(jieba.dt, "initialized", False)
    module._jieba.cache_clear()
    assert "明月" in keywords("明月何時照我還")[0]
    assert boundaries("明月幾時有")[0] == 2


@pytest.mark.parametrize(("text", "found"), [("月", ["月"]), ("西 天", ["西", "天"]), ("的", [])])
def test_a_single_character_says_something_unless_it_is_a_particle(
    text: str, found: list[str]
) -> None:
    assert keywords(text) == (found, [])
