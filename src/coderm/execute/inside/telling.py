"""What the judge is told of an exception of the candidate's: its class by name, and what it holds that can cross."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .plain import Encoder

_MOST_CAUSES = 20  # exceptions within exceptions that are told

Ancestry = Callable[[type], tuple[list[str], str | None]]


class _Untold(Exception):
    """What an exception holds is not plain data."""


def tell(error: BaseException, ancestry: Ancestry, keep: Callable[[Any], int], depth: int = 0) -> list[Any]:
    """The exception as it travels, its cause and those in its arguments included; what cannot cross is left out.

    One of a class of the candidate's own goes with the number under which it is kept, without the frames it has seen.
    """

    def strange(value: Any) -> Any:
        if depth >= _MOST_CAUSES or not issubclass(type(value), BaseException):
            raise _Untold
        return ["x", tell(value, ancestry, keep, depth + 1)]

    def told(value: Any, otherwise: Any) -> Any:
        try:
            return Encoder(strange).encode(value)
        except _Untold:
            return otherwise

    own, builtin = ancestry(type(error))
    arguments = [told(arg, str(type(arg))) for arg in error.args]
    about = vars(error) if error.__cause__ is None else vars(error) | {"__cause__": error.__cause__}
    attributes = {k: node for k, v in about.items() if type(k) is str and (node := told(v, _Untold)) is not _Untold}
    try:
        text = str(error) if own else None
    except Exception:  # its own __str__ failed
        text = None
    return [own, builtin, arguments, attributes, text, keep(error.with_traceback(None)) if own else None]
