"""EvalPlus's samples: one line a solution, {"task_id", "solution"} or {"task_id", "completion"} of the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import model_validator

from coderm.problems.exchange import Texts
from coderm.problems.rows import Complaints, Row, TaskId, read_rows
from coderm.records import Problem


class SampleRow(Row):
    """One sample; a solution is a whole program."""

    task_id: TaskId
    solution: str | None = None
    completion: str | None = None

    @model_validator(mode="after")
    def _one_of(self) -> SampleRow:
        if self.solution is None and self.completion is None:
            raise ValueError("expected solution or completion")
        return self


def read(path: Path, problems: Sequence[Problem], complaints: Complaints) -> Texts:
    """task_id -> programs, in the order of the file."""
    prompts = {problem.task_id: problem.prompt for problem in problems}
    texts: Texts = {}
    for place, row in read_rows(path, SampleRow, complaints):
        if row.task_id not in prompts:
            complaints.add(place, f"no problem has the task_id {row.task_id!r}")
            continue
        program = row.solution if row.solution is not None else prompts[row.task_id] + (row.completion or "")
        texts.setdefault(row.task_id, []).append(program)
    return texts
