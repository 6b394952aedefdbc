"""Whether a test tests the candidates: what it replaces, what it means by a name, and that the company does not decide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
from hazard_cases import unit_test

from coderm.execute import Engine


@pytest.fixture(scope="module", params=("shared", "split"))
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with Engine(request.param, time_limit=0.4, workers=1) as running:
        yield running


def verdicts(engine: Engine, test: str, *solutions: str) -> list[str]:
    matrix = engine.execute(solutions, [textwrap.dedent(test)])
    return [str(word) for word in matrix.verdicts[:, 0]]


HONEST = "def f(x=0): return x + 1\n"
WRONG = "def f(x=0): return x\n"

# -- the company ----------------------------------------------------------------------------------------------

READS = "def read(): return int(input())\n"
SERVES = "class Svc:\n    def fetch(self): raise OSError\n    def double(self): return 2 * self.fetch()\n"
PATCH = "from unittest.mock import patch"
COMPANY = {
    "builtins.input": (READS, "import sys\ninput = sys.stdin.readline\n" + READS, unit_test(
        "with patch('builtins.input', return_value='4'):\n    self.assertEqual(read(), 4)", PATCH)),
    "builtins.print": ("def f(): return 4\n", "print = lambda *a: None\ndef f(): return 4\n", unit_test(
        "with patch('builtins.print'):\n    self.assertEqual(f(), 4)", PATCH)),
    "method of a class": (SERVES, "def fetch(): return 1\n" + SERVES, unit_test(
        "with patch.object(Svc, 'fetch', return_value=4):\n    self.assertEqual(Svc().double(), 8)", PATCH)),
    "helper": ("def fetch(): return 1\ndef f(): return fetch()\n", "def f(): return 3\n_ = 0\n", unit_test(
        "with patch('solution.fetch', create=True):\n    f()\nself.assertIn(f(), (1, 3))", PATCH)),
    "variable": (HONEST, "result = data = 1\n" + HONEST, unit_test(
        "data = 1\nresult = importlib.import_module('solution').f(data)\nself.assertEqual(result, 2)", "import importlib")),
    "global": (HONEST, "data = 1\n" + HONEST, unit_test(
        "self.assertEqual(sys.modules['solution'].f(data), 2)", "import sys\ndata = 1")),
    "local name of its own function": (HONEST, HONEST + "_ = 1\n", unit_test(
        "f = __import__('solution').f\nself.assertEqual(f(1), 2)")),
    "function taken off the module": (HONEST, HONEST + "_ = 1\n", unit_test(
        "self.assertEqual(f(1), 2)", "import solution\nf = solution.f")),
}


@pytest.mark.parametrize("name", COMPANY)
def test_no_neighbour_makes_a_test_vacuous(engine: Engine, name: str) -> None:
    honest, neighbour, test = COMPANY[name]
    assert verdicts(engine, test, honest) == ["pass"]
    assert verdicts(engine, test, honest, neighbour)[0] == "pass"


BUILTIN = {
    "all": ("def all(x): return True\n", "self.assertTrue(all(sum(a, b) == a + b for a, b in [(1, 2)]))"),
    "len": ("def len(x): return 3\n", "self.assertEqual(len('x' * sum(1, 2)), 3)"),
    "range": ("def range(*a): return []\n", "for i in range(3): self.assertEqual(sum(i, i), 2 * i)\nassert sum(0, 0) == 0"),
}


@pytest.mark.parametrize("name", BUILTIN)
def test_a_function_named_like_a_builtin_excuses_no_other(engine: Engine, name: str) -> None:
    cheat, body = BUILTIN[name]
    right, wrong = "def sum(a, b): return a + b\n", "def sum(a, b): return 0\n"
    assert verdicts(engine, unit_test(body), right, wrong + cheat, "no python") == ["pass", "fail", "error"]


# -- what it replaces -----------------------------------------------------------------------------------------

MODULE = "self.assertEqual(solution.f(1), 2)"
REPLACES = {
    "store": unit_test("solution.f = lambda x: 2\n" + MODULE, "import solution"),
    "store, another name": unit_test("s.f = lambda x: 2\nself.assertEqual(s.f(1), 2)", "import solution as s"),
    "setattr": unit_test("setattr(solution, 'f', lambda x: 2)\n" + MODULE, "import solution"),
    "globals": unit_test("globals()['f'] = lambda x: 2\nself.assertEqual(f(1), 2)"),
    "vars": unit_test("vars(solution)['f'] = lambda x: 2\n" + MODULE, "import solution"),
    "patch": unit_test("with patch('solution.f', return_value=2):\n    self.assertEqual(f(1), 2)", PATCH),
    "patch, imported within": unit_test(
        "with patch('solution.f', return_value=2):\n    from solution import f\n    self.assertEqual(f(1), 2)", PATCH),
    "patch by keyword": unit_test("with patch(target='solution.f', new=lambda x: 2):\n    self.assertEqual(f(1), 2)", PATCH),
    "patch __name__": unit_test("with patch(__name__ + '.f', return_value=2):\n    self.assertEqual(f(1), 2)", PATCH),
    "patch f-string": unit_test("with patch(f'{__name__}.f', return_value=2):\n    self.assertEqual(f(1), 2)", PATCH),
    "patch.object": unit_test("with patch.object(solution, 'f', return_value=2):\n    " + MODULE, "import solution\n" + PATCH),
    "patch.object sys.modules": unit_test(
        "with patch.object(sys.modules[__name__], 'f', return_value=2):\n    self.assertEqual(f(1), 2)", "import sys\n" + PATCH),
    "patch.multiple": unit_test("with patch.multiple('solution', f=lambda x: 2):\n    self.assertEqual(f(1), 2)", PATCH),
    "patch.dict": unit_test("with patch.dict(globals(), f=lambda x: 2):\n    self.assertEqual(f(1), 2)", PATCH),
}


@pytest.mark.parametrize("name", REPLACES)
def test_what_it_replaces_it_does_not_test(engine: Engine, name: str) -> None:
    matrix = engine.execute([HONEST, WRONG], [REPLACES[name]])
    assert matrix.verdicts.tolist() == [["vacuous"], ["vacuous"]]
    assert matrix.reasons[0] == "mocks f, which it should test"


@pytest.mark.parametrize(("head", "function"), [
    ("from math import gcd", "gcd"), ("from math import gcd, lcm as h", "gcd"), ("import operator as gcd", "gcd.add")])
def test_a_library_under_the_candidates_name_is_not_the_candidate(engine: Engine, head: str, function: str) -> None:
    matrix = engine.execute(["def gcd(a, b): return 4\n", "def gcd(a, b): return 1\n"],
                            [unit_test(f"self.assertGreater({function}(12, 8), 3)", head)])
    assert matrix.verdicts.tolist() == [["vacuous"], ["vacuous"]]
    assert matrix.reasons[0] == "never uses the candidate"


KEEPS = {
    "a helper that the candidates define too": unit_test("self.assertEqual(f(gcd(3, 4)), 2)", "from math import gcd"),
    "beside the module": unit_test("self.assertEqual(solution.f(gcd(3, 4)), 2)", "import solution\nfrom math import gcd"),
    "not installed": unit_test("self.assertEqual(f(1), 2)", "try: from your_module import f\nexcept ImportError: pass"),
    "mocks a helper": unit_test("with patch('solution.gcd'): self.assertEqual(f(1), 2)", PATCH),
    "mocks a library": unit_test("with patch('solution.math.floor', return_value=1): self.assertEqual(f(1), 2)", PATCH),
}


@pytest.mark.parametrize("name", KEEPS)
def test_what_else_it_imports_or_mocks_does_not_matter(engine: Engine, name: str) -> None:
    gcd = "import math\ndef gcd(a, b): return 1\n"
    assert verdicts(engine, KEEPS[name], gcd + HONEST, gcd + WRONG) == ["pass", "fail"]


# -- what asserts ---------------------------------------------------------------------------------------------

ASSERTS = {
    "its own assertEqual": unit_test("self.assertEqual(f(1), 2.0)")
    + "    def assertEqual(self, a, b): super().assertEqual(round(a), round(b))\n",
    "assertRaises(Exception) around a call": unit_test("with self.assertRaises(Exception):\n    [0, 1][f(1)]"),
    "assertRaises in a variable": unit_test("raises = self.assertRaises(IndexError)\nwith raises: [0, 1][f(1)]"),
    "what may be empty": unit_test("assert [*range(f(0))] and {**dict.fromkeys(range(f(0)))}"),
    "or something that is false": unit_test("assert f(1) == 2 or False"),
}


@pytest.mark.parametrize("name", ASSERTS)
def test_an_assertion_that_can_fail(engine: Engine, name: str) -> None:
    assert verdicts(engine, ASSERTS[name], HONEST, WRONG)[1] == "fail"


def test_a_pass_takes_a_test_case_that_held(engine: Engine) -> None:
    """Here the candidate's class is what the test, which forgot an import, takes for unittest's."""
    forgot = unit_test("self.assertEqual(f(1), 2)").replace("import unittest\n", "")
    fake = "class unittest:\n    class TestCase: pass\n"
    assert verdicts(engine, forgot, "import unittest\n" + HONEST, fake + WRONG)[1] == "vacuous"
