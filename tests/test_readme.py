"""What README and documents show is true: snippets run, commands exist, and none is missing."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from poetry_vae.cli import main
from poetry_vae.cli.rule_options import wishes_from
from poetry_vae.model.versions import shipped_models
from poetry_vae.verse.generate import choose_model
from poetry_vae.verse.sampler import Sampler
from poetry_vae.verse.sampling_settings import SamplingSettings
from poetry_vae.verse.wishes import form_of, rules_of
from tests.commands import run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
DOCUMENTS = "\n".join(
    path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
SNIPPETS = list(dict.fromkeys(re.findall(r"```python\n(.*?)```", README + CHINESE, re.DOTALL)))


def _shown(text: str) -> list[str]:
    """Every command of a document, on a line of its own or within one, once."""
    lines = re.findall(r"^ *(?:torchrun .* -m )?(poetry[-_]vae [a-z].*)$", text, re.MULTILINE)
    within = re.findall(r"`(poetry-vae [a-z][^`\n]*)`", text)
    return list(dict.fromkeys(line.rstrip(" \\") for line in (*lines, *within)))


SHELL = _shown(README)


def rules_asked(line: str) -> dict[str, Any]:
    """The form and the wishes of a shown ``generate``, by name; nothing for other commands."""
    words = shlex.split(line.split("|")[0].split("#")[0])[1:]
    if words[:1] != ["generate"]:
        return {}
    command = main.get_command(click.Context(main), "generate")
    assert command is not None
    values = command.make_context("generate", words[1:]).params
    found = wishes_from(values)
    return {**found, "form": values["form"]} if found else {}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_runs(snippet: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    anthology = Path(__file__).parents[1] / "data" / "anthology.jsonl"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "anthology.jsonl").write_bytes(anthology.read_bytes())
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "README.md", "exec"), {})


@pytest.mark.parametrize("line", _shown(DOCUMENTS))
def test_a_shown_command_exists_with_its_options(line: str) -> None:
    words = shlex.split(line.split("|")[0].split("#")[0])[1:]
    command: click.Command = main
    context = click.Context(main)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
    for word in words:
        if word.startswith("-") and not re.match(r"-\d", word):
            assert word in known, f"{line}: {word}"


def test_the_chinese_readme_shows_what_the_english_one_does() -> None:
    def plain(text: str) -> set[str]:
        return {line.split("#")[0].strip() for line in _shown(text)}

    assert plain(CHINESE) == plain(README)
    assert "README.zh.md" in README
    assert "README.md" in CHINESE


RULED = [line for line in SHELL if rules_asked(line)]


@pytest.mark.parametrize("line", RULED)
def test_shown_rules_are_kept_with_every_seed(line: str) -> None:
    """What is shown as an example must not be refused, whatever the seed."""
    asked = rules_asked(line)
    form = asked.pop("form", None) or form_of(asked) or "七绝"
    model = choose_model(form)
    sampler = Sampler(
        model, SamplingSettings.of(model, temperature=0.6), rules_of(asked, model.form)
    )
    for seed in range(10):
        assert next(sampler.stream(seed)).form == model.form


def _all_commands(group: click.Group, prefix: str) -> list[str]:
    names = []
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        path = f"{prefix} {name}"
        names += _all_commands(command, path) if isinstance(command, click.Group) else [path]
    return names


@pytest.mark.parametrize("name", _all_commands(main, "poetry-vae"))
def test_every_command_has_a_place_in_the_readme(name: str) -> None:
    assert name in README
    assert name in CHINESE


def test_every_shipped_model_has_a_place_in_the_readme() -> None:
    assert shipped_models()
    for name in shipped_models():
        assert f"`{name}`" in README
        assert f"`{name}`" in CHINESE


def test_the_poems_it_opens_with_are_those_of_their_commands() -> None:
    shown = re.search(r"```sh\n((?:poetry-vae generate .*\n)+)```\n\n((?:> .*\n)+)", README)
    assert shown is not None
    commands = [shlex.split(line)[1:] for line in shown[1].splitlines()]
    told = [line.strip("> \\") for line in shown[2].splitlines()]
    written = [run(*words).stdout.strip() for words in commands]
    assert len(told) == len(written) >= 5
    # Another processor rounds otherwise, and now and then a draw falls on the other side.
    assert sum(a == b for a, b in zip(told, written, strict=True)) >= len(told) - 2
