"""Split mode asks candidates ahead what a test asked others before: no verdict may hang on that, nor on who came first."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coderm.execute import Engine

# name -> (solutions, bodies of test methods, a verdict for each pair)
CASES: dict[str, tuple[list[str], list[str], list[str]]] = {
    "equal_is_not_the_same": (
        [f"def f(): return {value}\ndef g(x): return repr(x)" for value in ("1", "True", "1.0", "0.0", "-0.0", "'1'")],
        ["self.assertEqual(g(f()), '1')", "self.assertEqual(g(f()), 'True')", "self.assertEqual(g([f()]), '[-0.0]')"],
        ["pass fail fail", "fail pass fail", "fail fail fail", "fail fail fail", "fail fail pass", "fail fail fail"]),
    "another_way_from_the_second_call_on": (
        [f"n = 0\ndef step():\n    global n\n    n += {by}\n    return n" for by in (1, 2, 5, 3)],
        ["while step() < 6: pass\nself.assertEqual(step(), 8)", "self.assertEqual(step() + step(), 6)",
         "if step() == 5: step()\nself.assertEqual(step(), 15)"],
        ["fail fail fail", "pass pass fail", "fail fail pass", "fail fail fail"]),
    "what_others_were_asked_next_is_not_asked_of_one_who_failed": (
        ["def f(n): return n", "def f(n):\n    while n > 1: pass\n    return 7", "def f(n): return n"],
        ["self.assertEqual(f(1), 1)\nself.assertEqual(f(2), 2)"], ["pass", "fail", "pass"]),
    "one_pair_that_never_ends": (
        ["def f(n): return n", "def f(n):\n    while n == 3: pass\n    return n", "def f(n): return -n"],
        [f"self.assertEqual(f({n}), {n})" for n in range(6)],
        ["pass pass pass pass pass pass", "pass pass pass timeout pass pass", "pass fail fail fail fail fail"]),
    "one_pair_that_takes_all_memory": (
        ["def f(n): return n", "def f(n): return len('x' * (n * 10**12)) or n"],
        [f"self.assertEqual(f({n}), {n})" for n in (0, 1, 0, 3)], ["pass pass pass pass", "pass memory pass memory"]),
    "deep_recursion": (
        ["def f(n): return n", "def f(n): return f(n) if n else n"],
        [f"self.assertEqual(f({n}), {n})" for n in (0, 1, 0)], ["pass pass pass", "pass error pass"]),
    "objects": (
        [f"class Box:\n    def __init__(self, n): self.n, self.log = n, []\n    def add(self, k):\n        self.n += k\n"
         f"        self.log.append({log})\n        return self" for log in ("k", "-k", "k")],
        ["b = Box(1)\nb.add(2).add(3)\nself.assertEqual((b.n, b.log), (6, [2, 3]))",
         "b = Box(1)\nb.log.append(9)\nb.add(4)\nself.assertEqual(b.log, [9, 4])",
         "a, b = Box(1), Box(2)\nself.assertIsNot(a, b)\nself.assertIs(a.add(1), a)\nself.assertEqual(b.n, 2)"],
        ["pass pass pass", "fail fail pass", "pass pass pass"]),
    "changes_in_place": (
        ["def f(a):\n    a.sort()\n    return a", "def f(a): return sorted(a)", "def f(a):\n    a.sort()\n    return a"],
        ["a = [2, 1]\nself.assertIs(f(a), a)", "a = [2, 1]\nself.assertEqual(f(a) + f(a), [1, 2, 1, 2])\n"
                                               "self.assertEqual(a, [1, 2])"],
        ["pass pass", "fail fail", "pass pass"]),
    "functions_of_the_tests": (
        ["def f(g): return g(1) + g(2)", "def f(g): return g(2) + g(1)", "def f(g): return 2 * g(1)"],
        ["seen = []\ndef g(x):\n    seen.append(x)\n    return x\nself.assertEqual(f(g), 3)\nself.assertEqual(seen, [1, 2])"],
        ["pass", "fail", "fail"]),
    "what_is_printed": (
        [f"def f(n): print(n + {by})" for by in (0, 1, 0)],
        ["import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    f(1)\n    f(2)\n"
         "self.assertEqual(out.getvalue(), '1\\n2\\n')"], ["pass", "fail", "pass"]),
    "globals": (
        [f"limits = [{n}]\ndef f(): return sum(limits)" for n in (1, 2, 1)],
        ["limits.append(1)\nself.assertEqual(f(), 2)", "self.assertEqual((f(), limits), (1, [1]))"],
        ["pass pass", "fail fail", "pass pass"]),
    "names_of_another_kind": (
        ["def f(): return 1", "class f:\n    def __new__(cls): return 1", "f = 1", "def f(): return 1"],
        ["self.assertEqual(f(), 1)"], ["pass", "pass", "error", "pass"]),
    "keywords_of_a_class_of_their_own": (
        ["def f(**k): return k['a']", "def f(a): return a", "def f(a): return -a"],
        ["import enum\nclass K(str, enum.Enum): A = 'a'\nself.assertEqual(f(**{K.A: 1}), 1)"], ["pass", "pass", "fail"]),
    "random_numbers": (
        [f"import random\ndef f(): return random.random() {extra}" for extra in ("", "+ 0", "* 2")],
        ["self.assertNotEqual(f(), f())", "a = f()\nself.assertEqual(a, 0.8444218515250481)"],
        ["pass pass", "pass pass", "pass fail"]),
}


@pytest.fixture(scope="module")
def engines() -> Iterator[list[Engine]]:
    with Engine("split", time_limit=0.4, workers=1) as split, Engine("shared", time_limit=0.4, workers=1) as shared:
        yield [split, shared]


def unit_test(body: str) -> str:
    return f"import unittest\n\nclass T(unittest.TestCase):\n    def test(self):\n{textwrap.indent(body, ' ' * 8)}\n"


@pytest.mark.parametrize("name", CASES)
def test_no_verdict_hangs_on_who_was_asked_before(engines: list[Engine], name: str) -> None:
    solutions, bodies, expected = CASES[name]
    tests = [unit_test(body) for body in bodies]
    for engine in engines:
        forth = engine.execute(solutions, tests)
        back = engine.execute(solutions[::-1], tests[::-1])
        assert [" ".join(row) for row in forth.verdicts] == expected
        assert [" ".join(row[::-1]) for row in back.verdicts[::-1]] == expected


@given(steps=st.lists(st.lists(st.sampled_from("+-*?"), min_size=1, max_size=8), min_size=1, max_size=4),
       values=st.lists(st.integers(0, 4), min_size=2, max_size=4))
@settings(max_examples=25, deadline=None)
def test_whatever_a_test_does_with_a_candidate_that_remembers(
        engines: list[Engine], steps: list[list[str]], values: list[int]) -> None:
    lines = {"+": "t += inc()", "-": "t -= inc()", "*": "if t % 2: t += twice(t)", "?": "self.assertLess(t, 9)"}
    tests = [unit_test("\n".join(["t = 0", *(lines[s] for s in test), f"self.assertEqual(inc(), {len(test) % 3 + 1})"]))
             for test in steps]
    solutions = [f"n = 0\ndef inc():\n    global n\n    n += {v % 3}\n    return n\ndef twice(x): return {v // 3 or 2} * x"
                 for v in values]
    one, other = (engine.execute(solutions, tests) for engine in engines)
    assert one.verdicts.tolist() == other.verdicts.tolist()
    assert one.cases.tolist() == other.cases.tolist()


def test_time_stands_where_it_was_spent(engines: list[Engine]) -> None:
    slow = "def f(n):\n    k = 0\n    while n == 2 and k < 10**6: k += 1\n    return n"
    tests = [unit_test(f"self.assertEqual(f({n}), {n})") for n in range(5)]
    spent = engines[0].execute(["def f(n): return n", slow], tests).cpu_ms[1]
    assert spent[2] > 3 * max(itertools.chain(spent[:2], spent[3:]))


def test_who_can_be_put_back_keeps_the_process() -> None:
    pids = "import os\ndef f(n): return os.getpid()"
    with Engine("split", workers=1, behaviour=True) as engine:
        matrix = engine.execute([pids], [unit_test(f"self.assertEqual(f({n}), -1)") for n in range(5)])
    assert matrix.behaviour is not None
    assert matrix.behaviour.shape == (1, 5)
    assert len(set(matrix.behaviour[0].tolist())) == 1


def alone_and_behind(engine: Engine, solutions: list[str], tests: list[str]) -> tuple[list[list[str]], list[list[str]]]:
    """The verdicts of each candidate by itself, and of all of them together."""
    alone = [engine.execute([solution], tests).verdicts[0].tolist() for solution in solutions]
    return alone, engine.execute(solutions, tests).verdicts.tolist()


def test_what_tests_say_does_not_fill_the_judges_memory() -> None:
    solutions = ["def f(a): return len(a)", "def f(a): return sum(1 for _ in a)"]
    tests = [unit_test(f"self.assertEqual(f(list(range({n}))), {n})") for n in range(300_000, 300_012)]
    tests.append(unit_test("a = list(range(50_000))\nfor _ in range(80): self.assertEqual(f(a), 50_000)"))
    with Engine("split", workers=1, memory_limit=128 << 20, time_limit=10.0) as engine:
        assert engine.execute(solutions, tests).verdicts.tolist() == [["pass"] * 13] * 2


def test_answers_to_others_tests_cost_no_pair_its_memory() -> None:
    solutions = ["def f(n): return None",
                 "def f(n):\n    x = bytes(160 << 20)\n    return [[] for _ in range(n)]",
                 "def f(n):\n    try: x = bytes(160 << 20)\n    except MemoryError: return []\n    return [[] for _ in range(n)]"]
    tests = [unit_test(f"self.assertEqual(len(f({n})), {n})") for n in range(15_000, 15_090)]
    with Engine("split", workers=1, memory_limit=256 << 20, time_limit=4.0) as engine:
        alone, together = alone_and_behind(engine, solutions, tests)
    assert alone[1:] == [["pass"] * 90] * 2
    assert together == alone


def test_nobody_finds_the_code_of_a_candidate_whose_process_was_renewed() -> None:
    right = "def f(n):\n    while n == 0: pass\n    return n * n + 7"
    thief = textwrap.dedent("""
        import gc
        theirs = [o["f"] for o in gc.get_objects() if type(o) is dict and o.get("__name__") == "solution" and "f" in o
                  and "thief" not in o and not o["f"].__code__.co_names]
        thief = 1
        def f(n): return theirs[0](n) if theirs and n else gc
        """)
    tests = [unit_test(f"self.assertEqual(f({n}), {n * n + 7})") for n in range(5)]
    with Engine("split", workers=1, time_limit=0.3) as engine:
        alone, together = alone_and_behind(engine, [right, thief], tests)
    assert alone == together == [["timeout"] + ["pass"] * 4, ["fail"] * 5]


def test_no_candidate_is_asked_ahead_to_store_what_only_another_has() -> None:
    own = "class Fraction:\n    tag = 0\ndef f(n): return n"
    imports = "from fractions import Fraction\ndef f(n): return n"
    probe = "from fractions import Fraction\ndef f(n):\n    try: return Fraction.tagged\n    except AttributeError: return n"
    tests = [unit_test("Fraction.tagged = 77\nself.assertEqual(f(3), 3)"), unit_test("self.assertEqual(f(4), 4)")]
    with Engine("split", workers=1) as engine:
        alone, together = alone_and_behind(engine, [own, imports, probe], tests)
    assert alone == together == [["pass", "pass"]] * 3
