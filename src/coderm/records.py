"""The nouns of the product: Problem, Verdict and the protocol. Frozen, no I/O.

Candidate solutions and unit tests are plain strings of Python; what is known about them beyond their
text (labels, verdicts, raw replies) lives in files beside them (see `coderm.runs`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Protocol = Literal["default", "paper"]
Isolation = Literal["shared", "split"]


class Verdict(IntEnum):
    """What became of one (candidate solution, unit test) pair, in order of precedence.

    The first that applies is the verdict. Only PASS counts 1; NOT_RUN is a failure of our own or a
    budget, never a judgement, and is masked in every rule.
    """

    NOT_RUN = 0
    TEST_ERROR = 1
    VACUOUS = 2
    TAMPERED = 3
    CRASH = 4
    MEMORY = 5
    TIMEOUT = 6
    ERROR = 7
    FAIL = 8
    PASS = 9

    @property
    def word(self) -> str:
        """The lower-case word that files and tables use."""
        return self.name.lower()


VERDICT_WORDS: tuple[str, ...] = tuple(v.word for v in Verdict)


@dataclass(frozen=True, slots=True)
class Problem:
    """A programming problem.

    `ground_truth` holds unit tests (texts, one TestCase class each) that a solution must all pass to be
    correct; it is empty where the truth is unknown. A `stdin` problem is solved by a whole program that
    reads standard input and writes standard output; its ground truth calls `run_program(stdin) -> stdout`
    (see `coderm.problems.stdin`).
    """

    task_id: str
    prompt: str
    """What the policy model is shown: a function stub with its docstring, or prose."""
    entry_point: str | None = None
    kind: Literal["function", "stdin"] = "function"
    reference: str | None = None
    """A complete, correct solution, where one is known."""
    ground_truth: tuple[str, ...] = ()
    source: str = ""
    """Where the problem comes from, e.g. "humaneval"."""
