"""A scripted teacher for tests and a first look: every step of the pipeline meets good replies and all bad kinds.

It knows nothing; it copies the `>>>` examples of a question into unit tests and makes, by sample number, the mistakes
that real teachers make. The same prompt always gets the same replies.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence

from coderm.generate.models import Completion, Message, Model, Sampling
from coderm.synthesize.prompts import (
    FUNCTION,
    QUESTION,
    REPAIR,
    SOLUTION,
    TESTABLE,
    UNIT_TESTS,
    WEAK_SOLUTION,
    Prompt,
)

REFUSAL = "I'm sorry, but I can't help with that."
_EXAMPLE = re.compile(r"^\s*>>> (\w+)(\(.*\))\n\s*(\S.*)$", re.MULTILINE)
_UNTESTABLE = re.compile(r"\b(random|clock|today|file|network|thread|window)\w*", re.IGNORECASE)


class ScriptedTeacher(Model):
    """Answers the pipeline's prompts, each by its first line."""

    spec, concurrency, batch = "fake", 4, 64

    def request(self, messages: Sequence[Message], n: int, sampling: Sampling) -> list[Completion]:
        """n replies; which mistakes are among them depends on the prompt and the sample's number alone."""
        prompt, first = messages[-1]["content"], sampling.seed or 0
        answer = next(answer for kind, answer in ANSWERS if prompt.startswith(kind.text.partition("\n")[0]))
        replies = [answer(prompt, number) for number in range(first, first + n)]
        return [Completion(text=text, prompt_tokens=len(prompt.split()), completion_tokens=len(text.split()),
                           finish_reason="stop") for text in replies]


def _testable(prompt: str, number: int) -> str:
    question = prompt.partition("Question:")[2]
    if _chance(question, 10) == 0:
        return REFUSAL
    return f"I went through the list.\n{'YES' if _UNTESTABLE.search(question) else 'NO'}"


def _question(prompt: str, number: int) -> str:
    name = re.findall(r"named `(\w+)`", prompt)[0]
    question = prompt.partition("Question:\n")[2].partition("\n\nFor reference")[0]
    return f"Write a Python function named `{name}`. {question}"


def _code(prompt: str, number: int) -> str:
    return _fenced(re.sub(r"^main\(\)$", "", _blocks(prompt)[0], flags=re.MULTILINE))


def _unit_test(prompt: str, number: int) -> str:
    examples = _EXAMPLE.findall(prompt.partition("### code solution\n")[0])
    if not examples:
        return REFUSAL
    name = examples[0][0]
    shown = examples[:1 + number % len(examples)]
    good = _test_class(f"Test{name.title().replace('_', '')}", shown)
    mistakes: dict[int, Callable[[], str]] = {
        2: lambda: _fenced(_test_class("TestWrong", [(name, shown[0][1], "'something else'")])),
        3: lambda: REFUSAL,
        4: lambda: "First I would test the empty input, then a long one, and last a negative number.",
        5: lambda: _fenced(good + "\n\n" + _test_class("TestMore", examples).partition("\n\n\n")[2]),
        6: lambda: _fenced("import os\nimport requests\n" + good),
        7: lambda: _fenced(re.sub(r"self\.assertEqual\((.*), .*\)", r"\1", good)),
        8: lambda: _fenced(good.replace("class ", f"def {name}(*args):\n    return None\n\n\nclass ", 1)),
        9: lambda: _fenced(_test_class("TestOff", [(name, shown[-1][1], "-12345")])),
    }
    return mistakes.get(number % 10, lambda: f"Here are the tests.\n\n{_fenced(good)}\n\nThey cover the examples.")()


def _repair(prompt: str, number: int) -> str:
    unit_test = _blocks(prompt)[1]
    got = re.search(r"AssertionError: (.+) != (.+)", prompt)
    if got is None or _chance(unit_test, 5) == 0:
        return REFUSAL
    if _chance(unit_test, 5) == 1:
        return _fenced(unit_test.replace("assertEqual", "assertNotEqual"))
    return _fenced(unit_test.replace(got[2].strip(), got[1].strip()))


def _weak(prompt: str, number: int) -> str:
    """A function that has learnt some of the examples by heart: all of them, all but the last, ..."""
    examples = _EXAMPLE.findall(prompt)
    if not examples or number % 5 == 4:
        return "The problem can be solved with dynamic programming."
    known = examples[:max(1, len(examples) - number % 4)]
    lines = [f"    if args == ({arguments[1:-1]},):\n        return {value}" for _, arguments, value in known]
    return _fenced(f"def {examples[0][0]}(*args):\n" + "\n".join(lines) + "\n    return None")


ANSWERS: list[tuple[Prompt, Callable[[str, int], str]]] = [
    (TESTABLE, _testable), (QUESTION, _question), (SOLUTION, _code), (FUNCTION, _code), (UNIT_TESTS, _unit_test),
    (REPAIR, _repair), (WEAK_SOLUTION, _weak),
]


def _test_class(name: str, examples: list[tuple[str, str, str]]) -> str:
    def lines() -> Iterator[str]:
        yield f"import unittest\n\n\nclass {name}(unittest.TestCase):"
        for number, (function, arguments, value) in enumerate(examples):
            yield f"    # example {number} of the question"
            yield f"    def test_example_{number}(self):"
            yield f"        self.assertEqual({function}{arguments}, {value})\n"

    return "\n".join(lines())


def _fenced(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


def _blocks(prompt: str) -> list[str]:
    return re.findall(r"```python\n(.*?)\n```", prompt, re.DOTALL)


def _chance(text: str, sides: int) -> int:
    """A die that falls the same way for the same text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) % sides
