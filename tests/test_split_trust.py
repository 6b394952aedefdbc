"""Split mode where a test takes something from the candidate besides answers, and where the candidate keeps on talking.

What a candidate supplies to its own test (context managers, names, classes) must not decide an assertion unseen, and
its limits hold whatever it says on the wire meanwhile.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator

import pytest
from hazard_cases import unit_test

from coderm.execute import Engine

LIMIT = 0.3


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("split", time_limit=LIMIT, memory_limit=80 << 20, workers=1) as running:
        yield running


def judged(engine: Engine, solution: str, body: str) -> tuple[str, bool]:
    """(verdict, whether it is self-judged) of one pair."""
    matrix = engine.execute([textwrap.dedent(solution)], [unit_test(textwrap.dedent(body))])
    assert matrix.self_judged is not None
    return str(matrix.verdicts[0, 0]), bool(matrix.self_judged[0, 0])


# -- what a candidate supplies ---------------------------------------------------------------------------------

BOX = """
    class Box:
        def __enter__(self): return 0
        def __exit__(self, *e): return True
        async def __aenter__(self): return 0
        async def __aexit__(self, *e): return True
"""
CATCHES = "def each(xs, g):\n    try: g(0)\n    except BaseException as e: return e\n"
SWALLOWS = {
    "context manager": (BOX, "with Box() as b:\n    self.assertEqual(b, 8)"),
    "generator": ("from contextlib import contextmanager\n@contextmanager\ndef box():\n    try: yield 0\n"
                  "    except BaseException: pass\n", "with box() as b:\n    self.assertEqual(b, 8)"),
    "asynchronous": (BOX, "import asyncio\nasync def go():\n    async with Box() as b:\n        self.assertEqual(b, 8)\n"
                          "asyncio.run(go())"),
    "callback": ("def each(xs, g):\n    for x in xs:\n        try: g(0)\n        except BaseException: pass\n",
                 "def check(x): self.assertEqual(x, 8)\neach([8], check)"),
    "returned": (CATCHES, "def check(x): self.assertEqual(x, 8)\neach([8], check)"),
    "returned in a list": (CATCHES.replace("return e", "return [e]"), "def check(x): assert x == 8\neach([8], check)"),
    "assert": (CATCHES, "def check(x): assert x == 8, 'not eight'\neach([8], check)"),
    "library": (CATCHES, "import numpy as np\ndef check(x): np.testing.assert_allclose(x, 8.0)\neach([8], check)"),
}


@pytest.mark.parametrize("name", SWALLOWS)
def test_a_failed_assertion_is_not_the_candidates_to_swallow(engine: Engine, name: str) -> None:
    assert judged(engine, *SWALLOWS[name])[0] == "fail"


def test_another_exception_is_swallowed_on_the_candidates_word(engine: Engine) -> None:
    assert judged(engine, BOX, "with Box() as b:\n    raise ValueError\nself.assertEqual(b, 0)") == ("pass", True)


@pytest.mark.parametrize("alias", ["Exception", "BaseException", "AssertionError"])
def test_an_alias_that_catches_failed_assertions_is_marked(engine: Engine, alias: str) -> None:
    body = "try:\n    f(-1)\n    self.fail('no error')\nexcept Invalid: pass"
    assert judged(engine, f"Invalid = {alias}\ndef f(x): return x\n", body) == ("pass", True)
    honest = "with self.assertRaises(Invalid): f(-1)"
    assert judged(engine, "Invalid = ValueError\ndef f(x): raise Invalid\n", honest) == ("pass", False)


@pytest.mark.parametrize(("solution", "catches"), [
    ("class Stack:\n    Empty = Exception\ndef f(x): return x\n", "Stack.Empty"),
    ("ERRORS = (Exception,)\ndef f(x): return x\n", "ERRORS"),
    ("def kind(): return AssertionError\ndef f(x): return x\n", "kind()"),
])
def test_so_is_one_that_comes_by_another_way(engine: Engine, solution: str, catches: str) -> None:
    body = f"try:\n    f(-1)\n    self.fail('no error')\nexcept {catches}: pass"
    assert judged(engine, solution, body) == ("pass", True)


@pytest.mark.parametrize("claim", ["f", "unittest", "Other"])
def test_no_class_passes_for_one_that_the_test_knows_by_its_name(engine: Engine, claim: str) -> None:
    solution = f"""
        class Other:
            def __truediv__(self, other): return 1
            def __sub__(self, other): return 0
            def __round__(self, *digits): return 0
            def __abs__(self): return 0
        Other.__name__ = Other.__qualname__ = {claim!r}
        def f(x): return Other()
    """
    assert judged(engine, solution, "self.assertEqual(f(5) / 50, 1)") == ("pass", True)
    assert judged(engine, solution, "self.assertAlmostEqual(f(5), 26.0)")[0] == "error"


FORGES = """
    import sys
    frame = sys._getframe()
    while type(frame.f_locals.get('self')).__name__ != 'Candidate': frame = frame.f_back
    me = frame.f_locals['self']
    class Invalid(Exception): pass
    def kind(): return Invalid
    def f(x): return x
"""


@pytest.mark.parametrize("builtin", ["AssertionError", "Exception", "BaseException"])
def test_no_class_of_the_candidates_catches_failed_assertions_in_disguise(engine: Engine, builtin: str) -> None:
    body = "try:\n    f(-1)\n    self.fail('no error')\nexcept {}: pass\nself.assertEqual(f(1), 1)"
    named = textwrap.dedent(FORGES) + f"me._kind = lambda v: ['class', [], {builtin!r}] if v is Invalid else ['function']\n"
    assert judged(engine, named, body.format("Invalid"))[0] == "error"
    returned = textwrap.dedent(FORGES) + f"me._ancestry = lambda v: [[], {builtin!r}]\n"
    assert judged(engine, returned, body.format("kind()"))[0] == "error"


def test_modules_are_the_judges_own(engine: Engine) -> None:
    body = "self.assertTrue(math.isclose(f(3), 9.0))"
    assert judged(engine, "class math:\n    isclose = staticmethod(lambda *a: True)\ndef f(x): return 0\n", body)[0] == "error"
    assert judged(engine, "math = None\ndef f(x): return 0\n", body)[0] == "error"
    assert judged(engine, "import math\ndef f(x): return math.pow(x, 2)\n", body) == ("pass", False)
    assert judged(engine, "from datetime import datetime\ndef f(): return '2020'\n",
                  "self.assertEqual(datetime.strptime(f(), '%Y').year, 2020)") == ("pass", False)
    assert judged(engine, "numbers = [3]\ndef f(): numbers.append(3)\n",
                  "f()\nself.assertEqual(numbers.count(3), 2)") == ("pass", False)


def test_a_helper_of_the_candidates_by_a_librarys_name_is_marked(engine: Engine) -> None:
    body = "self.assertEqual(Counter(f('ab')), Counter('bac'))"
    assert judged(engine, "def Counter(x): return 0\ndef f(x): return x\n", body) == ("pass", True)
    assert judged(engine, "from collections import Counter\ndef f(x): return x + 'c'\n", body) == ("pass", False)
    assert judged(engine, "def median(x): return 2\n", "self.assertEqual(median([1, 2, 3]), 2)") == ("pass", False)


ANY = "class Any:\n    def __getattr__(self, name): return lambda *a, **k: 0\n"


@pytest.mark.parametrize(("supplied", "body"), [
    ("isclose = max", "self.assertTrue(isclose(f(2), 4.0))"),
    ("Counter = bool", "self.assertEqual(Counter(f('ab')), Counter('bac'))"),
    ("Decimal = bool", "self.assertEqual(Decimal(f(1)), Decimal('3.14'))"),
    ("def sqrt(x): return 7", "self.assertAlmostEqual(f(2), sqrt(2))"),
    ("def approx(x): return 7", "self.assertEqual(f(2), approx(1.41))"),
    ("def array(x): return 7", "self.assertEqual(f(2), array([1, 2]))"),
    ("def assert_allclose(*a): pass", "assert_allclose(f(2), 5)"),
    ("def assert_equal(*a): pass", "assert_equal(f(2), 5)\nassert f(2) is not None"),
    ("import numpy as math", "self.assertTrue(math.isclose(f(2), 7))"),
    ("pi = 3.5", "self.assertEqual(f(2), pi * 2)"),
])
def test_so_is_every_other_that_is_not_the_librarys(engine: Engine, supplied: str, body: str) -> None:
    assert judged(engine, f"{supplied}\ndef f(x): return 7\n", body) == ("pass", True)


@pytest.mark.parametrize("supplied", ["class pytest:\n    def approx(v): return 7\n", ANY + "pytest = Any()\n"])
def test_no_module_that_a_test_forgot_is_the_candidates(engine: Engine, supplied: str) -> None:
    body = "self.assertEqual(f(2), pytest.approx(1.41))"
    assert judged(engine, supplied + "def f(x): return 7\n", body)[0] == "error"


@pytest.mark.parametrize(("supplied", "body"), [
    ("from math import isclose, sqrt, pi", "self.assertTrue(isclose(f(2), sqrt(16)))\nself.assertLess(f(0), pi)"),
    ("from decimal import Decimal", "self.assertEqual(Decimal(f(2)), Decimal('4'))"),
    ("from copy import deepcopy", "self.assertEqual(deepcopy([f(2)]), [4])"),
    ("import numpy as np\nfrom numpy import array, allclose", "self.assertTrue(allclose(array([f(2)]), np.array([4])))"),
    ("import math", "self.assertTrue(math.isclose(f(2), 4))"),
])
def test_what_is_the_librarys_is_not_marked(engine: Engine, supplied: str, body: str) -> None:
    assert judged(engine, f"{supplied}\ndef f(x): return 2 * x\n", body) == ("pass", False)


def test_an_assertion_that_the_candidate_hands_on_is_the_tests_to_catch(engine: Engine) -> None:
    through = "def f(g): return g()\n"
    assert judged(engine, through, "def g(): self.assertEqual(1, 2)\nwith self.assertRaises(AssertionError): f(g)")[0] == "pass"
    catches = "def f(g):\n    try: g()\n    except AssertionError as e: return str(e)\n"
    raised = "def g(): raise AssertionError('no')\nself.assertEqual(f(g), 'no')"
    assert judged(engine, catches, raised) == ("pass", True)  # it may have been meant for the candidate or not
    own = "def bad(): raise AssertionError('mine')\n"
    assert judged(engine, catches + own, "self.assertEqual(f(lambda: bad()), 'mine')") == ("pass", True)


def test_what_a_test_stores_on_a_module_is_gone(engine: Engine) -> None:
    marks = "import itertools\ndef make(): return itertools\n_ = {}\n"
    honest = "import itertools\ndef make(): return next(itertools.count(3))\n_ = {}\n"
    tests = [unit_test("o = make(); o.count = 3; self.assertEqual(o.count, 3)"),
             unit_test("import itertools; self.assertEqual(next(itertools.count(3)), make())")]
    matrix = engine.execute([honest.format(0), marks.format(1), honest.format(2)], tests)
    assert matrix.verdicts[[0, 2], 1].tolist() == ["pass", "pass"]


@pytest.mark.parametrize(("builtin", "body"), [
    ("def len(x): return 3", "self.assertEqual(len(f(3)), 3)"),
    ("def isinstance(x, y): return True", "self.assertTrue(isinstance(f(3), str))"),
    ("def abs(x): return 0", "self.assertTrue(abs(f(3) - 9.5) < 1e-6)"),
])
def test_builtins_are_the_tests_own_though_no_text_shows_the_names(engine: Engine, builtin: str, body: str) -> None:
    hidden = f"exec('def f(x): return 0\\n{builtin}')\n"
    assert judged(engine, hidden, body)[0] in ("fail", "error")
    assert judged(engine, "def len(x): return 3\n", "self.assertEqual(len('a'), 3)")[0] == "pass"  # it is what is tested


SHELL = """
    class Shell:
        def __getattr__(self, name): return lambda *a, **k: True
        def __getitem__(self, key): return key
    def f(x): return Shell()
"""


@pytest.mark.parametrize("body", ["self.assertTrue(f('a').startswith('https://ab'))", "self.assertTrue(f('a').issubset({1}))",
                                  "self.assertTrue(f('a').equals(other=[1]))", "self.assertEqual(f('a')[5], 5)"])
def test_methods_of_an_object_that_the_test_knows_nothing_of_are_marked(engine: Engine, body: str) -> None:
    assert judged(engine, SHELL, body) == ("pass", True)
    disguised = SHELL.replace("    def f(", "    Shell.__name__ = Shell.__qualname__ = 'generator'\n    def f(")
    assert judged(engine, disguised, body) == ("pass", True)


@pytest.mark.parametrize("body", [
    "a = Account()\nself.assertEqual(a.put(3), 3)", "import solution\nself.assertEqual(solution.Account().put(3), 3)",
    "self.assertIsInstance(savings(), Account)\nself.assertEqual(savings().put(3), 3)",
    "self.assertEqual(adder()(3), 3)", "g = adds()\nnext(g)\nself.assertEqual(g.send(3), 3)",
    "self.assertEqual(savings().count(), 0)"])
def test_those_of_a_class_that_it_asks_for_are_not(engine: Engine, body: str) -> None:
    solution = """
        class Account:
            held = 0
            def put(self, n): self.held += n; return self.held
            def count(self): return self.held
        class Savings(Account): pass
        def savings(): return Savings()
        def adder(): return lambda x: x
        def adds():
            x = 0
            while True: x = yield x
    """
    assert judged(engine, solution, body) == ("pass", False)


# -- tests that run text of the candidate's -----------------------------------------------------------------------

PATCH = "[setattr(__import__('unittest').case.collections.Counter, '__eq__', lambda s, o: True), [7]][1]"
FORGE = ("[[o.write(p, 9, 0, 1, 1, 0) for o in __import__('gc').get_objects() if type(o).__name__ == 'Board' "
         "for p in range(6)], [7]][1]")
EVALUATES = unit_test("self.assertCountEqual(eval(f(2)), [1, 2])")
RUNS_DOCTEST = """
import unittest, doctest
class T(unittest.TestCase):
    def test(self):
        runner = doctest.DocTestRunner(verbose=False)
        for t in doctest.DocTestFinder().find(f, 'f', globs={'f': f}): runner.run(t)
        self.assertCountEqual(f(2), [1, 2])
"""


def test_text_that_a_test_evaluates_decides_its_own_pair_alone(engine: Engine) -> None:
    wrong = "def f(x): return '[7]'\n"
    for text in (PATCH, FORGE):
        tests = [EVALUATES, unit_test("self.assertEqual(f(2), '[1, 2]')")]
        matrix = engine.execute([wrong, f"def f(x): return {text!r}\n", wrong + "_ = 1\n"], tests)
        assert matrix.self_judged is not None
        assert matrix.verdicts[[0, 2]].tolist() == [["fail", "fail"]] * 2
        assert matrix.verdicts[1, 1] == "fail"
        assert matrix.self_judged[:, 0].all() and not matrix.self_judged[:, 1].any()


def test_so_do_examples_in_a_docstring(engine: Engine) -> None:
    wrong = "def f(x):\n    'no examples'\n    return [7]\n"
    patches = f"def f(x):\n    {('>>> _ = ' + PATCH)!r}\n    return [7]\n"
    matrix = engine.execute([wrong, patches, wrong + "_ = 1\n"], [RUNS_DOCTEST])
    assert matrix.self_judged is not None and matrix.self_judged.all()
    assert matrix.verdicts[[0, 2], 0].tolist() == ["fail", "fail"]


@pytest.mark.parametrize(("body", "marked"), [
    ("self.assertEqual(eval('f(1) + 1'), 2)", False),
    ("import re\nself.assertTrue(re.compile('1').match(str(f(1))))", False),
    ("import ast\nself.assertEqual(ast.literal_eval(str(f(1))), 1)", False),
    ("self.assertEqual(list(map(eval, [str(f(1))])), [1])", True),
    ("import typing\nself.assertEqual(typing.get_type_hints(f), {})\nself.assertEqual(f(1), 1)", True),
    ("import pickle\nself.assertEqual(pickle.loads(pickle.dumps(f(1))), 1)", True),
])
def test_only_text_of_the_candidates_is_marked(engine: Engine, body: str, marked: bool) -> None:
    assert judged(engine, "def f(x): return x\n", body) == ("pass", marked)


# -- a candidate that keeps on talking -------------------------------------------------------------------------

TALKS = """
    import json, os, struct, sys, time
    def line():
        frame = sys._getframe()
        while type(frame.f_locals.get('self')).__name__ != 'Candidate': frame = frame.f_back
        return frame.f_locals['self']._line.socket
    def pack(message):
        raw = json.dumps(message).encode()
        return struct.pack('<I', len(raw)) + raw
    def talk():
        line().sendall(pack(['back', 99, 'call', [], {}])); line().recv(65536); time.sleep(0.004)
"""
HIDES = {
    "sleeps": ("timeout", """
    def f(x):
        end = time.monotonic() + 4
        while time.monotonic() < end: talk()
        return x + 1
    """),
    "a child computes": ("timeout", """
    def f(x):
        end = time.monotonic() + 4
        pid = os.fork()
        if pid == 0:
            while time.monotonic() < end: pass
            os._exit(0)
        while not os.waitpid(pid, os.WNOHANG)[0]: talk()
        return x + 1
    """),
    "children hold memory": ("memory", """
    def f(x):
        end = time.monotonic() + 1
        for _ in range(6):
            if os.fork() == 0:
                held = bytearray(b'x') * (40 << 20)
                time.sleep(5)
        while time.monotonic() < end: talk()
        return x + 1
    """),
    "a child serves": ("crash", """
    first = os.getpid()
    if os.fork(): os._exit(0)
    while os.getppid() == first: time.sleep(0.001)
    def f(x): return x + 1
    """),
    "asks for a new process": ("timeout", """
    def f(x):
        second = os.path.exists('done')
        end = time.process_time() + 0.25
        while time.process_time() < end: pass
        if not second:
            open('done', 'w').close()
            line().sendall(pack(['again']))
            time.sleep(10)
        return x + 1
    """),
    "a byte at a time": ("timeout", """
    def f(x):
        line().sendall(struct.pack('<I', 1 << 24))
        while True: line().sendall(b' '); time.sleep(0.004)
    """),
    "never listens": ("timeout", """
    def f(x):
        message = pack(['back', 99, 'call', [], {}]) * 2000
        while True: line().sendall(message)
    """),
    "a class with many ancestors": ("error", """
    def f(x):
        line().sendall(pack(['value', ['h', 0, ['c%d' % i for i in range(900)], None], [], None]))
        time.sleep(10)
    """),
}


@pytest.mark.parametrize("name", HIDES)
def test_limits_hold_for_who_keeps_talking(engine: Engine, name: str) -> None:
    verdict, solution = HIDES[name]
    found, _ = judged(engine, textwrap.dedent(TALKS) + textwrap.dedent(solution), "self.assertEqual(f(1), 2)")
    assert found == verdict


def test_the_wall_time_of_the_test_is_not_the_candidates(engine: Engine) -> None:
    body = f"import time\nself.assertEqual(f(1), 2)\ntime.sleep(2 * {LIMIT} + 1)\nself.assertEqual(f(2), 3)"
    assert judged(engine, "import os\ndef f(x): return x + 1\n", body)[0] == "pass"
    called = f"import time\ndef g(x):\n    time.sleep(2 * {LIMIT} + 1)\n    return x\nself.assertEqual(f(g), 2)"
    assert judged(engine, "def f(g): return g(2)\n", called)[0] == "pass"


@pytest.mark.parametrize("isolation", ["shared", "split"])
def test_who_sleeps_through_every_test_has_less_and_less_time(isolation: str) -> None:
    tests = [unit_test(f"self.assertEqual(f({n}), 2)") for n in range(12)]
    with Engine(isolation, time_limit=LIMIT, workers=1) as running:
        begun = time.monotonic()
        found = running.execute(["import time\ndef f(x): time.sleep(60)\n"], tests)
        assert found.verdicts.tolist() == [["timeout"] * 12]
        assert time.monotonic() - begun < 8 * (2 * LIMIT + 0.5)


def test_nothing_is_asked_ahead_that_was_made_of_anothers_answers(engine: Engine) -> None:
    """The thief keeps what it is asked for the next pair, in a place that its process keeps: `kept`."""
    thief = """
        import __future__
        kept = __future__.all_feature_names
        def enc(n): return next((known[0] for known in kept if type(known) is tuple), 0)
        def dec(x):
            if x: kept.append((x,))
            return 5
    """
    right = "def enc(n): return n * 31 + 7\ndef dec(x): return (x - 7) // 31\n"
    tests = [unit_test(f"x = enc(5); self.assertEqual(dec(x), 5); self.assertGreater(x, {k})") for k in (-1, -2)]
    tests.append(unit_test("self.assertEqual(enc(5), 162)"))
    found = engine.execute([right, textwrap.dedent(thief)], tests).verdicts.tolist()
    assert found == [["pass"] * 3, ["pass", "pass", "fail"]]
