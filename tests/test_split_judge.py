"""Split mode's judge: what a test leaves in its process, what hangs it, who answers it, and which classes it knows."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hazard_cases import unit_test

from coderm.execute import Engine

ASKS = "def f():\n    try: return input()\n    except EOFError: return '?'\n"
FORKS = "import os\ndef f(x):\n    if os.fork(): os._exit(0)\n    return 2\n"
BOMB = "def f(x):\n    while x < 8: pass\n    a = [1]\n    for i in range(40): a = [a, a]\n    return a\n"
LIAR = "class {0}:\n    def startswith(self, x): return True\ndef f(x): return {0}()\n"
BODY = "self.assertTrue(f('x').startswith('abc'))"


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("split", workers=1) as running:
        yield running


@pytest.mark.parametrize("patch", ["builtins.input = fake", "setattr(builtins, 'input', fake)", "vars(builtins)['input'] = fake"])
def test_what_a_test_leaves_patched_is_neither_the_candidates_nor_the_next_tests(engine: Engine, patch: str) -> None:
    leaves = unit_test(f"import builtins\nfake = lambda *a: '3'\n{patch}\nself.assertEqual(f(), '3')")
    found = engine.execute([ASKS, ASKS + "_ = 1\n"], [leaves, unit_test("self.assertEqual(f(), '?')")])
    assert found.verdicts.tolist() == [["pass", "pass"]] * 2


def test_a_child_does_not_answer_for_a_candidate_that_has_ended(engine: Engine) -> None:
    found = engine.execute([FORKS], [unit_test(f"self.assertEqual(f({n}), 2)") for n in range(20)])
    assert set(found.verdicts[0]) == {"crash"}


def test_a_judge_that_hangs_again_and_again_has_less_and_less_time() -> None:
    with Engine("split", time_limit=0.1, workers=1) as running:
        begun = time.monotonic()
        tests = [unit_test(f"self.assertEqual(f({n}), 2)") for n in range(14)]
        found = running.execute([BOMB, "def f(x): return 2"], tests)
        assert found.verdicts.tolist() == [["timeout"] * 14, ["pass"] * 14]
        assert time.monotonic() - begun < 20  # six times 5 s of CPU time otherwise


@pytest.mark.parametrize(("name", "head", "body", "marked"), [
    ("unittest", "", BODY, True),
    ("List", "from typing import List\n", BODY, True),
    ("typing", "from typing import List\n", BODY, True),
    ("unittest", "import solution\n", "self.assertTrue(solution.f('x').startswith('abc'))", True),
    ("Box", "", BODY, True),
    ("Box", "", BODY + "; self.assertIsInstance(f(1), Box)", False),
    ("Box", "from solution import Box as Crate\n", BODY + "; self.assertIsInstance(f(1), Crate)", False),
])
def test_a_class_is_known_by_its_name_unless_the_test_has_that_from_elsewhere(
        engine: Engine, name: str, head: str, body: str, marked: bool) -> None:
    found = engine.execute([LIAR.format(name)], [head + unit_test(body)])
    assert found.self_judged is not None
    assert (found.verdicts[0, 0], bool(found.self_judged[0, 0])) == ("pass", marked)


SWALLOWS = "def f(g):\n    try: g(1)\n    except BaseException: pass\n"
LEAVES = "import os\ndef f(x): os._exit(0)\n"


@pytest.mark.parametrize(("solution", "body", "told"), [
    ("def f(x):\n    print('seen')\n    return x\n", "self.assertEqual(f(1), 2)",
     {"verdict": "fail", "error": "AssertionError", "message": "1 != 2", "where": "<unit test>:6 in test_it", "output": "seen\n"}),
    ("class Bad(Exception): pass\ndef f(x): raise Bad('m')\n", "self.assertEqual(f(1), 2)",
     {"verdict": "error", "error": "Bad", "message": "m", "where": "<unit test>:6 in test_it"}),
    ("def f(x): 0\n1 / 0\n", "self.assertEqual(f(1), 2)", {"error": "ZeroDivisionError", "message": "division by zero", "where": ""}),
    (SWALLOWS, "def g(x): self.assertEqual(x, 2)\nf(g)", {"verdict": "fail", "message": "1 != 2"}),
    ("def f(x): return 1", "class A: x = 1\nself.assertEqual(f(A()), 1)", {"verdict": "error", "error": "TypeError"}),
    ("def f(x):\n    yield x\n", "self.assertEqual(list(f(1)), [1])", {"verdict": "pass", "error": "", "message": ""}),
    ("import time\ndef f(x): time.sleep(9)\n", "self.assertEqual(f(1), 2)", {"verdict": "timeout", "error": "", "killed_for": "sleep"}),
    (LEAVES, "self.assertEqual(f(1), 2)", {"verdict": "crash", "error": "", "killed_for": ""}),
])
def test_explain_tells_what_the_judge_saw(engine: Engine, solution: str, body: str, told: dict[str, str]) -> None:
    found = engine.explain(solution, unit_test(body))
    assert {key: found[key] for key in told} == told
