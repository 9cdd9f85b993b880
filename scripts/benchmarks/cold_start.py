"""Time and peak memory of whole processes, from the start to the first poem printed.

    python -m scripts.benchmarks cold_start
    python -m scripts.benchmarks cold_start --model FOLDER

Each command runs in a process of its own, in alternating rounds after one that is thrown away, so
files are in the page cache and bytecode is compiled, as on a second use. `import torch` is the
reference that no command which needs a model can beat. It is also checked that `--help` loads
none of the heavy packages. POSIX only: memory is the system's figure for an ended child process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from measure import Ratio, parser, table, tell, write_json

_HEAVY = ("torch", "numpy", "jieba", "opencc", "safetensors", "rich")
_TO_BYTES = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss
_LOADED_BY_HELP = f"""
import sys
sys.argv = ["poetry-vae", "--help"]
from poetry_vae.cli import main
try:
    main()
except SystemExit:
    pass
print(*[name for name in {_HEAVY!r} if name in sys.modules], file=sys.stderr)
"""


@dataclass(frozen=True)
class Process:
    """How one process went: seconds to its first line and to its end, and its peak memory."""

    first_line: float
    end: float
    megabytes: float


class FailedError(Exception):
    """A command that ended with an error; the message is its last line."""


def start(command: Sequence[str]) -> Process:
    """Run a command and watch it."""
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment()
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        first_line = time.perf_counter() - begun
        process.stdout.read()
        errors = process.stderr.read().decode("utf-8", "replace")
        # As Popen.wait does, but keeping what the child used. The system counts this process's own
        # memory at the fork as the child's, which is why no torch is imported here.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise FailedError((errors.strip().splitlines() or ["no message"])[-1])
    end = time.perf_counter() - begun
    return Process(first_line, end, usage.ru_maxrss * _TO_BYTES / 1e6)


def _environment() -> dict[str, str]:
    """Our environment, but Python may cache its bytecode, as it does by default."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def _program() -> list[str]:
    """The console script beside this interpreter, or the call that it makes."""
    script = Path(sys.executable).with_name("poetry-vae")
    if script.is_file():
        return [str(script)]
    return [sys.executable, "-c", "from poetry_vae.cli import main; main()"]


def _output(*arguments: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=True, env=_environment()
    )
    return done.stdout.strip(), done.stderr.strip()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--model", help="also this model's folder or name")
    options.add_argument("--rounds", type=int, default=9, help="that count (9)")
    options.add_argument("--only", metavar="TEXT", help="commands with it, and the reference")
    given = options.parse_args()
    machine, _ = _output(str(Path(__file__).with_name("measure.py")))
    print(machine, end="\n\n")

    program, once = _program(), ["-n", "1", "--seed", "1"]
    reference = "python -c 'import torch'"
    commands = {
        reference: [sys.executable, "-c", "import torch; print()"],
        "poetry-vae --help": [*program, "--help"],
        "poetry-vae generate -n 1 --seed 1": [*program, "generate", *once],
        "poetry-vae generate --form couplet5 -n 1 --seed 1": [
            *[*program, "generate", "--form", "couplet5"],
            *once,
        ],
    }
    if given.model:
        commands["poetry-vae generate --model MODEL -n 1 --seed 1"] = [
            *[*program, "generate", "--model", given.model],
            *once,
        ]

    if given.only:
        commands = {k: v for k, v in commands.items() if k == reference or given.only in k}

    skipped: dict[str, str] = {}
    runs: dict[str, list[Process]] = {name: [] for name in commands}
    for i in range(given.rounds + 1):
        tell(f"round {i} of {given.rounds}" if i else "warming up")
        for name in [name for name in commands if name not in skipped]:
            try:
                process = start(commands[name])
            except FailedError as error:
                skipped[name] = str(error)
            else:
                runs[name] += [process] if i else []

    rows: list[list[object]] = []
    for name in commands:
        if name in skipped:
            rows.append([f"`{name}`", "skipped", "", "", ""])
            continue
        first, end = [p.first_line for p in runs[name]], [p.end for p in runs[name]]
        ratio = Ratio.of(first, [p.first_line for p in runs[reference]])
        memory = median(p.megabytes for p in runs[name])
        rows.append(
            [f"`{name}`", f"{median(first):.2f}", f"{median(end):.2f}", f"{memory:.0f}", ratio]
        )
    print(table(["command", "first line, s", "end, s", "peak, MB", "first line / torch's"], rows))
    for name, reason in skipped.items():
        print(f"- skipped `{name}`: {reason}")
    _, loaded = _output("-c", _LOADED_BY_HELP)
    print(f"- of {', '.join(_HEAVY)}, `--help` loads: {loaded or 'none'}")
    figures = {name: [asdict(process) for process in runs[name]] for name in commands}
    write_json(
        given.json,
        {"machine": machine, "runs": figures, "skipped": skipped, "help loads": loaded.split()},
    )


if __name__ == "__main__":
    main()
