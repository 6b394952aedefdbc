"""LiveCodeBench's rows (Jain et al. 2024): functions called with arguments, and programs that read stdin."""

from __future__ import annotations

import base64
import inspect
import io
import json
import pickle
import re
import zlib
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from coderm.problems import judge
from coderm.problems.rows import Prompt, Row, TaskId, explain
from coderm.problems.texts import case_class, literal
from coderm.records import Problem

PRELUDE = "\n".join([
    *(f"from {module} import *" for module in (
        "string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics",
        "itertools", "functools", "operator", "io", "sys", "json", "builtins", "typing")),
    "import string, re, datetime, collections, heapq, bisect, copy, math, random, statistics",
    "import itertools, functools, operator, io, sys, json",
    "sys.setrecursionlimit(50000)",
]) + "\n\n"
"""What LiveCodeBench's judge imports before a candidate, in its order; starter code relies on it (`List`)."""

LARGEST_CASE = 2_000_000


class Case(Row):
    """One test case: for a function, `input` is one JSON argument a line and `output` the JSON answer."""

    input: str
    output: str
    testtype: Literal["functional", "stdin"]


_CASES = TypeAdapter(list[Case])


class LiveCodeBenchRow(Row):
    """A row of code_generation or code_generation_lite."""

    question_id: TaskId
    question_content: Prompt
    starter_code: str = ""
    public_test_cases: str | list[Any]
    private_test_cases: str | list[Any] = Field(default_factory=list)
    metadata: str | dict[str, Any] = Field(default_factory=dict)


def problem(row: LiveCodeBenchRow) -> Problem:
    """One problem; each public and private case becomes a unit test, so that each has the judge's limit to itself.

    Cases beyond `LARGEST_CASE` are left out: the engine takes no longer tests. Raises ValueError where the cases
    cannot be read.
    """
    cases = _cases("public_test_cases", row.public_test_cases) + _cases("private_test_cases", row.private_test_cases)
    cases = [case for case in cases if len(case.input) + len(case.output) <= LARGEST_CASE]
    if not cases:
        raise ValueError("no test cases")
    kinds = {case.testtype for case in cases}
    if len(kinds) > 1:
        raise ValueError("test cases of both kinds in one problem")
    prompt = row.question_content.strip() + "\n"
    if kinds == {"stdin"}:
        return Problem(row.question_id, prompt, kind="stdin", ground_truth=tuple(_stdin_tests(cases)),
                       source="livecodebench")
    metadata = json.loads(row.metadata or "{}") if isinstance(row.metadata, str) else row.metadata
    name = metadata.get("func_name") or _last_function(row.starter_code)
    return Problem(row.question_id, f"{prompt}\n```python\n{row.starter_code.rstrip()}\n```\n", name,
                   ground_truth=tuple(_functional_tests(name, cases)), source="livecodebench")


def decode_private(packed: str) -> str:
    """The JSON text of private cases: base64 of zlib of a pickled str, read by an unpickler that knows no classes.

    Raises ValueError for anything else.
    """
    try:
        value = _PlainUnpickler(io.BytesIO(zlib.decompress(base64.b64decode(packed, validate=True)))).load()
    except (ValueError, zlib.error, pickle.UnpicklingError, EOFError, AttributeError, IndexError, KeyError,
            TypeError, MemoryError, RecursionError) as error:
        raise ValueError(f"not base64 of zlib of a pickled text: {error}") from None
    if not isinstance(value, str):
        raise ValueError(f"a pickled {type(value).__name__} where a text was due")
    return value


class _PlainUnpickler(pickle.Unpickler):
    """Loads plain data only: a pickle that names any class or function is refused before it is looked up."""

    def find_class(self, module_name: str, global_name: str) -> Any:
        raise pickle.UnpicklingError(f"it asks for {module_name}.{global_name}")


def _cases(name: str, value: str | list[Any]) -> list[Case]:
    try:
        if isinstance(value, str):
            text = value.strip()
            value = json.loads(text if text.startswith("[") else decode_private(text)) if text else []
        return _CASES.validate_python(value)
    except ValidationError as error:
        raise ValueError(f"{name}: {explain(error)}") from None
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _last_function(starter_code: str) -> str:
    names: list[str] = re.findall(r"^\s*def\s+(\w+)\s*\(", starter_code, re.MULTILINE)
    if not names:
        raise ValueError("neither metadata.func_name nor starter_code names the function")
    return names[-1]


def _functional_tests(name: str, cases: list[Case]) -> list[str]:
    """Candidates may be the method of a class Solution, as the starter code has it, or a function."""
    find = ["try:", f"    _function = Solution().{name}", "except NameError:", f"    _function = {name}"]
    pairs = [([json.loads(line) for line in case.input.split("\n") if line.strip()], json.loads(case.output))
             for case in cases]
    return [_test(find, f'"wrong_answer"](_function(*{literal(arguments)}), {literal(expected)})')
            for arguments, expected in pairs]


def _stdin_tests(cases: list[Case]) -> list[str]:
    return [_test([], f'"wrong_output"](run_program({literal(case.input)}), {literal(case.output)})') for case in cases]


def _test(before: list[str], judged: str) -> str:
    return case_class("GroundTruth", [("test_case", "\n".join([
        "import builtins",
        '_judge = {"__name__": "judge"}',
        f"builtins.exec({literal(_JUDGE)}, _judge)",
        *before,
        f"_wrong = _judge[{judged}",
        "self.assertTrue(_wrong is None, _wrong)",
    ]))])


_JUDGE = inspect.getsource(judge)
