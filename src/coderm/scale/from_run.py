"""A labelled run as recorded problems: which reply each unit test came from, and how many replies there were."""

from __future__ import annotations

import numpy as np

from coderm.errors import InputError
from coderm.reward.context import electorate
from coderm.reward.tasks import tasks_of
from coderm.runs import Run
from coderm.scale.recorded import Recorded


def recorded_problems(run: Run) -> list[Recorded]:
    """The executed and labelled problems of a run that have a candidate: no budget helps the others.

    Tests vote as in `coderm rank`. Replies that yielded nothing count as spent where the run knows of them: it has
    the raw replies, or its rows of unit tests say so ("replies": the reply of each test, "sampled": how many there
    were). Elsewhere every unit test is a reply. Raises InputError where nothing is labelled.
    """
    rows = {row["task_id"]: row for row in run.rows("unit_tests")}
    sampled: dict[str, int] = {task_id: row["sampled"] for task_id, row in rows.items() if "sampled" in row}
    for reply in run.rows("unit_test_replies"):
        sampled[reply["task_id"]] = max(sampled.get(reply["task_id"], 0), reply.get("index", -1) + 1)
    problems = []
    for task in tasks_of(run, protocol=run.config.get("protocol", "default")):
        if task.context.labels is None or not len(task.context.labels):
            continue
        voters = electorate(task.matrix, task.context)
        origin = np.asarray(rows.get(task.task_id, {}).get("replies", np.arange(task.matrix.shape[1])), np.int64)
        least = int(origin.max(initial=-1)) + 1
        problems.append(Recorded(task.task_id, task.matrix.passed[:, voters], origin[voters],
                                 max(sampled.get(task.task_id, 0), least), task.context.labels))
    if not problems:
        raise InputError(f"{run.path}: no labels; run `{run.command('label')}` first")
    return problems
