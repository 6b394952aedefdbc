"""The prompts, as data: a name, a version that changes with the text, and what a run records of them.

CodeRM's two prompts stand here to the letter, because published weights expect them (Ma et al. 2025, §3.1); the
other texts are ours. A unit test prompt that shows a candidate solution takes the place `{solution}`.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Literal

from coderm.errors import InputError
from coderm.generate.models import Kind, Message
from coderm.problems.texts import parse
from coderm.records import Problem, Protocol

Shown = Literal["first", "each", "none"]
"""Which candidate a unit test generator is shown: the first (as the paper), another for each test, or none."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt. Places in its text: {problem} as it is, {question} (code fenced), {prose} (see `in_prose`),
    {solution}, {entry_point}."""

    name: str
    version: int
    kind: Kind
    text: str
    about: str

    @property
    def label(self) -> str:
        """What a run records, e.g. "coderm-8b@1"."""
        return f"{self.name}@{self.version}"

    @property
    def shows_solution(self) -> bool:
        """Whether the prompt needs a candidate solution."""
        return "{solution}" in self.text

    def messages(self, problem: Problem, solution: str | None = None) -> list[Message]:
        """The chat for one problem. Raises InputError where the prompt needs a solution and none is given."""
        if self.shows_solution and solution is None:
            raise InputError(f"prompt {self.label} shows a candidate solution; {problem.task_id} has none")
        places = {
            "problem": problem.prompt,
            "question": _question(problem),
            "prose": in_prose(problem),
            "solution": (solution or "").strip("\n"),
            "entry_point": problem.entry_point or "the function",
        }
        # One pass, so that a place named inside a problem or a solution stays as it is.
        content = re.sub(r"\{(\w+)\}", lambda match: places[match[1]], self.text)
        # half of a surrogate pair in a candidate cannot be sent; as Python writes it, it means the same
        return [{"role": "user", "content": content.encode(errors="backslashreplace").decode()}]


def _tests_of(what: str, name: str, each: str, where: str) -> tuple[Prompt, Prompt]:
    """The prompts that ask for unit tests of a function or a class: without a candidate solution, and with one."""
    problem = f"Write unit tests for a Python {what}. This is the problem it solves:\n\n{{question}}\n\n"
    asks = ("Answer with one Python code block that holds one `unittest.TestCase` class with four short test methods. "
            f"Each method {each} and checks the result with one assertion on the exact value that the problem demands")
    rest = "`{entry_point}` is already defined: do not define or import it.\n"
    shows = "Somebody wrote this solution, which may be wrong:\n\n```python\n{solution}\n```\n\n"
    about = f"for general instruct models{where}; shows"
    return (
        Prompt(name, 1, "unit_test", f"{problem}{asks}. Cover an ordinary case and the edge cases. {rest}",
               f"{about} no solution"),
        Prompt(f"{name}-solution", 1, "unit_test",
               f"{problem}{shows}{asks}, whatever the solution above returns. {rest}", f"{about} a candidate solution"))


_ALL = [
    Prompt("policy", 1, "solution", """\
Please provide a self-contained Python script that solves the following problem in a markdown code block:
```python
{problem}
```
""", "the paper's, for function stubs and short prose"),
    Prompt("livecodebench-function", 1, "solution", """\
Solve the following programming problem in Python.

### Problem
{problem}
### Format
Complete the starter code above, keeping its names and parameters. Answer with the finished code in one markdown \
code block and nothing else.
""", "for LiveCodeBench's problems with starter code"),
    Prompt("livecodebench-stdin", 1, "solution", """\
Solve the following programming problem with a complete Python program.

### Problem
{problem}
### Format
The program reads its input from standard input and writes only the answer to standard output. Do not run it on the \
examples. Answer with the program in one markdown code block and nothing else.
""", "for problems solved by a program that reads standard input"),
    Prompt("coderm-8b", 1, "unit_test", """\
Below is a question and it's corresponding code answer. Please write test cases to check the correctness of the code \
answer. You need to use the unittest library in Python and create a test class for testing.

### question
{prose}

### code solution
{solution}

Please add detailed comments to the test cases you write. You do not need to test the function's ability to throw \
exceptions.
""", "the paper's, which CodeRM-8B was trained on"),
    *_tests_of("function", "plain-test", "calls `{entry_point}` on one concrete input", ""),
    *_tests_of("class", "class-test",
               "makes an instance of the class `{entry_point}`, calls its methods on concrete inputs",
               ", where a class is asked for"),
    Prompt("stdin-test", 1, "unit_test", """\
Write unit tests for a Python program. This is the problem it solves:

{question}

The program is available as the function `run_program(stdin)`: it takes the whole standard input as a string and \
returns the standard output as a string. Answer with one Python code block that holds one `unittest.TestCase` class \
with four short test methods. Each method calls `run_program` on one concrete input and checks the output, stripped, \
with one assertion. `run_program` is already defined: do not define or import it.
""", "for programs that read standard input; shows no solution"),
]
PROMPTS: dict[str, Prompt] = {prompt.name: prompt for prompt in _ALL}


def choose(problem: Problem, kind: Kind, *, protocol: Protocol, shown: Shown, name: str | None = None) -> Prompt:
    """The prompt for a problem: the one named, or what fits the problem, the protocol and what is to be shown.

    Raises InputError for a name that is none, or is of the other kind.
    """
    if name is not None:
        if name not in PROMPTS or PROMPTS[name].kind != kind:
            names = ", ".join(p.name for p in _ALL if p.kind == kind)
            raise InputError(f"no {kind.replace('_', ' ')} prompt named {name!r}; there are {names}")
        return PROMPTS[name]
    if kind == "solution":
        if problem.kind == "stdin":
            return PROMPTS["livecodebench-stdin"]
        return PROMPTS["livecodebench-function" if problem.source == "livecodebench" else "policy"]
    if problem.kind == "stdin":
        return PROMPTS["stdin-test"]
    if protocol == "paper":
        return PROMPTS["coderm-8b"]
    plain = "class-test" if is_class(problem) else "plain-test"
    return PROMPTS[plain if shown == "none" else f"{plain}-solution"]


def is_class(problem: Problem) -> bool:
    """Whether the problem's text says that its entry point is a class, in code or in prose."""
    name = re.escape(problem.entry_point or "")
    said = rf"\bclass\s+(?:(?:named|called)\s+)?`?{name}\b|\b{name}`?\s+class\b"
    return bool(name) and re.search(said, problem.prompt) is not None


def in_prose(problem: Problem) -> str:
    """The problem as CodeRM-8B's prompt puts it: a stub becomes "Write a function named `f`." and its docstring.

    The docstring's lines are joined up to its first example, which with what follows keeps its own lines. A
    problem that is no stub, or none that parses, is prose already and stays as it is.
    """
    docstring = _docstring(problem)
    if docstring is None:
        return problem.prompt.strip().strip('"').strip()
    text, example, rest = docstring.partition(">>>")
    prose = f"Write a function named `{problem.entry_point}`. {' '.join(text.split())}"
    if not example:
        return f"{prose}\n "
    lines = (line.strip() for line in (example + rest).strip().splitlines())
    return prose + "\n" + "\n".join(lines)


def _question(problem: Problem) -> str:
    text = problem.prompt.strip("\n")
    of_class = re.compile(rf"^class {re.escape(problem.entry_point or '-')}\b", re.MULTILINE)
    is_code = _docstring(problem) is not None or of_class.search(text)
    return f"```python\n{text}\n```" if is_code else text


def _docstring(problem: Problem) -> str | None:
    """The docstring of the stub as it is written (escapes stay escapes), without its quotes."""
    try:
        body = parse(problem.prompt).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    for function in body:
        if isinstance(function, ast.FunctionDef) and function.name == problem.entry_point:
            for node in function.body:
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    written = ast.get_source_segment(problem.prompt, node) or ""
                    return re.sub(r"^[rRuU]?(\"\"\"|\'\'\'|\"|\')(.*)\1$", r"\2", written, flags=re.DOTALL)
    return None
