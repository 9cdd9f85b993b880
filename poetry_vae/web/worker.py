"""One thread that draws, and those who wait for it.

A request is a generator that the thread runs; each value that it yields goes to the client at once.
Short requests go first, and only so many wait; when somebody has waited too long, or has gone, the
thread gives up at the next operation of torch.
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from itertools import count
from queue import Empty, Full, PriorityQueue
from typing import Any

from torch.overrides import TorchFunctionMode

from poetry_vae.model.inference import inference
from poetry_vae.text.errors import PoetryVAEError
from poetry_vae.web.refusals import RefusedError, refused

Work = Callable[[], Iterator[Any]]
_END = object()
log = logging.getLogger(__name__)


class _GivenUp(BaseException):
    """Nobody waits for it any longer."""


class _GivesUp(TorchFunctionMode):
    """Checks before every operation of torch in this thread whether anybody still waits."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self._job = job

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if self._job.is_given_up:
            raise _GivenUp
        return func(*args, **(kwargs or {}))


class Job:
    """A request, and its results so far."""

    def __init__(self, work: Work, limit_s: float) -> None:
        self.work, self.limit_s = work, limit_s
        self.is_given_up = False
        self._loop = asyncio.get_running_loop()
        self._found: asyncio.Queue[Any] = asyncio.Queue()
        self._ends_at = time.monotonic() + limit_s

    def put(self, found: Any) -> None:
        """Called by the thread: pass a result to the client, if one still waits."""
        with suppress(RuntimeError):  # the loop is closed: the program is leaving
            self._loop.call_soon_threadsafe(self._found.put_nowait, found)

    async def found(self) -> AsyncIterator[Any]:
        """The values that the work yields, as they come.

        Raises:
            RefusedError: it takes longer than a request may.
        """
        try:
            while True:
                left = self._ends_at - time.monotonic()
                try:
                    found = await asyncio.wait_for(self._found.get(), max(0.001, left))
                except asyncio.TimeoutError:
                    raise RefusedError(
                        f"not done within {self.limit_s:g} seconds: ask for less",
                        kind="TimeLimit",
                        status=504,
                    ) from None
                if found is _END:
                    return
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            self.is_given_up = True


class Worker:
    """The thread, and the bounded queue before it."""

    def __init__(self, *, most_waiting: int = 16, limit_s: float = 60.0) -> None:
        self.limit_s = limit_s
        self._queue: PriorityQueue[tuple[bool, int, Job]] = PriorityQueue(most_waiting)
        self._numbers = count()
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._is_leaving = False
        self._usual_s = 1.0
        self._now: Job | None = None

    def start(self) -> None:
        self._thread.start()

    def leave(self) -> None:
        """End what is under way and what waits; safe within a signal handler."""
        self._is_leaving = True
        if (job := self._now) is not None:
            job.is_given_up = True

    def join(self) -> None:
        """Wait, for a moment, until the thread has gone."""
        self.leave()
        if self._thread.is_alive():
            self._thread.join(5)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return self._queue.qsize()

    @property
    def is_busy(self) -> bool:
        return self._now is not None

    @property
    def retry_after_s(self) -> int:
        """Whole seconds until about half of the waiting requests are done."""
        return max(1, math.ceil(self._usual_s * self._queue.qsize() / 2))

    def submit(self, work: Work, *, is_short: bool = False) -> Job:
        """Queue some work.

        Args:
            is_short: whether it goes before longer work, since somebody waits at every click.

        Raises:
            RefusedError: too many wait already, or the program is leaving.
        """
        job = Job(work, self.limit_s)
        if self._is_leaving:
            raise _leaving()
        try:
            self._queue.put_nowait((not is_short, next(self._numbers), job))
        except Full:
            raise RefusedError(
                f"{self.waiting} requests wait already: try again in {self.retry_after_s} s",
                kind="Busy",
                status=503,
                headers={"retry-after": str(self.retry_after_s)},
            ) from None
        return job

    def _run(self) -> None:
        while not self._is_leaving:
            try:
                _, _, job = self._queue.get(timeout=0.2)
            except Empty:
                continue
            self._now = job
            begun = time.monotonic()
            self._do(job)
            self._usual_s += 0.2 * (time.monotonic() - begun - self._usual_s)
            self._now = None
        while not self._queue.empty():
            self._queue.get()[-1].put(_leaving())

    def _do(self, job: Job) -> None:
        try:
            with inference(), _GivesUp(job):
                for found in job.work():
                    if job.is_given_up:
                        raise _GivenUp
                    job.put(found)
            job.put(_END)
        except _GivenUp:
            job.put(_leaving())
        except PoetryVAEError as error:
            job.put(refused(error))
        except Exception as error:  # the thread must live on
            log.exception("a request failed")
            job.put(error)


def _leaving() -> RefusedError:
    headers = {"retry-after": "10"}
    return RefusedError("the server is being stopped", kind="Leaving", status=503, headers=headers)
