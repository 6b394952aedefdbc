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
