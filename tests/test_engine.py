"""The engine as its users call it: order, laziness, duplicates, bad input, worker deaths, explain, the paper's protocol."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hazard_cases import RIGHT, TEST, WRONG, unit_test
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coderm.errors import InputError
from coderm.execute import Engine, execute
from coderm.records import VERDICT_WORDS

HANGING = "def add(a, b):\n    while True: pass\n"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(time_limit=0.3, workers=1) as running:
        yield running


def test_one_call() -> None:
    assert execute([RIGHT, WRONG], [TEST], workers=1).verdicts.tolist() == [["pass"], ["fail"]]


def test_many_in_order_and_only_as_read(engine: Engine) -> None:
    read = []

    def problems() -> Iterator[tuple[list[str], list[str]]]:
        for number in range(10_000):
            read.append(number)
            yield [RIGHT] * (number % 3 + 1), [TEST]

    stream = engine.execute_many(problems())
    assert [next(stream).shape for _ in range(5)] == [(1, 1), (2, 1), (3, 1), (1, 1), (2, 1)]
    assert len(read) < 200
    stream.close()


def test_nothing_to_do(engine: Engine) -> None:
    assert engine.execute([], [TEST]).shape == (0, 1)
    assert engine.execute([RIGHT], []).shape == (1, 0)
    assert list(engine.execute_many([])) == []


def test_duplicates_run_once_and_keep_their_places(engine: Engine) -> None:
    matrix = engine.execute([RIGHT, WRONG, RIGHT, RIGHT + "# the same\n"], [TEST, TEST])
    assert matrix.verdicts.tolist() == [["pass"] * 2, ["fail"] * 2, ["pass"] * 2, ["pass"] * 2]
    assert len({float(ms) for ms in matrix.cpu_ms[[0, 2, 3]].ravel()}) == 1


@pytest.mark.parametrize("arguments", [{"time_limit": 0}, {"memory_limit": 1}, {"isolation": "none"}])
def test_limits_that_make_no_sense(arguments: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Engine(**arguments)  # type: ignore[arg-type]


def test_texts_must_be_lists_of_text(engine: Engine) -> None:
    for solutions, tests in ((RIGHT, [TEST]), ([RIGHT], TEST), ([1], [TEST])):
        with pytest.raises(InputError):
            engine.execute(solutions, tests)  # type: ignore[arg-type]


def test_killed_worker_costs_a_retry() -> None:
    with Engine(time_limit=0.3, workers=1) as engine:
        engine.execute([RIGHT], [TEST])
        stream = engine.execute_many([([RIGHT], [TEST]), ([WRONG], [TEST])])
        os.kill(engine.worker(0)._process.pid, signal.SIGKILL)
        assert [m.verdicts.tolist() for m in stream] == [[["pass"]], [["fail"]]]


def test_explain(engine: Engine) -> None:
    told = engine.explain("def add(a, b):\n    print('seen')\n    return a - b\n", TEST)
    assert (told["verdict"], told["error"], told["output"]) == ("fail", "AssertionError", "seen\n")
    assert "-1 != 5" in told["message"]
    assert engine.explain(RIGHT, "import unittest\n")["reason"] == "has no test case class"


def test_paper_protocol() -> None:
    empty = "import unittest\nclass TestNothing(unittest.TestCase):\n    pass\n"
    slept = unit_test("time.sleep(1)\nself.assertEqual(add(2, 3), 5)", "import time")
    with Engine(time_limit=0.3, workers=1, protocol="paper") as engine:
        assert engine.execute([RIGHT, WRONG], [empty]).verdicts.tolist() == [["pass"], ["pass"]]
        assert engine.execute([RIGHT], [slept]).verdicts.tolist() == [["timeout"]]


def test_hanging_candidates_cost_a_bounded_total(engine: Engine) -> None:
    before = engine.cpu_s
    matrix = engine.execute([HANGING], [TEST.replace("5", f"5 + {n} - {n}") for n in range(64)])
    assert set(matrix.verdicts.ravel()) == {"timeout"}
    assert engine.cpu_s - before < 0.3 * (3 + 64 / 32) + 3


TEXTS = st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")),
                  st.integers(0, len(TEST)).map(lambda n: TEST[:n]), st.integers(0, len(RIGHT)).map(lambda n: RIGHT[:n]),
                  st.integers(1, 3000).map(lambda n: "x = " + "(" * n + ")" * n),
                  st.integers(1, 3000).map(lambda n: f"x = {'9' * n}"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(solutions=st.lists(TEXTS, max_size=3), tests=st.lists(TEXTS, max_size=3))
def test_no_text_breaks_the_engine(engine: Engine, solutions: list[str], tests: list[str]) -> None:
    matrix = engine.execute(solutions, tests)
    assert matrix.shape == (len(solutions), len(tests))
    assert set(matrix.verdicts.ravel()) <= set(VERDICT_WORDS) - {"not_run"}
    again = engine.execute(solutions, tests)
    assert (again.codes == matrix.codes).all()


def test_nothing_survives_the_supervisor(tmp_path: Path) -> None:
    """SIGKILL and Ctrl-C in the middle of hanging, daemon-spawning candidates leave no process of the jail behind."""
    daemon = ("import os, time\ndef add(a, b):\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(300)\n"
              "    time.sleep(300)\n")
    script = ("from coderm.execute import Engine\n"
              f"with Engine(time_limit=60, workers=2) as engine:\n    engine.execute({[RIGHT]!r}, {[TEST]!r})\n"
              "    for k in range(2): print([w.about['pid'] for w in engine._workers], flush=True)\n"
              f"    engine.execute({[daemon]!r}, {[TEST]!r})\n")
    for number in (signal.SIGKILL, signal.SIGINT):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.5)
        below = _below(process.pid)
        assert below
        process.send_signal(number)
        process.wait()
        until = time.monotonic() + 20
        while (left := [pid for pid in below if _alive(pid)]) and time.monotonic() < until:
            time.sleep(0.05)
        assert not left


def _below(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            children.setdefault(int(path.read_text().rpartition(")")[2].split()[1]), []).append(int(path.parent.name))
        except OSError:
            continue
    found, stack = [], [root]
    while stack:
        below = children.get(stack.pop(), [])
        found += below
        stack += below
    return found


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_daemons_end_with_their_cell() -> None:
    """More daemons than the process limit allows at once: each candidate finds the jail as empty as the first did."""
    daemon = ("import os, time\ndef add(a, b):\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork(): os._exit(0)\n"
              "        time.sleep(300)\n    return a + b\nNUMBER = {}\n")
    for isolation in ("shared", "split"):
        with Engine(isolation, time_limit=5, workers=1) as engine:
            assert engine.execute([daemon.format(k) for k in range(100)], [TEST]).passed.all()


def test_shared_mode_is_one_namespace() -> None:
    """As in the released code: what a test imports, a candidate that forgot to import it finds."""
    solution = "def add(a, b):\n    return math.floor(a) + b\n"
    assert execute([solution], ["import math\n" + TEST]).passed.all()
    assert not execute([solution], [TEST]).passed.any()


def test_a_function_named_like_a_builtin() -> None:
    """It is tested where the test is about it, and not mistaken for the builtin where the test is about another."""
    about_it = unit_test("self.assertEqual(sum(2, 3), 5)")
    beside_it = unit_test("self.assertEqual(sum([add(1, 1), 3]), 5)")
    solution = "import math\ndef sum(a, b):\n    return a + b\n"
    other = solution + "def add(a, b):\n    return sum(a, b)\n"
    for isolation in ("shared", "split"):
        with Engine(isolation, workers=1) as engine:
            assert engine.execute([solution], [about_it]).passed.all()
            assert engine.execute([other], [beside_it]).passed.all()


def test_set_order_is_seeded() -> None:
    """Every worker of every engine has the order that PYTHONHASHSEED=0 gives."""
    words = "list({'pear', 'fig', 'plum', 'lime', 'kiwi', 'date', 'sloe'})"
    order = subprocess.run([sys.executable, "-c", f"print({words})"], env={"PYTHONHASHSEED": "0"}, text=True,
                           capture_output=True, check=True).stdout
    solutions = [f"def words():\n    return {words}\n# {i}\n" for i in range(4)]
    tests = [unit_test(f"self.assertEqual(words(), {order})  # {j}") for j in range(4)]
    for isolation in ("shared", "split"):
        with Engine(isolation, workers=2) as engine:
            assert engine.execute(solutions, tests).passed.all()


def test_random_numbers_are_seeded() -> None:
    """Whatever way they are come by, in every pair of every engine, in the test as in the candidate."""
    solutions = ["import random\ndef add(a, b): return random.random()\n",
                 "import importlib\ndef add(a, b): return importlib.import_module('ran' + 'dom').random()\n"]
    tests = [f"import random\n{unit_test(f'self.assertEqual({what}, {random.Random(0).random()})')}\n# {j}"
             for j in range(3) for what in ("add(1, 1)", "(random.random(), add(1, 1))[0]")]
    for isolation in ("shared", "split"):
        with Engine(isolation, workers=1) as engine:
            assert engine.execute(solutions, tests).passed.all()


def test_a_pass_outlives_the_timeouts_behind_it() -> None:
    """Those halve the limit of the tests that follow, not of a test that has passed before."""
    slow = "import time\ndef add(a, b):\n    begun = time.process_time()\n" \
           "    while b > 3 or time.process_time() < begun + 0.1: pass\n    return a + b\n"
    tests = [unit_test("self.assertEqual(add(1, 3), 4)"), *(unit_test(f"self.assertEqual(add(1, {j}), 0)") for j in range(4, 12))]
    with Engine(time_limit=0.4, workers=1) as engine:
        assert engine.execute([slow], tests).passed.tolist() == [[True] + 8 * [False]]
