"""Finds the rows of a data set and turns each into a Problem."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from coderm.errors import FormatError, InputError
from coderm.problems import evalplus, humaneval, livecodebench, stdin
from coderm.problems.rows import Complaints, Prompt, Row, TaskId, explain, read_objects
from coderm.problems.texts import assert_class, parse
from coderm.records import Problem


class OwnRow(Row):
    """A problem in CodeRM's own shape (see `Problem`), or with MBPP's `test_list` of asserts for ground truth."""

    task_id: TaskId
    prompt: Prompt
    entry_point: str | None = None
    kind: Literal["function", "stdin"] = "function"
    reference: str | None = None
    ground_truth: list[str] = Field(default_factory=list)
    test_list: list[str] = Field(default_factory=list)
    source: str = ""


@dataclass(frozen=True)
class Shape:
    """A shape of rows: the key that tells it from others, its schema, and how a row becomes a Problem."""

    key: str
    schema: type[Row]
    problem: Callable[[Any], Problem]


def own_problem(row: OwnRow) -> Problem:
    """A problem of one's own. Raises ValueError where a text of `test_list` is not asserts."""
    truth = list(row.ground_truth)
    if row.test_list:
        nodes = [node for text in row.test_list for node in parse(text).body]
        asserts = [node for node in nodes if isinstance(node, ast.Assert)]
        if len(asserts) < len(nodes):
            raise ValueError("test_list: holds more than asserts")
        truth.append(assert_class("GroundTruth", asserts))
    return Problem(row.task_id, row.prompt, row.entry_point, row.kind, row.reference, tuple(truth), row.source)


_EVALPLUS = Shape("base_input", evalplus.EvalPlusRow, evalplus.problem)
_HUMANEVAL = Shape("test", humaneval.HumanEvalRow, humaneval.problem)
_LIVECODEBENCH = Shape("question_content", livecodebench.LiveCodeBenchRow, livecodebench.problem)
_OWN = Shape("prompt", OwnRow, own_problem)
_SHAPES = {"humaneval": _HUMANEVAL, "humaneval+": _EVALPLUS, "mbpp+": _EVALPLUS, "livecodebench": _LIVECODEBENCH}


def load(dataset: str, limit: int | None = None, complaints: Complaints | None = None) -> list[Problem]:
    """The problems of `humaneval`, `humaneval+[:FILE]`, `mbpp+[:FILE]`, `livecodebench:FILE` or `FILE.jsonl[.gz]`.

    Without a FILE, EvalPlus's release is downloaded once. The rows of a plain FILE may have any of these shapes, or
    our own: {"task_id", "prompt", "entry_point", "reference", "ground_truth": [unit test, ...]}. `limit` takes the
    first so many. Raises InputError where there is no such data, FormatError (file:line) for a line that is broken,
    unless `complaints` skips such lines.
    """
    problems: list[Problem] = []
    seen: set[str] = set()
    complaints = complaints or Complaints()
    for place, found in islice(_problems(dataset, complaints), limit):
        if found.task_id in seen:
            complaints.add(place, f"second problem with task_id {found.task_id!r}")
            continue
        seen.add(found.task_id)
        problems.append(found)
    if not problems:
        raise FormatError(f"{dataset}: holds no problems")
    return problems


def as_executable(problem: Problem, solution: str) -> str:
    """The text to execute for a candidate: a stdin program becomes a function, LiveCodeBench's imports come first."""
    prelude = livecodebench.PRELUDE if problem.source == "livecodebench" else ""
    return stdin.as_function(prelude + solution) if problem.kind == "stdin" else prelude + solution


def _problems(dataset: str, complaints: Complaints) -> Iterator[tuple[str, Problem]]:
    if dataset == "humaneval":
        for row in humaneval.packaged():
            yield row.task_id, humaneval.problem(row)
        return
    name, colon, file = dataset.partition(":")
    shape = _SHAPES.get(name)
    if shape is None:
        path = Path(dataset)
    elif colon:
        path = Path(file)
    elif name in evalplus.RELEASES:
        path = evalplus.released(name)
    else:
        raise InputError(f"{name}: pass its file as {name}:FILE")
    if not path.is_file():
        raise InputError(f"{path}: no such file; a data set is a FILE.jsonl, or one of {', '.join(_SHAPES)}")
    for place, value in read_objects(path, complaints):
        try:
            fits = shape or _shape_of(value)
            yield place, fits.problem(fits.schema.model_validate(value))
        except ValidationError as error:
            complaints.add(place, explain(error))
        except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
            complaints.add(place, f"{error}")


def _shape_of(value: dict[str, Any]) -> Shape:
    for shape in (_EVALPLUS, _LIVECODEBENCH, _HUMANEVAL, _OWN):
        if shape.key in value:
            return shape
    raise ValueError(f"not a problem: has only the keys {json.dumps(sorted(value))}")
