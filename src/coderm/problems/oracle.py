"""Judges an answer against the reference solution, EvalPlus's exceptions to `==` included.

The source of this module is embedded in ground-truth tests (see `coderm.problems.evalplus`) and executed there in
a namespace of its own, so that nothing a candidate defines can reach it: standard library only, no coderm imports.
The rules are those of EvalPlus 0.3 (Liu et al. 2023): its `check_output` and special oracles.
"""

import copy
import math
from typing import Any

SAME_SET = {"Mbpp/2", "Mbpp/7", "Mbpp/111", "Mbpp/140", "Mbpp/232", "Mbpp/249", "Mbpp/579", "Mbpp/769"}
"""Collections whose order the problem leaves open."""
NOT_NONE = {"Mbpp/737", "Mbpp/787", "Mbpp/794"}
"""The reference returns a match object or None: only which of the two counts."""
RTOL = 1e-07
FLOAT_ATOL = 1e-06


class Truth:
    """The reference solution of one problem and what counts as agreeing with it."""

    def __init__(self, task_id: str, entry_point: str, reference: str, atol: float) -> None:
        namespace: dict[str, Any] = {"__name__": "reference"}
        exec(compile(reference, "<reference>", "exec"), namespace)
        self.task_id, self.atol, self.function = task_id, atol, namespace[entry_point]
        self.copy = copy.deepcopy

    def wrong(self, arguments: list[Any], answer: Any) -> str | None:
        """What is wrong with the answer, or None where it agrees with the reference.

        Where the reference does not even agree with itself (for two inputs of HumanEval/32 its "root" is none), the
        input proves nothing and every answer stands.
        """
        expected = self.function(*copy.deepcopy(arguments))
        if self.agrees(arguments, answer, expected) or not self.agrees(arguments, expected, expected):
            return None
        shown = [f"{value!r:.200}" for value in (arguments, answer, expected)]
        return "arguments {}: got {}, expected {}".format(*shown)

    def agrees(self, arguments: list[Any], answer: Any, expected: Any) -> bool:
        if self.task_id == "HumanEval/32":
            return abs(polynomial(arguments[0], answer)) <= self.atol
        if self.task_id in NOT_NONE:
            found: bool = answer if isinstance(answer, bool) else answer is not None
            return found == (expected is not None)
        if self.task_id in SAME_SET:
            equal = set(answer) == set(expected)
        else:
            equal = answer == expected or self.second_reading(arguments, answer)
        atol = self.atol or (FLOAT_ATOL if all_floats(expected) else 0)
        return bool(equal) or (atol > 0 and type(answer) is type(expected) and close(answer, expected, atol))

    def second_reading(self, arguments: list[Any], answer: Any) -> bool:
        """Whether the answer fits the other reading of a question that has two."""
        if self.task_id == "Mbpp/164":  # the question never says what is equivalent: any answer stands
            return True
        if self.task_id == "Mbpp/295":  # a number may be left out of its own divisors
            return bool(answer == 0)
        if self.task_id == "Mbpp/581":  # the height may be the pyramid's own, not a side's
            base, height = arguments
            return bool(abs(answer - round(base**2 + 2 * base * math.hypot(base / 2, height))) <= self.atol)
        if self.task_id == "Mbpp/558":  # digits may be compared place by place
            first, second = map(str, arguments)
            width = max(len(first), len(second))
            places = zip(first.zfill(width), second.zfill(width), strict=True)
            return bool(answer == sum(abs(int(a) - int(b)) for a, b in places))
        return False


def polynomial(coefficients: list[float], x: float) -> float:
    return sum(coefficient * math.pow(x, power) for power, coefficient in enumerate(coefficients))


def all_floats(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return len(value) > 0 and all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def close(answer: Any, expected: Any, atol: float) -> bool:
    """Elementwise |answer - expected| <= atol + RTOL |expected|, for equally long sequences."""
    if isinstance(expected, (list, tuple)):
        return len(answer) == len(expected) and all(close(a, e, atol) for a, e in zip(answer, expected, strict=True))
    return bool(answer == expected or abs(answer - expected) <= atol + RTOL * abs(expected))
