"""How stages run: each appends one line an item to its own file, and an item is worked on only where it must be.

A line carries the digest of what it was made from: the item as the stage above left it and the stage's settings. A
stage that is started again, after a kill or with another setting or a changed stage above it, redoes exactly the
lines whose digest no longer fits, and those that a model left unanswered; the last line of an item counts.

    RUN/1_source.jsonl, 2_testable.jsonl, ...   {"task_id", "input", "values", "dropped", "rejected", "replies"}

Replies are paid for once. An item that is worked on again holds those of its last line under "replies", and only the
missing ones are asked for; where something stops a stage, items under way leave a line with no more than their replies.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from coderm.errors import InputError, ModelError
from coderm.progress import Progress
from coderm.runs import Run

Item = dict[str, Any]
"""What is known about one problem so far; later stages add keys and replace them."""

NO_REPLY = "no_reply"
"""Reason of whatever a model could not be got to answer."""
GIVE_UP_AFTER = 8
"""Items in a row that may stay unanswered before the stage stops."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a stage found out about one item."""

    values: Item = field(default_factory=dict)
    """Keys that the item gains or that change."""
    dropped: str | None = None
    """Why the problem goes no further; None where it does."""
    rejected: list[Item] = field(default_factory=list)
    """Unit tests, weak solutions or replies that go no further: {"reason", "text", ...}."""
    replies: list[str | None] = field(default_factory=list)
    """Raw model output in the order it was asked for, kept on record; None where there is none."""


class Stage(Protocol):
    """One step of the pipeline."""

    name: str
    unit: str
    """What it counts and drops: "problem", or "test" or "solution", which its items hold under "tests", "solutions"."""

    def settings(self) -> Item:
        """What the result depends on besides the item; plain JSON."""

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item, in order; `asking.Replies` says what an item's "replies" are."""


@dataclass(frozen=True, slots=True)
class Tally:
    """One line of the funnel: `entered` = `left` + everything in `dropped`."""

    stage: str
    unit: str
    entered: int
    left: int
    dropped: dict[str, int]


def run_stages(run: Run, items: list[Item], stages: Sequence[Stage], only: str | None = None,
               redo: bool = False) -> tuple[list[Item], list[Tally]]:
    """Run every stage, or the one named `only`, over raw items; returns what came through and the tallies.

    `only` needs the stages above it to be complete (InputError otherwise) and leaves the ones below alone; `redo`
    works on every item of it again. Needs the run's lock (`with run:`).
    """
    if only is not None and only not in (known := [stage.name for stage in stages]):
        raise InputError(f"no stage {only!r}; stages: {', '.join(known)}")
    tallies = []
    for number, stage in enumerate(stages, 1):
        chosen = only is None or stage.name == only
        items, tally = _run_stage(run, f"{number}_{stage.name}", stage, items, chosen, chosen and redo)
        tallies.append(tally)
        if only == stage.name:
            break
    return items, tallies


def _run_stage(run: Run, file: str, stage: Stage, items: list[Item], may_run: bool,
               redo: bool) -> tuple[list[Item], Tally]:
    settings = json.dumps(stage.settings(), sort_keys=True)
    digests = {item["task_id"]: _digest(settings, item) for item in items}
    lines = {} if redo else {row["task_id"]: row for row in run.rows(file)
                             if row["input"] == digests.get(row["task_id"])}
    rows = {task_id: row for task_id, row in lines.items() if "values" in row}
    todo = [item for item in items if (row := rows.get(item["task_id"])) is None or (may_run and _unanswered(row))]
    if todo and not may_run:
        raise InputError(f"stage {stage.name} is not complete: {len(todo)} of {len(items)} items to do; run it first")
    replies: dict[str, list[str | None]] = {
        item["task_id"]: [*lines.get(item["task_id"], {}).get("replies", [])] for item in todo}
    known = {task_id: _count(texts) for task_id, texts in replies.items()}
    silent = 0
    with Progress(stage.name, len(todo)) as progress:
        try:
            given = [item | {"replies": replies[item["task_id"]]} for item in todo]
            for item, outcome in zip(todo, stage.run(given) if todo else (), strict=True):
                task_id = item["task_id"]
                row = {"task_id": task_id, "input": digests[task_id]} | dataclasses.asdict(outcome)
                run.append(file, [row])
                rows[task_id] = row
                progress.advance()
                answered = _count(replies.pop(task_id)) > known[task_id] or not _unanswered(row)
                silent = 0 if answered else silent + 1
                if silent == GIVE_UP_AFTER:
                    raise ModelError(f"{stage.name}: the model left {silent} items in a row unanswered; the same "
                                     "command asks again")
        except BaseException:  # an interrupt too; the stage has ended, and waited for the requests in flight
            run.append(file, [{"task_id": task_id, "input": digests[task_id], "replies": texts}
                              for task_id, texts in replies.items() if _count(texts) > known[task_id]])
            raise
    left = [item | rows[item["task_id"]]["values"] for item in items if rows[item["task_id"]]["dropped"] is None]
    return left, _tally(stage, items, left, [rows[item["task_id"]] for item in items])


def _unanswered(row: Item) -> bool:
    """Whether a request of this item failed: nothing is known about it, and it is asked again another time."""
    return row["dropped"] == NO_REPLY or any(part["reason"] == NO_REPLY for part in row["rejected"])


def _count(replies: list[str | None]) -> int:
    return sum(text is not None for text in replies)


def _tally(stage: Stage, items: list[Item], left: list[Item], rows: list[Item]) -> Tally:
    if stage.unit == "problem":
        dropped = Counter(row["dropped"] for row in rows if row["dropped"])
        return Tally(stage.name, stage.unit, len(items), len(left), dict(dropped.most_common()))
    dropped = Counter(part["reason"] for row in rows for part in row["rejected"])
    parts = stage.unit + "s"
    through = sum(len(item[parts]) for item in left)
    entered = sum(len(item[parts]) for item in items if parts in item) or through + dropped.total()
    return Tally(stage.name, stage.unit, entered, through, dict(dropped.most_common()))


def _digest(settings: str, item: Item) -> str:
    return hashlib.sha256((settings + json.dumps(item, sort_keys=True)).encode()).hexdigest()[:16]
