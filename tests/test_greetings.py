"""Greetings in the heads of the lines: the occasion is the subject, unless another one is given."""

from __future__ import annotations

import json

import pytest

from poetry_vae import PoetryVAE, acrostic, generate
from poetry_vae.text.greetings import occasion
from poetry_vae.verse.wishes import occasion_of, subject_notes
from tests.small import small_model, small_poet
from tests.test_cli import run


@pytest.mark.parametrize(
    ("greeting", "subject"),
    [
        ("生日快乐", "祝寿"),
        ("生日快樂", "祝寿"),
        ("新年快乐", "元日"),
        ("新婚快乐", "催妆"),
        ("一帆风顺", "顺风放船"),
        ("一路平安", "送行"),
        ("平安喜乐", "喜晴"),
        ("妈妈我爱你", "寄母"),
        ("春江花月", ""),
        ("李明", ""),
        ("", ""),
    ],
)
def test_a_greeting_has_its_occasion(greeting: str, subject: str) -> None:
    assert occasion(greeting) == subject
    poet, other = small_poet(), small_model()
    for wish in ("acrostic", "tail"):
        assert occasion_of({wish: greeting}, poet) == subject
        assert occasion_of({wish: greeting}, poet, about="秋夜") == ""
        assert occasion_of({wish: greeting}, other) == ""


def _written(*options: object) -> tuple[dict[str, object], str]:
    shared = ("generate", "-n", 1, "--candidates", 1, "--seed", 1, "--json")
    result = run(*shared, *options)
    assert result.exit_code == 0, result.output
    found: dict[str, object] = json.loads(result.stdout)
    return found, result.stderr


def test_its_occasion_is_what_the_poem_is_about() -> None:
    heads = ("--acrostic", "生日快乐")
    implied, note = _written(*heads)
    assert "subject: 祝寿" in note
    assert implied["about"] == "祝寿"
    given, _ = _written(*heads, "--about", "祝寿")
    assert given["lines"] == implied["lines"]
    for rules in ({"acrostic": "生日快乐"}, acrostic("生日快乐")):
        (poem,) = generate(1, rules=rules, candidates=1, seed=1)
        assert list(poem.lines) == implied["lines"]
    other, note = _written(*heads, "--about", "秋夜")
    assert "subject" not in note
    assert other["about"] == "秋夜"
    assert other["lines"] != implied["lines"]


@pytest.mark.parametrize(
    ("about", "notes"),
    [
        ("秋夜怀友", []),
        ("失眠", ["asked for as: 不寐"]),
        ("grandma", ["the model does not know these characters of the subject: g r a n d m"]),
        ("月，😀", ["the model does not know these characters of the subject: 😀"]),
        ("月" * 10, []),
        ("秋月" * 6, [f"the model reads the first 10 characters of the subject: {'秋月' * 5}"]),
    ],
)
def test_a_subject_that_is_taken_otherwise_is_said(about: str, notes: list[str]) -> None:
    found = list(subject_notes(about, PoetryVAE.from_pretrained("poet")))
    assert found == notes
