"""Restores what JSON lost in MBPP+'s inputs: tuples, sets and complex numbers, per task as EvalPlus does it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

Arguments = list[Any]
ANY_DEPTH = range(100)


def restore(task_id: str, inputs: list[Arguments]) -> list[Arguments]:
    """The argument lists of an EvalPlus problem as its solution expects them.

    >>> restore("Mbpp/106", [[[5, 6], [9]]])
    [[[5, 6], (9,)]]
    """
    rule = _RULES.get(task_id)
    return [rule(arguments) for arguments in inputs] if rule else inputs


def _tuples(value: Any, depths: Collection[int], depth: int = 0) -> Any:
    """Lists become tuples at the given depths; the argument itself is at depth 0, its items at depth 1."""
    if not isinstance(value, list) or depth > max(depths):
        return value
    items = [_tuples(item, depths, depth + 1) for item in value]
    return tuple(items) if depth in depths else items


def _every(*depths: int) -> Callable[[Arguments], Arguments]:
    return lambda arguments: [_tuples(argument, depths) for argument in arguments]


def _only(position: int, *depths: int) -> Callable[[Arguments], Arguments]:
    return lambda arguments: [_tuples(a, depths) if k == position else a for k, a in enumerate(arguments)]


_BY_RULE: list[tuple[Callable[[Arguments], Arguments], tuple[int, ...]]] = [
    (_every(0), (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470, 560, 579, 596, 616, 630, 726, 740,
                 744, 809)),
    (_every(1), (63, 64, 70, 94, 120, 237, 272, 299, 400, 409, 417, 438, 473, 614, 780)),
    (_every(0, 1), (259, 278, 401, 445)),
    (_every(*ANY_DEPTH), (580, 615, 791)),
    (_only(0, 0), (250, 307, 405, 446, 617, 720, 763, 808)),
    (_only(0, 1), (75, 413, 444, 753)),
    (_only(1, 0), (106, 750)),
    (lambda arguments: [[set(item) if item and isinstance(item, list) else {} for item in arguments[0]]], (115,)),
    (lambda arguments: [float(arguments[0]), complex(arguments[1])], (124,)),
    (lambda arguments: [complex(arguments[0])], (252,)),
    (lambda arguments: [{key: tuple(item) for key, item in arguments[0].items()}, *arguments[1:]], (722,)),
]
_RULES = {f"Mbpp/{number}": rule for rule, numbers in _BY_RULE for number in numbers}
