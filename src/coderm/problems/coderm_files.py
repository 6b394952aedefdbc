"""CodeRM's own files (Ma et al. 2025): {"task_id", "solutions"}, {"task_id", "unit_tests"}, and raw model output,
{"task_id", "messages", "responses"}."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from coderm.problems.exchange import Texts
from coderm.problems.rows import Complaints, Row, TaskId, read_rows

Kind = Literal["solution", "unit_test"]


class TextsRow(Row):
    """Extracted texts or raw replies of one problem."""

    task_id: TaskId
    solutions: list[str] | None = None
    unit_tests: list[str] | None = None
    responses: list[str] | None = None
    messages: list[dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _one_of(self) -> TextsRow:
        if sum(value is not None for value in (self.solutions, self.unit_tests, self.responses)) != 1:
            raise ValueError("expected exactly one of solutions, unit_tests, responses")
        return self


@dataclass
class Read:
    """What a file holds: texts, or raw replies as rows of a run's *_replies.jsonl, still to be extracted."""

    texts: Texts = field(default_factory=dict)
    replies: list[dict[str, Any]] = field(default_factory=list)


def read(path: Path, kind: Kind, known: Collection[str], complaints: Complaints) -> Read:
    """The texts of a kind, by problem; `known` are the task_ids of the problems."""
    found = Read()
    seen: set[str] = set()
    for place, row in read_rows(path, TextsRow, complaints):
        texts = row.solutions if kind == "solution" else row.unit_tests
        if row.task_id not in known:
            complaints.add(place, f"no problem has the task_id {row.task_id!r}")
        elif row.task_id in seen:
            complaints.add(place, f"second row for {row.task_id!r}")
        elif texts is None and row.responses is None:
            complaints.add(place, f"holds no {kind.replace('_', ' ')}s")
        else:
            seen.add(row.task_id)
            if texts is not None:
                found.texts[row.task_id] = texts
            for index, text in enumerate(row.responses or ()):
                reply = {"task_id": row.task_id, "index": index, "text": text}
                found.replies.append(reply | ({"chat": row.messages} if row.messages and index == 0 else {}))
    return found


def reply_rows(replies: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """{"task_id", "responses"} from a run's replies, with "messages" where they were imported with them."""
    by_task: dict[str, list[dict[str, Any]]] = {}
    for row in replies:
        by_task.setdefault(row["task_id"], []).append(row)
    for task_id, rows in by_task.items():
        ordered = sorted(rows, key=lambda row: int(row["index"]))
        chat = next((row["chat"] for row in ordered if "chat" in row), None)
        yield {"task_id": task_id} | ({"messages": chat} if chat else {}) | {
            "responses": [row["text"] for row in ordered]}
