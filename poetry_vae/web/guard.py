"""Checks before the interface: who may ask, from where, and how much at once."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from poetry_vae.web.refusals import RefusedError

MOST_BYTES = 64 * 1024
COOKIE = "poetry_vae_token"
_BODY_S = 10  # seconds for a body to arrive
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
_ASK_TOKEN = (
    "<!doctype html><html lang=zh><meta charset=utf-8><title>poetry-vae</title>"
    "<form action=/ method=get><p><label>口令 Token <input name=token type=password autofocus>"
    "</label> <button>进 Enter</button></form></html>"
)


class Guard:
    """Lets through requests of this machine's own page, and requests with the token.

    Host must be a number, localhost or one of ``hosts``, so that nobody else's domain name leads
    here; Origin, where there is one, must be the page's own; bodies are JSON and small.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Collection[str] = (), token: str | None = None
    ) -> None:
        self.app = app
        self._hosts = {"localhost", *(host.lower() for host in hosts)}
        self._token = token.encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            answer = self._checked(scope)
            if answer is None and scope["method"] == "POST":
                receive = await _read(receive, Headers(scope=scope))
        except RefusedError as error:
            answer = error.answer()
        await (answer or self.app)(scope, receive, send_with_headers)

    def _checked(self, scope: Scope) -> Response | None:
        """None if the request may pass; otherwise the answer to send instead.

        Raises:
            RefusedError: its host or origin is not allowed.
        """
        asked = HTTPConnection(scope)
        host, origin = asked.headers.get("host", ""), asked.headers.get("origin")
        if not self._is_known(host):
            raise RefusedError(
                "this name is not one of the server's: start it with --allow-host NAME",
                kind="HostError",
                status=403,
            )
        is_elsewhere = origin is not None and origin.partition("://")[2].lower() != host.lower()
        if is_elsewhere or (
            scope["method"] == "POST" and asked.headers.get("sec-fetch-site") == "cross-site"
        ):
            raise RefusedError("other pages are not allowed to ask", kind="OriginError", status=403)
        return self._with_token(asked) if self._token else None

    def _with_token(self, asked: HTTPConnection) -> Response | None:
        path, given = asked.scope["path"], asked.query_params.get("token", "")
        if path == "/" and self._is_token(given):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(COOKIE, given, httponly=True, samesite="strict")
            return answer
        kind, _, bearer = asked.headers.get("authorization", "").partition(" ")
        is_bearer = kind.lower() == "bearer" and self._is_token(bearer.strip())
        if path == "/health" or is_bearer or self._is_token(asked.cookies.get(COOKIE, "")):
            return None
        if path == "/":
            return HTMLResponse(_ASK_TOKEN, 401)
        return RefusedError(
            "the token is missing or wrong",
            kind="TokenError",
            status=401,
            headers={"www-authenticate": "Bearer"},
        ).answer()

    def _is_token(self, text: str) -> bool:
        return hmac.compare_digest(text.encode("utf-8", "replace"), self._token or b"")

    def _is_known(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            ipaddress.ip_address(name)
        except ValueError:
            name = host.rpartition(":")[0] if ":" in host else host
            return bool(name) and name.lower() in self._hosts
        return True


async def _read(receive: Receive, headers: Headers) -> Receive:
    """The whole body, which is then given to whoever asks.

    Raises:
        RefusedError: it does not claim to be JSON, is too long, or does not arrive in time.
    """
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise RefusedError("send application/json", kind="ContentTypeError", status=415)
    body = bytearray()
    try:
        while True:
            message = await asyncio.wait_for(receive(), _BODY_S)
            body += message.get("body", b"")
            if len(body) > MOST_BYTES:
                raise RefusedError(
                    f"the body is longer than {MOST_BYTES} bytes", kind="BodyError", status=413
                )
            if not message.get("more_body"):
                break
    except asyncio.TimeoutError:
        raise RefusedError("the body did not arrive", kind="BodyError", status=408) from None
    whole: Iterator[Message] = iter([{"type": "http.request", "body": bytes(body)}])

    async def give() -> Message:
        return next(whole, None) or await receive()

    return give
