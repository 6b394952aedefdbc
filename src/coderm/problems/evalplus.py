"""HumanEval+ and MBPP+ (Liu et al. 2023) in EvalPlus's jsonl: a candidate must agree with a reference on inputs."""

from __future__ import annotations

import ast
import inspect
import os
import urllib.request
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from coderm.errors import InputError
from coderm.problems import oracle
from coderm.problems.restore import restore
from coderm.problems.rows import Prompt, Row, TaskId
from coderm.problems.texts import case_class, literal, literal_lines, parse
from coderm.records import Problem

RELEASES = {
    "humaneval+": "https://github.com/evalplus/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz",
    "mbpp+": "https://github.com/evalplus/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz",
}


class EvalPlusRow(Row):
    """`contract` (asserts that inputs satisfy) is not read: EvalPlus made its inputs with it, and judges without it."""

    task_id: TaskId
    prompt: Prompt
    entry_point: str
    canonical_solution: str
    base_input: list[list[Any]]
    plus_input: list[list[Any]] = Field(default_factory=list)
    atol: float = 0
    assertion: str = ""

    @field_validator("plus_input", mode="before")
    @classmethod
    def _no_inputs(cls, value: Any) -> Any:
        """One released problem, Mbpp/793, writes {} for no inputs."""
        return value or []


def problem(row: EvalPlusRow) -> Problem:
    """One problem, its inputs and reference turned into a unit test.

    Raises ValueError (SyntaxError included) where the reference does not define the entry point.
    """
    source = "humaneval+" if row.task_id.startswith("HumanEval/") else "mbpp+"
    reference = row.canonical_solution
    if row.entry_point not in _functions(reference, broken_is_empty=True):
        reference = row.prompt + row.canonical_solution
        if row.entry_point not in _functions(reference):
            raise ValueError(f"canonical_solution: does not define {row.entry_point}")
    inputs = restore(row.task_id, row.base_input + row.plus_input)
    return Problem(row.task_id, _prompt(row), row.entry_point, reference=reference,
                   ground_truth=(_unit_test(row, reference, inputs),), source=source)


def released(name: str) -> Path:
    """The released file, downloaded once and kept in the user's cache. Raises InputError where that fails."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "coderm"
    url = RELEASES[name]
    path = cache / "-".join(url.split("/")[-2:])
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            with urllib.request.urlopen(url, timeout=60) as response:
                partial.write_bytes(response.read())
        except OSError as error:
            raise InputError(f"cannot download {url} ({error}); fetch it elsewhere and pass {name}:FILE") from None
        partial.replace(path)
    return path


def _functions(source: str, *, broken_is_empty: bool = False) -> set[str]:
    try:
        return {node.name for node in parse(source).body if isinstance(node, ast.FunctionDef)}
    except SyntaxError:
        if broken_is_empty:
            return set()
        raise


def _prompt(row: EvalPlusRow) -> str:
    """What a policy model is shown. MBPP+ v0.1 keeps its asserts apart; later releases show the first one."""
    first = row.assertion.strip().partition("\n")[0]
    if not first or row.entry_point in row.prompt:
        return row.prompt
    question = row.prompt.strip().strip("'\"").strip()
    return f'"""\n{question}\n{first}\n"""\n'


def _unit_test(row: EvalPlusRow, reference: str, inputs: list[list[Any]]) -> str:
    """A test method that stops at the first input where candidate and reference disagree."""
    truth = ", ".join(map(literal, (row.task_id, row.entry_point, reference, row.atol)))
    return case_class("GroundTruth", [("test_inputs", "\n".join([
        "import builtins",
        '_oracle = {"__name__": "oracle"}',
        f"builtins.exec({literal(_ORACLE)}, _oracle)",
        f'_truth = _oracle["Truth"]({truth})',
        f"for _arguments in {literal_lines(inputs)}:",
        f"    _wrong = _truth.wrong(_arguments, {row.entry_point}(*_truth.copy(_arguments)))",
        "    self.assertTrue(_wrong is None, _wrong)",
    ]))])


_ORACLE = inspect.getsource(oracle)
