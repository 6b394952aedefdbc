"""Unit tests that prove nothing: no vote for any candidate, and the reason is kept."""

from hazard_cases import RIGHT, Case, code, unit_test


def vacuous(line: str, name: str, test: str, verdict: str = "vacuous") -> Case:
    return Case(line, name, RIGHT, verdict, verdict, code(test), beside_verdict=verdict)


HEAD = "import unittest\nclass TestIt(unittest.TestCase):\n"

CASES = [
    vacuous("no case", "no class", "import unittest\nassert True\n"),
    vacuous("no case", "no method", HEAD + "    pass\n"),
    vacuous("no case", "not a TestCase", "class TestIt:\n    def test_it(self): assert add(2, 3) == 5\n"),
    vacuous("no assertion", "only calls", unit_test("add(2, 3)")),
    vacuous("no assertion", "constant", unit_test("self.assertTrue(True)\nself.assertEqual(1, 1)")),
    vacuous("no assertion", "with itself", unit_test("x = add(2, 3)\nself.assertEqual(x, x)")),
    vacuous("no assertion", "tuple", unit_test('assert (add(2, 3) == 6, "always true")')),
    vacuous("no assertion", "returns before", unit_test("if add(2, 3):\n    return\nself.assertEqual(add(2, 3), 6)")),
    vacuous("no assertion", "empty loop", unit_test("for x in []:\n    self.assertEqual(add(x, 1), 7)")),
    vacuous("no case", "deleted", unit_test("self.assertEqual(add(2, 3), 5)") + "del TestIt\n"),
    vacuous("no case", "run does nothing", unit_test("self.assertEqual(add(2, 3), 5)")
            + "    def run(self, result=None): return result\n"),
    vacuous("no assertion", "list", unit_test("assert [add(2, 3) == 6]")),
    vacuous("no assertion", "lambda", unit_test("assert lambda: add(2, 3) == 6")),
    vacuous("no assertion", "generator", unit_test("self.assertTrue(add(x, 3) == 6 for x in [2])")),
    vacuous("no assertion", "tuple in assertTrue", unit_test("self.assertTrue((add(2, 3) == 6, 'always true'))")),
    vacuous("no assertion", "or True", unit_test("assert add(2, 3) == 6 or True")),
    vacuous("no assertion", "attribute with itself", unit_test("self.x = add(2, 3)\nself.assertEqual(self.x, self.x)")),
    vacuous("no assertion", "assertRaises of nothing", unit_test("add(2, 3)\nself.assertRaises(ValueError)")),
    vacuous("no assertion", "own assertEqual", unit_test("self.assertEqual(add(2, 3), 6)")
            + "    def assertEqual(self, *_): pass\n"),
    vacuous("no assertion", "stored assertEqual", unit_test("self.assertEqual = print\nself.assertEqual(add(2, 3), 6)")),
    vacuous("swallowed", "except", unit_test("try:\n    self.assertEqual(add(2, 3), 6)\nexcept Exception:\n    pass")),
    vacuous("swallowed", "bare except", unit_test("try:\n    assert add(2, 3) == 6\nexcept:\n    print('never mind')")),
    vacuous("swallowed", "suppress", unit_test("with contextlib.suppress(AssertionError):\n    self.assertEqual(add(2, 3), 6)",
                                               "import contextlib")),
    vacuous("swallowed", "failureException",
            unit_test("try:\n    self.assertEqual(add(2, 3), 6)\nexcept self.failureException:\n    pass")),
    vacuous("swallowed", "except*", unit_test("try:\n    assert add(2, 3) == 6\nexcept* AssertionError:\n    pass")),
    vacuous("swallowed", "assertRaises",
            unit_test("with self.assertRaises(Exception):\n    self.assertEqual(add(2, 3), 6)")),
    vacuous("swallowed", "beside one not reached", unit_test(
        "try:\n    assert add(2, 3) == 6\nexcept Exception:\n    pass\nif add(2, 3) == 6:\n    self.assertEqual(add(1, 1), 2)")),
    vacuous("swallowed", "finally returns", unit_test("try:\n    self.assertEqual(add(2, 3), 6)\nfinally:\n    return")),
    vacuous("skipped", "decorator", HEAD + "    @unittest.skip('later')\n    def test_it(self): self.assertEqual(add(2, 3), 5)\n"),
    vacuous("skipped", "class", "import unittest\n@unittest.skip('later')\nclass TestIt(unittest.TestCase):\n"
            "    def test_it(self): self.assertEqual(add(2, 3), 5)\n"),
    vacuous("skipped", "expectedFailure", HEAD + "    @unittest.expectedFailure\n"
            "    def test_it(self): self.assertEqual(add(2, 3), 6)\n"),
    vacuous("skipped", "skipTest", unit_test("self.skipTest('no')\nself.assertEqual(add(2, 3), 6)")),
    vacuous("skipped", "setUp skips", HEAD + "    def setUp(self): raise unittest.SkipTest('no')\n"
            "    def test_it(self): self.assertEqual(add(2, 3), 5)\n"),
    vacuous("misnamed", "check", HEAD + "    def check_it(self): self.assertEqual(add(2, 3), 6)\n"),
    vacuous("misnamed", "Test", HEAD + "    def Test_it(self): self.assertEqual(add(2, 3), 6)\n"),
    vacuous("replaces", "defines", "def add(a, b): return a + b\n" + unit_test("self.assertEqual(add(2, 3), 5)")),
    vacuous("replaces", "assigns", unit_test("self.assertEqual(add(2, 3), 5)", "add = lambda a, b: a + b")),
    vacuous("replaces", "local", unit_test("def add(a, b):\n    return a + b\nself.assertEqual(add(2, 3), 5)")),
    vacuous("replaces", "mock", HEAD + "    @unittest.mock.patch('solution.add', lambda a, b: 5)\n"
            "    def test_it(self): self.assertEqual(add(2, 3), 5)\n"),
    vacuous("replaces", "never used", unit_test("self.assertEqual(sum([2, 3]), 5)")),
    vacuous("test error", "syntax", "import unittest\nclass T(unittest.TestCase)\n    def test_a(self): pass\n", "test_error"),
    vacuous("test error", "indentation", "import unittest\n  class T: pass\n", "test_error"),
    vacuous("test error", "import", unit_test("self.assertEqual(add(2, 3), 5)", "import no_such_module_anywhere"), "test_error"),
    vacuous("test error", "name", unit_test("self.assertEqual(add(2, 3), 5)", "undefined_name_of_the_test.x()"), "test_error"),
    vacuous("test error", "not python", "Here is the test you asked for:\n```python\n", "test_error"),
    vacuous("test error", "empty", "\x00", "test_error"),
]
