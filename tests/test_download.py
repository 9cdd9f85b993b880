"""The download against a made-up repository behind a local server that can misbehave on demand."""

import errno
import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import unquote

import pytest

from poetry_vae.text import download, web
from poetry_vae.text.download import COMMIT, DownloadProgress, download_corpus
from poetry_vae.text.errors import DownloadError, PoetryVAEError

Tree = dict[str, Any]  # name -> bytes of a file, or the Tree of a folder
FOLDER = "全唐诗"
TANG, SONG = "poet.tang.0.json", "poet.song.1000.json"
SIZE = 150_001  # odd, and more than the downloader reads at once


def noise(seed: int, size: int = SIZE) -> bytes:
    return random.Random(seed).randbytes(size)


def made_up_repository() -> Tree:
    # "ci" is listed first by name, yet git sorts it as "ci/": behind "ci-old" and "ci.txt".
    return {
        "LICENSE": b"MIT, for a test\n",
        "README.md": b"",
        "ci": {"ci.song.0.json": b"[]"},
        "ci-old": b"1",
        "ci.txt": b"2",
        "ci0": b"3",
        FOLDER + ".md": b"4",
        FOLDER: {
            TANG: noise(1),
            SONG: noise(2),
            "authors.tang.json": b"[]",
            "poet.tang.0.json.bak": b"[]",
            "唐诗补录.json": b"[]",
            "error": {"poet.tang.9.json": b"[]"},
        },
    }


def git_sha(kind: str, body: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(body)}\0".encode() + body).hexdigest()


def listing_of(tree: Tree, listings: dict[str, Any]) -> str:
    """Put the API's listing of a tree, and of all trees in it, into `listings`; return its hash."""
    rows, raw = [], b""
    for name in sorted(tree, key=lambda n: (n + "/" if isinstance(tree[n], dict) else n).encode()):
        item = tree[name]
        if isinstance(item, dict):
            sha = listing_of(item, listings)
            rows.append({"path": name, "mode": "040000", "type": "tree", "sha": sha})
            raw += b"40000 " + name.encode() + b"\0" + bytes.fromhex(sha)
        else:
            sha = git_sha("blob", item)
            rows.append({"path": name, "mode": "100644", "type": "blob", "sha": sha})
            rows[-1]["size"] = len(item)
            raw += b"100644 " + name.encode() + b"\0" + bytes.fromhex(sha)
    sha = git_sha("tree", raw)
    listings[sha] = {"sha": sha, "tree": rows, "truncated": False}
    return sha


class Site(ThreadingHTTPServer):
    """Serves one repository as GitHub does: listings by API, contents raw."""

    daemon_threads = False  # so that closing the server waits for its threads
    request_queue_size = 32

    def __init__(self, tree: Tree) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests: list[str] = []  # last parts of the paths
        self.faults: dict[str, Iterator[str]] = {}  # last part of the path -> faults to come
        self.answers: dict[str, bytes] = {}  # last part of the path -> another body
        self.released = threading.Event()
        self.sent_to_the_end = False
        self.lock = threading.Lock()
        self.hold(tree)

    def hold(self, tree: Tree) -> None:
        self.tree = tree
        self.listings: dict[str, Any] = {}
        self.root = listing_of(tree, self.listings)

    def body(self, path: str) -> bytes:
        last = path.rsplit("/", 1)[1]
        repository = "/chinese-poetry/chinese-poetry/"
        if last in self.answers:
            return self.answers[last]
        if path == f"/api/repos{repository}git/commits/{COMMIT}":
            return json.dumps({"sha": COMMIT, "tree": {"sha": self.root}}).encode()
        if path == f"/api/repos{repository}git/trees/{last}":
            return json.dumps(self.listings[last]).encode()
        assert path.startswith(f"/raw{repository}{COMMIT}/")
        node: Any = self.tree
        for name in path.removeprefix(f"/raw{repository}{COMMIT}/").split("/"):
            node = node[name]
        assert isinstance(node, bytes)
        return node

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""

    def asked(self, name: str) -> int:
        return self.requests.count(name)


class Handler(BaseHTTPRequestHandler):
    server: Site
    refusals: ClassVar = {"404": 404, "403": 403, "503": 503, "rate limit": 403}

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        path = unquote(self.path)
        last = path.rsplit("/", 1)[1]
        site = self.server
        with site.lock:
            site.requests.append(last)
            fault = next(site.faults.get(last, iter(())), "")
        if fault in self.refusals:
            self.send_response(self.refusals[fault])
            if fault == "rate limit":
                self.send_header("X-RateLimit-Remaining", "0")
            self.end_headers()
            return
        if fault == "slow headers":
            self.send_response(200)
            self.flush_headers()
            while not self.server.released.wait(0.02):
                self.wfile.write(b"x")
            return
        if fault == "ftp":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1:1/x")
            self.end_headers()
            return
        try:
            body = self.server.body(path)
        except (KeyError, AssertionError):
            self.send_error(404)
            return
        if fault == "wrong":
            body = body[:10] + bytes([body[10] ^ 1]) + body[11:]
        if fault == "long":
            body += b"!"
        if fault == "endless":
            self.send_response(200)
            self.end_headers()
            for _ in range(200):
                self.wfile.write(body)
            self.server.sent_to_the_end = True
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = len(body) // 2 if fault in ("break", "stall") else len(body)
        pieces = 40 if fault == "slow" else 1
        for piece in range(pieces):
            first, end = (cut * at // pieces for at in (piece, piece + 1))
            self.wfile.write(body[first:end])
            self.server.released.wait(0.01 if pieces > 1 else 0)
        if fault == "stall":
            self.server.released.wait(5)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(web, "_PAUSES", (0, 0, 0))
    monkeypatch.setenv("no_proxy", "*")
    server = Site(made_up_repository())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(
    site: Site,
    to: Path,
    progress: Callable[[DownloadProgress], None] | None = None,
    timeout: float = 5,
) -> list[Path]:
    return download_corpus(
        to,
        api_url=site.url + "/api/",
        raw_url=site.url + "/raw",
        progress=progress,
        timeout=timeout,
    )


def failure(site: Site, to: Path, timeout: float = 5) -> str:
    """The message of the download that must fail: always one line."""
    with pytest.raises(DownloadError) as caught:
        fetch(site, to, timeout=timeout)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def on_disk(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


WANTED = {"LICENSE", f"{FOLDER}/{TANG}", f"{FOLDER}/{SONG}"}


def assert_complete(site: Site, to: Path) -> None:
    assert on_disk(to) == WANTED
    assert (to / "LICENSE").read_bytes() == site.tree["LICENSE"]
    for name in (TANG, SONG):
        assert (to / FOLDER / name).read_bytes() == site.tree[FOLDER][name]


# ---- what is fetched ----


def test_fetches_the_poems_and_the_licence_and_nothing_else(site: Site, tmp_path: Path) -> None:
    paths = fetch(site, tmp_path / "new" / "corpus")
    assert_complete(site, tmp_path / "new" / "corpus")
    assert {path.name for path in paths} == {TANG, SONG}
    assert all(path.is_file() for path in paths)
    assert len(site.requests) == 3 + 3  # the commit, two listings, three files


def test_a_destination_named_like_the_folder(site: Site, tmp_path: Path) -> None:
    paths = fetch(site, tmp_path / FOLDER)
    assert_complete(site, tmp_path / FOLDER)
    assert {path.name for path in paths} == {TANG, SONG}


def test_a_complete_corpus_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    first = fetch(site, tmp_path)
    site.requests.clear()
    assert fetch(site, tmp_path) == first
    assert len(site.requests) == 3  # the commit and two listings
    assert set(site.requests) <= {COMMIT, *site.listings}


def test_only_the_missing_file_is_fetched(site: Site, tmp_path: Path) -> None:
    fetch(site, tmp_path)
    (tmp_path / FOLDER / SONG).unlink()
    site.requests.clear()
    fetch(site, tmp_path)
    assert site.asked(SONG) == 1
    assert not site.asked(TANG)
    assert not site.asked("LICENSE")
    assert_complete(site, tmp_path)


def test_a_wrong_file_is_replaced(site: Site, tmp_path: Path) -> None:
    fetch(site, tmp_path)
    (tmp_path / FOLDER / TANG).write_bytes(noise(9))
    fetch(site, tmp_path)
    assert_complete(site, tmp_path)


@pytest.mark.parametrize("fault", ["wrong", "break", "404"])
def test_a_file_on_disk_is_kept_until_the_right_one_is_there(
    site: Site, tmp_path: Path, fault: str
) -> None:
    old = tmp_path / FOLDER / TANG
    old.parent.mkdir()
    old.write_bytes(b"an older edition")
    site.faults[TANG] = repeat(fault)
    failure(site, tmp_path)
    assert old.read_bytes() == b"an older edition"


def test_no_file_is_seen_half_written(site: Site, tmp_path: Path) -> None:
    site.faults[TANG] = iter(["break", "wrong"])
    site.faults[SONG] = iter(["wrong", "break"])
    seen = 0

    def look(_: DownloadProgress) -> None:
        nonlocal seen
        for name in (TANG, SONG):
            path = tmp_path / FOLDER / name
            if path.exists():
                seen += 1
                assert path.read_bytes() == site.tree[FOLDER][name]

    fetch(site, tmp_path, look)
    assert seen


def test_names_that_climb_out_of_the_folder_are_not_fetched(site: Site, tmp_path: Path) -> None:
    tree = made_up_repository()
    tree[FOLDER]["poet.tang./../../../evil.json"] = b"evil"
    site.hold(tree)
    fetch(site, tmp_path / "in")
    assert on_disk(tmp_path) == {f"in/{name}" for name in WANTED}
    assert not site.asked("evil.json")


def test_an_empty_file_is_fetched(site: Site, tmp_path: Path) -> None:
    tree = made_up_repository()
    tree[FOLDER][TANG] = b""
    site.hold(tree)
    fetch(site, tmp_path)
    assert_complete(site, tmp_path)


def test_no_more_than_four_connections(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, real = threading.Lock(), download._fetch
    busy = busiest = 0

    def counted(*given: Any) -> Any:
        nonlocal busy, busiest
        with lock:
            busy += 1
            busiest = max(busiest, busy)
        try:
            return real(*given)
        finally:
            with lock:
                busy -= 1

    tree = made_up_repository()
    tree[FOLDER] = {f"poet.tang.{n}.json": noise(n, 3000) for n in range(30)}
    site.hold(tree)
    monkeypatch.setattr(download, "_fetch", counted)
    assert len(fetch(site, tmp_path)) == 30
    assert 1 < busiest <= 4


def test_a_failure_stops_the_other_files(site: Site, tmp_path: Path) -> None:
    tree = made_up_repository()
    names = [f"poet.tang.{n}.json" for n in range(20)]
    tree[FOLDER] = {name: noise(1) for name in names}
    site.hold(tree)
    site.faults.update({name: repeat("slow") for name in names[1:]})
    site.faults[names[0]] = repeat("404")
    assert names[0] in failure(site, tmp_path)
    assert len(on_disk(tmp_path)) < 10
    assert len(site.requests) < 3 + 10


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_names_the_tree_as_the_made_up_listing_does(site: Site, tmp_path: Path) -> None:
    def write(tree: Tree, folder: Path) -> None:
        folder.mkdir()
        for name, item in tree.items():
            if isinstance(item, dict):
                write(item, folder / name)
            else:
                (folder / name).write_bytes(item)

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=work, env=env, check=True, capture_output=True, text=True
        ).stdout.strip()

    work = tmp_path / "work"
    write(site.tree, work)
    env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    env |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    git("init", "--quiet")
    git("-c", "core.autocrlf=false", "add", "--all")
    assert git("write-tree") == site.root


# ---- wrong content ----


@pytest.mark.parametrize("fault", ["wrong", "long"])
def test_wrong_content_once_heals(site: Site, tmp_path: Path, fault: str) -> None:
    site.faults[TANG] = iter([fault])
    fetch(site, tmp_path)
    assert site.asked(TANG) == 2
    assert_complete(site, tmp_path)


@pytest.mark.parametrize("fault", ["wrong", "long"])
def test_wrong_content_twice_is_an_error(site: Site, tmp_path: Path, fault: str) -> None:
    site.faults[TANG] = repeat(fault)
    message = failure(site, tmp_path)
    assert site.asked(TANG) == 2
    right = site.tree[FOLDER][TANG]
    assert TANG in message
    assert git_sha("blob", right) in message
    assert "mirror" in message
    if fault == "wrong":
        wrong = right[:10] + bytes([right[10] ^ 1]) + right[11:]
        assert git_sha("blob", wrong) in message
    assert f"{FOLDER}/{TANG}" not in on_disk(tmp_path)


def test_an_endless_file_does_not_fill_the_disk(site: Site, tmp_path: Path) -> None:
    site.faults[TANG] = iter(["endless"])
    fetch(site, tmp_path)
    assert not site.sent_to_the_end
    assert_complete(site, tmp_path)


def test_a_wrong_licence_is_an_error(site: Site, tmp_path: Path) -> None:
    site.faults["LICENSE"] = repeat("wrong")
    assert "LICENSE" in failure(site, tmp_path)
    assert not (tmp_path / "LICENSE").exists()


# ---- connections that break off ----


def test_a_broken_connection_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.faults[TANG] = iter(["break", "break"])
    fetch(site, tmp_path)
    assert site.asked(TANG) == 3
    assert_complete(site, tmp_path)


def test_a_connection_that_always_breaks_leaves_the_other_files(site: Site, tmp_path: Path) -> None:
    site.faults[TANG] = repeat("break")
    message = failure(site, tmp_path)
    assert site.asked(TANG) == 1 + 3
    assert TANG in message
    assert "run the command again" in message
    assert f"{FOLDER}/{TANG}" not in on_disk(tmp_path)

    site.faults.clear()
    site.requests.clear()
    fetch(site, tmp_path)
    assert site.asked(TANG) == 1
    assert not site.asked("LICENSE")
    assert_complete(site, tmp_path)


def test_a_connection_that_falls_silent_is_tried_again(site: Site, tmp_path: Path) -> None:
    site.faults[TANG] = iter(["stall"])
    fetch(site, tmp_path, timeout=0.4)
    assert site.asked(TANG) == 2
    assert_complete(site, tmp_path)


def test_a_server_in_trouble_is_asked_again(site: Site, tmp_path: Path) -> None:
    site.faults[TANG] = site.faults[site.root] = iter(["503", "503"])
    fetch(site, tmp_path)
    assert_complete(site, tmp_path)
    site.faults[COMMIT] = repeat("503")
    assert "503" in failure(site, tmp_path)


def test_a_listing_that_breaks_off_is_asked_for_again(site: Site, tmp_path: Path) -> None:
    site.faults[site.root] = iter(["break"])
    fetch(site, tmp_path)
    assert_complete(site, tmp_path)
    site.faults[site.root] = repeat("break")
    assert site.root in failure(site, tmp_path)


# ---- no connection, and refusals ----


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def test_off_line_nobody_listens(site: Site, tmp_path: Path) -> None:
    host = closed_port()
    with pytest.raises(DownloadError) as caught:
        download_corpus(tmp_path, api_url=f"http://{host}", raw_url=site.url)
    message = str(caught.value)
    assert message.startswith(f"{host} could not be reached: ")
    assert "refused" in message
    assert "corpus that is already on disk" in message
    assert "\n" not in message
    assert on_disk(tmp_path) == set()


def test_off_line_files_cannot_be_reached(site: Site, tmp_path: Path) -> None:
    host = closed_port()
    with pytest.raises(DownloadError, match=f"{host} could not be reached"):
        download_corpus(tmp_path, api_url=site.url + "/api", raw_url=f"http://{host}")
    assert on_disk(tmp_path) == set()


def test_off_line_no_name_is_known(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(DownloadError) as caught:
        download_corpus(tmp_path)
    assert str(caught.value).startswith("api.github.com could not be reached: ")
    assert "Name or service not known" in str(caught.value)


@pytest.mark.parametrize("address", ["nonsense", "htttp://127.0.0.1/", "http://127.0.0.1:port"])
def test_an_address_that_is_none(tmp_path: Path, address: str) -> None:
    with pytest.raises(DownloadError, match=r"not a web address|could not be reached"):
        download_corpus(tmp_path, api_url=address)


@pytest.mark.parametrize("which", ["commit", "root", "folder", "file"])
@pytest.mark.parametrize(
    ("fault", "words"), [("404", "mirror"), ("403", "mirror"), ("rate limit", "60 requests")]
)
def test_a_refusal_says_what_was_refused(
    site: Site, tmp_path: Path, which: str, fault: str, words: str
) -> None:
    folder = next(row["sha"] for row in site.listings[site.root]["tree"] if row["path"] == FOLDER)
    name = {"commit": COMMIT, "root": site.root, "folder": folder, "file": TANG}[which]
    site.faults[name] = repeat(fault)
    message = failure(site, tmp_path)
    assert name in message
    assert words in message
    assert f"HTTP {Handler.refusals[fault]}" in message
    assert site.asked(name) == 1


# ---- listings that cannot be believed ----


@pytest.mark.parametrize("which", ["commit", "root"])
@pytest.mark.parametrize(
    "answer",
    [
        b"<html>log in first</html>",
        b"\xff\xfe",
        b"",
        b"[]",
        b"null",
        b"{}",
        b'{"tree": 1}',
        b'{"tree": {"sha": []}}',
        b'{"tree": [{"path": 1, "mode": 2, "sha": 3}]}',
        b'{"tree": [{"path": "a", "mode": "100644", "sha": "xyz"}]}',
        b'{"tree": [{"path": "a", "mode": "100644", "sha": "00", "size": null}]}',
        b'{"tree": [{"path": "\\ud800", "mode": "100644", "sha": "00"}]}',
    ],
)
def test_a_garbled_answer(site: Site, tmp_path: Path, which: str, answer: bytes) -> None:
    site.answers[COMMIT if which == "commit" else site.root] = answer
    assert site.url in failure(site, tmp_path)
    assert on_disk(tmp_path) == set()


def test_a_truncated_listing(site: Site, tmp_path: Path) -> None:
    site.listings[site.root]["truncated"] = True
    message = failure(site, tmp_path)
    assert "truncated" in message
    assert site.root in message


@pytest.mark.parametrize("change", ["sha", "path", "mode", "missing"])
@pytest.mark.parametrize("which", ["root", "folder"])
def test_a_listing_that_was_tampered_with(
    site: Site, tmp_path: Path, which: str, change: str
) -> None:
    folder = next(row["sha"] for row in site.listings[site.root]["tree"] if row["path"] == FOLDER)
    sha = site.root if which == "root" else folder
    rows = site.listings[sha]["tree"]
    if change == "missing":
        rows.pop()
    else:
        rows[0][change] = {"sha": "0" * 40, "path": "another", "mode": "100755"}[change]
    message = failure(site, tmp_path)
    assert "git hash" in message
    assert sha in message
    assert on_disk(tmp_path) == set()


@pytest.mark.parametrize("lost", ["LICENSE", FOLDER, "poems"])
def test_a_repository_without_the_poems(site: Site, tmp_path: Path, lost: str) -> None:
    tree = made_up_repository()
    if lost == "poems":
        tree[FOLDER] = {"authors.tang.json": b"[]"}
    else:
        del tree[lost]
    site.hold(tree)
    assert "LICENSE" in failure(site, tmp_path)


# ---- the disk ----


def test_the_destination_is_a_file(site: Site, tmp_path: Path) -> None:
    (tmp_path / "corpus").write_bytes(b"mine")
    message = failure(site, tmp_path / "corpus")
    assert str(tmp_path / "corpus") in message
    assert "cannot be written" in message
    assert (tmp_path / "corpus").read_bytes() == b"mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_the_destination_may_not_be_written(site: Site, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        message = failure(site, tmp_path)
    finally:
        tmp_path.chmod(0o700)
    assert str(tmp_path) in message
    assert "Permission denied" in message


def test_the_disk_is_full(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    message = failure(site, tmp_path)
    assert str(tmp_path) in message  # of whichever file comes first
    assert "No space left" in message
    assert "make room" in message
    assert on_disk(tmp_path) == set()


# ---- progress ----


def test_progress_never_runs_back_and_ends_at_the_total(site: Site, tmp_path: Path) -> None:
    site.faults[TANG] = iter(["wrong"])
    site.faults[SONG] = iter(["long", "break"])
    told: list[DownloadProgress] = []
    threads = set()

    def hear(step: DownloadProgress) -> None:
        told.append(step)
        threads.add(threading.current_thread())

    fetch(site, tmp_path, hear)
    assert_complete(site, tmp_path)
    total = 2 * SIZE + len(site.tree["LICENSE"])
    assert {(step.files_total, step.bytes_total) for step in told} == {(3, total)}
    for before, after in pairwise(told):
        assert before.files_done <= after.files_done
        assert before.bytes_done <= after.bytes_done <= total
    assert (told[-1].files_done, told[-1].bytes_done) == (3, total)
    assert {step.name for step in told} == {TANG, SONG, "LICENSE"}
    assert threads == {threading.current_thread()}


def test_progress_of_a_complete_corpus_ends_at_the_total(site: Site, tmp_path: Path) -> None:
    fetch(site, tmp_path)
    told: list[DownloadProgress] = []
    fetch(site, tmp_path, told.append)
    assert [step.files_done for step in told] == [1, 2, 3]
    assert told[-1].bytes_done == told[-1].bytes_total


def test_an_error_in_the_callback_ends_the_download(site: Site, tmp_path: Path) -> None:
    def stop(_: DownloadProgress) -> None:
        raise BrokenPipeError("the reader has gone")

    with pytest.raises(BrokenPipeError, match="the reader has gone"):
        fetch(site, tmp_path, stop)
    fetch(site, tmp_path)
    assert_complete(site, tmp_path)


def test_the_error_belongs_to_the_library() -> None:
    assert issubclass(DownloadError, PoetryVAEError)


def test_the_command_downloads_and_prints_the_folder(site: Site, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from poetry_vae.cli import main

    common = ["corpus", "download", "--to", str(tmp_path / "poems")]
    servers = ["--api-url", site.url + "/api", "--raw-url", site.url + "/raw"]
    result = CliRunner().invoke(main, [*common, *servers])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(tmp_path / "poems")
    assert "2 files in" in result.stderr
    assert_complete(site, tmp_path / "poems")
    with socket.socket() as unused:  # bound but not listening: every connection is refused
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
        offline = [*common, "--api-url", nowhere, "--raw-url", nowhere]
        result = CliRunner().invoke(main, offline)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert len(result.stderr.splitlines()) == 1


# --- what a server may not do to us


def test_a_redirect_to_anything_but_http_is_not_followed(site: Site, tmp_path: Path) -> None:
    site.faults[COMMIT] = repeat("ftp")
    assert "ftp" in failure(site, tmp_path)


def test_an_answer_without_end_is_not_read(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_MOST_OF_ANSWER", 1000)
    site.answers[COMMIT] = b" " * 100_000
    assert "an answer of more than 1,000 bytes" in failure(site, tmp_path)


@pytest.mark.parametrize(
    ("size", "told"),
    [("1e999", "not GitHub's answer"), ("-1", "absurd"), ("9" * 12, "absurd"), ("9" * 5000, "Git")],
)
def test_a_size_that_cannot_be(site: Site, tmp_path: Path, size: str, told: str) -> None:
    sha, listing = next((k, v) for k, v in site.listings.items() if TANG in str(v))
    text = json.dumps(listing).replace(f'"size": {SIZE}', f'"size": {size}')
    site.answers[sha] = text.encode()
    assert told in failure(site, tmp_path)


def test_a_listing_nested_without_end(site: Site, tmp_path: Path) -> None:
    site.answers[COMMIT] = b"[" * 100_000
    assert "nested too deeply" in failure(site, tmp_path)


def test_names_with_control_codes_are_not_fetched(site: Site, tmp_path: Path) -> None:
    tree = made_up_repository()
    tree[FOLDER] |= {"poet.tang.\0.json": b"[]", "poet.tang.\x1b.json": b"[]"}
    site.hold(tree)
    assert {path.name for path in fetch(site, tmp_path)} == {TANG, SONG}


def test_a_trickle_has_an_end(site: Site, tmp_path: Path) -> None:
    site.faults[TANG] = repeat("slow")  # 40 pieces, 0.4 seconds
    with pytest.raises(DownloadError, match="not done within 0 seconds; run the command again"):
        download_corpus(
            tmp_path, api_url=site.url + "/api/", raw_url=site.url + "/raw/", within=0.2
        )
    assert len(fetch(site, tmp_path)) == 2


@pytest.mark.parametrize("name", [COMMIT, TANG])
def test_a_trickle_of_headers_has_an_end(site: Site, tmp_path: Path, name: str) -> None:
    site.faults[name] = repeat("slow headers")
    with pytest.raises(DownloadError, match="not done within 0 seconds; run the command again"):
        download_corpus(
            tmp_path, api_url=site.url + "/api/", raw_url=site.url + "/raw/", within=0.2
        )
