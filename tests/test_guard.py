"""What keeps others out of `poetry-vae serve`, and what is asked from asking too much."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch

from poetry_vae.web.refusals import RefusedError
from poetry_vae.web.studio import Studio
from poetry_vae.web.worker import Worker
from tests.served import Client, served
from tests.test_ruled import MODEL


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with served(MODEL, hosts=["poems.example"]) as found:
        yield found


@pytest.fixture(scope="module")
def locked() -> Iterator[Client]:
    with served(MODEL, token="a long secret") as found:
        yield found


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:{port}", 200),
        ("127.0.0.1:{port}", 200),
        ("[::1]:{port}", 200),
        ("poems.example", 200),
        ("evil.example", 403),
        ("evil.example:{port}", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
    ],
)
def test_no_name_of_somebody_else_leads_here(client: Client, host: str, status: int) -> None:
    assert client.get("/health", host=host.format(port=client.port)).status == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{port}", 200),
        ("http://127.0.0.1:1", 403),
        ("https://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:{port}.evil.example", 403),
    ],
)
def test_no_other_page_may_ask(client: Client, origin: str, status: int) -> None:
    answer = client.post(
        "/metre", {"poem": "白日依山尽，黄河入海流"}, origin=origin.format(port=client.port)
    )
    assert answer.status == status


def test_forms_of_other_pages_send_no_json(client: Client) -> None:
    assert client.post("/poems", {}, content_type="text/plain").status == 415
    assert client.post("/poems", {"n": 1}, sec_fetch_site="cross-site").status == 403


def test_bodies_are_small(client: Client) -> None:
    body = b'{"poem":"' + b"x" * (64 * 1024) + b'"}'
    assert client.post("/metre", body).status == 413


def test_headers_forbid_all_that_is_not_needed(client: Client) -> None:
    for path in ("/", "/static/main.js", "/health", "/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"


def test_a_token_is_asked_for(locked: Client) -> None:
    assert locked.get("/health").status == 200
    assert locked.get("/forms").status == 401
    assert locked.get("/forms", authorization="Bearer another secret").status == 401
    assert locked.get("/forms", authorization="Bearer a long secret").status == 200
    assert "<form" in locked.get("/").text
    assert locked.get("/?token=wrong").status == 401
    answer = locked.get("/?token=a%20long%20secret")
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert locked.get("/forms", cookie=cookie.split(";")[0]).status == 200
    assert locked.get("/forms", cookie="poetry_vae_token=x; a[=]").status == 401


def _forever(seen: list[int]) -> Iterator[tuple[str, int]]:
    while True:
        torch.zeros(1).add(1)
        seen.append(1)
        time.sleep(0.001)
    yield "never", 0


async def _first(worker: Worker, work: object) -> object:
    async for found in worker.submit(work).found():  # type: ignore[arg-type]
        return found
    return None


def test_a_request_has_a_limit_and_the_thread_lives_on() -> None:
    async def ask() -> None:
        worker = Worker(limit_s=0.3)
        worker.start()
        seen: list[int] = []
        with pytest.raises(RefusedError, match=r"not done within 0.3 seconds") as refused:
            await _first(worker, lambda: _forever(seen))
        assert refused.value.status == 504
        assert seen
        assert await _first(worker, lambda: iter([("poem", 1)])) == ("poem", 1)
        worker.join()

    asyncio.run(ask())


def test_a_full_queue_says_when_to_come_again() -> None:
    async def ask() -> None:
        worker, go = Worker(most_waiting=2), threading.Event()

        def waits() -> Iterator[tuple[str, int]]:
            go.wait(10)
            yield "poem", 1

        worker.start()
        jobs = [worker.submit(waits)]
        while worker.waiting:
            await asyncio.sleep(0.01)
        jobs += [worker.submit(waits), worker.submit(waits)]
        with pytest.raises(RefusedError, match="2 requests wait already") as refused:
            worker.submit(waits)
        assert refused.value.status == 503
        assert worker.retry_after_s >= 1
        assert refused.value.headers == {"retry-after": str(worker.retry_after_s)}
        go.set()
        for job in jobs:
            assert [found async for found in job.found()] == [("poem", 1)]
        worker.join()

    asyncio.run(ask())


def test_short_work_goes_first() -> None:
    async def ask() -> None:
        worker, go, done = Worker(), threading.Event(), []

        def work(name: str) -> Iterator[tuple[str, int]]:
            go.wait(10)
            done.append(name)
            yield "poem", 1

        worker.start()
        jobs = [worker.submit(lambda: work("first"))]
        while worker.waiting:
            await asyncio.sleep(0.01)
        for name, is_short in (("long", False), ("short", True), ("shorter", True)):
            jobs.append(worker.submit(partial(work, name), is_short=is_short))
        go.set()
        for job in jobs:
            assert [found async for found in job.found()] == [("poem", 1)]
        assert done == ["first", "short", "shorter", "long"]
        worker.join()

    asyncio.run(ask())


@pytest.mark.parametrize("is_streamed", [True, False])
def test_nothing_is_drawn_for_somebody_who_has_gone(
    is_streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Studio, "poems", lambda self, body: _forever([]))
    body = json.dumps({"stream": is_streamed}).encode()
    head = "POST /poems HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    with served(MODEL) as client:
        _until(lambda: not client.get("/health").json["busy"])
        with socket.create_connection(("127.0.0.1", client.port)) as connection:
            connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
            _until(lambda: client.get("/health").json["busy"])
        _until(lambda: not client.get("/health").json["busy"])


def _until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_leaving_ends_what_is_under_way_and_what_waits() -> None:
    async def ask() -> None:
        worker = Worker()
        worker.start()
        jobs = [worker.submit(lambda: _forever([])) for _ in range(2)]
        await asyncio.sleep(0.1)
        worker.leave()
        for job in jobs:
            with pytest.raises(RefusedError, match="is being stopped"):
                await anext(job.found())
        with pytest.raises(RefusedError, match="is being stopped"):
            worker.submit(lambda: iter(()))
        worker.join()

    asyncio.run(ask())


def test_a_failure_is_told_as_one_and_the_next_is_answered() -> None:
    async def ask() -> None:
        worker = Worker()
        worker.start()

        def fails() -> Iterator[tuple[str, int]]:
            raise ValueError("a fault")
            yield "poem", 1

        with pytest.raises(ValueError, match="a fault"):
            await _first(worker, fails)
        assert await _first(worker, lambda: iter([("poem", 1)])) == ("poem", 1)
        worker.join()

    asyncio.run(ask())
