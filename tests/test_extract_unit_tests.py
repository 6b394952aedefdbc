"""Unit tests out of raw replies: whatever they wear they become TestCase classes that judge the candidate alone.

What comes out is executed here against a right and a wrong `add` written in this file: it has to pass the one and
to fail the other.
"""

import ast
import io
import unittest

import pytest

from coderm.execute import Engine
from coderm.generate.extract import extract_unit_test

RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"
CLASS = "class TestAdd(unittest.TestCase):\n    def test_add(self):\n        self.assertEqual(add(1, 2), 3)"
UNITTEST = f"import unittest\n\n{CLASS}"


def extracted(code, entry_point="add"):
    outcome = extract_unit_test(f"```python\n{code}\n```", entry_point=entry_point)
    assert outcome.reason is None, outcome
    return outcome.text


def passes(solution, test):
    """As CodeRM runs a pair: one namespace, every TestCase class that the test's text defines."""
    namespace = {"__name__": "pair"}
    exec(solution, namespace)
    before = dict(namespace)
    exec(test, namespace)
    cases = [value for name, value in namespace.items() if before.get(name) is not value
             and isinstance(value, type) and issubclass(value, unittest.TestCase) and value.__module__ == "pair"]
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case) for case in cases)
    assert suite.countTestCases() > 0
    return unittest.TextTestRunner(stream=io.StringIO()).run(suite).wasSuccessful()


HONEST = [
    UNITTEST,
    CLASS,
    f"from unittest import TestCase\n{CLASS.replace('unittest.TestCase', 'TestCase')}",
    CLASS.replace("unittest.TestCase", "TestCase"),
    f"import unittest as ut\n{CLASS.replace('unittest.', 'ut.')}",
    CLASS.replace("TestAdd", "TestCase"),
    # running the tests, in every spelling
    f"{UNITTEST}\n\nif __name__ == '__main__':\n    unittest.main()",
    f"{UNITTEST}\n\nif __name__ == \"__main__\":\n    unittest.main(argv=['first-arg-is-ignored'], exit=False)",
    f"{UNITTEST}\n\nunittest.main(argv=[''], verbosity=2, exit=False)",
    f"{UNITTEST}\n\nunittest.main()",
    f"from unittest import main\n{UNITTEST}\n\nmain()",
    f"import sys\n{UNITTEST}\n\nsys.exit(unittest.main())",
    f"{UNITTEST}\n\nsuite = unittest.TestLoader().loadTestsFromTestCase(TestAdd)\n"
    "runner = unittest.TextTestRunner(verbosity=2)\nrunner.run(suite)",
    f"{UNITTEST}\n\n    if __name__ == '__main__':\n        unittest.main()",
    f"{UNITTEST}\n\n        unittest.main()",
    f"{UNITTEST}\n\ndef suite():\n    return unittest.makeSuite(TestAdd)\n\nprint(suite())",
    # the module under test, under every name
    f"from solution import add\n{UNITTEST}",
    f"from your_module import add  # replace with your module\n{UNITTEST}",
    f"from your_module import *\n{UNITTEST}",
    f"from .solution import add\n{UNITTEST}",
    f"from . import solution\n{UNITTEST.replace('add(1', 'solution.add(1')}",
    f"import solution\n{UNITTEST.replace('add(1', 'solution.add(1')}",
    f"import solution as s\n{UNITTEST.replace('add(1', 's.add(1')}",
    f"import package.solution\n{UNITTEST.replace('add(1', 'package.solution.add(1')}",
    f"import unittest, add\n{CLASS.replace('add(1', 'add.add(1')}",
    f"from add import add as add_numbers\n{UNITTEST.replace('add(1', 'add_numbers(1')}",
    f"from operator import *\n{UNITTEST}",
    f"from operator import add, sub\n{UNITTEST}",
    f"try:\n    from solution import add\nexcept ImportError:\n    def add(a, b):\n        return 3\n{UNITTEST}",
    UNITTEST.replace("    def test_add(self):\n", "    def test_add(self):\n        from solution import add\n"),
    f"import sys\nsys.path.append('.')\nfrom main import add\n{UNITTEST}",
    # a pasted solution
    f"{RIGHT}\n{UNITTEST}",
    f"import unittest\n\ndef plus(a, b):\n    return 3\n\ndef add(a, b):\n    return plus(a, b)\n\n{CLASS}",
    f"add = lambda a, b: 3\n{UNITTEST}",
    f"{UNITTEST}\n\ndef add(a, b):\n    return 3\n",
    f"class add:\n    def __new__(cls, a, b):\n        return 3\n\n{UNITTEST}",
    # what a test needs itself
    f"import unittest\n\ndef expected(a, b):\n    return sum([a, b])\n\n{CLASS.replace('3)', 'expected(1, 2))')}",
    "import unittest\nCASES = []\nCASES.append((1, 2, 3))\nfor n in range(3):\n    CASES += [(n, n, 2 * n)]\n\n"
    "class TestAdd(unittest.TestCase):\n    def test_add(self):\n        for a, b, c in CASES:\n"
    "            self.assertEqual(add(a, b), c)",
    "import unittest\nCASES = []\nfor n in range(3):\n    CASES.append((n, n, 2 * n))\nfor case in CASES:\n"
    "    print(case)\n\nclass TestAdd(unittest.TestCase):\n    def test_add(self):\n        for a, b, c in CASES:\n"
    "            self.assertEqual(add(a, b), c)",
    f"import random\nimport unittest\nrandom.seed(0)\n\n{CLASS.replace('1, 2), 3', 'int(random.random()) + 1, 2), 3')}",
    # several classes, inheritance
    f"{UNITTEST}\n\n{CLASS.replace('TestAdd', 'TestMore').replace('1, 2), 3', '2, 2), 4')}",
    "import unittest\n\nclass Base(unittest.TestCase):\n    x = 1\n\nclass TestAdd(Base):\n    def test(self):\n"
    "        self.assertEqual(add(self.x, 2), 3)",
    "import unittest\n\nclass Mixin:\n    def check(self, *a):\n        self.assertEqual(add(*a[:2]), a[2])\n\n"
    "class TestAdd(Mixin, unittest.TestCase):\n    def test(self):\n        self.check(1, 2, 3)",
    # other clothes
    "def test_add():\n    assert add(1, 2) == 3",
    "import pytest\n\ndef test_add():\n    assert add(1, 2) == 3\n    with pytest.raises(TypeError):\n"
    "        add(None, 1)\n    with pytest.raises(TypeError, match='unsupported'):\n"
    "        add(1, None)\n\npytest.main()",
    "import pytest\n\n@pytest.mark.parametrize('a, b, c', [(1, 2, 3), (0, 0, 0)])\ndef test_add(a, b, c):\n"
    "    assert add(a, b) == c",
    "import pytest\n\n@pytest.mark.parametrize('pair', [(1, 2)])\n@pytest.mark.parametrize(('c',), [(3,)])\n"
    "def test_add(pair, c):\n    assert add(*pair) == c",
    "class TestAdd:\n    def setup_method(self, method):\n        self.three = 3\n\n    def test_add(self):\n"
    "        assert add(1, 2) == self.three",
    "from pytest import raises, mark\n\n@mark.parametrize('a', [1, 2])\ndef test_add(a):\n"
    "    assert add(a, 2) == a + 2\n"
    "    with raises(TypeError) as caught:\n        add(a, None)\n    assert 'NoneType' in str(caught.value)",
    "import pytest\n\nclass TestAdd:\n    @pytest.fixture(autouse=True)\n    def prepare(self):\n"
    "        self.two = 2\n\n"
    "    @pytest.mark.parametrize('a, c', [(1, 3), pytest.param(2, 4, id='two')])\n    def test_it(self, a, c):\n"
    "        assert add(a, self.two) == c\n\n    def test_other(self, fixture_from_elsewhere):\n"
    "        assert False\n\n"
    "    @pytest.mark.skip(reason='flaky')\n    def test_skipped(self):\n        assert False",
    "import pytest\n\ndef test_add():\n    assert add(0.1, 0.2) == pytest.approx(0.3)\n"
    "    assert add(1, 1) != pytest.approx(2.1)\n"
    "    assert [add(0.1, 0.2)] == pytest.approx([0.3])\n"
    "    assert {'x': add(1, 2)} == pytest.approx({'x': 3.1}, abs=0.2)",
    "assert add(1, 2) == 3\nassert add(0, 0) == 0, 'zero'",
    "x = 1\ny = 2\nprint('checking')\nassert add(x, y) == 3\nprint('done')",
    "if __name__ == '__main__':\n    assert add(1, 2) == 3\n    print('ok')",
    "CASES = [(1, 2, 3)]\n\ndef check():\n    for a, b, c in CASES:\n        assert add(a, b) == c\n\ncheck()",
    "def check(candidate):\n    assert candidate(1, 2) == 3\n\ncheck(add)",
    "def test_add(candidate):\n    assert candidate(1, 2) == 3\n\ntest_add(add)",
    f"{RIGHT}\nassert add(1, 2) == 3",
    "for a in range(3):\n    assert add(a, 1) == a + 1",
    "def test_add():\n    assert add(1, 2) == 3\n\nif __name__ == '__main__':\n    test_add()\n"
    "    print('All tests passed')",
]


@pytest.mark.parametrize("code", HONEST)
def test_the_candidate_is_judged_and_nothing_else(code):
    text = extracted(code)
    assert passes(RIGHT, text)
    assert not passes(WRONG, text)


@pytest.mark.parametrize("isolation", ["shared", "split"])
def test_the_engine_judges_them_alike(isolation):
    with Engine(isolation=isolation, workers=1) as engine:
        matrix = engine.execute([RIGHT, WRONG], [extracted(code) for code in HONEST])
    assert matrix.reasons == (None,) * len(HONEST)
    assert matrix.passed.tolist() == [[True] * len(HONEST), [False] * len(HONEST)]


@pytest.mark.parametrize("reply", [
    f"Here:\n```python\n{UNITTEST}\n```\nRun them with\n```bash\npython -m unittest\n```",
    f"The function\n```python\n{WRONG}```\nand its tests\n```python\n{UNITTEST}\n```",
    f"```python\n{UNITTEST}\n```\nFor example:\n```python\nassert add(0, 0) == 1\n```",
    f"The module\n```python\ndef three():\n    return 3\n\ndef add(a, b):\n    return three()\n```\n"
    f"```python\n{UNITTEST.replace('3)', 'three())')}\n```",
    f"A helper\n```python\ndef three():\n    return 3\n```\n```python\n{UNITTEST.replace('3)', 'three())')}\n```",
    f"```\npython\n{UNITTEST}\n```",
    f"~~~py\n{UNITTEST}\n~~~",
    f"{UNITTEST}",
    f"Sure, here are the tests.\n\n{UNITTEST}\n\nThese tests cover the function.",
    f"<think>one class or two?</think>\n```python\n{UNITTEST}\n```",
    f"```python\n{UNITTEST}\n\n    def test_more(self):\n        self.assertEqual(add(2, 2), 4)\n        self.assertEq",
    f"```python\n{UNITTEST}\n        self.assertEqual(add(5, 5), 1",
    f"```python\n{UNITTEST}\n        assert add(5, 5) == 1",
    f"```python\n{UNITTEST}\n        assert add(5, 5) == 10, 'ten'\n\n    def test_more(self):\n",
    f"```python\n{UNITTEST}",
])
def test_the_test_is_found_however_it_is_wrapped(reply):
    outcome = extract_unit_test(reply, entry_point="add")
    assert outcome.reason is None
    assert passes(RIGHT, outcome.text)
    assert not passes(WRONG, outcome.text)


@pytest.mark.parametrize(("code", "reason"), [
    (RIGHT, "no_test"),
    ("print(add(1, 2))", "no_test"),
    ("import unittest\n\nclass TestAdd(unittest.TestCase):\n    pass", "no_test"),
    (UNITTEST.replace("test_add", "check"), "no_test"),
    ("def test_add(made_elsewhere):\n    assert add(*made_elsewhere) == 3", "no_test"),
    ("import pytest\n\n@pytest.mark.xfail\ndef test_add():\n    assert add(1, 2) == 4", "no_test"),
    ("import pytest\n\n@pytest.mark.parametrize('a', [pytest.param(1, marks=pytest.mark.xfail)])\ndef test_add(a):\n"
     "    assert add(a, 2) == 4", "no_test"),
    ("import pytest\n\nclass TestAdd:\n    @pytest.fixture(autouse=True)\n    def opened(self):\n        yield 1\n\n"
     "    def test_add(self):\n        assert add(1, 2) == 3", "no_test"),
    ("class TestAdd:\n    def __init__(self):\n        pass\n\n    def test_add(self):\n"
     "        assert add(1, 2) == 3", "no_test"),
    (f"{UNITTEST}\n        self.assertEqual(add(1, 2, 3)", "syntax"),
    (UNITTEST.replace("add(1, 2)", "1 + 2"), "off_target"),
    (UNITTEST.replace("self.assert", "add = lambda a, b: 3; self.assert"), "shadows"),
    (UNITTEST.replace("self.assert", "def add(a, b): return 3\n        self.assert"), "shadows"),
    (UNITTEST.replace("self.assert", "global add; add = max; self.assert"), "shadows"),
    (UNITTEST.replace("test_add(self)", "test_add(self, add=max)"), "shadows"),
    (UNITTEST.replace("    def test_add(self)", "    @patch('solution.add')\n    def test_add(self, mock)")
     .replace("import unittest", "import unittest\nfrom unittest.mock import patch"), "shadows"),
])
def test_why_nothing_came_out(code, reason):
    outcome = extract_unit_test(f"```python\n{code}\n```", entry_point="add")
    assert (outcome.text, outcome.reason) == (None, reason)


def test_an_entry_point_that_the_standard_library_also_has():
    code = ("from math import *\nimport unittest\n\nclass TestGcd(unittest.TestCase):\n    def test(self):\n"
            "        self.assertEqual(gcd(int(sqrt(16)), 6), 2)")
    text = extracted(code, "gcd")
    assert "from math import sqrt" in text
    assert passes("def gcd(a, b):\n    return 2", text)
    assert not passes("def gcd(a, b):\n    return 3", text)


def test_a_pasted_class_that_holds_the_method_under_test_goes():
    pasted = "class Solution:\n    def add(self, a, b):\n        return 3\n\n"
    text = extracted(pasted + UNITTEST.replace("add(1", "Solution().add(1"))
    assert passes("class Solution:\n    def add(self, a, b):\n        return a + b", text)
    assert not passes("class Solution:\n    def add(self, a, b):\n        return a - b", text)


def test_a_test_class_of_the_name_under_test_is_refused():
    outcome = extract_unit_test(f"```python\n{UNITTEST.replace('TestAdd', 'add')}\n```", entry_point="add")
    assert outcome.reason == "shadows"


def test_no_translated_test_needs_pytest():
    text = extracted("import pytest\nfrom pytest import raises\n\ndef test_add():\n    with raises(TypeError):\n"
                     "        add(1, None)\n    assert add(1, 2) == pytest.approx(3)")
    assert "pytest" not in text.replace("pytest.approx:", "")


def test_libraries_that_tests_really_use_stay():
    text = extracted("import numpy as np\nimport unittest\n\nclass TestAdd(unittest.TestCase):\n    def test(self):\n"
                     "        np.testing.assert_allclose(add(1, 2), 3)")
    assert "import numpy as np" in text


def test_comments_and_docstrings_of_a_test_survive():
    code = UNITTEST.replace("        self", '        """Adds."""\n        # one and two\n        self')
    assert extracted(code).strip() == code


def test_without_an_entry_point_the_rest_holds():
    text = extracted(f"from solution import add as plus\n{UNITTEST.replace('add(', 'plus(')}\nunittest.main()", None)
    assert passes(RIGHT, text) and not passes(WRONG, text)
    assert "main" not in text
    ast.parse(text)
