"""The server: an app on a port, which leaves when it is told to."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from starlette.applications import Starlette

from poetry_vae.web.worker import Worker


class Server(uvicorn.Server):
    """uvicorn, which on SIGTERM or SIGINT ends what is drawn and leaves with exit code 0."""

    def __init__(self, app: Starlette, worker: Worker, *, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_level="warning",
                access_log=False,
                server_header=False,
                ws="none",
                timeout_graceful_shutdown=5,
                timeout_keep_alive=30,
                limit_concurrency=256,
            )
        )
        self._worker = worker

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn does, but the signal is not raised again at the end."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._worker.leave()
        super().handle_exit(sig, frame)
