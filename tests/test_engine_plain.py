"""What candidates that share a process could still reach: names of the test's, caches of the library, evaluated text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
from hazard_cases import NOT_PASS, unit_test

from coderm.execute import Engine
from coderm.execute.inside import reach as reach_module
from coderm.execute.inside.reach import is_plain_beside, reach

MOCK = "from unittest.mock import patch"


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    with Engine(time_limit=0.5, memory_limit=512 << 20, workers=1) as running:
        yield running


def verdicts(engine: Engine, solutions: list[str], tests: list[str]) -> list[list[str]]:
    return engine.execute([textwrap.dedent(text) for text in solutions], tests).verdicts.tolist()


MEAN = "import statistics\ndef f(x): return x + statistics.mean([1, 1])\n"


def test_names_that_the_test_binds_are_not_the_candidates_to_use(shared: Engine) -> None:
    """`start` is a word that ranges and matches have too."""
    patches = "def f(x):\n    patch('statistics.mean', lambda *a: 0).start()\n    return x + 1\n"
    tests = [unit_test("with patch('sys.stdout'): self.assertEqual(f(1), 2)", MOCK), unit_test("self.assertEqual(f(2), 3)")]
    told = verdicts(shared, [MEAN, patches, MEAN + "_ = 1\n", MEAN + "_ = 2\n"], tests)
    assert told[0] == told[2] == told[3] == ["pass", "pass"]


@pytest.mark.parametrize(("candidate", "test", "plain"), [
    ("def f(x): return x", "f(1)", True), ("def f(x): return sqrt(x)", "from math import sqrt\nf(1)", False),
    ("from math import sqrt\ndef f(x): return sqrt(x)", "from math import sqrt\nf(1)", True),
    ("def f(x): return pow(x, 2)", "from math import *\nf(1)", False),
    ("def f(x):\n    global y\n    y = x\n    return y", "y = 1", True),
    ("def f(x): return y", "def g():\n    global y\n    y = 1", False),
    ("def f(x): return sum(x)", "def sum(x): return 1", False),
])
def test_who_is_plain_beside_a_test(candidate: str, test: str, plain: bool) -> None:
    of_test = reach(compile(test, "<test>", "exec"), is_test=True)
    assert is_plain_beside(reach(compile(candidate, "<candidate>", "exec")), [of_test]) == plain


@pytest.mark.parametrize("last", [["def f(x):\n    while True: pass\n"], []], ids=["one hangs behind them", "none does"])
def test_the_check_in_depth_is_not_lost_where_a_later_candidate_hangs(shared: Engine, last: list[str]) -> None:
    patches = "import math\ndef f(x):\n    vars(math)['isclose'] = lambda *a, **k: True\n    return 0\n"
    others = [f"def f(x): return {n}\n" for n in range(5, 25)]
    rights = [f"def f(x): return 4.0 + {n} * 0\n" for n in range(20)]
    test = unit_test("self.assertTrue(math.isclose(f(2), 4.0))", "import math")
    told = verdicts(shared, [*rights, patches, *others, *last], [test])
    assert told == [["pass"]] * 20 + [["tampered"]] + [["fail"]] * 20 + [["timeout"]] * len(last)


def test_rows_behind_a_hang_are_not_lost(shared: Engine) -> None:
    hangs = "def f(x):\n    while x == {}: pass\n    return x\n"
    texts = [text for n in range(6) for text in (f"def f(x): return x + {n} * 0\n", hangs.format(n % 2 + 1) + f"_ = {n}\n")]
    told = verdicts(shared, texts, [unit_test("self.assertEqual(f(1), 1)"), unit_test("self.assertEqual(f(2), 2)")])
    assert told == [["pass", "pass"], ["timeout", "pass"], ["pass", "pass"], ["pass", "timeout"]] * 3


REMEMBERS = """
    from typing import List
    def f(x):
        List[1.0 * x]
        return x + 1
"""
FINDS = """
    from typing import List
    def f(x): return x + (1 if '.' in repr(List[x]).replace('typing.', '') else 2)
"""
NAMES_A_CODEC = """
    def f(x):
        try: {}
        except LookupError: pass
        return x + 1
"""
NEEDS_MEMORY = """
def f(x):
    try: [0] * (24 << 20)
    except MemoryError: return 0
    return x + 1
"""


def test_what_typing_remembers_is_forgotten(shared: Engine) -> None:
    assert verdicts(shared, [REMEMBERS, FINDS], [unit_test("self.assertEqual(f(1), 2)")])[1] == ["fail"]


def test_what_typing_remembers_is_not_there_in_the_next_pair_of_split_mode() -> None:
    remembers = textwrap.dedent(FINDS) + "def put(x):\n    List[1.0 * x]\n    return x\n"
    with Engine("split", time_limit=0.5, workers=1) as engine:
        tests = [unit_test("self.assertEqual(put(1), 1)"), unit_test("self.assertEqual(f(1), 2)")]
        assert verdicts(engine, [remembers], tests) == [["pass", "fail"]]


def test_names_of_codecs_are_not_kept() -> None:
    tests = [unit_test(f"self.assertEqual(f({n}), {n + 1})") for n in range(12)]
    names = NAMES_A_CODEC.format("bytes('a', 'x' * (8 << 20) + str(x))")
    with Engine(time_limit=2.0, memory_limit=256 << 20, workers=1) as engine:
        told = verdicts(engine, [NEEDS_MEMORY, names, NEEDS_MEMORY + "_ = 1\n"], tests)
    assert told[0] == told[2] == ["pass"] * 12


@pytest.mark.parametrize("call", ["bytes('a', x)", "bytearray('a', x)", "str(b'a', x)", "x.encode(x)", "x.to_bytes(2)"])
def test_who_has_bytes_is_not_plain(call: str) -> None:
    assert not reach(compile(f"def f(x): return {call}", "<text>", "exec")).plain


PATCHES = "__import__('statistics').__dict__.update(mean=lambda x: 0)"
EVALUATED = {
    "eval": (f"def f(x): return \"[{PATCHES}, '5'][1]\"\n", "def f(x): return repr(str(int(mean([5, 5]))))\n",
             unit_test("self.assertEqual(eval(f(2)), '5')")),
    "annotations": (f"def f(x: \"[{PATCHES}, int][1]\"): return '5'\n", "def f(x: int): return str(int(mean([5, 5])))\n",
                    unit_test("self.assertEqual(f(2), '5'); self.assertIs(typing.get_type_hints(f)['x'], int)", "import typing")),
}


@pytest.mark.parametrize("how", EVALUATED)
def test_text_that_a_test_evaluates_changes_nobody_else(shared: Engine, how: str) -> None:
    candidate, honest, test = EVALUATED[how]
    honest = "from statistics import mean\n" + honest
    told = verdicts(shared, [honest, candidate, honest + "_ = 1\n"], [test])
    assert told[0] == told[2] == ["pass"]


WRONG = "def f(x): return 0\n"
JUDGES = {
    "math by name": ("import math\nmath.isclose = lambda *a, **k: True\n" + WRONG,
                     unit_test("self.assertTrue(isclose(f(2), 4.0))", "from math import isclose")),
    "math by another name": ("import math\nmath.isclose = lambda *a, **k: True\n" + WRONG,
                             unit_test("self.assertTrue(m.isclose(f(2), 4.0))", "import math as m")),
    "what assertCountEqual counts with": ("import collections\ncollections.Counter.__eq__ = lambda s, o: True\n"
                                          "def f(x): return []\n", unit_test("self.assertCountEqual(f(2), [1, 2])")),
    "what assertRegex looks with": ("import re\nclass P:\n    def search(s, t): return True\nre.compile = lambda *a: P()\n"
                                    "def f(x): return ''\n", unit_test("self.assertRegex(f(2), 'abc')")),
    "numpy.testing": ("import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None\n" + WRONG,
                      unit_test("np.testing.assert_allclose(f(2), 4.0)", "import numpy as np")),
    "pytest": ("import pytest\nclass A:\n    def __eq__(s, o): return True\npytest.approx = lambda *a, **k: A()\n" + WRONG,
               unit_test("assert f(2) == pytest.approx(4.0)", "import pytest")),
    "os.path": ("import os\nos.path.exists = lambda *a: True\n" + WRONG,
                unit_test("f(2); self.assertTrue(os.path.exists('out.txt'))", "import os")),
    "copy": ("import copy\ncopy.deepcopy = lambda x: x\ndef f(x):\n    x.append(9)\n    return x\n",
             unit_test("a = [1]; b = deepcopy(a); f(a); self.assertEqual(a, b)", "from copy import deepcopy")),
}


@pytest.mark.parametrize("what", JUDGES)
def test_what_judges_is_watched_by_whatever_name_the_test_has_it(shared: Engine, what: str) -> None:
    solution, test = JUDGES[what]
    if "numpy" in what:
        pytest.importorskip("numpy")
    assert verdicts(shared, [solution], [test])[0][0] in ("tampered", *NOT_PASS.split("|"))


def test_a_code_object_is_taken_apart_a_fixed_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was once for each use of `format`: minutes, for a text of 80 kB."""
    text = "def f(x):\n" + "".join(f"    x = '{{}} {n}'.format(x)\n" for n in range(200)) + "    return x\n"
    taken, steps = [], reach_module._steps
    monkeypatch.setattr(reach_module, "_steps", lambda code: taken.append(code) or steps(code))
    assert reach(compile(text, "<text>", "exec")).plain
    assert len(taken) <= 4
