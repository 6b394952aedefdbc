"""The engine's contract: every hazard, live, in both isolation modes, with the verdict that docs/engine.md names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hazard_cases import LINES, Case, all_cases, table
from hazards_escape import CONTROLS

from coderm.execute import Engine

MODES = ("shared", "split")
READY = ("shared", "split")  # the modes that the engine has
CASES = all_cases()


@pytest.fixture(scope="module", params=MODES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param not in READY:
        pytest.skip(f"{request.param} mode is not there yet")
    os.environ["A_SECRET"] = "hunter2"
    with Engine(request.param, time_limit=0.3, memory_limit=512 << 20, workers=1) as running:
        yield running


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_hazard(engine: Engine, case: Case) -> None:
    """The candidate gets its verdict, twice, and the one beside it is judged as if it were alone."""
    # more than a comment apart, so that none is taken for a duplicate of another
    matrix = engine.execute([case.beside, case.solution, case.beside + "\n_ = 1\n"], [case.test, case.test + "\n_ = 1\n"])
    wanted = getattr(case, engine.isolation).split("|")
    for j in range(2):
        verdict = str(matrix.verdicts[1, j])
        if verdict == "pass" and matrix.self_judged is not None and matrix.self_judged[1, j]:
            verdict = "self-judged"
        assert verdict in wanted, (case.id, verdict, matrix.reasons, engine.explain(case.solution, case.test))
        beside = case.beside_verdict.split("|")
        assert {str(matrix.verdicts[0, j]), str(matrix.verdicts[2, j])} <= set(beside), (matrix.verdicts, matrix.reasons)


@pytest.mark.parametrize("case", CONTROLS, ids=lambda case: case.id)
def test_escape_attempts_work_outside(case: Case) -> None:
    """What the jail refuses is a real attempt: it succeeds in an ordinary process."""
    done = subprocess.run([sys.executable, "-c", case.solution + "\nprint(probe())"], capture_output=True, text=True,
                          env={**os.environ, "A_SECRET": "x"}, start_new_session=True, check=False)
    assert done.stdout.strip() == "escaped", done.stderr


def test_every_line_has_a_case() -> None:
    assert {case.line for case in CASES} == set(LINES)


def test_case_names_are_unique() -> None:
    assert len({case.id for case in CASES}) == len(CASES)


def test_the_contract_is_documented() -> None:
    """docs/engine.md opens with the table that these cases are."""
    text = (Path(__file__).parents[1] / "docs" / "engine.md").read_text()
    assert table() in text
