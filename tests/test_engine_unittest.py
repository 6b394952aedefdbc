"""The engine on what unit tests do beyond plain test methods: fixtures, skips, cleanups, and code that runs at load."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
from hazard_cases import unit_test

from coderm.execute import Engine

MODES = ("shared", "split")


@pytest.fixture(scope="module", params=MODES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with Engine(request.param, time_limit=0.4, workers=1) as running:
        yield running


HONEST = "def f(x=0): return x + 1\n"
WRONG = "def f(x=0): return x\n"
SKIPS = "import unittest\ndef f(x=0):\n    raise unittest.SkipTest\n"


def verdicts(engine: Engine, test: str, *solutions: str) -> list[str]:
    matrix = engine.execute(solutions, [textwrap.dedent(test)])
    return [str(word) for word in matrix.verdicts[:, 0]]


# -- skipping -----------------------------------------------------------------------------------------------

TWO = "import unittest\nclass T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(1), 2)\n"


@pytest.mark.parametrize("head", ["# we skip nothing\n", "skip_n = skipped = 3\n", ""])
@pytest.mark.parametrize("method", ["test_b", "test_skips_nothing"])
def test_a_word_does_not_let_a_candidate_skip(engine: Engine, head: str, method: str) -> None:
    test = f"{head}{TWO}    def {method}(self): self.assertEqual(f(), 1)\n"
    skips_once = "import unittest\ndef f(x=0):\n    if x == 0: raise unittest.SkipTest\n    return 2\n"
    assert verdicts(engine, test, HONEST, skips_once, SKIPS) == ["pass", "error", "error"]


@pytest.mark.parametrize("lines", [
    "    @unittest.skip('x')\n    def test_b(self): self.assertEqual(f(), 2)\n",
    "    @unittest.skipIf(True, 'x')\n    def test_b(self): self.assertEqual(f(), 2)\n",
    "    def test_b(self):\n        self.skipTest('x')\n",
    "    def test_b(self):\n        raise unittest.SkipTest('x')\n",
    "    @unittest.expectedFailure\n    def test_b(self): self.assertEqual(f(), 2)\n",
])
def test_a_test_may_skip(engine: Engine, lines: str) -> None:
    assert verdicts(engine, TWO + lines, HONEST, WRONG) == ["pass", "fail"]


def test_a_candidate_named_like_a_way_to_skip_is_no_way_to_skip(engine: Engine) -> None:
    test = unit_test("self.assertEqual(skip(0), 1)\nself.assertEqual(skip(1), 2)")
    solutions = [text.replace("def f", "def skip") for text in (HONEST, WRONG, SKIPS)]
    assert verdicts(engine, test, *solutions) == ["pass", "fail", "error"]


# -- fixtures -----------------------------------------------------------------------------------------------

FIXTURES = {
    "setUpModule": """
        import unittest
        base = None
        def setUpModule():
            global base
            base = 1
        class T(unittest.TestCase):
            def test_a(self): self.assertEqual(f(base), 2)
        """,
    "setUpModule, once for two classes": """
        import unittest
        runs = []
        def setUpModule(): runs.append(1)
        class T(unittest.TestCase):
            def test_a(self): self.assertEqual(f(len(runs)), 2)
        class U(unittest.TestCase):
            def test_a(self): self.assertEqual(f(len(runs)), 2)
        """,
    "addCleanup": """
        import unittest
        class T(unittest.TestCase):
            def test_a(self): self.addCleanup(self.assertEqual, f(1), 2)
        """,
    "cleanups run whatever fails": """
        import unittest
        class T(unittest.TestCase):
            def setUp(self):
                self.addCleanup(self.check)
                self.addCleanup(self.assertEqual, f(1), 2)
            def test_a(self): self.x = f(1)
            def check(self): self.assertEqual(self.x, 2)
        """,
    "del Base": """
        import unittest
        class Base(unittest.TestCase):
            n = 1
            def test_a(self): self.assertEqual(f(self.n), self.n + 1)
        class T(Base): n = 2
        del Base
        """,
    "one of two": """
        import sys, unittest
        if sys.version_info >= (3,):
            class T(unittest.TestCase):
                def test_a(self): self.assertEqual(f(1), 2)
        else:
            class U(unittest.TestCase):
                def test_a(self): self.assertEqual(f(1), 3)
        """,
    "tearDown": """
        import unittest
        class T(unittest.TestCase):
            def tearDown(self): self.assertEqual(f(1), 2)
            def test_a(self): self.assertEqual(f(0) - f(0), 0)
        """,
}


@pytest.mark.parametrize("name", FIXTURES)
def test_fixtures(engine: Engine, name: str) -> None:
    assert verdicts(engine, FIXTURES[name], HONEST, WRONG) == ["pass", "fail"]


def test_the_first_problem_of_a_test_case_decides(engine: Engine) -> None:
    test = unit_test("self.assertEqual(f(1), 2)") + "    def tearDown(self): f(1, 2, 3) if f(1) == 1 else None\n"
    assert verdicts(engine, test, HONEST, WRONG) == ["pass", "fail"]


def test_a_library_that_hooks_the_collector_is_no_tampering(engine: Engine) -> None:
    test = """
        import unittest
        from hypothesis import given, settings, strategies
        class T(unittest.TestCase):
            @settings(max_examples=5, deadline=None)
            @given(strategies.integers())
            def test_a(self, x): self.assertEqual(f(x), x + 1)
        """
    assert verdicts(engine, test, HONEST, HONEST + "_ = 1\n") == ["pass", "pass"]


# -- what is tested -----------------------------------------------------------------------------------------

IMPORTS = {
    "name": "from solution import f\nself.assertEqual(f(1), 2)",
    "two, one by another name": "from solution import f as h, g\nself.assertEqual(h(1) + g - g, 2)",
    "module": "import solution\nf = solution.f\nself.assertEqual(f(1), 2)",
    "module by another name": "import solution as s\nf = s.f\nself.assertEqual(f(1), 2)",
    "in a helper": "def check(x):\n    from solution import f\n    return f(x)\nself.assertEqual(check(1), 2)",
}
SHADOWS = {
    "defined behind it": "from solution import f\ndef f(x): return 2\nself.assertEqual(f(1), 2)",
    "assigned behind it": "from solution import f\nf = lambda x: 2\nself.assertEqual(f(1), 2)",
    "not read": "from solution import g\ndef f(x): return 2\nself.assertEqual(f(1), 2)",
    "module, not read": "import solution\ndef f(x): return 2\nself.assertEqual(f(1), 2)",
    "of another module": "from math import floor as f\nself.assertEqual(f(2.5), 2)",
}


@pytest.mark.parametrize("name", IMPORTS)
def test_an_import_within_the_method_is_a_use(engine: Engine, name: str) -> None:
    assert verdicts(engine, unit_test(IMPORTS[name]), HONEST + "g = 1\n", WRONG + "g = 1\n") == ["pass", "fail"]


@pytest.mark.parametrize("name", SHADOWS)
def test_such_an_import_excuses_no_shadow(engine: Engine, name: str) -> None:
    matrix = engine.execute([HONEST + "g = 1\n", WRONG + "g = 1\n"], [unit_test(SHADOWS[name])])
    assert matrix.verdicts.tolist() == [["vacuous"], ["vacuous"]]
    assert "shadows f" in str(matrix.reasons[0])


# -- messages -------------------------------------------------------------------------------------------------

LONG = {
    "list": ("['%040d' % (i * 7919 + x) for i in range(400)]", "['%040d' % (k * 7920 + 1) for k in range(400)]"),
    "dict": ("{'%040d' % (i * 7919 + x): i for i in range(400)}", "{'%040d' % (k * 7920 + 1): k for k in range(400)}"),
    "text": ("'\\n'.join('a' * 30 + '%05d' % i for i in range(1600))",
             "'\\n'.join('a' * 30 + '%05d' % (k + 90001) for k in range(1600))"),
}


@pytest.mark.parametrize("name", LONG)
def test_no_time_goes_into_a_message(engine: Engine, name: str) -> None:
    answer, expected = LONG[name]
    matrix = engine.execute([f"def f(x): return {answer}\n"], [unit_test(f"self.assertEqual(f(1), {expected})")])
    assert matrix.verdicts.tolist() == [["fail"]]
    assert matrix.cpu_ms[0, 0] < 200


def test_an_explanation_has_its_message(engine: Engine) -> None:
    told = engine.explain("def f(x): return [1, 2, 3]\n", unit_test("self.assertEqual(f(1), [1, 5, 3])"))
    assert "First differing element 1:" in told["message"]
    assert "- [1, 2, 3]\n" in told["message"]
    assert "?     ^\n" in told["message"]


TOUCHES = {
    "replaced": "import unittest.case\nunittest.case.difflib = None\n",
    "restored": "import difflib, unittest.case\nunittest.case.difflib = difflib\n",
    "attribute": "import unittest.case\nunittest.case.difflib.ndiff = lambda *_: [][0]\n",
}


@pytest.mark.parametrize("name", TOUCHES)
def test_what_leaves_the_message_out_is_watched(engine: Engine, name: str) -> None:
    test = unit_test("self.assertEqual(f([1]), [2])") + "    def test_b(self): self.assertEqual(f(1), 2)\n"
    touching = TOUCHES[name] + "def f(x=0): return [2] if x == [1] else 2\n"
    assert verdicts(engine, test, touching, HONEST) == ["pass" if engine.isolation == "split" else "tampered", "error"]


# -- mocks ----------------------------------------------------------------------------------------------------

TELLS = "def tell(whom, send):\n    for name in whom: send(name, loud=True)\n"
TELLS_ONE = "def tell(whom, send):\n    send(whom[-1], 1)\n"
MOCKS = {
    "assert_called_once_with": "tell(['a'], m)\nm.assert_called_once_with('a', loud=True)",
    "assert_called_with": "tell(['b', 'a'], m)\nm.assert_called_with('a', loud=True)",
    "assert_any_call": "tell(['a', 'b'], m.send)\nm.send.assert_any_call('a', loud=True)",
    "assert_has_calls": "tell(['a', 'b'], m)\nm.assert_has_calls([(('a',), {'loud': True}), (('b',), {'loud': True})])",
}


@pytest.mark.parametrize("name", MOCKS)
def test_a_mock_asserts_with_constants(engine: Engine, name: str) -> None:
    test = unit_test("m = Mock()\n" + MOCKS[name], "from unittest.mock import Mock")
    assert verdicts(engine, test, TELLS, TELLS_ONE) == ["pass", "fail"]


@pytest.mark.parametrize("line", ["np.testing.assert_equal(1, 1)", "self.assertIn(1, [1, 2])", "self.assert_(1)"])
def test_other_assertions_of_constants_prove_nothing(engine: Engine, line: str) -> None:
    assert verdicts(engine, unit_test(f"f(1)\n{line}", "import numpy as np"), HONEST) == ["vacuous"]


def test_what_print_was_called_with(engine: Engine) -> None:
    """In split mode the candidate prints where the test has patched nothing."""
    test = unit_test("with patch('builtins.print') as p:\n    f()\np.assert_called_once_with('hello')",
                     "from unittest.mock import patch")
    right = "pass" if engine.isolation == "shared" else "fail"
    assert verdicts(engine, test, "def f(): print('hello')\n", "def f(): print('bye')\n") == [right, "fail"]


STORES = {
    "builtins.input": ("def f(): return int(input()) + 1\n", "import builtins\nbuiltins.input = lambda: '3'", "f(), 4", "pass"),
    "builtins.print": ("def f(): return print('x')\n", "import builtins\nbuiltins.print = lambda *a: a", "f(), ('x',)", "fail"),
    "time.sleep": ("import time\ndef f(): return time.sleep(0) or 1\n", "import time as t\nt.sleep = lambda s: 0", "f(), 1", "pass"),
    "os.path.exists": ("import os\ndef f(): return os.path.exists('/x')\n",
                       "import os\nos.path.exists = lambda p: 1", "f(), 1", "fail"),
}


@pytest.mark.parametrize("name", STORES)
def test_what_a_test_stores_on_a_module_is_its_own_doing(engine: Engine, name: str) -> None:
    solution, store, claim, in_split = STORES[name]
    test = unit_test(f"{store}\nself.assertEqual({claim})")
    right = "pass" if engine.isolation == "shared" else in_split
    assert verdicts(engine, test, solution, solution + "_ = 1\n") == [right, right]


def test_what_a_candidate_stores_beside_it_is_not(engine: Engine) -> None:
    test = unit_test("import builtins\nbuiltins.input = lambda: '3'\nself.assertEqual(f(), 4)")
    right = "def f(): return int(input()) + 1\n"
    stores = [f"import builtins\nbuiltins.{name} = {function}\n" + right for name, function in (
        ("input", "lambda: '7'"), ("hex", "str"))]
    assert verdicts(engine, test, *stores) == ["tampered" if engine.isolation == "shared" else "pass"] * 2


# -- loading ------------------------------------------------------------------------------------------------

MAIN = "class T(unittest.TestCase):\n    def test_a(self): self.assertEqual(f(1), 2)\n"
MAINS = {
    "bare": f"import unittest\n{MAIN}unittest.main()\n",
    "arguments": f"import unittest\n{MAIN}unittest.main(argv=[''], exit=False)\n",
    "name": f"import unittest\nfrom unittest import main\n{MAIN}main()\n",
    "another name": f"import unittest, unittest as ut\nfrom unittest import main as run\n{MAIN}ut.main()\nrun()\n",
    "in a branch": f"import unittest\n{MAIN}if True:\n    unittest.main()\n",
    "in a try": f"import unittest\n{MAIN}try:\n    unittest.main()\nexcept SystemExit:\n    pass\n",
}


@pytest.mark.parametrize("name", MAINS)
def test_unittest_main_without_its_guard(engine: Engine, name: str) -> None:
    assert verdicts(engine, MAINS[name], HONEST, WRONG) == ["pass", "fail"]


def test_a_main_of_the_candidates_is_called(engine: Engine) -> None:
    test = unit_test("self.assertEqual(done, [1])", "main()")
    solutions = [f"done = []\ndef main(): done.append({n})\n" for n in (1, 2)]
    assert verdicts(engine, test, *solutions) == ["pass", "fail"]


USES = {
    "class attribute": unit_test("self.assertEqual(self.E, 3)").replace("    def test", "    E = f(1) + 1\n    def test"),
    "len": unit_test("self.assertEqual(N, 1); self.assertEqual(f(1), 2)", "N = len([f(1)]) + len(str(f(0))) - 1"),
    "assert": unit_test("self.assertEqual(f(2), 3)", "assert f(1) in (1, 2) and not f(1) > 2"),
    "iteration": unit_test("self.assertEqual(f(2), 3)", "a, b = (f(x) for x in (1, 2)); d = {f: a < b}"),
    "loop": unit_test("self.assertEqual(f(2), 3)", "n = 0\nwhile f(n) < 4: n += 1"),
}


@pytest.mark.parametrize("name", USES)
def test_a_test_may_use_the_candidate_while_it_loads(engine: Engine, name: str) -> None:
    assert verdicts(engine, USES[name], HONEST, WRONG) == ["pass", "fail"]


NEVER = {
    "misspelt base": unit_test("self.assertEqual(f(1), 2)").replace("unittest.TestCase", "unittest.TestCas"),
    "no import": unit_test("self.assertEqual(f(1), 2)").replace("import unittest", "import os"),
    "undefined default": unit_test("self.assertEqual(f(1), 2)", "def helper(x=UNDEF): pass"),
    "undefined default of a method": unit_test("self.assertEqual(f(1), 2)").replace("(self)", "(self, x=UNDEF)"),
    "undefined annotation": unit_test("self.assertEqual(f(1), 2)", "def helper(x: List[int]): pass"),
    "exits": unit_test("self.assertEqual(f(1), 2)", "import os\nos._exit(0)"),
    "comes to no end": unit_test("self.assertEqual(f(1), 2)", "n = 1\nwhile n: pass"),
    "waits": unit_test("self.assertEqual(f(1), 2)", "import time\ntime.sleep(60)"),
    "undefined beside the candidate's name": unit_test("self.assertEqual(f(1), 2)", "g = f\nh = UNDEF"),
}


@pytest.mark.parametrize("name", NEVER)
def test_a_test_that_never_loads_is_in_error(engine: Engine, name: str) -> None:
    matrix = engine.execute([HONEST, WRONG], [NEVER[name]])
    assert matrix.verdicts.tolist() == [["test_error"], ["test_error"]]
    assert "does not load" in str(matrix.reasons[0])
