"""Whether a unit test loads at all: its module code, executed once beside stand-ins for the candidates' names.

Only tests that run code when imported are tried (`Study.loads_code`); nearly all merely define a class. What fails
here fails whatever the candidate, and is the test's error.
"""

from __future__ import annotations

import sys
import types
from typing import TYPE_CHECKING, Any

from .study import MARK, Study

if TYPE_CHECKING:
    from .job import Job


def load_problem(job: Job, test: Study, names: frozenset[str]) -> str:
    """Load the test in a cell: "" or what went wrong."""
    job.board.clear()

    def work() -> None:
        job.channel.close()
        job.board.write_text(_load(test, names).encode(errors="replace"))

    job.watcher.run(work, job.limit)
    return job.board.read_text().decode(errors="replace")


def _load(test: Study, names: frozenset[str]) -> str:
    module = types.ModuleType("solution")
    stand_in = _StandIn()
    module.__dict__.update(dict.fromkeys(names, stand_in), **{MARK: lambda: None})
    sys.modules["solution"] = module
    assert test.code is not None
    try:
        exec(test.code, module.__dict__)
    except BaseException as error:
        return f"does not load: {type(error).__name__}: {str(error)[:200]}"
    return ""


class _StandIn:
    """Takes part in whatever a test does with a candidate's name while it is being loaded."""

    def __call__(self, *args: Any, **kwargs: Any) -> _StandIn:
        return self

    def __getattr__(self, name: str) -> _StandIn:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: Any) -> _StandIn:
        return self

    def __iter__(self) -> Any:
        return iter(())

    def __mro_entries__(self, bases: Any) -> tuple[type, ...]:
        return (object,)
