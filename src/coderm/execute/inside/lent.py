"""What a test lends to a candidate, as that one sees it: functions, iterators and streams of the test's.

Whatever is asked of them is asked of the judge, by one of a few names, and only plain data crosses.
"""

from __future__ import annotations

import builtins
import functools
import io
import sys
from types import MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .candidate import Candidate

METHODS = frozenset("close flush getvalue read read1 readable readline readlines seek seekable tell truncate writable "
                    "write writelines __iter__ __next__".split())
"""What a candidate may have done by a stream of the test's. None of it leads from there to the test's other objects."""


class JudgeCallable:
    """A function of the test's."""

    def __init__(self, candidate: Candidate, number: int, name: str = "function", doc: str | None = None) -> None:
        self._candidate, self.number, self.__name__, self.__doc__ = candidate, number, name, doc

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._candidate.ask_judge(self.number, "call", args, kwargs)


class JudgeFunction(JudgeCallable):
    """One that was made by `def`: in a class it is a method."""

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else MethodType(self, instance)


class JudgeIterator(JudgeCallable):
    """An iterator or generator of the test's."""

    def __iter__(self) -> JudgeIterator:
        return self

    def __next__(self) -> Any:
        return self._candidate.ask_judge(self.number, "next", (), {})


class JudgeStream(JudgeCallable):
    """A stream of the test's, or its buffer."""

    def _ask(self, method: str, *args: Any) -> Any:
        return self._candidate.ask_judge(self.number, self.__name__ + method, args, {})

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            return JudgeStream(self._candidate, self.number, "buffer.")
        if name not in METHODS:
            raise AttributeError(name)
        return functools.partial(self._ask, name)

    def __iter__(self) -> Any:
        return self._ask("__iter__")

    def __next__(self) -> Any:
        return self._ask("__next__")

    def __enter__(self) -> JudgeStream:
        return self

    def __exit__(self, *error: object) -> None:
        self._ask("close")


LENT = {"callable": JudgeCallable, "function": JudgeFunction, "iterator": JudgeIterator, "stream": JudgeStream}


class Surroundings:
    """What the test has put in place of stdout, stdin and input(), put in place here too while it lasts."""

    def __init__(self, candidate: Candidate, wanted: dict[str, Any]) -> None:
        self._candidate, self._wanted = candidate, wanted

    def __enter__(self) -> Surroundings:
        self._kept = sys.stdin, sys.stdout, builtins.input
        if "in" in self._wanted:
            sys.stdin = self._stream(*self._wanted["in"])
        if "input" in self._wanted:
            builtins.input = JudgeCallable(self._candidate, self._wanted["input"])
        if "out" in self._wanted:
            sys.stdout = self._out = self._stream(*self._wanted["out"])
        return self

    def __exit__(self, *error: object) -> None:
        sys.stdin, sys.stdout, builtins.input = self._kept

    def _stream(self, kind: str, about: Any) -> Any:
        if kind == "lent":
            return JudgeStream(self._candidate, about, "")
        if kind == "text":
            return io.StringIO(about)
        return io.TextIOWrapper(io.BytesIO(about.encode(errors="surrogateescape")), "utf-8", write_through=True)

    def printed(self) -> str | None:
        """What the candidate has written to a stdout that is not the test's own."""
        kind, _ = self._wanted.get("out", ("lent", None))
        if kind == "lent":
            return None
        if kind == "text":
            return str(self._out.getvalue())
        return str(self._out.buffer.getvalue(), errors="surrogateescape")
