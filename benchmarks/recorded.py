"""The recorded pairs that the engine is measured on: CodeT's CodeGen-16B samples and Qwen's replies."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from coderm.data import recorded
from coderm.generate.extract import extract_solution, extract_unit_test
from coderm.problems import load
from coderm.problems.codet import Granularity, read_solutions, read_unit_tests
from coderm.problems.rows import Complaints

CODET = Path(__file__).parents[1].parent / "shared" / "data" / "codet"
_STEM = "HumanEval_codegen16B_temp0.8_topp0.95_num100_max300_"


class Pairs(NamedTuple):
    """One problem's distinct solutions and distinct unit tests, in order of first appearance."""

    task_id: str
    solutions: list[str]
    unit_tests: list[str]


def codegen(granularity: Granularity) -> list[Pairs]:
    """The CodeGen-16B samples of all 164 problems; exits with a message where the data is absent."""
    if not CODET.exists():
        raise SystemExit(f"{CODET} is absent: this benchmark needs CodeT's HumanEval samples there")
    problems, complaints = load(str(CODET / "HumanEval_for_code_generation.jsonl.gz")), Complaints(skip_bad=True)
    solutions = read_solutions(CODET / f"{_STEM}code_solution.jsonl.gz", problems, complaints)
    tests, _ = read_unit_tests(CODET / f"{_STEM}test_case.jsonl.gz", problems, granularity, complaints)
    return [Pairs(p.task_id, list(dict.fromkeys(solutions[p.task_id])), list(dict.fromkeys(tests.get(p.task_id, []))))
            for p in problems]


def qwen() -> list[Pairs]:
    """Qwen's extracted replies to 31 problems."""
    replies = recorded()
    found = []
    for problem in load("humaneval"):
        texts: list[list[str]] = []
        for rows, extract in ((replies.solution_replies, extract_solution),
                              (replies.unit_test_replies, extract_unit_test)):
            extracted = (extract(row["text"], entry_point=problem.entry_point) for row in rows
                         if row["task_id"] == problem.task_id)
            texts.append(list(dict.fromkeys(e.text for e in extracted if e.text is not None)))
        if texts[0] and texts[1]:
            found.append(Pairs(problem.task_id, *texts))
    return found
