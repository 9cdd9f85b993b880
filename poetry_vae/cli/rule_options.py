"""What a poem shall keep, as options of a command: one for each of ``verse.wishes``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poetry_vae.cli.options import said
from poetry_vae.verse.wishes import WISHES, Wish

if TYPE_CHECKING:
    from poetry_vae.text.form import Form
    from poetry_vae.verse.rules.rule import Rule

F = TypeVar("F", bound=Callable[..., Any])


def _option(wish: Wish) -> Callable[[F], F]:
    name = _name(wish)
    if wish.choices:
        return click.option(name, type=click.Choice(wish.choices), help=wish.help)
    if wish.metavar is None:
        return click.option(name, is_flag=True, help=wish.help)
    return click.option(name, metavar=wish.metavar, multiple=True, callback=said, help=wish.help)


def _name(wish: Wish) -> str:
    return "--" + wish.name.replace("_", "-")


def rule_options(command: F) -> F:
    """All of them; the command gets their values as one dictionary of keyword arguments."""
    for wish in reversed(WISHES):
        command = _option(wish)(command)
    return command


def wishes_from(options: dict[str, Any]) -> dict[str, Any]:
    """What is asked for, by name: of an option that counts once, the one value, and of one that
    takes prose, all that was given as one text.

    Raises:
        UsageError: such an option is given twice.
    """
    asked = {}
    for wish in WISHES:
        value = options[wish.name]
        if isinstance(value, tuple) and not wish.is_many:
            if wish.is_prose:
                value = (" ".join(value),)
            if len(value) > 1:
                raise click.UsageError(
                    f"{_name(wish)} is given twice ({' and '.join(value)}): a poem keeps one"
                )
            value = value[0] if value else None
        if value:
            asked[wish.name] = value
    return asked


def rules_from(form: Form, asked: dict[str, Any]) -> Rule | None:
    """The rules that are asked for; none where nothing is. What is worth knowing of how it was
    understood goes to standard error."""
    from poetry_vae.verse.wishes import rules_of

    return rules_of(asked, form, note=lambda text: click.echo(text, err=True))
