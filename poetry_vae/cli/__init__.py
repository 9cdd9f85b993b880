"""The command line: the only place that knows click, prints or exits."""

from poetry_vae.cli.main import main

__all__ = ["main"]
