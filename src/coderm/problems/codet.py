"""CodeT's files (Chen et al. 2022): {"prompt", "samples"}, completions of a prompt and continuations of "assert "."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from coderm.errors import FormatError
from coderm.problems.exchange import Texts
from coderm.problems.rows import Complaints, Row, TaskId, read_rows
from coderm.problems.texts import assert_class, parse
from coderm.records import Problem

Granularity = Literal["sample", "case"]
ASSERTS_PER_SAMPLE = 5
"""As many of a sample's usable asserts count, the first ones: CodeT's own limit."""
_ENDS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""What ends an assert when a model writes on: CodeT's stop words."""


class SamplesRow(Row):
    """Samples of one problem, which is named by its prompt (tests: by what their prompt begins with) or task_id."""

    prompt: str | None = None
    task_id: TaskId | None = None
    samples: list[str]


def read_solutions(path: Path, problems: Sequence[Problem], complaints: Complaints) -> Texts:
    """task_id -> programs: the prompt and the body of each completion."""
    texts: Texts = {}
    by_prompt = {problem.prompt: problem for problem in problems}
    for problem, row in _joined(path, problems, by_prompt.get, complaints):
        texts.setdefault(problem.task_id, []).extend(problem.prompt + body_of(sample) for sample in row.samples)
    return texts


def body_of(completion: str) -> str:
    """What of a completion continues the function: up to the first line that stands at the margin.

    A model that was not stopped writes on (another class, a decorated test, a docstring of something else), and that
    is no part of its answer.

    >>> body_of("    return 1\\n\\n\\n@pytest.fixture\\ndef g(): ...")
    '    return 1\\n'
    """
    kept = []
    for line in completion.split("\n"):
        if line and not line[0].isspace() and line[0] not in "#)]}":
            break
        kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def read_unit_tests(
    path: Path, problems: Sequence[Problem], granularity: Granularity, complaints: Complaints
) -> tuple[Texts, dict[str, dict[str, Any]]]:
    """task_id -> unit tests. Of each sample the first five usable asserts count, as in CodeT: together they are one
    unit test at granularity `sample`, each is one at `case`, as often as it was sampled.

    Beside them task_id -> {"replies": the sample of each test, "sampled": how many samples there were}.
    """
    texts: Texts = {}
    origins: dict[str, dict[str, Any]] = {}
    longest_first = sorted(problems, key=lambda problem: -len(problem.prompt))

    def by_prefix(prompt: str) -> Problem | None:
        return next((problem for problem in longest_first if prompt.startswith(problem.prompt)), None)

    for problem, row in _joined(path, problems, by_prefix, complaints):
        if problem.entry_point is None:
            raise FormatError(f"{problem.task_id}: has no entry_point, which tells the asserts that test it")
        tests = texts.setdefault(problem.task_id, [])
        origin = origins.setdefault(problem.task_id, {"replies": [], "sampled": 0})
        for sample in row.samples:
            asserts = usable_asserts(sample, problem.entry_point)[:ASSERTS_PER_SAMPLE]
            if granularity == "case":
                tests += [assert_class("TestCase", [node]) for node in asserts]
            elif asserts:
                tests.append(assert_class("TestSample", asserts))
            origin["replies"] += [origin["sampled"]] * (len(tests) - len(origin["replies"]))
            origin["sampled"] += 1
    return texts, origins


def usable_asserts(sample: str, entry_point: str) -> list[ast.Assert]:
    """The asserts in a continuation of "assert " that compile and mention the function under test, if in a comment.

    >>> [ast.unparse(node) for node in usable_asserts("f(1) == 2\\nassert g(1)\\nassert f(2", "f")]
    ['assert f(1) == 2']
    """
    asserts = []
    for part in sample.split("assert "):
        for end in _ENDS:
            part = part.partition(end)[0]
        node = _leading_assert(f"assert {part}".strip()) if entry_point in part else None
        if node is not None:
            asserts.append(node)
    return asserts


def solution_rows(problem: Problem, solutions: Iterable[str], complaints: Complaints) -> Iterator[dict[str, Any]]:
    """One row for CodeT's solutions file; a solution that does not continue the prompt has no place in it."""
    samples = []
    for index, solution in enumerate(solutions):
        if solution.startswith(problem.prompt):
            samples.append(solution[len(problem.prompt) :])
        else:
            complaints.add(f"{problem.task_id}, solution {index}", "does not begin with the prompt")
    yield {"prompt": problem.prompt, "samples": samples}


def unit_test_rows(problem: Problem, unit_tests: Iterable[str], complaints: Complaints) -> Iterator[dict[str, Any]]:
    """One row for CodeT's tests file; a unit test that is more than assert statements has no place in it."""
    samples = []
    for index, unit_test in enumerate(unit_tests):
        asserts = _only_asserts(unit_test)
        if asserts:
            samples.append("\n".join(_line(node, problem) for node in asserts).removeprefix("assert "))
        else:
            complaints.add(f"{problem.task_id}, unit test {index}", "holds more than assert statements")
    stub = f"    pass\n\n# check the correctness of {problem.entry_point}\nassert "
    yield {"prompt": problem.prompt + stub, "samples": samples}


def _line(node: ast.Assert, problem: Problem) -> str:
    """An assert as text that mentions the function, as it did when it came in, if in a comment."""
    text = ast.unparse(node)
    return text if (problem.entry_point or "") in text else f"{text}  # {problem.entry_point}"


def _joined(path: Path, problems: Sequence[Problem], by_prompt: Callable[[str], Problem | None],
            complaints: Complaints) -> Iterator[tuple[Problem, SamplesRow]]:
    by_id = {problem.task_id: problem for problem in problems}
    for place, row in read_rows(path, SamplesRow, complaints):
        problem = by_id.get(row.task_id or "") or by_prompt(row.prompt or "")
        if problem is None:
            complaints.add(place, "no problem has this prompt or task_id; CodeT's prompts are not HumanEval's own: "
                                  "pass CodeT's file of problems")
        else:
            yield problem, row


def _leading_assert(text: str) -> ast.Assert | None:
    try:
        node = parse(text).body[0]
        if isinstance(node, ast.Assert):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # models write `assert (a, b)` and `is 1`
                compile(ast.unparse(node), "<assert>", "exec")
            return node
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        pass
    return None


def _only_asserts(unit_test: str) -> list[ast.Assert]:
    """The asserts of a TestCase class that holds methods of assert statements only, else nothing."""
    try:
        classes = [node for node in parse(unit_test).body if not isinstance(node, ast.Import)]
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    if len(classes) != 1 or not isinstance(classes[0], ast.ClassDef):
        return []
    methods = classes[0].body
    body = [node for method in methods if isinstance(method, ast.FunctionDef) for node in method.body]
    asserts = [node for node in body if isinstance(node, ast.Assert)]
    plain = len(asserts) == len(body) and all(isinstance(method, ast.FunctionDef) for method in methods)
    return asserts if plain else []
