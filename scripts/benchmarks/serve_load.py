"""`poetry-vae serve` under load: latencies, and its answers to malformed requests.

    python -m scripts.benchmarks serve_load --clients 8 --seconds 60

Starts a server of its own on a free port. Each client draws a poem, then asks for other characters
at one of its places, over and over; /health is asked ten times a second beside them; and at the end
a thousand malformed requests are sent, none of which may be answered by a 500.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter, defaultdict
from http.client import HTTPConnection
from typing import Any

POEM = "白日依山尽，黄河入海流。欲穷千里目，更上一层楼。"
PATHS = ("/poems", "/alternatives", "/revise", "/reply", "/metre", "/interpolate", "/nothing")


class Load:
    """The requests to a server, their times, and the statuses of their answers."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)

    def send(self, method: str, path: str, body: bytes | None = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"content-type": "application/json"} if body is not None else {}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def timed(self, method: str, path: str, asked: object = None) -> Any:
        """The answer, or None if it was refused; only the time of an answer counts."""
        body = None if asked is None else json.dumps(asked).encode()
        begun = time.perf_counter()
        status, answer = self.send(method, path, body)
        self.statuses[path][status] += 1
        if status != 200:
            time.sleep(1)
            return None
        self.seconds[path].append(time.perf_counter() - begun)
        return answer

    def client(self, until: float, form: str) -> None:
        chance = random.Random(threading.get_ident())
        while time.monotonic() < until:
            if found := self.timed("POST", "/poems", {"n": 1, "form": form}):
                lines = found["poems"][0]["lines"]
                line = chance.randrange(len(lines)) + 1
                place = chance.randrange(len(lines[0])) + 1
                asked = {"poem": "，".join(lines), "form": form, "line": line, "place": place}
                self.timed("POST", "/alternatives", asked)

    def health(self, until: float) -> None:
        while time.monotonic() < until:
            self.timed("GET", "/health")
            time.sleep(0.1)

    def malformed(self, n: int) -> Counter[int]:
        """How so many malformed requests were answered."""
        chance, counts = random.Random(0), Counter[int]()
        good = json.dumps({"poem": POEM, "line": 1, "place": 1, "n": 1, "form": "五绝"}).encode()
        made = (
            lambda: bytes(chance.choices(range(256), k=chance.randrange(200))),
            lambda: good[: chance.randrange(len(good))],
            lambda: bytes(chance.choices(good, k=chance.randrange(200))),
            lambda: b"[" * chance.randrange(60000),
            lambda: json.dumps({"poem": chance.choice([None, 1, [], "x" * 9000])}).encode(),
            lambda: b'{"poem":"\\ud800","line":"1"}',
            lambda: b'{"n":' + b"9" * chance.randrange(1, 5000) + b"}",
            lambda: b" " * 70000,
        )
        for _ in range(n):
            counts[self.send("POST", chance.choice(PATHS), chance.choice(made)())[0]] += 1
        return counts


def quantiles(seconds: list[float]) -> tuple[float, float]:
    """The median and the 95th percentile; nan where there was no answer."""
    if len(seconds) < 2:
        return (seconds[0], seconds[0]) if seconds else (math.nan, math.nan)
    cuts = statistics.quantiles(seconds, n=20)
    return cuts[9], cuts[18]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--form", default="七绝")
    parser.add_argument("--model", help="of the server, in place of the one that ships")
    parser.add_argument("--malformed", type=int, default=1000, metavar="N")
    options = parser.parse_args()
    command = [sys.executable, "-m", "poetry_vae", "serve", "--port", "0", "--no-open"]
    command += ["--model", options.model] if options.model else []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            port = re.search(r":(\d+)/", told := server.stderr.readline())
            if port is None:
                raise SystemExit(f"the server did not start: {told.strip()}")
            load = Load(int(port[1]))
            load.send("POST", "/poems", json.dumps({"n": 1, "form": options.form}).encode())
            until = time.monotonic() + options.seconds
            threads = [
                threading.Thread(target=load.client, args=(until, options.form))
                for _ in range(options.clients)
            ]
            threads.append(threading.Thread(target=load.health, args=(until,)))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for path, statuses in load.statuses.items():
                seconds = load.seconds[path]
                middle, high = quantiles(seconds)
                print(
                    f"{path:14} {len(seconds):5} answers  p50 {middle * 1000:7.0f} ms  "
                    f"p95 {high * 1000:7.0f} ms  statuses {dict(statuses)}"
                )
            print(f"malformed      {dict(load.malformed(options.malformed))}")
        finally:
            server.terminate()
            print(f"SIGTERM        exit code {server.wait(15)}")


if __name__ == "__main__":
    main()
