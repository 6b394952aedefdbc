"""The prompts of the data pipeline, each named and versioned; a run records which it used.

All wording is ours except UNIT_TESTS, which is the prompt that a trained generator will be asked with: the one that
the published CodeRM-8B weights expect (Ma et al. 2025, §3.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from coderm.generate.models import Message
from coderm.generate.prompts import PROMPTS


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt with {slots}; raise `version` with every change of `text`."""

    name: str
    version: int
    text: str

    @property
    def label(self) -> str:
        """What runs record, e.g. "testable@1"."""
        return f"{self.name}@{self.version}"

    def messages(self, **slots: str) -> list[Message]:
        """The chat messages; every slot of the text must be given, braces inside the values stay as they are."""
        text = re.sub(r"\{(\w+)\}", lambda slot: slots[slot[1]], self.text)
        return [{"role": "user", "content": text}]


TESTABLE = Prompt("testable", 1, """\
Decide whether the programming question below is hard to check with deterministic unit tests.

It is hard to check if a right solution involves any of these:
1. randomness, so that two runs may differ
2. the current time, dates read from the clock, delays or timeouts
3. resources outside the program: network, files, databases, environment
4. threads, processes or any other concurrency
5. particular hardware or operating system features
6. a user interface, graphics or interactive input
7. effects other than a returned value: global state, logging, printing as the only result
8. cryptography or security protocols
9. machine learning or algorithms that adapt to data
10. heavy numerics or simulation, where right answers differ in the last digits

Go through the list step by step and say in a few words whether each applies. Then end with one last line that \
holds a single word: YES if the question is hard to check, NO if it is not.

Question:
{question}
""")

QUESTION = Prompt("question", 1, """\
Rewrite the programming question below so that it is precise and complete.

- Say that a Python function named `{entry_point}` is to be written, what its parameters mean and what it returns.
- Keep every fact, restriction and example that matters for a right answer; add none.
- Leave out greetings, hints about style and remarks about complexity, and write no code.

Answer with the rewritten question alone.

Question:
{question}

For reference, this is the declaration: {declaration}
""")

SOLUTION = Prompt("solution", 1, """\
Reduce the Python code below to the function that answers the question, with its helpers and imports.

- Keep what the code does unchanged; name the main function as the question names it.
- Take out test cases, example calls, printing, input and the `if __name__` block.

Answer with one Python code block and nothing else.

Question:
{question}

Code:
```python
{solution}
```
""")

FUNCTION = Prompt("function", 1, """\
The program below reads standard input and writes standard output. Turn it into a function.

- Write one function whose name says what it computes, with parameters in place of the input and a returned value \
in place of the output. It neither reads nor prints.
- Then write a function `main()` without parameters that reads the whole standard input in the program's format, \
calls that function and prints the result in the program's format.
- Helpers and imports may stay. Do not call `main()`.

Answer with one Python code block and nothing else; the function that computes comes last before `main`.

Task:
{question}

Program:
```python
{solution}
```
""")

_CODERM = PROMPTS["coderm-8b"]
UNIT_TESTS = Prompt(_CODERM.name, _CODERM.version, _CODERM.text.replace("{prose}", "{question}"))

REPAIR = Prompt("repair", 1, """\
The unit test below fails on a solution that is known to be right, so some of its expected values are wrong.

Solution:
```python
{solution}
```

Unit test:
```python
{unit_test}
```

What happened when it ran:
{feedback}

Correct the expected values. Change nothing else: the same methods, calls, inputs and assertions in the same order. \
Answer with one Python code block that holds the whole corrected test class and its imports.
""")

WEAK_SOLUTION = Prompt("weak-solution", 1, """\
Solve the problem below with a Python function.

{question}

Its declaration: {declaration}

Answer with one Python code block that holds the function, its helpers and its imports.
""")

ALL = (TESTABLE, QUESTION, SOLUTION, FUNCTION, UNIT_TESTS, REPAIR, WEAK_SOLUTION)
