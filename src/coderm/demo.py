"""The main job on embedded data: recorded replies of a small model, extracted, executed, labelled, voted on.

Nothing here is special: the demo makes an ordinary run directory and takes the stages that `coderm extract`,
`execute`, `label` and `rank` take.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coderm.data import recorded
from coderm.execute import Engine
from coderm.execute.stage import execute_run
from coderm.generate.extract.run import extract_run
from coderm.label import label_run
from coderm.problems import load
from coderm.reward.context import Task, electorate, votes
from coderm.reward.ranking import Ranking, rank
from coderm.reward.selectors import select
from coderm.reward.tasks import tasks_of
from coderm.runs import Run


@dataclass(frozen=True)
class Choice:
    """What majority voting did on one problem."""

    task_id: str
    votes: list[int]
    """Unit tests passed by each candidate."""
    correct: list[bool]
    """Whether each candidate is correct by the ground truth, which the vote never saw."""
    chosen: int
    """Index of the candidate with the most votes, the lowest of the tied."""
    tied: int
    """Candidates with as many votes as the chosen one, itself included."""
    code: str
    """The chosen candidate."""
    passed: list[int]
    """Indices of the voting unit tests that the chosen candidate passes."""
    failed: list[int]
    """Indices of those that it does not."""


@dataclass(frozen=True)
class Demo:
    """The outcome of `demo`."""

    about: dict[str, Any]
    """Which model wrote the replies, and how they were sampled."""
    extracted: dict[str, Any]
    """How many replies gave something, by `extract_run`."""
    ranking: Ranking
    """What every rule is worth: `random`, `oracle`, `majority` and the others."""
    wrong: list[str]
    """Problems on which the vote chose a wrong candidate although there was a right one."""
    closely: Choice
    """The problem on which voting gains most."""
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The object that `coderm demo --json` prints; accuracies and the gain in percent."""
        gain = self.ranking.gain("majority", "random")
        return {"model": self.about["model"], "extracted": self.extracted, **self.ranking.as_json(),
                "gain": {"difference": 100 * gain.difference, "low": 100 * gain.low, "high": 100 * gain.high},
                "wrong": self.wrong, "closely": vars(self.closely), "seconds": round(self.seconds, 1)}


def demo(out: Path, *, unsafe: bool = False) -> Demo:
    """Make (or finish) a run of the recorded replies at `out` and rank it.

    Raises InputError where `out` holds another run, which it would overwrite, and JailUnavailable without a jail.
    """
    started = time.monotonic()
    replies = recorded()
    run = Run.resume(out, source="recorded replies", replies=replies.about)
    with run:
        run.add_problems(p for p in load("humaneval") if p.task_id in replies.task_ids)
        for name, rows in (("solution_replies", replies.solution_replies),
                           ("unit_test_replies", replies.unit_test_replies)):
            have = {(row["task_id"], row["index"]) for row in run.rows(name)}
            run.append(name, (row for row in rows if (row["task_id"], row["index"]) not in have))
    extracted = extract_run(run)
    with run, Engine(unsafe=unsafe) as engine:
        execute_run(run, engine)
        label_run(run, engine)
    tasks = tasks_of(run)
    choices = [_choice(task) for task in tasks]
    return Demo(
        about=replies.about,
        extracted=extracted,
        ranking=rank(tasks),
        wrong=[c.task_id for c in choices if any(c.correct) and not c.correct[c.chosen]],
        closely=max(choices, key=lambda c: c.correct[c.chosen] - np.mean(c.correct)),
        seconds=time.monotonic() - started,
    )


def _choice(task: Task) -> Choice:
    best = select(task.matrix, "majority", task.context)
    cast = votes(task.matrix, task.context)
    voters = electorate(task.matrix, task.context)
    chosen = int(best[0])
    assert task.context.solutions is not None and task.context.labels is not None
    return Choice(
        task_id=task.task_id,
        votes=[int(v) for v in cast.sum(axis=1)],
        correct=task.context.labels.tolist(),
        chosen=chosen,
        tied=len(best),
        code=task.context.solutions[chosen],
        passed=[int(j) for j in voters[cast[chosen] == 1]],
        failed=[int(j) for j in voters[cast[chosen] < 1]],
    )
