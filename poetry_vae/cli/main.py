"""The command group, and how errors leave the program: one clear line, exit code 1 or 2."""

from __future__ import annotations

import errno
import importlib
import os
import sys
import warnings
from typing import Any

import click

from poetry_vae import __version__
from poetry_vae.cli.console import is_plain, plain, tell_sources
from poetry_vae.cli.suggesting import like
from poetry_vae.text.errors import FormError, PoetryVAEError

_COMMANDS = (
    "generate",
    "reply",
    "revise",
    "serve",
    "train",
    "presets",
    "models",
    "push",
    "forms",
    "corpus",
    "metre",
    "reconstruct",
    "interpolate",
    "traverse",
    "score",
    "nearest",
    "evaluate",
    "compare",
    "plot",
)
# Errors in what was typed, by name: their classes live in rooms that load torch.
_USAGE_ERRORS = (
    "ConfigError",
    "RuleError",
    "SamplingError",
    "DeviceError",
    "DimensionError",
    "LabelError",
)


class OneLine(click.ClickException):
    """An error as one line on standard error."""

    exit_code: int = 1  # type: ignore[misc]

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(plain(message))
        self.exit_code = exit_code


class _Commands(click.Group):
    """Loads a command's module when it is needed, and turns library errors into one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"poetry_vae.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not args[0].startswith("-") and args[0] not in _COMMANDS:
            hint = like(args[0], _COMMANDS)
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        tell_sources()
        _set_encodings()  # before anything is printed, help included
        if sys.getfilesystemencoding() == "ascii" and any(map(_is_undecoded, sys.argv)):
            click.echo(
                "Error: the locale (ascii) takes no Chinese: set LC_ALL=C.UTF-8 or PYTHONUTF8=1",
                err=True,
            )
            sys.exit(2)
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        warnings.showwarning = _tell_warning
        if is_plain():
            ctx.color = False  # for click, which asks its context; rich is told by its consoles
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except PoetryVAEError as error:
            typed = isinstance(error, FormError) or type(error).__name__ in _USAGE_ERRORS
            raise OneLine(str(error), 2 if typed else 1) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # the reader has gone; click ends the program quietly
            reason = error.strerror or str(error)
            if error.filename is not None:
                raise OneLine(f"{error.filename}: {reason}") from error
            _discard_output()
            raise OneLine(f"the output cannot be written: {reason}") from error
        except UnicodeEncodeError as error:
            if "\ud800" <= error.object[error.start] <= "\udfff":
                raise OneLine(f"{error.object}: a name that is not UTF-8") from error
            raise OneLine(
                f"the output's encoding ({sys.stdout.encoding}) cannot show Chinese: set "
                "PYTHONIOENCODING=utf-8, or write to a file with --output"
            ) from error
        except (MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and "allocate" not in str(error):
                raise  # what torch says of memory is a RuntimeError
            raise OneLine("out of memory: ask for less, or for a smaller model") from error


_usual_warning = warnings.showwarning


def _tell_warning(
    message: Warning | str, category: type[Warning], *where: Any, **more: Any
) -> None:
    """The project's own warnings as one line; others as Python shows them."""
    if category.__name__ == "FormerModelWarning":
        click.echo(f"note: {message}", err=True)
    else:
        _usual_warning(message, category, *where, **more)


def _is_undecoded(argument: str) -> bool:
    """Whether the locale could not decode an argument, so that it is raw bytes in disguise."""
    return any("\udc80" <= character <= "\udcff" for character in argument)


def _discard_output() -> None:
    """Keep what a full disk did not take from failing a second time when Python exits."""
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
    except (OSError, ValueError):
        pass  # no real file behind standard output


def _is_asked_for_poems() -> bool:
    """Help with a few escapes in it helps; a poem of nothing but escapes does not."""
    return len(sys.argv) > 1 and not {"-h", "--help", "--version"} & set(sys.argv)


def _set_encodings() -> None:
    """UTF-8 into files and pipes, whatever the locale; a terminal keeps what it can show.

    Names of files that are no UTF-8 are shown with escapes in messages, and are what they are in
    results.
    """
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:
            continue
        if not stream.isatty():
            errors = "backslashreplace" if stream is sys.stderr else "surrogateescape"
            reconfigure(encoding="utf-8", errors=errors)
        elif stream is sys.stderr or not _is_asked_for_poems():
            reconfigure(errors="backslashreplace")


def _show_version(ctx: click.Context, _: click.Parameter, is_asked: bool) -> None:
    if not is_asked:
        return
    from poetry_vae.model.versions import shipped_versions

    click.echo(f"poetry-vae, version {__version__}")
    if versions := shipped_versions():
        click.echo(f"models: {', '.join(f'{name} {it}' for name, it in versions.items())}")
    ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version of the package and of the weights that ship.",
)
def main() -> None:
    """A variational autoencoder that writes classical Chinese poems.

    \b
    poetry-vae generate                       a few 七绝
    poetry-vae generate --form 五言联 -n 10    ten couplets of five characters a line
    poetry-vae train POEMS --form 七绝 --output my-model
    """
