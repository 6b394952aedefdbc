"""Texts that come from elsewhere become a run, and a run's texts become files for elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coderm.errors import InputError
from coderm.records import Problem
from coderm.runs import Run, whole

Texts = dict[str, list[str]]
"""task_id -> solutions or unit tests."""


def write_run(out: Path, about: Mapping[str, Any], problems: Sequence[Problem], solutions: Texts, unit_tests: Texts,
              replies: Mapping[str, Sequence[dict[str, Any]]] | None = None,
              origins: Mapping[str, dict[str, Any]] | None = None) -> Run:
    """Write a run of the problems that have any texts; what it holds already is left, so a killed import goes on.

    `replies` are rows by file name; `origins` say more about a problem's unit tests in their row. Where solutions
    come in at all, a problem without any has none, rather than none yet. Raises InputError
    where the directory holds another run, an import of other texts included, or there is nothing to write.
    """
    replies = replies or {}
    touched = solutions.keys() | unit_tests.keys() | {row["task_id"] for rows in replies.values() for row in rows}
    if not touched:
        raise InputError("nothing to import: no line holds solutions or unit tests of these problems")
    kept = [problem for problem in problems if problem.task_id in touched]
    digest = _digest(kept, solutions.items(), unit_tests.items(), replies.items(), (origins or {}).items())
    run = Run.resume(out, imported={**about, "digest": digest})
    with run:
        run.add_problems(kept)
        order = [problem.task_id for problem in kept]
        came = solutions.keys() | {row["task_id"] for row in replies.get("solution_replies", ())}
        unanswered: Texts = {task_id: [] for task_id in order if came and task_id not in came}
        for name, texts in (("solutions", solutions | unanswered), ("unit_tests", unit_tests)):
            have = {row["task_id"] for row in run.rows(name)}
            more = origins or {} if name == "unit_tests" else {}
            run.append(name, ({"task_id": task_id, name: texts[task_id]} | more.get(task_id, {}) for task_id in order
                              if task_id in texts and task_id not in have))
        for name, rows in replies.items():
            there = {(row["task_id"], row["index"]) for row in run.rows(name)}
            run.append(name, (row for row in rows if (row["task_id"], row["index"]) not in there))
    return run


def _digest(*parts: Iterable[object]) -> str:
    """Tells what one import brings from what another does, whatever their files are called."""
    found = hashlib.sha256()
    for part in parts:
        for item in part:
            found.update(repr(item).encode())
        found.update(b"\n")  # which no repr holds
    return found.hexdigest()


def summary(run: Run, skipped: Sequence[str]) -> dict[str, Any]:
    """What an import brought: counts, problems that lack texts, and the lines that were passed over."""
    solutions, unit_tests = run.solutions(), run.unit_tests()
    tasks = [problem.task_id for problem in run.problems()]
    return {
        "problems": len(tasks),
        "solutions": sum(map(len, solutions.values())),
        "unit_tests": sum(map(len, unit_tests.values())),
        "problems_without_solutions": [task_id for task_id in tasks if not solutions.get(task_id)],
        "problems_without_unit_tests": [task_id for task_id in tasks if not unit_tests.get(task_id)],
        "skipped": list(skipped),
    }


def write_files(out: Path, files: Mapping[str, Iterable[dict[str, Any]]]) -> dict[str, int]:
    """Write jsonl files into a folder, each by rename; returns path -> lines. Empty files are not written.

    Raises InputError where the folder is a run: its own files have the same names.
    """
    if (out / "config.json").exists():
        raise InputError(f"{out}: is a run directory; export to another folder")
    out.mkdir(parents=True, exist_ok=True)
    written = {}
    for name, rows in files.items():
        lines = [json.dumps(row).encode() + b"\n" for row in rows]
        if lines:
            with whole(out / name) as file:
                file.writelines(lines)
            written[str(out / name)] = len(lines)
    return written
