"""Pages of the site that come from elsewhere: README and the like, and the help of all commands.

A hook of mkdocs (``mkdocs.yml``), so that nothing is written twice. It also turns formulas into
MathML, which browsers show by themselves: the site needs no script from another server.
"""

from __future__ import annotations

import html
import inspect
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": "index.md",
    "README.zh.md": "zh.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Documents of the root, and the pages that they become."""
COMMANDS = "reference/commands.md"


def moved(text: str) -> str:
    """A document of the root as a page: links to documents stay links, links to code become code.

    Pictures and pages lie below ``docs``; nothing else of the repository is on the site.
    """

    def link(match: re.Match[str]) -> str:
        label, target = match[1], match[2]
        path, hash_, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target) or not path:
            return match[0]
        page = PAGES.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else "")
        return f"[{label}]({page}{hash_}{anchor})" if page else label

    text = re.sub(r"(?<!!)\[([^\]]*)\]\(([^)\s]+)\)", link, text)
    return text.replace("](docs/", "](").replace('src="docs/', 'src="')


def commands() -> str:
    """The page of all commands: the purpose, the usage and the options of each."""
    from poetry_vae.cli import main

    parts = [
        "# Commands\n\nThis page shows the help of every command, as `poetry-vae COMMAND --help` "
        "prints it. `-h` is the same as `--help`."
    ]
    parts += [entry(path, command) for path, command in walk(main, ("poetry-vae",))]
    return "\n\n".join(parts) + "\n"


def entry(path: tuple[str, ...], command: click.Command) -> str:
    """One command: its usage, its help and a table of its options."""
    context = click.Context(command, info_name=" ".join(path))
    usage = " ".join([*path, *command.collect_usage_pieces(context)])
    rows = [record for p in command.get_params(context) if (record := p.get_help_record(context))]
    table = "\n".join(f"| `{name}` | {_plain(text)} |" for name, text in rows)
    return (
        f"## {' '.join(path[1:])}\n\n```text\n{usage}\n```\n\n{_paragraphs(command.help or '')}\n\n"
        f"| option | |\n|---|---|\n{table}"
    )


def walk(
    group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))
        else:
            yield (*path, name), command


def _paragraphs(text: str) -> str:
    """Help as Markdown: what click keeps as it is (after \\b) becomes a block."""
    out = []
    for part in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        lines = part.splitlines()
        if lines[0] == "\b":
            out.append("```sh\n" + "\n".join(lines[1:]) + "\n```")
        else:
            out.append(_plain(" ".join(lines)))
    return "\n\n".join(out)


def _plain(text: str) -> str:
    """Text with Markdown's own signs escaped; code in backticks stays code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(p if p.startswith("`") else _escaped(p) for p in parts)


def _escaped(text: str) -> str:
    return re.sub(r"([*_|\[\]])", r"\\\1", html.escape(text, quote=False))


def with_formulas(page: str) -> str:
    """A page's HTML with its formulas, which ``pymdownx.arithmatex`` has marked, as MathML."""
    from latex2mathml.converter import convert

    def formula(match: re.Match[str]) -> str:
        display = "block" if match[1] == "div" else "inline"
        return str(convert(html.unescape(match[2].strip()[2:-2]).strip(), display=display))

    return re.sub(r'<(div|span) class="arithmatex">(.*?)</\1>', formula, page, flags=re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are written elsewhere."""
    from mkdocs.structure.files import File

    for source, page in PAGES.items():
        text = moved((ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, COMMANDS, content=commands()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links of a page to documents of the root lead to their pages."""
    if page.file.src_uri in PAGES.values():
        return markdown

    def link(match: re.Match[str]) -> str:
        path, hash_, anchor = match[1].partition("#")
        here = posixpath.dirname(posixpath.join("docs", page.file.src_uri))
        target = PAGES.get(posixpath.normpath(posixpath.join(here, path)))
        if target is None:
            return match[0]
        back = posixpath.relpath(target, posixpath.dirname(page.file.src_uri) or ".")
        return f"]({back}{hash_}{anchor})"

    return re.sub(r"\]\(([^)\s:]+)\)", link, markdown)


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as MathML; references in docstrings by their last name; Chinese lines joined without
    the space that a browser shows for a line's end."""
    content = re.sub(r"(?<=[\u3000-\u9fff\uff00-\uffef])\n(?=[\u3000-\u9fff])", "", content)
    content = re.sub(r":\w+:<code>~?(?:\w+\.)*(\w+)</code>", r"<code>\1</code>", content)
    return with_formulas(content)
