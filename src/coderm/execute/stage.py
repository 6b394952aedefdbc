"""Execution as a stage of a run: fills the reward matrix of every problem that lacks one."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from coderm.errors import InputError
from coderm.execute.engine import Engine
from coderm.problems import as_executable
from coderm.progress import Progress
from coderm.runs import Run


class Executed(NamedTuple):
    """What one call did."""

    problems: int
    """Problems executed now."""
    pairs: int
    skipped: int
    """Problems that were done before."""
    not_run: int
    """Pairs that the engine failed on each time it tried."""
    seconds: float


def execute_run(run: Run, engine: Engine, *, redo: bool = False, quiet: bool = False) -> Executed:
    """Execute every problem of the run whose matrix is missing, incomplete or was made for fewer solutions or tests.

    Each matrix is on disk when its problem is done, so a kill loses at most the problems under way. The caller
    holds the run's lock. Raises InputError where earlier matrices were made under other settings (`redo` makes
    them anew) or where there is nothing to execute.
    """
    solutions, unit_tests = run.texts("solutions"), run.texts("unit_tests")
    if not solutions or not unit_tests:
        lacking = "solutions" if not solutions else "unit tests"
        raise InputError(f"{run.path}: has no {lacking} to execute; see `coderm generate` and `coderm import`")
    check_settings(run, engine.settings, redo)
    tasks = [task_id for task_id in solutions if task_id in unit_tests]
    sequential = any(run.rows("rounds"))  # it leaves cells out on purpose
    todo = [t for t in tasks if redo or run.matrix_shape(t) != (solutions.count(t), unit_tests.count(t))
            or (not sequential and run.not_run(t))]
    pairs, not_run, started = 0, 0, time.monotonic()

    with Progress("executing", len(todo), quiet=quiet) as progress:
        for task_id, matrix in zip(todo, engine.execute_many(_texts(run, todo)), strict=True):
            run.save_matrix(task_id, matrix)
            pairs += matrix.codes.size
            not_run += int((~matrix.ran).sum())
            progress.advance(note=f"{pairs / (time.monotonic() - started):,.0f} pairs/s")
    return Executed(len(todo), pairs, len(tasks) - len(todo), not_run, time.monotonic() - started)


def _texts(run: Run, tasks: list[str]) -> Iterator[tuple[list[str], list[str]]]:
    """What the engine is given for each problem: its candidates in executable form, and its unit tests."""
    solutions, unit_tests = run.texts("solutions"), run.texts("unit_tests")
    problems = {problem.task_id: problem for problem in run.problems()}
    for task_id in tasks:
        problem = problems.get(task_id)
        texts = solutions[task_id] if problem is None else [as_executable(problem, s) for s in solutions[task_id]]
        yield texts, unit_tests[task_id]


def explain_pair(run: Run, engine: Engine, task_id: str, solution: int, unit_test: int) -> dict[str, Any]:
    """Run one pair of a run and tell what happened (see `Engine.explain`). Raises InputError where there is none."""
    for name, index in (("solutions", solution), ("unit_tests", unit_test)):
        texts, what = run.texts(name), name.replace("_", " ")
        if task_id not in texts:
            raise InputError(f"{run.path}: has no {what} for {task_id!r}")
        if not 0 <= index < texts.count(task_id):
            raise InputError(f"{task_id}: {what[:-1]} {index} is out of range, there are {texts.count(task_id)}")
    solutions, unit_tests = next(_texts(run, [task_id]))
    return engine.explain(solutions[solution], unit_tests[unit_test], among=solutions)


class Flaky(NamedTuple):
    """A pair whose verdict was not the same each time, and what it was."""

    task_id: str
    solution: int
    unit_test: int
    verdicts: tuple[str, ...]


def flaky_pairs(run: Run, engine: Engine, repeats: int, *, quiet: bool = False) -> list[Flaky]:
    """Execute every executed problem `repeats` more times, saving nothing: the pairs that did not agree each time."""
    tasks = [task_id for task_id in run.texts("solutions") if run.matrix_shape(task_id) is not None]
    found: dict[str, dict[tuple[int, int], list[str]]] = defaultdict(dict)
    with Progress("repeating", len(tasks) * repeats, quiet=quiet) as progress:
        for repeat in range(repeats):
            for task_id, matrix in zip(tasks, engine.execute_many(_texts(run, tasks)), strict=True):
                before = run.matrix(task_id)
                assert before is not None
                earlier, now = before.verdicts, matrix.verdicts
                for i, j in np.argwhere(matrix.codes != before.codes).tolist():
                    found[task_id].setdefault((i, j), [str(earlier[i, j])] * (repeat + 1))
                for (i, j), verdicts in found[task_id].items():
                    verdicts.append(str(now[i, j]))
                progress.advance()
    return [Flaky(task_id, *pair, tuple(verdicts)) for task_id, pairs in found.items()
            for pair, verdicts in pairs.items()]


def check_settings(run: Run, settings: dict[str, Any], redo: bool) -> None:
    """Matrices of one run are made under one set of limits: a run, which is locked, records them at first."""
    before = run.config.get("execute")
    if before is not None:
        before = {"python": None} | before  # which earlier versions did not record
    if before is not None and before != settings and not redo and (run.path / "rewards").exists():
        differ = ", ".join(f"{k} {before.get(k)} then, {v} now" for k, v in settings.items() if before.get(k) != v)
        raise InputError(f"{run.path}: was executed under other settings ({differ}); give the same ones or --redo")
    if before != settings:
        run.update_config(execute=settings)
