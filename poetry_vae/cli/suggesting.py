"""What was probably meant, where something was typed that no command takes."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import click


def like(name: str, names: Iterable[str]) -> str:
    """`` Did you mean …?`` where one of the names is close to what was typed, else nothing."""
    close = get_close_matches(name, list(names), 1)
    return f" Did you mean {close[0]!r}?" if close else ""


class WithoutText(click.Command):
    """A command that takes options alone, and says which of them take a text."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if "extra argument" not in error.message:
                raise
            raise click.UsageError(
                f"{error.message}: a text needs an option: --theme for its words, --acrostic for "
                "the heads of the lines, --first-line to continue it",
                ctx,
            ) from error
