"""Pages of the site that are made from what stands elsewhere."""

import importlib.util
from pathlib import Path

import click
import pytest

from poetry_vae.cli import main

SCRIPT = Path(__file__).parents[1] / "scripts" / "site_pages.py"
_spec = importlib.util.spec_from_file_location("site_pages", SCRIPT)
assert _spec is not None
assert _spec.loader is not None
site_pages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(site_pages)


def test_the_page_of_commands_has_every_command_and_option() -> None:
    page = site_pages.commands()
    for name in main.list_commands(click.Context(main)):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        if isinstance(command, click.Group):
            assert f"\n## {name} " in page
            continue
        assert f"\n## {name}\n" in page
        for option in command.params:
            if isinstance(option, click.Option):
                assert option.opts[0] in page


def test_help_becomes_markdown() -> None:
    @click.command()
    @click.option("--size", type=click.IntRange(0, 5), help="a|b of *all*, `x_y` and a_b.")
    def command() -> None:
        """Write poems.

        \b
        poetry-vae generate
        poetry-vae generate -n 2
        """

    group = click.Group("poetry-vae", {"write": command})
    (walked,) = site_pages.walk(group, ("poetry-vae",))
    page = site_pages.entry(*walked)
    assert "```sh\npoetry-vae generate\npoetry-vae generate -n 2\n```" in page
    assert r"a\|b of \*all\*, `x_y` and a\_b." in page
    assert "0&lt;=x&lt;=5" in page


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("[a](docs/vae.md#b)", "[a](vae.md#b)"),
        ("[a](README.zh.md)", "[a](zh.md)"),
        ("[`a.py`](poetry_vae/a.py)", "`a.py`"),  # the site has no code
        ("[a](https://b.c/docs/d)", "[a](https://b.c/docs/d)"),
        ("[a](#b)", "[a](#b)"),
        ("![a](docs/b.png)", "![a](b.png)"),
    ],
)
def test_links_of_the_root_lead_to_pages(text: str, page: str) -> None:
    assert site_pages.moved(text) == page


def test_lines_of_chinese_are_joined_without_a_space() -> None:
    pytest.importorskip("latex2mathml", reason="the extra docs is not installed")
    assert site_pages.on_page_content("<p>编码器，\n权重 a\n明</p>") == "<p>编码器，权重 a\n明</p>"


def test_docstrings_refer_by_the_last_name() -> None:
    pytest.importorskip("latex2mathml", reason="the extra docs is not installed")
    assert site_pages.on_page_content(":class:<code>~a.b.C</code>") == "<code>C</code>"


def test_formulas_become_mathml() -> None:
    pytest.importorskip("latex2mathml", reason="the extra docs is not installed")
    page = (
        '<p>a <span class="arithmatex">\\(p(x \\lt 1)\\)</span></p>'
        '<div class="arithmatex">\\[\nz\n\\]</div>'
    )
    shown = site_pages.with_formulas(page)
    assert "arithmatex" not in shown
    assert shown.count("<math") == 2
    assert 'display="block"' in shown
