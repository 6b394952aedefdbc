"""What a hazard case is: a candidate, the unit test it meets, and the verdict in each isolation mode.

The cases lie in hazards_*.py, at least one for every line of `LINES`; `test_engine_hazards.py` runs them all, and
the table that docs/engine.md opens with is made from them (`python tests/hazard_cases.py` prints it).
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

LINES = {
    # a candidate must not earn a pass that it does not deserve
    "equal": "returns objects equal to everything, or subclasses of int, str, list, dict that are",
    "own word": "returns objects that decide by `__bool__`, `__contains__` or `__len__` themselves",
    "patch": "patches unittest, builtins, modules, import, trace or collector hooks",
    "skip": "raises SkipTest, marks itself expectedFailure, defines `load_tests`, replaces the test class",
    "read": "reads expected values off the stack, the heap, `/proc`, argv or the environment",
    "channel": "writes a pass where verdicts are kept, then exits",
    "exit": "exits early: SystemExit, `os._exit`, a signal to itself, another program, abort",
    "later": "acts later: atexit, `__del__`, threads, finalizers, signal handlers, async tasks",
    "forge": "prints forged results, or megabytes, to every stream and descriptor",
    "leave": "leaves modules and configuration in the working directory for the next test",
    "clock": "patches time, cancels timers, swallows timeouts",
    "argument": "changes its arguments, or is equal to anything just once",
    "fork": "forks and lets the parent exit",
    "secret": "looks for the test's source or its process anywhere",
    # a test that proves nothing
    "no case": "test without a test class or a test method",
    "no assertion": "test methods without an assertion that can fail, or none that ran",
    "swallowed": "every assertion swallowed by `try`/`except`",
    "skipped": "all test cases skipped or expected to fail",
    "misnamed": "methods not named `test*`",
    "replaces": "test that defines, shadows or mocks what it should test",
    "test error": "syntax or import error in the test itself",
    # resources
    "loop": "endless loop",
    "c loop": "uninterruptible loop in C: huge products, powers, regular expressions, sorts",
    "memory": "memory bomb, slow or at one stroke",
    "bomb": "fork bomb, thread bomb",
    "daemon": "`setsid` and double fork daemons",
    "sigterm": "ignores SIGTERM and its friends",
    "output": "writes more than anybody reads",
    "message": "very long failure message",
    "disk": "fills the disk, the inodes, a sparse file",
    "stack": "deep recursion, segmentation fault, C stack overflow",
    "stdin": "`input()` with nothing to read",
    "bytes": "NUL, lone surrogates, broken encodings in source, output and messages",
    "source": "a megabyte of source, ten thousand brackets, nothing but comments",
    # escape
    "network": "network of any kind",
    "private": "reads the home directory, keys, the environment's secrets",
    "outside": "writes outside its scratch, by path, symlink or `..`",
    "trace": "traces or signals its supervisor, siblings or pid 1",
    "syscall": "raw system calls: namespaces, mount, keyctl, bpf, io_uring, userfaultfd",
    "crossing": "pickles and archives in whatever crosses back",
    # fidelity
    "state": "state of one pair in the next: globals, defaults, caches, cwd, locale, warnings, decimal, random",
    "numpy": "numpy under the memory limit",
    "main": "`if __name__ == \"__main__\"` blocks",
    "honest": "honest use of os, threads, processes, files, input parsing, dataclasses",
}  # fmt: skip

TEST = """
import unittest

class TestAdd(unittest.TestCase):
    def test_add(self):
        self.assertEqual(add(2, 3), 5)

    def test_more(self):
        self.assertEqual(add(-1, 1), 0)
"""
RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return 77\n"

NOT_PASS = "fail|error|crash"


@dataclass(frozen=True)
class Case:
    """One live case of a hazard. Verdicts are words, alternatives separated by `|`."""

    line: str
    name: str
    solution: str
    shared: str
    split: str
    test: str = TEST
    beside: str = RIGHT
    """Another candidate, run in the same job before and after; it must do as `beside_verdict` says."""
    beside_verdict: str = "pass"

    @property
    def id(self) -> str:
        return f"{self.line}-{self.name}".replace(" ", "_")


def unit_test(body: str, head: str = "") -> str:
    """A unit test whose single method is `body`."""
    return (f"import unittest\n{textwrap.dedent(head).strip()}\n\nclass TestIt(unittest.TestCase):\n    def test_it(self):\n"
            + textwrap.indent(textwrap.dedent(body).strip(), " " * 8) + "\n")


def code(text: str) -> str:
    """A candidate's text, without the indentation it has here."""
    return textwrap.dedent(text).strip() + "\n"


def wrong(line: str, name: str, text: str, shared: str, split: str = NOT_PASS, **more: str) -> Case:
    """A candidate that does something, then answers wrongly."""
    text = code(text)
    return Case(line, name, text if "def add" in text else text + WRONG, shared=shared, split=split, **more)


def all_cases() -> list[Case]:
    import hazards_cheating
    import hazards_ending
    import hazards_escape
    import hazards_fidelity
    import hazards_patching
    import hazards_resources
    import hazards_vacuous

    modules = (hazards_patching, hazards_cheating, hazards_ending, hazards_vacuous, hazards_resources, hazards_escape,
               hazards_fidelity)
    return [case for module in modules for case in module.CASES]


def table() -> str:
    """The contract: hazard x mode -> verdict, as markdown."""
    rows = ["| hazard | shared | split |", "|---|---|---|"]
    for line, text in LINES.items():
        cases = [case for case in all_cases() if case.line == line]
        cells = []
        for mode in ("shared", "split"):
            words = dict.fromkeys(word for case in cases for word in getattr(case, mode).split("|"))
            cells.append(", ".join(words))
        rows.append(f"| {text} | {cells[0]} | {cells[1]} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
