"""Split mode: what a plain candidate leaves behind in the process that it shares is not the next one's to answer for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hazard_cases import unit_test

from coderm.execute import Engine

TESTS = [unit_test("self.assertEqual(f(1), 2)"), unit_test("self.assertEqual(f(2), 3)")]
HONEST = "def f(x): return x + 1\n"
LEAVES = {
    "a chain that overflows the C stack when it is collected": """
from itertools import islice
def f(x):
    if x != 2: return x + 1
    a = []
    a.append(a)
    it = iter(())
    for _ in range(600000): it = islice(it, 1)
    a.append(it)
    return x + 1
""",
    "cycles that take long to collect": """
def f(x):
    if x != 2: return x + 1
    a = []
    a.append(a)
    base = [[] for _ in range(400000)]
    a.append(base)
    a.append([base * 60])
    return x + 1
""",
}
HOLDS = """
from typing import List
def f(x):
    held = bytearray(30 << 20)
    List[lambda: held]
    return x + 1
"""
"""What was once put between the brackets stays in a table of the library's."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("split", time_limit=0.5, memory_limit=80 << 20, workers=1) as running:
        yield running


@pytest.mark.parametrize("name", LEAVES)
def test_garbage_is_collected_before_the_next_candidate_has_its_time(name: str) -> None:
    with Engine("split", time_limit=0.2 if "long" in name else 1.0, workers=1) as running:
        found = running.execute([HONEST, LEAVES[name], HONEST + "_ = 1\n", HONEST + "_ = 2\n"], TESTS).verdicts.tolist()
    assert found[0] == found[2] == found[3] == ["pass", "pass"]


@pytest.mark.parametrize("needs", ["def f(x):\n    room = bytearray(40 << 20)\n    return x + 1\n",
                                   "room = bytearray(20 << 20)\ndef f(x): return x + 1\n"])
def test_who_dies_of_what_others_left_is_asked_again_alone(engine: Engine, needs: str) -> None:
    found = engine.execute([HONEST, HOLDS, needs, HONEST], TESTS).verdicts.tolist()
    assert found[2:] == [["pass", "pass"]] * 2


def test_the_calls_of_a_pair_that_is_run_again_are_those_of_the_second_time() -> None:
    needs = "def f(x):\n    room = bytearray(40 << 20)\n    return x + 1\n"
    with Engine("split", memory_limit=80 << 20, workers=1, behaviour=True) as running:
        apart = running.execute([HONEST, needs], TESTS)
        beside = running.execute([HONEST, HOLDS, needs], TESTS)
    assert apart.behaviour is not None and beside.behaviour is not None
    assert beside.verdicts[2].tolist() == ["pass", "pass"]
    assert beside.behaviour[2].tolist() == apart.behaviour[1].tolist()
