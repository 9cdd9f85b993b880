"""Fetch the Tang and Song poems of chinese-poetry/chinese-poetry at one pinned commit.

GitHub's API names the commit's root tree and lists it and the poem folder; each listing must hash,
as git hashes a tree, to the name it was asked for by, and each file, as git hashes a blob, to the
name its listing gives. That proves that files match listings and listings match the root tree.
That the root tree is the commit's own is the word of api.github.com, trusted through HTTPS: the
commit itself is not hashed. With another `api_url`, that server is what is trusted.

A file appears under its own name only when it is complete and its hash is right. No answer is read
beyond a limit, whatever size it claims, nothing but HTTP is followed, and the whole has a deadline.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any, TypeVar
from urllib.parse import quote

from poetry_vae.text.errors import DownloadError
from poetry_vae.text.json_values import JsonError, parse_json
from poetry_vae.text.web import BadRangeError, BrokenOffError, Patience, open_url, receive

COMMIT = "99ebbef7e1345c0985c44b9fd96a3f9e776f117b"
API_URL = "https://api.github.com"
RAW_URL = "https://raw.githubusercontent.com"

_REPOSITORY = "chinese-poetry/chinese-poetry"
_FOLDER = "全唐诗"
# A mirror's listing chooses the names, so none may hold a separator and climb out of the folder.
_POEMS = re.compile(r"poet\.(?:tang|song)\.[^/\\:\x00-\x1f\x7f]+\.json")
_MOST_OF_ANSWER, _MOST_OF_FILE, _MOST_IN_ALL = 1 << 24, 1 << 26, 1 << 30  # bytes
_CONNECTIONS = 4
_CHUNK = 1 << 16
_PAUSES = (0.5, 1.0, 2.0)  # seconds before each new try of a connection that broke off

_T = TypeVar("_T")


@dataclass(frozen=True)
class Progress:
    """How far the whole download is; `bytes_done` counts what already stood on disk."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    name: str


@dataclass(frozen=True)
class _Entry:
    """One line of a git tree; a folder has no size of its own."""

    name: str
    mode: str
    sha: str
    size: int


@dataclass(frozen=True)
class _Job:
    """One file to fetch."""

    url: str
    target: Path
    sha: str
    size: int


_Report = Callable[[_Job, int], None]  # told how many bytes of a file are there


def _tree_sha(entries: Iterable[_Entry]) -> str:
    lines = {}
    for entry in entries:
        name, mode = entry.name.encode(), entry.mode.lstrip("0")  # the API writes 040000
        order = name + b"/" if mode == "40000" else name
        lines[order] = mode.encode() + b" " + name + b"\0" + bytes.fromhex(entry.sha)
    body = b"".join(line for _, line in sorted(lines.items()))
    return hashlib.sha1(b"tree %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def _blob_sha(path: Path) -> str:
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _patiently(attempt: Callable[[], _T]) -> _T:
    for pause in _PAUSES:
        try:
            return attempt()
        except BrokenOffError:
            time.sleep(pause)
    return attempt()


def _ask(url: str, patience: Patience, parse: Callable[[Any], _T]) -> _T:
    def attempt() -> bytes:
        content = bytearray()
        with open_url(url, patience) as response:
            while chunk := receive(lambda: response.read1(_CHUNK)):
                content += chunk
                if len(content) > _MOST_OF_ANSWER:
                    raise DownloadError(
                        f"{url}: an answer of more than {_MOST_OF_ANSWER:,} bytes; check the "
                        "address"
                    )
            if response.length:
                raise BrokenOffError("the connection was closed")
        return bytes(content)

    try:
        return parse(parse_json(_patiently(attempt).decode("utf-8")))
    except BrokenOffError as error:
        raise DownloadError(f"{url}: no full answer ({error}); try again later") from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, JsonError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DownloadError(f"{url}: not GitHub's answer ({reason}); check the address") from error


def _listing(api: str, sha: str, patience: Patience) -> dict[str, _Entry]:
    url = f"{api}/trees/{sha}"

    def parse(tree: Any) -> dict[str, _Entry]:
        if tree.get("truncated"):
            raise DownloadError(f"{url}: the listing is truncated; give another mirror")
        entries = {
            e["path"]: _Entry(e["path"], e["mode"], e["sha"], int(e.get("size", 0)))
            for e in tree["tree"]
        }
        found = _tree_sha(entries.values())
        if found != sha:
            raise DownloadError(
                f"{url}: the listing has git hash {found}, expected {sha}; "
                "try again, or give another mirror"
            )
        return entries

    return _ask(url, patience, parse)


def _plan(destination: Path, api_url: str, raw_url: str, patience: Patience) -> list[_Job]:
    """The poem files in the order of the listing, and the licence last."""
    api = f"{api_url.rstrip('/')}/repos/{_REPOSITORY}/git"
    raw = f"{raw_url.rstrip('/')}/{_REPOSITORY}/{COMMIT}"
    # The root's own name is asked for apart, because GitHub does not say whether a tree asked for
    # by a commit's name comes back under the tree's name or the commit's.
    sha = _ask(f"{api}/commits/{COMMIT}", patience, lambda commit: str(commit["tree"]["sha"]))
    root = _listing(api, sha, patience)
    folder = _listing(api, root[_FOLDER].sha, patience) if _FOLDER in root else {}
    files = {f"{_FOLDER}/{name}": e for name, e in folder.items() if _POEMS.fullmatch(name)}
    if not files or "LICENSE" not in root:
        raise DownloadError(f"{api}: no poem files or no LICENSE at {COMMIT}; check the address")
    files["LICENSE"] = root["LICENSE"]  # the MIT licence asks to stand beside every copy
    sizes = [entry.size for entry in files.values()]  # no part of what is hashed
    if not all(0 <= size <= _MOST_OF_FILE for size in sizes) or sum(sizes) > _MOST_IN_ALL:
        raise DownloadError(f"{api}: the listing claims files of absurd sizes; check the address")
    return [
        _Job(f"{raw}/{quote(path)}", destination / path, entry.sha, entry.size)
        for path, entry in files.items()
    ]


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fill(job: _Job, part: Path, patience: Patience, report: _Report) -> None:
    """Append to `part` until it has the size expected; raises BrokenOffError where that fails."""
    if part.is_symlink() or (part.exists() and not part.is_file()):
        part.unlink()  # it would lead somewhere else
    held = _size(part) if _size(part) <= job.size else 0
    report(job, held)
    if held and held == job.size:
        return
    try:
        with open_url(job.url, patience, start=held) as response:
            resumed = held > 0 and response.status == 206
            held = held if resumed else 0
            with open(part, "ab" if resumed else "wb", opener=_no_link) as file:
                # read1 returns what has come so far, so a break loses nothing that arrived.
                while chunk := receive(lambda: response.read1(_CHUNK)):
                    file.write(chunk)
                    held += len(chunk)
                    report(job, held)
                    if held > job.size:
                        return  # wrong whatever follows, and its hash will say so
    except BadRangeError:
        part.unlink()
        raise
    if held < job.size:
        raise BrokenOffError("the connection was closed")


def _no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _fetch(job: _Job, patience: Patience, report: _Report) -> _Job:
    part = job.target.with_name(job.target.name + ".part")
    try:
        if job.target.is_file() and _blob_sha(job.target) == job.sha:
            return job
        job.target.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(2):  # a wrong hash may come from an old part: a fresh start may be right
            _patiently(lambda: _fill(job, part, patience, report))
            found = _blob_sha(part)
            if found == job.sha:
                part.replace(job.target)
                return job
            part.unlink()
    except BrokenOffError as error:
        raise DownloadError(
            f"{job.url}: broke off after {_size(part)} of {job.size} bytes ({error}); "
            "run the command again to continue from there"
        ) from error
    except OSError as error:  # of the disk: open_url and receive let none of the line's through
        path, reason = error.filename or job.target, error.strerror or error
        raise DownloadError(
            f"{path}: cannot be written or read: {reason}; make room, or give another folder"
        ) from error
    raise DownloadError(
        f"{job.url}: the content has git hash {found}, expected {job.sha}, twice; "
        "try again later, or give another mirror"
    )


def download_corpus(
    destination: Path,
    *,
    api_url: str = API_URL,
    raw_url: str = RAW_URL,
    progress: Callable[[Progress], None] | None = None,
    timeout: float = 30.0,
    within: float = 3600.0,
) -> list[Path]:
    """Fetch the poem files into `destination`/全唐诗 and return them; their licence lies beside it.

    Files already there with the right hash are not fetched again, and a part of a file is
    continued. `progress` is called in the calling thread and never goes backwards. `timeout` is how
    long a server may be silent, `within` how long everything may take, in seconds.

    Raises DownloadError: the host cannot be reached or refuses; a connection breaks off again and
    again; a listing or a file is not what was expected; it takes too long; the disk cannot be
    written.
    """
    patience = Patience(timeout, within, time.monotonic() + within)
    jobs = _plan(destination, api_url, raw_url, patience)
    events: SimpleQueue[tuple[_Job, int] | Future[_Job]] = SimpleQueue()
    stopped = Event()

    def report(job: _Job, held: int) -> None:
        if stopped.is_set():
            raise DownloadError("stopped")  # ends this thread only: nobody waits for its result
        events.put((job, held))

    files_done, held, total = 0, dict.fromkeys(jobs, 0), sum(job.size for job in jobs)
    pool = ThreadPoolExecutor(_CONNECTIONS)
    try:
        for job in jobs:
            pool.submit(_fetch, job, patience, report).add_done_callback(events.put)
        while files_done < len(jobs):
            event = events.get()
            if isinstance(event, Future):
                job, now = event.result(), event.result().size
                files_done += 1
            else:
                job, now = event
            # A file that starts over keeps its mark: the bar waits, it does not run back.
            held[job] = max(held[job], min(now, job.size))
            if progress is not None:
                done = sum(held.values())
                progress(Progress(files_done, len(jobs), done, total, job.target.name))
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)
    return [job.target for job in jobs[:-1]]  # all but the licence
