"""The interface: a table of the requests, and how they are answered."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from poetry_vae import __version__
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.web import bodies, openapi, reading
from poetry_vae.web.guard import Guard
from poetry_vae.web.refusals import refused
from poetry_vae.web.studio import Events, Studio
from poetry_vae.web.worker import Job, Worker

STATIC = Path(__file__).parent / "static"
_SINGLE = {"seed", "places"}
"""Events that come once; all others are collected in lists."""
_MANY = {"reply": "replies"}
log = logging.getLogger(__name__)


def create_app(
    studio: Studio, drawing: Worker, *, hosts: Collection[str] = (), token: str | None = None
) -> Starlette:
    """The page and the interface over some models.

    Args:
        hosts: names beside localhost under which the server is known.
        token: every request but ``/health`` must have it.
    """

    def drawn(
        path: str,
        told: str,
        body: type[BaseModel],
        work: Callable[[Any], Events],
        *,
        is_short: bool = False,
    ) -> openapi.Path:
        """The worker gets the body and yields the answer."""
        answer = partial(_drawn, drawing, body, work, is_short)
        return openapi.Path("post", path, told, answer, body)

    def got(path: str, told: str, answer: Callable[[], Any]) -> openapi.Path:
        async def endpoint(_: Request) -> Response:
            return JSONResponse(await run_in_threadpool(answer))

        return openapi.Path("get", path, told, endpoint)

    async def health(_: Request) -> Response:
        status = {"status": "ok", "version": __version__}
        return JSONResponse({**status, "busy": drawing.is_busy, "waiting": drawing.waiting})

    async def metre(request: Request) -> Response:
        body = bodies.MetreBody.model_validate_json(await request.body())
        return JSONResponse(await run_in_threadpool(reading.metre_of, body))

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        drawing.start()
        drawing.submit(studio.warm)
        yield
        drawing.join()

    alternatives = bodies.AlternativesBody, studio.alternatives
    paths = [
        drawn("/poems", "Write poems.", bodies.PoemsBody, studio.poems),
        drawn("/alternatives", "Other characters.", *alternatives, is_short=True),
        drawn("/revise", "Write some of a poem anew.", bodies.ReviseBody, studio.revise),
        drawn("/reply", "Second lines to a first.", bodies.ReplyBody, studio.reply),
        drawn("/interpolate", "Poem to poem.", bodies.InterpolateBody, studio.interpolate),
        openapi.Path("post", "/metre", "Tones, rhymes and faults.", metre, bodies.MetreBody),
        got("/forms", "Forms that have a name.", lambda: reading.forms(studio.config)),
        got("/models", "The models served.", lambda: {"models": studio.models()}),
        openapi.Path("get", "/health", "Whether the server is alive, and how many wait.", health),
    ]
    return Starlette(
        routes=[
            *(Route(path.path, path.answer, methods=[path.method]) for path in paths),
            Route("/", page),
            Route("/docs", Response(openapi.page(paths), media_type="text/html"), methods=["GET"]),
            Route("/openapi.json", JSONResponse(openapi.document(paths)), methods=["GET"]),
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        lifespan=lifespan,
        middleware=[Middleware(Guard, hosts=hosts, token=token)],
        exception_handlers=dict.fromkeys(
            (ValidationError, PoetryVAEError, HTTPException, Exception), _refused
        ),
    )


async def _drawn(
    drawing: Worker,
    kind: type[BaseModel],
    work: Callable[[Any], Events],
    is_short: bool,
    request: Request,
) -> Response:
    body = kind.model_validate_json(await request.body())
    job = drawing.submit(lambda: work(body), is_short=is_short)
    if getattr(body, "stream", False):
        return StreamingResponse(_events(job), media_type="text/event-stream")
    answer: dict[str, Any] = {}
    watching = asyncio.create_task(_give_up_when_gone(request, job))
    try:
        async for event, value in job.found():
            if event in _SINGLE:
                answer[event] = value
            else:
                answer.setdefault(_MANY.get(event, f"{event}s"), []).append(value)
    finally:
        watching.cancel()
    return JSONResponse(answer)


async def _give_up_when_gone(request: Request, job: Job) -> None:
    """Streams end by themselves when nobody reads them; this is for whole answers."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    job.is_given_up = True


async def _events(job: Job) -> AsyncIterator[str]:
    """The results as server-sent events; the last event is ``end`` or ``error``."""
    try:
        async for event, value in job.found():
            yield _event(event, value)
        yield _event("end", {})
    except Exception as error:  # a fault has been logged where it happened
        yield _event("error", {"errors": refused(error).errors})


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


async def _refused(_: Request, error: Exception) -> Response:
    found = refused(error)
    if found.status == 500:
        log.error("a request failed", exc_info=error)
    return found.answer()
