"""Tests whose assertion is a failure that must not be reached: they vote where the candidate decides about it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
from hazard_cases import code, unit_test

from coderm.execute import Engine

MODES = ("shared", "split")
RIGHT = code("""
    def f(x):
        if x < 0: raise ValueError('negative')
        return x + 1
    class Stack:
        def __init__(self): self.items, self.age = [], 0
        def push(self, x): self.items.append(x)
        def pop(self): return self.items.pop()
        def __getitem__(self, i): return self.items[i]
""")
WRONG = code("""
    def f(x):
        return abs(x) - 1 if x != 3 else None
    class Stack:
        def __init__(self): self.items, self.age = [], 0
        def push(self, x): pass
        def pop(self): return None
        def __getitem__(self, i): return None
""")


@pytest.fixture(scope="module", params=MODES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with Engine(request.param, time_limit=1.0, workers=1) as running:
        yield running


VOTES = {
    "try": "try:\n    f(-1)\n    self.fail('no error')\nexcept ValueError:\n    pass",
    "else": "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    self.fail('no error')",
    "assert False": "try:\n    f(-1)\n    assert False, 'no error'\nexcept ValueError:\n    pass",
    "assertTrue(False)": "try:\n    f(-1)\n    self.assertTrue(False, 'no error')\nexcept ValueError:\n    self.assertTrue(True)",
    "handler": "try:\n    r = f(3) + 1\nexcept Exception as e:\n    self.fail(f'raised {e}')",
    "wrong kind": "try:\n    f(3) + 1\nexcept ValueError:\n    pass\nexcept TypeError:\n    self.fail('TypeError')",
    "both kinds": "try:\n    f(-1)\n    self.fail()\nexcept AssertionError:\n    raise\nexcept Exception:\n    pass",
    "if": "if f(1) != 2:\n    self.fail('bad')",
    "else of if": "r = f(1)\nif r == 2:\n    print('ok')\nelse:\n    raise AssertionError(r)",
    "elif": "r = f(1)\nif r is None:\n    raise AssertionError('None')\nelif r != 2:\n    raise AssertionError(r)",
    "conditional": "self.fail('bad') if f(1) != 2 else None",
    "match": "match f(1):\n    case 2:\n        pass\n    case other:\n        self.fail(other)",
    "loop": "for i in range(5):\n    if f(i) != i + 1:\n        self.fail(i)",
    "over results": "for r in [f(i) for i in (0, 1)]:\n    if r < 1:\n        self.fail()",
    "nothing to run over": "for r in range(1, 2 - f(0)):\n    pass\nfor r in [x for x in (f(0), f(1)) if x < 1]:\n    self.fail()",
    "while": "while f(1) < 1:\n    self.fail()",
    "loop over bad inputs": "for x in (-1, -2):\n    with self.subTest(x=x):\n        try:\n            f(x)\n            self.fail(x)\n"
                            "        except ValueError:\n            pass",
    "loop in try": "try:\n    for x in (-1, -2):\n        f(x)\n        self.fail(x)\nexcept ValueError:\n    pass",
    "suppress": "for x in (-1,):\n    with contextlib.suppress(ValueError):\n        f(x)\n        self.fail()",
    "return": "try:\n    f(-1)\nexcept ValueError:\n    return\nself.fail('no error')",
    "return if": "if f(1) == 2:\n    return\nself.fail('bad')",
    "continue": "for i in range(3):\n    if f(i) == i + 1:\n        continue\n    self.fail(i)",
    "break": "for i in range(3):\n    if f(i) == 3:\n        break\nelse:\n    self.fail('never 3')",
    "flag": "raised = False\ntry:\n    f(-1)\nexcept ValueError:\n    raised = True\nif not raised:\n    self.fail()",
    "collected": "errors = []\nfor i in range(3):\n    if f(i) != i + 1:\n        errors.append(i)\nif errors:\n    self.fail(errors)",
    "object": "s = Stack()\ns.push(1)\ns.pop()\ntry:\n    s.pop()\n    self.fail()\nexcept IndexError:\n    pass",
    "operator": "s = Stack()\ntry:\n    s[0]\n    self.fail()\nexcept IndexError:\n    pass",
    "not a number": "try:\n    int(f(1))\n    1 / (f(-1) + f(-1))\n    self.fail()\nexcept ValueError:\n    pass",
    "if in try": "try:\n    r = f(-1)\n    if r is not None:\n        self.fail(r)\nexcept ValueError:\n    pass",
    "imported": "import solution as s\ntry:\n    s.f(-1)\n    self.fail()\nexcept ValueError:\n    pass",
    "runs over a generator": "g = (f(x) for x in (-1,))\ntry:\n    for _ in g:\n        pass\n    self.fail()\n"
                             "except ValueError:\n    pass",
    "lambda": "def call(g): return g()\ntry:\n    call(lambda: f(-1))\n    self.fail()\nexcept ValueError:\n    pass",
}
IN_A_CLASS = {
    "setUp": """
        def setUp(self):
            self.stack = Stack()
        def test_a(self):
            try:
                self.stack.pop()
                self.fail()
            except IndexError:
                pass
        """,
    "helper": """
        def raises(self, x):
            try:
                f(x)
            except ValueError:
                return True
            return False
        def test_a(self):
            if not self.raises(-1):
                self.fail()
        """,
    "function handed over": """
        def check(self, function, x, kind):
            try:
                function(x)
            except kind:
                pass
            else:
                self.fail()
        def test_a(self):
            self.check(f, -1, ValueError)
        """,
    "async": """
        async def test_a(self):
            if f(1) != 2:
                self.fail()
        """,
}
PROVES_NOTHING = {
    "if False": "f(1)\nif False:\n    self.fail()",
    "own constant": "debug = 0\nf(1)\nif debug:\n    self.fail()",
    "without the candidate": "f(1)\ntry:\n    int('x')\n    self.fail()\nexcept ValueError:\n    pass",
    "candidate behind it": "try:\n    int('x')\n    self.fail()\n    f(1)\nexcept ValueError:\n    pass",
    "argument fails": "try:\n    f(int('x'))\n    self.fail()\nexcept ValueError:\n    pass",
    "not called": "try:\n    g = f\n    int('x')\n    self.fail()\nexcept ValueError:\n    pass",
    "fails before": "try:\n    int('x')\n    f(-1)\n    self.fail()\nexcept ValueError:\n    pass",
    "if in try": "try:\n    f(-1)\n    if False:\n        self.fail()\nexcept ValueError:\n    pass",
    "empty loop in try": "try:\n    f(-1)\n    for _ in []:\n        self.fail()\nexcept ValueError:\n    pass",
    "loop over nothing": "for x in []:\n    try:\n        f(x)\n        self.fail()\n    except ValueError:\n        pass",
    "swallowed": "try:\n    f(-1)\n    self.fail()\nexcept Exception:\n    pass",
    "returns before": "f(1)\nreturn\nself.fail()",
    "own return": "debug = 0\nf(1)\nif not debug:\n    return\nself.fail()",
    "inner if": "if f(1) == 7:\n    if f(1) != 2:\n        self.fail()",
    "results in try": "try:\n    for r in [f(i) for i in []]:\n        if r != 2:\n            self.fail()\nexcept ValueError:\n    pass",
    "no results": "for r in [f(i) for i in []]:\n    if r != 2:\n        self.fail()",
    "other assertion not reached": "try:\n    f(-1)\n    for _ in []:\n        self.assertEqual(f(1), 2)\nexcept ValueError:\n    pass",
}


def verdicts(engine: Engine, test: str) -> list[str]:
    return [str(word) for word in engine.execute([RIGHT, WRONG], [test]).verdicts[:, 0]]


@pytest.mark.parametrize("name", VOTES)
def test_a_failure_not_reached_is_an_assertion(engine: Engine, name: str) -> None:
    right, wrong = verdicts(engine, unit_test(VOTES[name], "import contextlib"))
    assert right == "pass"
    assert wrong in ("fail", "error")


@pytest.mark.parametrize("name", IN_A_CLASS)
def test_it_may_lie_outside_the_method(engine: Engine, name: str) -> None:
    test = "import unittest\nclass T(unittest.IsolatedAsyncioTestCase):\n" + textwrap.indent(
        textwrap.dedent(IN_A_CLASS[name]), "    ")
    assert verdicts(engine, test) == ["pass", "fail"]


@pytest.mark.parametrize("name", PROVES_NOTHING)
def test_a_failure_that_no_candidate_reaches_proves_nothing(engine: Engine, name: str) -> None:
    right, wrong = verdicts(engine, unit_test(PROVES_NOTHING[name]))
    assert right == "vacuous"
    assert wrong != "pass"
