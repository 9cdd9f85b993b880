"""A server that answers as the Hugging Face hub does, in a thread."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Files = dict[str, bytes]
_API = r"/api/models/([\w.-]+/[\w.-]+)"


@dataclass
class Repository:
    """Commits in order, the last being that of ``main``; large files are those of weights."""

    commits: dict[str, Files] = field(default_factory=dict)
    is_private: bool = False
    is_gated: bool = False

    def put(self, files: Files) -> str:
        """A commit of these files alone."""
        told = repr((len(self.commits), sorted(files))).encode()
        commit = hashlib.sha1(told).hexdigest()
        self.commits[commit] = files
        return commit

    def commit_of(self, revision: str) -> str | None:
        if revision == "main":
            return list(self.commits)[-1]
        return revision if revision in self.commits else None


class Hub(ThreadingHTTPServer):
    """Repositories by name, and the requests so far as ``METHOD path``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories: dict[str, Repository] = {}
        self.asked: list[str] = []
        self.large: Files = {}  # what was uploaded, by its sum
        self.token = "hf_of_the_owner"
        self.status = 0  # if set, all that it answers

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # whoever has gone


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self._body()
        path = self.path.partition("?")[0]
        self.server.asked.append(f"{self.command} {path}")
        if self.server.status:
            return self._refuse(self.server.status, "")
        for method, pattern, answer in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                return answer(self, body, *found.groups())
        return self._refuse(404, "NoSuchPath")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = b""
        while size := int(self.rfile.readline(), 16):
            parts += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return parts

    def _send(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _json(self, told: Any, status: int = 200) -> None:
        self._send(json.dumps(told).encode(), status, Content_Type="application/json")

    def _refuse(self, status: int, code: str, message: str = "") -> None:
        self._send(b"{}", status, X_Error_Code=code, X_Error_Message=message)

    def _found(self, name: str, revision: str) -> tuple[str, Files] | None:
        """A commit and its files, or a refusal."""
        repository = self.server.repositories.get(name)
        is_owner = self.headers.get("Authorization") == f"Bearer {self.server.token}"
        if repository is None or (repository.is_private and not is_owner):
            self._refuse(401, "RepoNotFound")  # it does not tell the one from the other
        elif repository.is_gated and not is_owner:
            self._refuse(403, "GatedRepo")
        elif (commit := repository.commit_of(revision)) is None:
            self._refuse(404, "RevisionNotFound")
        else:
            return commit, repository.commits[commit]
        return None

    # What fetching asks

    def info(self, body: bytes, name: str, revision: str | None) -> None:
        if found := self._found(name, revision or "main"):
            commit, files = found
            siblings = [{"rfilename": file} for file in files]
            self._json({"id": name, "sha": commit, "siblings": siblings, "tags": []})

    def tree(self, body: bytes, name: str, revision: str) -> None:
        if found := self._found(name, revision):
            self._json([self._entry(file, data) for file, data in found[1].items()])

    def _entry(self, file: str, data: bytes) -> dict[str, Any]:
        entry = {"type": "file", "path": file, "size": len(data), "oid": _git_sum(data)}
        if file.endswith(".safetensors"):
            sum_ = hashlib.sha256(data).hexdigest()
            entry["lfs"] = {"oid": sum_, "size": len(data), "pointerSize": 134}
        return entry

    def resolve(self, body: bytes, name: str, revision: str, file: str) -> None:
        if (found := self._found(name, revision)) is None:
            return
        commit, files = found
        if file not in files:
            self._refuse(404, "EntryNotFound")
            return
        data = files[file]
        self._send(data, ETag=f'"{_git_sum(data)}"', X_Repo_Commit=commit)

    # What putting asks

    def _is_allowed(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.server.token}":
            return True
        self._refuse(403 if "Authorization" in self.headers else 401, "", "Not yours")
        return False

    def create(self, body: bytes) -> None:
        if not self._is_allowed():
            return
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        is_there = name in self.server.repositories
        repository = self.server.repositories.setdefault(name, Repository())
        if not is_there:
            repository.is_private = "private" in (asked.get("visibility"), *asked)
            repository.put({".gitattributes": b""})
        self._json({"url": f"{self.server.url}/{name}", "name": name}, 409 if is_there else 200)

    def validate(self, body: bytes) -> None:
        self._json({"errors": [], "warnings": []})

    def preupload(self, body: bytes, name: str, revision: str) -> None:
        modes = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        self._json({"files": modes})

    def batch(self, body: bytes, name: str) -> None:
        objects = [
            {
                **each,
                "authenticated": True,
                "actions": {"upload": {"href": f"{self.server.url}/large/{each['oid']}"}},
            }
            for each in json.loads(body)["objects"]
        ]
        self._json({"transfer": "basic", "objects": objects})

    def upload(self, body: bytes, sum_: str) -> None:
        self.server.large[sum_] = body
        self._send(b"")

    def commit(self, body: bytes, name: str, revision: str) -> None:
        if not self._is_allowed():
            return
        repository = self.server.repositories[name]
        files = dict(repository.commits[str(repository.commit_of("main"))])
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self.server.large[value["oid"]]
        commit = repository.put(files)
        url = f"{self.server.url}/{name}/commit/{commit}"
        self._json({"success": True, "commitOid": commit, "commitUrl": url, "hookOutput": ""})


def _git_sum(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


_ROUTES = (
    (("GET",), _API + r"(?:/revision/([^/]+))?", _Handler.info),
    (("GET",), _API + r"/tree/([^/]+)", _Handler.tree),
    (("GET", "HEAD"), r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)", _Handler.resolve),
    (("POST",), r"/api/repos/create", _Handler.create),
    (("POST",), r"/api/validate-yaml", _Handler.validate),
    (("POST",), _API + r"/preupload/([^/]+)", _Handler.preupload),
    (("POST",), r"/([\w.-]+/[\w.-]+)\.git/info/lfs/objects/batch", _Handler.batch),
    (("PUT",), r"/large/(\w+)", _Handler.upload),
    (("POST",), _API + r"/commit/([^/]+)", _Handler.commit),
)


@contextmanager
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
