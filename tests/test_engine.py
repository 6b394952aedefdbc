"""The engine as its users call it: order, laziness, duplicates, bad input, worker deaths, explain, the paper's protocol."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hazard_cases import RIGHT, TEST, WRONG, unit_test
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coderm.errors import EngineError, InputError
from coderm.execute import Engine, execute
from coderm.execute.inside.board import DONE, Record
from coderm.execute.inside.cell import PASS, TIMEOUT
from coderm.execute.inside.job import Row
from coderm.execute.problem import take_in
from coderm.execute.schedule import Chunk
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


def test_one_call_at_a_time(engine: Engine) -> None:
    """Another call while an iterator is open is refused, from whichever thread, and spoils none of its matrices."""
    stream = engine.execute_many([([RIGHT], [TEST]), ([WRONG], [TEST])] * 40)
    words = [next(stream).verdicts[0, 0]]
    with pytest.raises(EngineError, match="in the middle of another call"):
        engine.execute([RIGHT], [TEST])
    with pytest.raises(EngineError, match="in the middle of another call"):
        engine.explain(WRONG, TEST)
    with ThreadPoolExecutor(1) as pool, pytest.raises(EngineError, match="in the middle of another call"):
        pool.submit(engine.execute, [WRONG], [TEST]).result()
    assert words + [matrix.verdicts[0, 0] for matrix in stream] == ["pass", "fail"] * 40
    assert engine.execute([RIGHT], [TEST]).passed.all()


@pytest.mark.parametrize("end", ["close", "drop", "raise", "close the engine"])
def test_an_abandoned_iterator_leaves_no_answers_behind(engine: Engine, end: str) -> None:
    stream = engine.execute_many([([WRONG], [TEST])] * 100)
    next(stream)
    if end == "close":
        stream.close()  # type: ignore[attr-defined]
    elif end == "raise":
        with pytest.raises(KeyError):
            stream.throw(KeyError)  # type: ignore[attr-defined]
    elif end == "close the engine":
        engine.close()
        with pytest.raises(EngineError, match="was closed"):
            list(stream)
    del stream
    assert engine.execute([RIGHT, RIGHT + "\n_ = 1\n"], [TEST]).passed.all()


def test_a_job_that_was_not_heard_to_its_end_answers_no_other() -> None:
    """As after an interrupt at the worst moment: the job is in the worker, and nobody knows of it."""
    with Engine(workers=1) as engine:
        engine.worker(0).submit(engine.request(Chunk(take_in(([WRONG], [TEST])), [0], [0])))
        assert engine.execute([RIGHT], [TEST]).passed.all()


@pytest.mark.parametrize("bad", [(["x"], "not a list"), (["x"], [TEST], 3), None, ValueError("from the iterable")])
def test_what_was_done_before_an_error_is_handed_out(engine: Engine, bad: Any) -> None:
    def problems() -> Iterator[Any]:
        yield [RIGHT], [TEST]
        yield [WRONG], [TEST]
        if isinstance(bad, Exception):
            raise bad
        yield bad

    stream = engine.execute_many(problems())
    assert [next(stream).verdicts[0, 0] for _ in range(2)] == ["pass", "fail"]
    with pytest.raises((InputError, ValueError)):
        next(stream)
    assert engine.execute([RIGHT], [TEST]).passed.all()


def test_nothing_to_do(engine: Engine) -> None:
    assert engine.execute([], [TEST]).shape == (0, 1)
    assert engine.execute([RIGHT], []).shape == (1, 0)
    assert list(engine.execute_many([])) == []


def test_duplicates_run_once_and_keep_their_places(engine: Engine) -> None:
    matrix = engine.execute([RIGHT, WRONG, RIGHT, RIGHT + "# the same\n"], [TEST, TEST])
    assert matrix.verdicts.tolist() == [["pass"] * 2, ["fail"] * 2, ["pass"] * 2, ["pass"] * 2]
    assert len({float(ms) for ms in matrix.cpu_ms[[0, 2, 3]].ravel()}) == 1


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


def test_explain_always_has_the_same_keys(engine: Engine) -> None:
    told = [engine.explain(solution, test) for solution, test in (
        (RIGHT, TEST), (WRONG, TEST), ("def add(:", TEST), (RIGHT, "import"), (HANGING, TEST))]
    assert {frozenset(t) for t in told} == {frozenset(
        ("verdict", "reason", "error", "message", "where", "output", "killed_for", "cpu_ms", "cases", "passed"))}
    assert [t["error"] for t in told] == ["", "AssertionError", "SyntaxError", "", ""]
    assert [t["killed_for"] for t in told] == ["", "", "", "", "cpu"]
    assert 0 < told[0]["cpu_ms"] < 300 < told[4]["cpu_ms"]


def test_explain_judges_in_the_company_that_it_is_told_of(engine: Engine) -> None:
    helper = unit_test("self.assertEqual(helper(1), 1)").replace("class ", "def helper(x): return x\n\nclass ", 1)
    other = RIGHT + "def helper(x): return x\n"
    matrix = engine.execute([RIGHT, other], [helper])
    told = engine.explain(RIGHT, helper, among=[RIGHT, other])
    assert (told["verdict"], told["reason"]) == (matrix.verdicts[0, 0], matrix.reasons[0])
    assert engine.explain(RIGHT, helper)["reason"] != told["reason"]


def test_explain_shows_the_same_where_behaviour_is_recorded() -> None:
    with Engine(workers=1, behaviour=True) as engine:
        assert (engine.explain(RIGHT, TEST)["error"], engine.explain(WRONG, TEST)["error"]) == ("", "AssertionError")


@pytest.mark.parametrize(("body", "verdict"), [("while True: pass", "timeout"), ("import os; os._exit(0)", "crash")])
def test_cpu_time_of_a_pair_that_ended_its_process(engine: Engine, body: str, verdict: str) -> None:
    """It counts that pair alone, not those that ran in the process before."""
    burn = "import time\ndef add(a, b):\n    until = time.process_time() + 0.1\n" \
           "    while time.process_time() < until: pass\n"
    first, second = unit_test("self.assertEqual(add(2, 3), 5)"), unit_test("self.assertEqual(add(7, 3), 10)")
    matrix = engine.execute([f"{burn}    if a == 7:\n        {body}\n    return a + b\n"], [first, second])
    assert matrix.verdicts.tolist() == [["pass", verdict]]
    taken = float(matrix.cpu_ms[0, 1])
    assert 300 <= taken < 400 if verdict == "timeout" else 100 <= taken < 200


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


@pytest.mark.parametrize("isolation", ["shared", "split"])
def test_a_fork_bomb_keeps_its_limit_although_its_first_process_hardly_runs(isolation: str) -> None:
    bomb = "import os\ndef add(a, b):\n    while True:\n        try: os.fork()\n        except OSError: pass"
    with Engine(isolation, time_limit=0.3, workers=1) as engine:
        assert engine.execute([RIGHT, bomb], [TEST]).verdicts.tolist() == [["pass"], ["timeout"]]
        assert engine.cpu_s < 12


def test_timeouts_that_a_cell_wrote_itself_count() -> None:
    """A pair that ended just above its limit halves what the next ones have, as one that had to be killed does."""
    row = Row(0, [0, 1, 2])
    row.accept({0: Record(DONE, TIMEOUT, 0, 1, 1, 0), 1: Record(DONE, PASS, 0, 1, 1, 0)}, careful=False)
    assert row.timeouts == 1
    row.verify_again()
    assert row.timeouts == 0


def test_a_look_at_the_board_while_a_pair_begins_is_no_forgery() -> None:
    """In a process of its own: a watcher ends whatever its process has started."""
    script = textwrap.dedent("""
        import os, time
        from coderm.execute.inside.board import Board
        from coderm.execute.inside.watch import Watcher

        class Slow:
            def __init__(self, memory): self.memory = memory
            def __setitem__(self, where, raw):
                self.memory[where] = raw
                time.sleep(0.05)

        def work():
            board.begin(0, time.monotonic(), time.process_time_ns())
            board._memory = Slow(board._memory)
            for place in range(1, 4): board.begin(place, time.monotonic(), time.process_time_ns())
            os.write(1, b"begun ")
            os._exit(0)

        board = Board(4)
        print(Watcher(board, 1 << 30, 10.0).run(work, 5.0, last=3))
        """)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told == "begun Death(cause='', signal=0)\n"


def test_no_field_of_the_board_is_ever_seen_cleared() -> None:
    script = textwrap.dedent("""
        import itertools, os, signal
        from coderm.execute.inside.board import Board

        board = Board(1)
        board.begin(1, 101.0, 10**9)
        writer = os.fork()
        if writer == 0:
            for place in itertools.count(2): board.begin(place, 100.0 + place, 10**9)
        seen = [board.read_header() for _ in range(300_000)]
        os.kill(writer, signal.SIGKILL)
        places = [header.current for header in seen]
        print(places == sorted(places), len(set(places)) > 1,
              all(header.started >= 100 + header.current and header.cpu_ns == 10**9 for header in seen))
        """)
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert told == "True True True\n"


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
