"""A whole run: its raw replies become solutions.jsonl and unit_tests.jsonl, and what depended on others goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from coderm.errors import FormatError, InputError
from coderm.generate.extract import Extraction, extract_solution, extract_unit_test, summarise
from coderm.progress import Progress
from coderm.records import Protocol
from coderm.runs import Run

_Extract = Callable[..., Extraction]


def extract_run(run: Run, protocol: Protocol | None = None, *, quiet: bool = False) -> dict[str, Any]:
    """Extract every raw reply of a run under a protocol (by default the one that the run recorded).

    Writes {"task_id", "solutions", "replies", "sampled"} and {"task_id", "unit_tests", "replies", "sampled"}, a row a
    problem, where `replies` holds the index of the reply each text came from and `sampled` counts all replies; those
    that gave nothing are absent, and rows of problems without raw replies stay as they are. Under protocol "paper"
    identical unit tests of a problem count once. Reward matrices and labels that were made from
    other texts than the ones now extracted are removed. Returns what was found: {"protocol", "problems",
    "solutions": counts, "unit_tests": counts, "stale"}, counts as by `summarise` plus how many problems got none.
    Raises InputError where the run has no raw replies.
    """
    protocol = protocol or run.config.get("protocol", "default")
    entry_points = _entry_points(run)
    report: dict[str, Any] = {"protocol": protocol, "problems": len(entry_points)}
    rows: dict[str, list[dict[str, Any]]] = {}
    with run:
        for kind, replies, extract in (("solutions", "solution_replies", extract_solution),
                                       ("unit_tests", "unit_test_replies", extract_unit_test)):
            texts = _replies(run.path / f"{replies}.jsonl", list(run.rows(replies)))
            if texts:
                once = kind == "unit_tests" and protocol == "paper"
                rows[kind], report[kind] = _extracted(kind, texts, extract, protocol, entry_points, once=once,
                                                      quiet=quiet)
        if not rows:
            raise InputError(f"{run.path}: holds no raw replies (solution_replies.jsonl, unit_test_replies.jsonl)")
        report["stale"] = _forget_stale(run, rows)
        for kind, new in rows.items():
            answered = {row["task_id"] for row in new}
            run.replace(kind, new + [row for row in run.rows(kind) if row["task_id"] not in answered])
        run.update_config(protocol=protocol)
    return report


def count_replies(run: Run, kind: str, tasks: Iterable[str]) -> dict[str, Any]:
    """What the raw replies of a kind ("solution", "unit_test") to some problems hold, as by `summarise`; nothing is
    written."""
    protocol: Protocol = run.config.get("protocol", "default")
    entry_points = _entry_points(run)
    texts = _replies(run.path / f"{kind}_replies.jsonl", list(run.rows(f"{kind}_replies")))
    extract = extract_solution if kind == "solution" else extract_unit_test
    return summarise(extract(reply, protocol=protocol, entry_point=entry_points.get(task_id))
                     for task_id in tasks for reply in texts.get(task_id, {}).values())


def _entry_points(run: Run) -> dict[str, str | None]:
    return {p.task_id: p.entry_point if p.kind == "function" else None for p in run.problems()}


def _extracted(kind: str, texts: dict[str, dict[int, str]], extract: _Extract, protocol: Protocol,
               entry_points: dict[str, str | None], *, once: bool, quiet: bool,
               ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """One row a problem, in the run's order, and the counts."""
    everything: list[Extraction] = []
    rows: list[dict[str, Any]] = []
    order = [*(t for t in entry_points if t in texts), *(t for t in texts if t not in entry_points)]
    with Progress(f"extracting {kind.replace('_', ' ')}", len(order), quiet=quiet) as progress:
        for task_id in order:
            found: dict[int, str] = {}
            for index, reply in sorted(texts[task_id].items()):
                outcome = extract(reply, protocol=protocol, entry_point=entry_points.get(task_id))
                everything.append(outcome)
                if outcome.text is not None and not (once and outcome.text in found.values()):
                    found[index] = outcome.text
            rows.append({"task_id": task_id, kind: list(found.values()), "replies": list(found),
                         "sampled": len(texts[task_id])})
            progress.advance()
    counts = summarise(everything) | {"problems_with_none": sum(not row[kind] for row in rows)}
    if once:
        counts["duplicates"] = counts["usable"] - sum(len(row[kind]) for row in rows)
    return rows, counts


def _replies(path: Path, rows: list[dict[str, Any]]) -> dict[str, dict[int, str]]:
    """task_id -> index -> raw reply; the last of two with the same index counts."""
    texts: dict[str, dict[int, str]] = {}
    for number, row in enumerate(rows, 1):
        task_id, text = row.get("task_id"), row.get("text")
        if not isinstance(task_id, str) or not isinstance(text, str):
            raise FormatError(f'{path}:{number}: expected {{"task_id": str, "index": int, "text": str}}')
        index = row.get("index", len(texts.get(task_id, {})))
        texts.setdefault(task_id, {})[index] = text
    return texts


def _forget_stale(run: Run, rows: dict[str, list[dict[str, Any]]]) -> int:
    """Remove matrices and labels of problems whose texts are no longer the same; how many problems had any."""
    before = {"solutions": run.solutions(), "unit_tests": run.unit_tests()}
    changed = {kind: {row["task_id"] for row in new if before[kind].get(row["task_id"], row[kind]) != row[kind]}
               for kind, new in rows.items()}
    stale = set()
    for task_id in set().union(*changed.values()):
        if run.reward_path(task_id).exists():
            run.reward_path(task_id).unlink()
            stale.add(task_id)
    rewards = run.path / "rewards"
    if stale and not any(rewards.iterdir()):
        rewards.rmdir()
    relabel = changed.get("solutions", set())
    if relabel & run.labels().keys():
        stale |= relabel & run.labels().keys()
        run.replace("labels", [row for row in run.rows("labels") if row["task_id"] not in relabel])
    return len(stale)
