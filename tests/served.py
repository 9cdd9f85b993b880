"""A server of the interface in a thread, and a client that says what it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any

from poetry_vae.model.vae import PoetryVAE


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def error(self) -> dict[str, str]:
        """The one error."""
        (found,) = self.json["errors"]
        return found

    @property
    def events(self) -> list[tuple[str, Any]]:
        """The server-sent events."""
        parts = [part.split("\n") for part in self.text.split("\n\n") if part]
        return [(name[len("event: ") :], json.loads(data[len("data: ") :])) for name, data in parts]


@dataclass(frozen=True)
class Client:
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, None, headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, data, {"content-type": "application/json", **headers})

    def send(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, data, named)
            answer = connection.getresponse()
            text = answer.read().decode("utf-8")
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, found, text)
        finally:
            connection.close()


@contextmanager
def served(model: PoetryVAE | str, **settings: Any) -> Iterator[Client]:
    """The interface over a model, at a port that is free."""
    from poetry_vae.cli.serve import _listen
    from poetry_vae.web.app import create_app
    from poetry_vae.web.serving import Server
    from poetry_vae.web.studio import Studio
    from poetry_vae.web.worker import Worker

    worker = settings.pop("worker", None) or Worker()
    listening = _listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    app = create_app(Studio(model), worker, **settings)
    server = Server(app, worker, host="127.0.0.1", port=port)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield Client(port)
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()
