"""Web addresses, opened with limits on how long is waited; nothing but HTTP is followed."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, InvalidURL
from typing import Any, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

from poetry_vae.text.errors import DownloadError


class BrokenOffError(Exception):
    """A connection ended too soon: trying again may help."""


class BadRangeError(BrokenOffError):
    """The server refuses to continue where the part ends: only a fresh start helps."""


@dataclass(frozen=True)
class Patience:
    """How long is waited: for the next bytes, and for everything."""

    timeout: float
    within: float
    ends: float

    def seconds(self) -> float:
        """How long to wait for the next bytes.

        Raises:
            DownloadError: the time for everything is up.
        """
        left = self.ends - time.monotonic()
        if left <= 0:
            raise DownloadError(
                f"not done within {self.within:.0f} seconds; run the command again to continue "
                "from there"
            )
        return min(self.timeout, left)


class _Waited(io.RawIOBase):
    """What a connection brings: whoever sends it, a byte at a time, is waited for no longer."""

    def __init__(self, connection: socket.socket, raw: io.RawIOBase, patience: Patience) -> None:
        self._connection, self._raw, self._patience = connection, raw, patience

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.settimeout(self._patience.seconds())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Answer(HTTPResponse):
    """An answer whose status, headers and body all count as what is waited for."""

    def __init__(self, patience: Patience, sock: socket.socket, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self.fp = io.BufferedReader(_Waited(sock, self.fp.detach(), patience))


class _Patiently:
    """For handlers: connections that wait as long as they may."""

    def __init__(self, patience: Patience) -> None:
        super().__init__()
        self.patience = patience

    def do_open(self, kind: type[HTTPConnection], request: Request, **options: Any) -> Any:
        def connection(host: str, **named: Any) -> HTTPConnection:
            made = kind(host, **named)
            made.response_class = partial(_Answer, self.patience)  # type: ignore[assignment]
            return made

        return super().do_open(connection, request, **options)  # type: ignore[misc]


class _HTTP(_Patiently, HTTPHandler):  # type: ignore[misc]
    pass


class _HTTPS(_Patiently, HTTPSHandler):  # type: ignore[misc]
    pass


def _opener(patience: Patience) -> OpenerDirector:
    """Opens web addresses, and no others: not even where a server sends us on to one."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        _HTTP(patience),
        _HTTPS(patience),
        HTTPRedirectHandler(),
        HTTPDefaultErrorHandler(),
        HTTPErrorProcessor(),
        UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def open_url(url: str, patience: Patience, start: int = 0) -> HTTPResponse:
    """The answer of a server, from byte ``start``.

    Raises:
        BrokenOffError, BadRangeError: trying again may help.
        DownloadError: it will not, or the time is up.
    """
    seconds = patience.seconds()
    headers = {"User-Agent": "poetry-vae"} | ({"Range": f"bytes={start}-"} if start else {})
    try:
        request = Request(url, headers=headers)
        return cast(HTTPResponse, _opener(patience).open(request, timeout=seconds))
    except HTTPError as error:
        with error:  # it is an open response, too
            answer = f"HTTP {error.code} {error.reason}"
            if start and error.code == 416:
                raise BadRangeError(answer) from error
            if error.code >= 500:
                raise BrokenOffError(answer) from error
            advice = "check the address, or give another mirror"
            if error.code == 429 or error.headers.get("X-RateLimit-Remaining") == "0":
                advice = "60 requests an hour are free without a key: try again in an hour"
            raise DownloadError(f"{url}: the server refused with {answer}; {advice}") from error
    except URLError as error:
        raise DownloadError(
            f"{urlsplit(url).netloc} could not be reached: {error.reason}; connect and run the "
            "command again, or give a corpus that is already on disk instead of downloading"
        ) from error
    except (ValueError, InvalidURL) as error:
        raise DownloadError(f"{url}: not a web address ({error}); give an http(s) one") from error
    except (OSError, HTTPException) as error:
        raise BrokenOffError(str(error) or type(error).__name__) from error


def receive(read: Callable[[], bytes]) -> bytes:
    """What an answer has next.

    Raises:
        BrokenOffError: the connection is gone.
    """
    # Errors of the line are told apart here from errors of the disk: both are OSErrors.
    try:
        return read()
    except (OSError, HTTPException) as error:
        raise BrokenOffError(str(error) or type(error).__name__) from error
