"""What candidates do to stdin and stdout: wrapping, detaching and closing them is nobody else's business."""

from __future__ import annotations

import pytest

from coderm import Engine
from coderm.problems.stdin import as_function

TESTS = [f"import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        {more}\n"
         f"        self.assertEqual(f(), 1)\n" for more in ("pass", "print('seen')", "import sys; sys.stdout.write('seen')")]
LOADED = ["sys.stdout = io.TextIOWrapper(sys.stdout.buffer, encoding='utf-8')",
          "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), encoding='utf-8')",
          "sys.stdin = io.TextIOWrapper(sys.stdin.buffer)"]
CALLED = ["sys.stdout.close()", "sys.stderr.close()", "sys.stdin.detach()",
          "io.TextIOWrapper(sys.stdout.buffer).write('x')"]
HONEST = "def f():\n    print('mine')\n    return 1\n"


@pytest.mark.parametrize("isolation", ["shared", "split"])
def test_streams_are_everybodys_own(isolation: str) -> None:
    solutions = [f"import io, sys\n{line}\ndef f(): return 1\n" for line in LOADED]
    solutions += [f"import io, sys\ndef f():\n    {line}\n    return 1\n" for line in CALLED]
    with Engine(isolation=isolation, workers=1) as engine:  # type: ignore[arg-type]
        found = engine.execute([HONEST, *solutions, HONEST], TESTS).verdicts
    assert found.tolist() == [["pass"] * 3] * len(found)


READ = "n = int(input())\ntotal = sum(map(int, input().split()))\n"
PROGRAMS = {
    "wrapped stdin": f"import sys, io\nsys.stdin = io.TextIOWrapper(sys.stdin.buffer)\ninput = sys.stdin.readline\n{READ}print(total)",
    "wrapped stdout": f"import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer)\n{READ}print(total)",
    "written at exit": "import atexit, io, sys\nkept = io.StringIO()\nsys.stdout = kept\n"
                       f"atexit.register(lambda: sys.__stdout__.write(kept.getvalue()))\n{READ}print(total)",
}


@pytest.mark.parametrize("isolation", ["shared", "split"])
def test_programs_that_take_over_their_streams(isolation: str) -> None:
    tests = [f"import unittest\nclass T(unittest.TestCase):\n    def test(self):\n"
             f"        self.assertEqual(run_program({given!r}), {told!r})\n"
             for given, told in (("3\n1 2 3\n", "6\n"), ("1\n5\n", "5\n"), ("2\n0 0\n", "0\n"))]
    with Engine(isolation=isolation, workers=1) as engine:  # type: ignore[arg-type]
        found = engine.execute([as_function(program) for program in PROGRAMS.values()], tests).verdicts
    assert {name: row for name, row in zip(PROGRAMS, found.tolist(), strict=True)} == dict.fromkeys(PROGRAMS, ["pass"] * 3)
