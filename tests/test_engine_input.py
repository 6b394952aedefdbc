"""What an engine is given: limits, an interpreter, texts in whatever form, and a process that forks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hazard_cases import RIGHT, TEST, WRONG

from coderm import best_of_n
from coderm.errors import InputError
from coderm.execute import Engine, execute
from coderm.execute.problem import MAX_TEXT


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine(time_limit=0.3, workers=1) as running:
        yield running


@pytest.mark.parametrize("arguments", [
    {"time_limit": 0}, {"time_limit": "1"}, {"time_limit": None}, {"time_limit": float("nan")}, {"memory_limit": 1},
    {"memory_limit": "1g"}, {"memory_limit": 2**63}, {"memory_limit": 1.5e8 + 0.5}, {"isolation": "none"},
    {"protocol": "papr"}, {"workers": 0}, {"workers": -1}, {"workers": "2"}, {"python": "/nope"}, {"python": 3},
], ids=str)
def test_limits_that_make_no_sense(arguments: dict[str, Any]) -> None:
    [name] = arguments
    with pytest.raises(InputError, match=name):
        Engine(**arguments)


def test_numbers_of_numpy_are_limits() -> None:
    limits: dict[str, Any] = {"time_limit": np.float32(1), "memory_limit": np.int64(10**9), "workers": np.int8(1)}
    assert execute([RIGHT], [TEST], **limits).passed.all()
    assert execute([RIGHT], [TEST], memory_limit=1e9, workers=1).passed.all()  # type: ignore[arg-type]


def test_a_program_that_is_no_python_is_refused() -> None:
    with pytest.raises(InputError, match="no Python interpreter that runs"):
        execute([RIGHT], [TEST], python="/bin/ls")


def test_texts_must_be_lists_of_text(engine: Engine) -> None:
    for solutions, tests in ((RIGHT, [TEST]), ([RIGHT], TEST), ([1], [TEST]), (None, [TEST]), ([RIGHT], 3)):
        with pytest.raises(InputError):
            engine.execute(solutions, tests)  # type: ignore[arg-type]


def test_texts_may_come_from_a_generator(engine: Engine) -> None:
    matrix = engine.execute((text for text in (RIGHT, WRONG)), map(str, [TEST]))
    assert matrix.verdicts.tolist() == [["pass"], ["fail"]]
    assert best_of_n((text for text in (WRONG, RIGHT)), iter([TEST]), workers=1).best == 1
    with pytest.raises(InputError, match="at least one solution"):
        best_of_n(iter([]), iter([TEST]))


def test_a_text_that_is_too_long_costs_itself_alone(engine: Engine) -> None:
    long = RIGHT + "#" * MAX_TEXT
    first, second = engine.execute_many([([RIGHT, long, WRONG], [TEST, TEST + "#" * MAX_TEXT]), ([RIGHT], [TEST])])
    assert first.verdicts.tolist() == [["pass", "test_error"], ["error", "test_error"], ["fail", "test_error"]]
    assert second.passed.all()


FORKED = """
import os, sys
from hazard_cases import RIGHT, TEST, WRONG
from coderm.errors import EngineError
from coderm.execute import Engine

with Engine(workers=1) as engine:
    stream = engine.execute_many([([RIGHT], [TEST])] * 100)
    next(stream)
    child = os.fork()
    try:
        try:
            words = {next(stream).verdicts[0, 0]}
        except EngineError:
            words = set()
        del stream
        for _ in range(40):
            words |= set(engine.execute([WRONG if child else RIGHT], [TEST]).verdicts[0])
    except BaseException as error:
        words = {repr(error)}
    if not child:
        engine.close()
        print("child", *sorted(words), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    words |= set(engine.execute([WRONG], [TEST]).verdicts[0])
    print("parent", *sorted(words))
"""


GOES_ON = """
import os
from hazard_cases import RIGHT, TEST
from coderm.errors import EngineError
from coderm.execute import Engine

with Engine(workers=1) as engine:
    stream = engine.execute_many([([RIGHT], [TEST, "import unittest"])] * 100)
    whole = next(stream).reasons
    if not (child := os.fork()):
        try:
            for _ in stream: pass
        except EngineError as error:
            print(error, flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(sum(matrix.reasons == whole for matrix in stream))
"""


def forked(script: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert not done.stderr
    return done.stdout.splitlines()


def test_a_forked_child_has_workers_of_its_own() -> None:
    """Parent and child would read each other's answers off the same pipes, and the child's end would end both."""
    assert forked(FORKED) == ["child pass", "parent fail pass"]


def test_a_forked_child_takes_nothing_from_an_open_iterator() -> None:
    told, rest = forked(GOES_ON)
    assert "begun in another process" in told and rest == "99"
