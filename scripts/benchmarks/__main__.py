"""All benchmarks by one command.

    python -m scripts.benchmarks                        lists them
    python -m scripts.benchmarks NAME [OPTIONS]         runs one; --help tells its options

Run it from the root of the repository. The docs have the results of each, and the machine.
"""

from __future__ import annotations

import ast
import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).parent


def benchmarks() -> dict[str, str]:
    """The first line of the docstring of each file that can be run, by name."""
    found = {}
    for path in sorted(FOLDER.glob("[!_]*.py")):
        source = path.read_text(encoding="utf-8")
        if 'if __name__ == "__main__":' in source:
            found[path.stem] = (ast.get_docstring(ast.parse(source)) or "").splitlines()[0]
    return found


def main(arguments: list[str]) -> None:
    """Run the benchmark that the first argument names with the others, or list what there is."""
    there = benchmarks()
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        width = max(map(len, there))
        print("\n".join(f"{name:{width}}  {line}" for name, line in there.items()))
        return
    name, *options = arguments
    if name not in there:
        raise SystemExit(f"no benchmark {name!r}; there are {', '.join(there)}")
    sys.path.insert(0, str(FOLDER))  # so that they find their shared modules
    sys.argv = [f"python -m scripts.benchmarks {name}", *options]
    runpy.run_module(name, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
