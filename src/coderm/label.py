"""Labels: which candidate solutions are correct, by the ground truth of their problem."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from coderm.errors import InputError
from coderm.execute import Engine, settings
from coderm.problems import as_executable
from coderm.progress import Progress
from coderm.records import Problem
from coderm.runs import Run

TIME_LIMIT = 1.0
"""CPU seconds that a candidate has for each ground-truth test of its problem, at least."""
JUDGES_LIMITS = {"livecodebench": 6.0}
"""Where a benchmark's own judge allows more a test, by the problem's source."""
REFERENCE_LIMIT = 120.0
REFERENCE_FACTOR = 2.5
"""A candidate has this many times what the reference took. EvalPlus's tests run the reference beside the candidate,
so that this is four times the reference's own time, as EvalPlus allows."""


@dataclass
class Labels:
    """What is known of a run's candidates once `label_run` is through."""

    problems: int = 0
    """Problems with labels."""
    solutions: int = 0
    correct: int = 0
    accuracy: float = 0.0
    """Percent: the expected accuracy of one candidate, averaged over problems; one without candidates counts 0."""
    at_least_one: float = 0.0
    """Percent of problems with at least one correct candidate."""
    labelled_now: int = 0
    """Problems that this call labelled; the others were labelled before."""
    without_ground_truth: int = 0
    rejected: dict[str, str] = field(default_factory=dict)
    """task_id -> why a ground truth is not believed: what became of the problem's own reference solution under it."""
    not_run: list[str] = field(default_factory=list)
    """task_ids that could not be executed to the end; the next call tries them again."""
    seconds: float = 0.0
    unsafe: bool = False
    """Whether this call executed without the jail."""


def label_run(run: Run, engine: Engine, *, time_limit: float = TIME_LIMIT, quiet: bool = False) -> Labels:
    """Run the ground truth of every problem on its candidates and append to labels.jsonl what is not there yet.

    The reference solution of each problem goes first: a ground truth that it does not pass labels nothing, and what
    it takes raises the limit for that problem's candidates. A label is on disk when its problem is done. The caller
    holds the run's lock. Raises InputError where there is nothing to label.
    """
    started, time_limit = time.monotonic(), settings.seconds(time_limit)
    solutions, labels = run.solutions(), run.labels()
    problems = [p for p in run.problems() if p.task_id in solutions]
    known = [p for p in problems if p.ground_truth]
    if not known:
        lacking = "solutions" if not solutions else "problem with a ground truth and a solution"
        raise InputError(f"{run.path}: has no {lacking} to label")
    todo = [p for p in known if p.task_id not in labels or len(labels[p.task_id]) != len(solutions[p.task_id])]
    told = Labels(without_ground_truth=len(problems) - len(known), unsafe=engine.unsafe)
    limits = _limits(todo, engine, time_limit, told, quiet)
    with Progress("labelling", len(limits), quiet=quiet) as progress:
        for limit, group in _by_limit(todo, limits):
            with _time_limit(engine, limit):
                pairs = (([as_executable(p, text) for text in solutions[p.task_id]], p.ground_truth) for p in group)
                for problem, matrix in zip(group, engine.execute_many(pairs), strict=True):
                    progress.advance()
                    if not matrix.voting.all():
                        told.rejected[problem.task_id] = next(reason for reason in matrix.reasons if reason)
                    elif not matrix.ran.all():
                        told.not_run.append(problem.task_id)
                    else:
                        correct = matrix.passed.all(axis=1).tolist()
                        run.append("labels", [{"task_id": problem.task_id, "correct": correct}])
                        told.labelled_now += 1
    _count(told, run.labels(), {p.task_id for p in known})
    told.seconds = time.monotonic() - started
    return told


def _limits(todo: Sequence[Problem], engine: Engine, least: float, told: Labels, quiet: bool) -> dict[str, float]:
    """task_id -> CPU seconds for its candidates: `least` times a power of two. Absent where the reference fails."""
    limits = {p.task_id: max(least, JUDGES_LIMITS.get(p.source, 0.0)) for p in todo if p.reference is None}
    checked = [p for p in todo if p.reference is not None]
    pairs = (([as_executable(p, p.reference or "")], p.ground_truth) for p in checked)
    with Progress("checking references", len(checked), quiet=quiet) as progress, _time_limit(engine, REFERENCE_LIMIT):
        for problem, matrix in zip(checked, engine.execute_many(pairs), strict=True):
            progress.advance()
            if matrix.passed.all():
                taken = REFERENCE_FACTOR * float(matrix.cpu_ms.max()) / 1000
                limits[problem.task_id] = least * 2 ** max(0, math.ceil(math.log2(max(taken, least) / least)))
            elif not matrix.ran.all():
                told.not_run.append(problem.task_id)
            else:
                reasons = [reason or word for reason, word in zip(matrix.reasons, matrix.verdicts[0], strict=True)
                           if reason or word != "pass"]
                told.rejected[problem.task_id] = f"its own reference solution: {reasons[0]}"
    return limits


def _by_limit(todo: Sequence[Problem], limits: dict[str, float]) -> list[tuple[float, list[Problem]]]:
    groups: dict[float, list[Problem]] = defaultdict(list)
    for problem in todo:
        if problem.task_id in limits:
            groups[limits[problem.task_id]].append(problem)
    return sorted(groups.items())


@contextmanager
def _time_limit(engine: Engine, limit: float) -> Iterator[None]:
    """The engine with another time limit; it reads its limit anew for every request."""
    before, engine.time_limit = engine.time_limit, limit
    try:
        yield
    finally:
        engine.time_limit = before


def _count(told: Labels, labels: dict[str, list[bool]], known: set[str]) -> None:
    rows = [row for task_id, row in labels.items() if task_id in known]
    told.problems, told.solutions, told.correct = len(rows), sum(map(len, rows)), sum(map(sum, rows))
    if rows:
        told.accuracy = 100 * float(np.mean([sum(row) / max(1, len(row)) for row in rows]))
        told.at_least_one = 100 * float(np.mean([any(row) for row in rows]))
