"""Where questions and reference solutions come from: published data sets, any jsonl with a column map, problem sets.

    exercises                                   a few problems of our own, shipped: for a first look and for tests
    codefeedback:FILE   taco:FILE               the columns of m-a-p/CodeFeedback-Filtered-Instruction and BAAI/TACO
    FILE.jsonl          with a column map       question, solution; optionally id, entry_point, ground_truth
                                                (unit tests), examples (pairs of stdin and stdout)
    humaneval, mbpp+:FILE, ...                  whatever `coderm.problems` loads, where a reference is known

`read` turns each row into an item or a reason why it cannot be one; the stage `Source` puts both on record.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from coderm.errors import InputError
from coderm.runs import read_jsonl
from coderm.synthesize import syntax
from coderm.synthesize.pipeline import Item, Outcome

COLUMNS = {"id", "question", "solution", "entry_point", "ground_truth", "examples"}
_FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def read(source: str, columns: dict[str, str] | None = None, limit: int | None = None) -> Iterator[Item]:
    """One {"task_id", "found"} a row; found is an item or the reason why there is none.

    Reasons: no_question, no_code (no solution, or not Python), no_examples (a program without any, so that no
    function made from it could be checked), other_language, duplicate_question (spacing and case aside).
    `columns` maps our names (COLUMNS) to the file's; it makes sense for a plain jsonl only. Raises InputError for a
    file that is not there, for a map with unknown names and for an id that two rows have.
    """
    layout, _, path = source.partition(":")
    if source == "exercises":
        layout = "columns"
        text = resources.files("coderm.synthesize").joinpath("exercises.jsonl").read_text(encoding="utf-8")
        rows: Iterable[Item] = (json.loads(line) for line in text.splitlines())
    elif layout in LAYOUTS and path:
        rows = _file(path)
    elif source.endswith(".jsonl"):
        mapping = {name: name for name in COLUMNS} | (columns or {})
        if unknown := mapping.keys() - COLUMNS:
            raise InputError(f"unknown columns {', '.join(sorted(unknown))}; known: {', '.join(sorted(COLUMNS))}")
        layout, path = "columns", source
        rows = ({ours: row[theirs] for ours, theirs in mapping.items() if theirs in row} for row in _file(path))
    else:
        from coderm import problems

        layout = "columns"
        rows = ({"id": p.task_id, "question": p.prompt, "solution": p.reference, "entry_point": p.entry_point,
                 "ground_truth": list(p.ground_truth)} for p in problems.load(source) if p.reference)
    stem = Path(path).name.removesuffix(".jsonl") if path else source
    seen: set[str] = set()
    ids: set[str] = set()
    for number, row in enumerate(islice(rows, limit)):
        found = _checked(LAYOUTS[layout](row))
        if not isinstance(found, str):
            key = " ".join(found["question"].lower().split())
            found = "duplicate_question" if key in seen else found
            seen.add(key)
        task_id = str(row.get("id", f"{stem}/{number}"))
        if task_id in ids:
            raise InputError(f"{path or source}: row {number + 1} is the second with the id {task_id!r}")
        ids.add(task_id)
        yield {"task_id": task_id, "found": found}


def _checked(found: Item | str) -> Item | str:
    if isinstance(found, str):
        return found
    tree = syntax.parse(found["solution"])
    if tree is None or not tree.body:
        return "no_code"
    if not found["question"].strip():
        return "no_question"
    return {"ground_truth": [], "examples": [], "entry_point": None} | found


def _file(path: str) -> Iterator[Item]:
    if not Path(path).is_file():
        raise InputError(f"{path}: no such file")
    return read_jsonl(Path(path))


class Source:
    """Stage: what `read` found, on record; adds question, solution, entry_point, ground_truth and examples
    (pairs of standard input and output, for programs)."""

    name, unit = "source", "problem"

    def settings(self) -> Item:
        """Nothing: `read` has decided."""
        return {}

    def run(self, items: Iterable[Item]) -> Iterator[Outcome]:
        """One outcome an item."""
        for item in items:
            found = item["found"]
            yield Outcome(dropped=found) if isinstance(found, str) else Outcome({"found": None} | found)


def _columns(row: Item) -> Item | str:
    if not isinstance(row.get("question"), str):
        return "no_question"
    if not isinstance(row.get("solution"), str):
        return "no_code"
    kept = {name: row[name] for name in ("question", "entry_point", "ground_truth", "examples") if row.get(name)}
    return kept | {"solution": _code(row["solution"]) or row["solution"]}


def _codefeedback(row: Item) -> Item | str:
    """query, answer, resource, lang: an answer is prose around one or more fenced blocks of code."""
    if row.get("lang") not in ("python", None):
        return "other_language"
    code = _code(str(row.get("answer", "")))
    return {"question": str(row.get("query", "")), "solution": code} if code else "no_code"


def _taco(row: Item) -> Item | str:
    """question, solutions, starter_code, input_output and more; the second and fourth are JSON inside a string."""
    solutions, cases = _json(row.get("solutions"), []), _json(row.get("input_output"), {})
    usable = [text for text in solutions if isinstance(text, str) and syntax.parse(text) is not None]
    if not usable:
        return "no_code"
    item: Item = {"question": str(row.get("question", "")), "solution": min(usable, key=len)}
    if isinstance(cases.get("fn_name"), str):
        return item | {"entry_point": cases["fn_name"]}
    pairs = zip(_json(cases.get("inputs"), []), _json(cases.get("outputs"), []), strict=False)
    examples = [[_lines(given), _lines(wanted)] for given, wanted in pairs]
    return item | {"examples": examples[:MAX_EXAMPLES]} if examples else "no_examples"


MAX_EXAMPLES = 5
"""Pairs of standard input and output that a program turned into a function is checked on."""
LAYOUTS: dict[str, Callable[[Item], Item | str]] = {"columns": _columns, "codefeedback": _codefeedback, "taco": _taco}


def _code(answer: str) -> str | None:
    """The first fenced block of Python that defines something; None where there is none."""
    for language, block in _FENCE.findall(answer):
        tree = syntax.parse(block) if language.strip().lower() in ("", "py", "python", "python3") else None
        if tree is not None and syntax.entry_point(tree):
            return str(block)
    return None


def _json(value: Any, default: Any) -> Any:
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return default
    return found if isinstance(found, type(default)) else default


def _lines(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)
