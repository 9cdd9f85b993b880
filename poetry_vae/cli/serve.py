"""poetry-vae serve"""

from __future__ import annotations

import ipaddress
import socket
import sys
import webbrowser

import click

from poetry_vae.cli.options import model_option

_SHORTEST_TOKEN = 8


@click.command("serve")
@model_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Listen at this address.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Listen at this port; 0 takes any that is free.",
)
@click.option(
    "--token",
    metavar="TEXT",
    envvar="POETRY_VAE_TOKEN",
    help="Answer only those who know this token.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Also answer under this name, for example behind a proxy.",
)
@click.option("--open/--no-open", "is_opened", default=None, help="Open the page in a browser.")
def command(
    model: str | None,
    host: str,
    port: int,
    token: str | None,
    hosts: tuple[str, ...],
    is_opened: bool | None,
) -> None:
    """Serve the page for writing, and the interface for programs, from this machine.

    Without --model the server uses the model that ships. Needs the extra `web`.

    \b
    poetry-vae serve
    poetry-vae serve --model my-poet --port 8080 --no-open
    poetry-vae serve --host 0.0.0.0 --token "a long secret"
    """
    if token is not None and not (token.isascii() and token.isprintable()):
        raise click.BadParameter("a header cannot carry it: use ASCII", param_hint="--token")
    if token is not None and len(token) < _SHORTEST_TOKEN:
        raise click.BadParameter(
            f"{len(token)} characters are easy to guess: use {_SHORTEST_TOKEN} or more",
            param_hint="--token",
        )
    try:
        from poetry_vae.web.app import create_app
        from poetry_vae.web.serving import Server
        from poetry_vae.web.studio import Studio
        from poetry_vae.web.worker import Worker
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"the page needs {error.name}: pip install 'poetry-vae[web]'"
        ) from error

    if not _is_own(host) and token is None:
        click.secho(
            f"anybody who can reach {host} may ask for poems: --token TEXT requires a secret",
            err=True,
            fg="yellow",
        )
    studio, worker = Studio(model), Worker()
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    shown = "127.0.0.1" if host in ("0.0.0.0", "::") else f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/"
    click.echo(f"{address} (Ctrl-C ends)", err=True)
    app = create_app(studio, worker, hosts=(host, *hosts), token=token)
    if is_opened or (is_opened is None and _is_own(host) and sys.stderr.isatty()):
        webbrowser.open(address)
    Server(app, worker, host=host, port=port).run(sockets=[listening])


def _is_own(host: str) -> bool:
    """Whether only this machine reaches the address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    """A socket at the address, so that a port that is taken is said at once.

    Raises:
        ClickException: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)  # whoever comes before all is loaded waits
    except OSError as error:
        listening.close()
        raise click.ClickException(
            f"{host}:{port}: {error.strerror}; --port 0 takes any port that is free"
        ) from error
    return listening
