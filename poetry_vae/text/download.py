"""Fetch the Tang and Song poems of chinese-poetry/chinese-poetry at one pinned commit.

GitHub's API names the commit's root tree and lists it and the poem folder; each listing must hash,
as git hashes a tree, to the name it was asked for by, and each file, as git hashes a blob, to the
name its listing gives. That proves that files match listings and listings match the root tree. It
does not prove that the root tree belongs to the commit, which itself is not hashed: for that
api.github.com is trusted, through HTTPS. With another `api_url`, that server is trusted instead.

A file appears under its own name only when it is complete and its hash is right. No answer is read
beyond a limit, whatever size it claims. No redirect leads away from HTTP(S). The whole download has
a deadline. Libraries such as pooch want the plain hashes of all files beforehand; git's listings
have others, which need not be stored here.
"""

import hashlib
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from poetry_vae.text.errors import DownloadError
from poetry_vae.text.files import FileReadError, FileWriteError, read_file, replace_file
from poetry_vae.text.json_values import JsonError, parse_json
from poetry_vae.text.web import Patience, fetch

COMMIT = "99ebbef7e1345c0985c44b9fd96a3f9e776f117b"
API_URL = "https://api.github.com"
RAW_URL = "https://raw.githubusercontent.com"

_REPOSITORY = "chinese-poetry/chinese-poetry"
_FOLDER = "全唐诗"
# A mirror's listing chooses the names, so none may hold a separator and climb out of the folder.
_POEMS = re.compile(r"poet\.(?:tang|song)\.[^/\\:\x00-\x1f\x7f]+\.json")
_MOST_OF_ANSWER, _MOST_OF_FILE, _MOST_IN_ALL = 1 << 24, 1 << 26, 1 << 30  # bytes
_CONNECTIONS = 4

_T = TypeVar("_T")


@dataclass(frozen=True)
class DownloadProgress:
    """How far the whole download is; `bytes_done` are those of whole files."""

    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    name: str


class _Entry(NamedTuple):
    """What a git tree says of a file or folder; a folder has no size of its own."""

    mode: str
    sha: str
    size: int


class _Job(NamedTuple):
    """One file to fetch."""

    url: str
    target: Path
    sha: str
    size: int


def _tree_sha(entries: dict[str, _Entry]) -> str:
    lines = {}
    for name, entry in entries.items():
        path, mode = name.encode(), entry.mode.lstrip("0")  # the API writes 040000
        order = path + b"/" if mode == "40000" else path
        lines[order] = mode.encode() + b" " + path + b"\0" + bytes.fromhex(entry.sha)
    body = b"".join(line for _, line in sorted(lines.items()))
    return hashlib.sha1(b"tree %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def _blob_sha(content: bytes) -> str:
    head = b"blob %d\0" % len(content)
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def _ask(url: str, patience: Patience, parse: Callable[[Any], _T]) -> _T:
    content = fetch(url, patience, _MOST_OF_ANSWER)
    if len(content) > _MOST_OF_ANSWER:
        raise DownloadError(
            f"{url}: an answer of more than {_MOST_OF_ANSWER:,} bytes; check the address"
        )
    try:
        return parse(parse_json(content.decode("utf-8")))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError, JsonError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise DownloadError(f"{url}: not GitHub's answer ({reason}); check the address") from error


def _listing(api: str, sha: str, patience: Patience) -> dict[str, _Entry]:
    url = f"{api}/trees/{sha}"

    def parse(tree: Any) -> dict[str, _Entry]:
        if tree.get("truncated"):
            raise DownloadError(f"{url}: the listing is truncated; give another mirror")
        entries = {
            e["path"]: _Entry(e["mode"], e["sha"], int(e.get("size", 0))) for e in tree["tree"]
        }
        found = _tree_sha(entries)
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
    # The root's own name takes a request of its own: GitHub does not say whether a tree asked for
    # by a commit's name comes back under the tree's name or the commit's.
    sha = _ask(f"{api}/commits/{COMMIT}", patience, lambda commit: str(commit["tree"]["sha"]))
    root = _listing(api, sha, patience)
    folder = _listing(api, root[_FOLDER].sha, patience) if _FOLDER in root else {}
    files = {f"{_FOLDER}/{name}": e for name, e in folder.items() if _POEMS.fullmatch(name)}
    if not files or "LICENSE" not in root:
        raise DownloadError(f"{api}: no poem files or no LICENSE at {COMMIT}; check the address")
    files["LICENSE"] = root["LICENSE"]  # the MIT licence asks to stand beside every copy
    sizes = [entry.size for entry in files.values()]  # the hash does not cover them
    if not all(0 <= size <= _MOST_OF_FILE for size in sizes) or sum(sizes) > _MOST_IN_ALL:
        raise DownloadError(f"{api}: the listing claims files of absurd sizes; check the address")
    return [
        _Job(f"{raw}/{quote(path)}", destination / path, entry.sha, entry.size)
        for path, entry in files.items()
    ]


def _fetch(job: _Job, patience: Patience) -> _Job:
    with suppress(FileReadError):
        if _blob_sha(read_file(job.target, most=job.size)) == job.sha:
            return job
    found = ""
    for _ in range(2):  # a file damaged on the way may be right the second time
        content = fetch(job.url, patience, job.size)
        found = _blob_sha(content)
        if found == job.sha:
            try:
                replace_file(job.target, content)
            except FileWriteError as error:
                raise DownloadError(f"{error}; make room, or give another folder") from error
            return job
    raise DownloadError(
        f"{job.url}: the content has git hash {found}, expected {job.sha}, twice; "
        "try again later, or give another mirror"
    )


def download_corpus(
    destination: Path,
    *,
    api_url: str = API_URL,
    raw_url: str = RAW_URL,
    progress: Callable[[DownloadProgress], None] | None = None,
    timeout: float = 30.0,
    within: float = 3600.0,
) -> list[Path]:
    """Fetch the poem files into `destination`/全唐诗 and return them; their licence lies beside it.

    Files already there with the right hash are not fetched again. `progress` is called in the
    calling thread, after each file. `timeout` is how long a server may be silent, `within` how long
    everything may take, in seconds.

    Raises DownloadError: the host cannot be reached or refuses; a connection breaks off again and
    again; a listing or a file is not what was expected; it takes too long; the disk cannot be
    written.
    """
    patience = Patience(timeout, within)
    jobs = _plan(destination, api_url, raw_url, patience)
    done, total = 0, sum(job.size for job in jobs)
    pool = ThreadPoolExecutor(_CONNECTIONS)
    try:
        coming = as_completed([pool.submit(_fetch, job, patience) for job in jobs])
        for files_done, fetched in enumerate(coming, start=1):
            job = fetched.result()
            done += job.size
            if progress is not None:
                progress(DownloadProgress(files_done, len(jobs), done, total, job.target.name))
    finally:
        patience.end()  # after an error, the other threads stop fetching
        pool.shutdown(cancel_futures=True)
    return [job.target for job in jobs[:-1]]  # all but the licence
