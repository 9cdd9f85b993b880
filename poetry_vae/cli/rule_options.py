"""What a poem shall keep, as options of a command: one for each of ``verse.wishes``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poetry_vae.verse.wishes import WISHES, Wish

if TYPE_CHECKING:
    from poetry_vae.text.form import Form
    from poetry_vae.verse.rules import Rule

F = TypeVar("F", bound=Callable[..., Any])


def _option(wish: Wish) -> Callable[[F], F]:
    name = "--" + wish.name.replace("_", "-")
    if wish.choices:
        return click.option(name, type=click.Choice(wish.choices), help=wish.help)
    if wish.metavar is None:
        return click.option(name, is_flag=True, help=wish.help)
    return click.option(name, metavar=wish.metavar, multiple=True, help=wish.help)


def rule_options(command: F) -> F:
    """All of them; the command gets their values as one dictionary of keyword arguments."""
    for wish in reversed(WISHES):
        command = _option(wish)(command)
    return command


def rules_from(form: Form, options: dict[str, Any]) -> Rule | None:
    """The rules that the options ask for; none where they ask for nothing. What is worth knowing
    of how they were understood goes to standard error.

    Raises:
        UsageError: an option that counts once is given twice.
    """
    from poetry_vae.verse.wishes import rules_of

    asked = dict(options)
    for wish in WISHES:
        value = asked.get(wish.name)
        if isinstance(value, tuple) and not wish.is_many:
            if len(value) > 1:
                raise click.UsageError(
                    f"--{wish.name.replace('_', '-')} is given twice ({' and '.join(value)}): a "
                    "poem keeps one"
                )
            asked[wish.name] = value[0] if value else None
    return rules_of(asked, form, note=lambda text: click.echo(text, err=True))
