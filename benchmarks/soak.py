"""Half a million pairs, to see whether anything grows: memory, descriptors, processes, temporary files.

usage: python benchmarks/soak.py [--pairs 500000] [--isolation shared] [--json]

Prints a line every tenth of the way. Candidates are honest, wrong, hanging, crashing and daemon-spawning ones.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coderm.execute import Engine

TEST = ("import unittest\nclass TestAdd(unittest.TestCase):\n    def test_add(self):\n"
        "        self.assertEqual(add({0}, 3), {0} + 3)\n")
HONEST = "def add(a, b):\n    return a + b\nnumber = {0}\n"
ODD = (
    "import os\ndef add(a, b):\n    os._exit(0)\n",
    "def add(a, b):\n    while True: pass\n",
    "import os, time\ndef add(a, b):\n    if os.fork() == 0:\n        os.setsid()\n"
    "        if os.fork() == 0: time.sleep(99)\n        os._exit(0)\n    return a + b\n",
    "def add(a, b):\n    open('left', 'w').write('x' * 1000)\n    return a + b\n",
)
TESTS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=500_000)
    parser.add_argument("--isolation", choices=["shared", "split"], default="shared")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    done, lines, step = 0, [], max(1, arguments.pairs // 10)
    started = time.monotonic()
    with Engine(arguments.isolation, time_limit=0.05) as engine:
        for matrix in engine.execute_many(problems(arguments.pairs)):
            before, done = done, done + matrix.codes.size
            if done // step > before // step:
                lines.append({"pairs": done, "seconds": round(time.monotonic() - started, 1)} | footprint())
                if not arguments.json:
                    print(lines[-1], flush=True)
    lines.append({"pairs": done, "closed": True} | footprint())
    print(json.dumps(lines) if arguments.json else lines[-1])


def problems(pairs: int) -> Iterator[tuple[list[str], list[str]]]:
    """Problems of 100 candidates and 50 tests; every twentieth holds candidates that misbehave."""
    tests = [TEST.format(n) for n in range(TESTS)]
    for number in range(-(-pairs // (100 * TESTS))):
        solutions = [HONEST.format(f"{number}, {n}") for n in range(100)]
        if number % 20 == 0:
            solutions[:: 25] = ODD
        yield solutions, tests


def footprint() -> dict[str, Any]:
    """Of this process and all below it."""
    pids = descendants(os.getpid())
    memory = 0
    for pid in pids:
        try:
            memory += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        except OSError:
            continue
    ours = [p for p in Path(tempfile.gettempdir()).iterdir() if p.name.startswith("coderm-")]
    return {"memory_mib": memory * os.sysconf("SC_PAGE_SIZE") >> 20, "processes": len(pids),
            "descriptors": len(list(Path("/proc/self/fd").iterdir())), "temporary_files": len(ours)}


def descendants(root: int) -> list[int]:
    """The process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in filter(str.isdigit, (p.name for p in Path("/proc").iterdir())):
        try:
            parent = int(Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        children.setdefault(parent, []).append(int(entry))
    found, stack = [], [root]
    while stack:
        found.append(stack.pop())
        stack += children.get(found[-1], [])
    return found


if __name__ == "__main__":
    main()
