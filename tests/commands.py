"""The commands of the CLI, for tests: what they answer, and how they fail."""

from pathlib import Path

from click.testing import CliRunner, Result

from poetry_vae.cli import main


def run(*arguments: str | Path | float) -> Result:
    """poetry-vae with these arguments."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def fails(code: int, *arguments: str | Path | float) -> str:
    """The one line of a failure; a traceback would not be a ClickException's exit."""
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit)
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    return errors[0]
