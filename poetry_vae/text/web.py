"""Read web addresses, with limits on size and on waiting; only HTTP(S) is followed."""

from __future__ import annotations

import io
import socket
import time
from functools import partial
from http.client import HTTPConnection, HTTPException, HTTPResponse, InvalidURL
from typing import Any
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

_PAUSES = (0.5, 1.0, 2.0)  # seconds before each new try of a connection that broke off


class _BrokenOffError(Exception):
    """A connection ended too soon: trying again may help."""


class Patience:
    """Limits on waiting, in seconds: for the next bytes, and for everything."""

    def __init__(self, timeout: float, within: float) -> None:
        self.timeout, self.within = timeout, within
        self.ends = time.monotonic() + within

    def end(self) -> None:
        """Stop waiting, in all threads."""
        self.ends = 0.0

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
    """The bytes of a connection. Sending them one at a time does not lengthen the wait."""

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
    """An answer whose status, headers and body all count towards the time limit."""

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
    """Opens only web addresses, even if a server redirects to another kind of address."""
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


def fetch(url: str, patience: Patience, most: int) -> bytes:
    """The content at an address; if it is longer, only its first ``most`` + 1 bytes.

    Raises:
        DownloadError: the server cannot be reached or refuses, the connection breaks off again and
            again, or the time is up.
    """
    for pause in _PAUSES:
        try:
            return _read(url, patience, most)
        except _BrokenOffError:
            time.sleep(pause)
    try:
        return _read(url, patience, most)
    except _BrokenOffError as error:
        raise DownloadError(
            f"{url}: no full answer ({error}); run the command again later"
        ) from error


def _read(url: str, patience: Patience, most: int) -> bytes:
    try:
        request = Request(url, headers={"User-Agent": "poetry-vae"})
        with _opener(patience).open(request, timeout=patience.seconds()) as response:
            content: bytes = response.read(most + 1)
            if response.length and len(content) <= most:
                raise _BrokenOffError("the connection was closed")
            return content
    except HTTPError as error:
        with error:  # it is an open response, too
            answer = f"HTTP {error.code} {error.reason}"
            if error.code >= 500:
                raise _BrokenOffError(answer) from error
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
        raise _BrokenOffError(str(error) or type(error).__name__) from error
