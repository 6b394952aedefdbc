"""The engine: runs candidate solutions against unit tests in a jail. Nothing in here knows about LLMs.

`Engine` is imported when first used, so that `coderm` can offer `execute` without loading numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coderm.execute.engine import Engine
    from coderm.matrix import RewardMatrix

__all__ = ["Engine", "execute"]


def execute(solutions: list[str], unit_tests: list[str], **engine: Any) -> RewardMatrix:
    """Run every pair of one problem once, starting and ending an engine for it: the reward matrix [N, M].

    Keyword arguments are those of `Engine`: isolation "shared" or "split", time_limit in CPU seconds,
    memory_limit in bytes, workers, ...
    """
    from coderm.execute.engine import Engine

    with Engine(**engine) as running:
        return running.execute(solutions, unit_tests)


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from coderm.execute.engine import Engine

        return Engine
    raise AttributeError(f"module 'coderm.execute' has no attribute {name!r}")
