"""The interface: a table of the requests, and how they are answered."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from poetry_vae import __version__
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.web import bodies, openapi, reading
from poetry_vae.web.guard import Guard
from poetry_vae.web.refusals import RefusedError, refused, told, told_invalid
from poetry_vae.web.studio import Events, Studio
from poetry_vae.web.worker import Job, Worker

STATIC = Path(__file__).parent / "static"
_SINGLE = {"seed", "places"}
"""Events that come once; all others are collected in lists."""
_MANY = {"reply": "replies"}
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Asking:
    """How a path answers: the worker gets the body and yields the answer."""

    path: str
    body: type[BaseModel]
    work: Callable[[Any], Events]
    told: str
    is_short: bool = False


def create_app(
    studio: Studio,
    *,
    worker: Worker | None = None,
    hosts: Collection[str] = (),
    token: str | None = None,
) -> Starlette:
    """The page and the interface over some models.

    Args:
        hosts: names beside localhost under which the server is known.
        token: every request but ``/health`` must have it.
    """
    drawing = worker or Worker()
    askings = (
        _Asking("/poems", bodies.PoemsBody, studio.poems, "Write poems."),
        _Asking(
            "/alternatives", bodies.AlternativesBody, studio.alternatives, "Other characters.", True
        ),
        _Asking("/revise", bodies.ReviseBody, studio.revise, "Write some of a poem anew."),
        _Asking("/reply", bodies.ReplyBody, studio.reply, "Second lines to a first."),
        _Asking("/interpolate", bodies.InterpolateBody, studio.interpolate, "Poem to poem."),
    )
    spec = openapi.document(
        [
            *(openapi.Path("post", one.path, one.told, one.body) for one in askings),
            openapi.Path("post", "/metre", "Tones, rhymes and faults.", bodies.MetreBody),
            openapi.Path("get", "/forms", "Forms that have a name."),
            openapi.Path("get", "/models", "The models served."),
            openapi.Path("get", "/health", "Whether the server is alive, and how many wait."),
        ]
    )

    async def health(_: Request) -> Response:
        status = {"status": "ok", "version": __version__}
        return JSONResponse({**status, "busy": drawing.is_busy, "waiting": drawing.waiting})

    async def metre(request: Request) -> Response:
        body = bodies.MetreBody.model_validate_json(await request.body())
        return JSONResponse(await run_in_threadpool(reading.metre_of, body))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        drawing.start()
        drawing.submit(studio.warm)
        yield
        drawing.join()

    def get(path: str, answer: Callable[[], Any]) -> Route:
        async def endpoint(_: Request) -> Response:
            return JSONResponse(await run_in_threadpool(answer))

        return Route(path, endpoint, methods=["GET"])

    async def page(_: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def docs(_: Request) -> Response:
        return HTMLResponse(openapi.page(spec))

    routes = [
        Route("/", page),
        Route("/docs", docs),
        Mount("/static", StaticFiles(directory=STATIC)),
        *(Route(one.path, partial(_answer, drawing, one), methods=["POST"]) for one in askings),
        Route("/metre", metre, methods=["POST"]),
        get("/forms", partial(reading.forms, studio.models)),
        get("/models", lambda: {"models": studio.models()}),
        get("/openapi.json", lambda: spec),
        Route("/health", health),
    ]
    return Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Guard, hosts=hosts, token=token)],
        exception_handlers={
            ValidationError: _invalid,
            PoetryVAEError: _refused,
            HTTPException: _no_such,
            Exception: _failed,
        },
    )


async def _answer(drawing: Worker, asking: _Asking, request: Request) -> Response:
    body = asking.body.model_validate_json(await request.body())
    job = drawing.submit(lambda: asking.work(body), is_short=asking.is_short)
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
    except RefusedError as error:
        yield _event("error", told(error))
    except Exception:  # it has been logged where it happened
        yield _event("error", told(_own_fault()))


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


def _own_fault() -> RefusedError:
    return RefusedError("the server failed; its log says why", kind="ServerError", status=500)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, ValidationError)
    return JSONResponse(told_invalid(error), 422)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, PoetryVAEError)
    found = refused(error)
    wait = found.retry_after_s
    headers = None if wait is None else {"retry-after": str(wait)}
    return JSONResponse(told(found), found.status, headers)


async def _no_such(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    found = RefusedError(error.detail, kind="NoSuchThing", status=error.status_code)
    return JSONResponse(told(found), error.status_code, error.headers)


async def _failed(_: Request, error: Exception) -> Response:
    log.error("a request failed", exc_info=error)
    return JSONResponse(told(_own_fault()), 500)
