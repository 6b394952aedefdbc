"""Whether a unit test loads at all: its module code, executed once beside stand-ins for the candidates' names.

Only tests that run code when imported are tried (`Study.loads_code`); nearly all merely define a class. What fails
here before it has asked anything of the candidate fails whatever the candidate, and is the test's error.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .board import Board
from .study import MARK, WATCH, Study

if TYPE_CHECKING:
    from .job import Job

_WITH_TESTING = frozenset({"numpy", "pandas"})
_BEHIND_NUMPY = frozenset({"numpy.testing._private.utils", "numpy._core.numeric", "numpy.core.numeric"})
_OF_TESTS = frozenset({"pytest", "numpy.testing", "pandas.testing"})
_NO_END = b"does not load: it comes to no end"
_PATIENCE = 2  # times the limit of a pair: to be slow here is no proof of being so beside a candidate


def prepare(tests: list[Study]) -> list[str]:
    """The modules whose functions the tests may lean on, in order; what they use of the known test libraries is there
    before a picture of the interpreter is taken, not made in the first pair, by whoever is judged.

    Hypothesis times the garbage collector: without this an honest candidate would seem to have tampered with it.
    """
    named = {name for test in tests for name in test.imports | test.reads}
    named |= {f"{name}.testing" for name in named & _WITH_TESTING}
    if "numpy" in named:
        named |= _BEHIND_NUMPY
    for name in sorted(named & _OF_TESTS):
        with suppress(ImportError):
            importlib.import_module(name)
    if "hypothesis" in named:
        with suppress(ImportError):
            from hypothesis.internal.conjecture.junkdrawer import gc_cumulative_time

            gc_cumulative_time()
    return sorted(named)


def load_problem(job: Job, test: Study, names: frozenset[str]) -> str:
    """Load the test in a cell: "" or what went wrong."""
    job.board.clear()
    job.board.write_text(_NO_END)  # unless the cell lives to say better

    def work() -> None:
        job.channel.close()
        job.board.write_text(_load(test, names, job.board).encode(errors="replace"))

    death = job.watcher.run(work, _PATIENCE * job.limit)
    told = job.board.read_text()
    if told == _NO_END and death.cause == "wall":
        return ""  # the machine was too busy to tell
    return told.decode(errors="replace")


def _load(test: Study, names: frozenset[str], board: Board) -> str:
    module = types.ModuleType("solution")
    stand_in = _stand_in(board)
    module.__dict__.update(dict.fromkeys(names, stand_in), **{MARK: lambda: None, WATCH: lambda name, thing: thing})
    sys.modules["solution"] = module
    assert test.code is not None
    try:
        exec(test.code, module.__dict__)
    except BaseException as error:
        return f"does not load: {type(error).__name__}: {str(error)[:200]}"
    return ""


def _stand_in(board: Board) -> Any:
    """An object for a candidate's name. Whatever is asked of it only a candidate could answer: the trial ends there."""

    def inconclusive(*_: Any, **__: Any) -> None:
        board.write_text(b"")
        os._exit(0)

    return type("StandIn", (), dict.fromkeys(_QUESTIONS, inconclusive) | {"__hash__": object.__hash__})()


_QUESTIONS = {name for kind in (int, list, dict) for name in dir(kind)} - set(dir(object)) | {
    f"__{name}__" for name in (
        "getattribute setattr delattr call eq ne lt le gt ge str repr format next await enter aenter aiter anext "
        "complex fspath bytes matmul rmatmul instancecheck subclasscheck").split()}
