"""Reads the problems of a run into tasks that rules can score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from coderm.errors import FormatError, InputError
from coderm.matrix import RewardMatrix
from coderm.records import Protocol, Verdict
from coderm.reward.context import Context, Task
from coderm.runs import Run, read_jsonl


def tasks_of(run: Run, *, protocol: Protocol = "default",
             scores: Mapping[str, Sequence[float]] | None = None) -> list[Task]:
    """The executed problems of a run in its order, with labels where known and outside `scores` where given.

    A problem for which no unit test came out counts as one where nobody votes, one for which no solution came out as
    one that every rule loses; one that was not executed yet is left out. Raises InputError where nothing was executed.
    """
    solutions, unit_tests, labels = run.solutions(), run.unit_tests(), run.labels()
    rounds = list(run.rows("rounds"))
    in_the_race: dict[str, list[int]] = rounds[-1]["candidates"] if rounds else {}
    tasks = []
    for task_id, candidates in solutions.items():
        texts = unit_tests.get(task_id, [])
        matrix = run.matrix(task_id)
        if matrix is None and not (candidates and texts):
            matrix = RewardMatrix.from_verdicts(np.full((len(candidates), len(texts)), Verdict.NOT_RUN),
                                                behaviour=np.zeros((len(candidates), 0), np.int64),
                                                calls=np.zeros((len(texts), 0), bool))
        if matrix is None:
            continue
        if matrix.shape != (len(candidates), len(texts)):
            raise InputError(f"{run.reward_path(task_id)}: holds {matrix.shape[0]} x {matrix.shape[1]} cells but "
                             f"the run has {len(candidates)} solutions and {len(texts)} unit tests of {task_id}; "
                             "delete the file and run `coderm execute` again")
        correct = labels.get(task_id)
        for what, values in (("labels", correct), ("scores", (scores or {}).get(task_id))):
            if values is not None and len(values) != len(candidates):
                raise InputError(f"{run.path}: {task_id} has {len(values)} {what} for {len(candidates)} solutions")
        outside = None if scores is None or task_id not in scores else np.asarray(scores[task_id], np.float64)
        survivors = None
        if task_id in in_the_race:  # who ran everywhere all the same is judged by that
            survivors = matrix.ran.all(axis=1) | np.isin(np.arange(len(candidates)), in_the_race[task_id])
        tasks.append(Task(task_id, matrix, Context(
            labels=None if correct is None else np.asarray(correct, dtype=bool), outside=outside,
            solutions=candidates, unit_tests=texts, protocol=protocol, survivors=survivors)))
    if any(solutions.values()) and not any(len(task.matrix.codes) for task in tasks):
        raise InputError(f"{run.path}: nothing was executed yet; run `{run.command('execute')}` first")
    return tasks


def read_scores(path: Path) -> dict[str, list[float]]:
    """Outside scores, {"task_id", "scores": [float a candidate]} a line. Raises FormatError with file:line."""
    scores = {}
    for number, row in enumerate(read_jsonl(path), 1):
        values = row.get("scores")
        if not isinstance(row.get("task_id"), str) or not isinstance(values, list) or not all(
                isinstance(v, int | float) for v in values):
            raise FormatError(f'{path}:{number}: expected {{"task_id": str, "scores": [number, ...]}}')
        scores[row["task_id"]] = values
    return scores
