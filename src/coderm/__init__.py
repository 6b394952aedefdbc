"""CodeRM: tells right code from wrong when nobody has written the tests.

    import coderm
    result = coderm.best_of_n(solutions, unit_tests)
    result.best, result.votes, result.matrix

Names are imported when first used, so `import coderm` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from coderm.execute import execute  # early: later the name would mean the package

if TYPE_CHECKING:
    from coderm.choose import best_of_n
    from coderm.execute import Engine
    from coderm.matrix import RewardMatrix
    from coderm.reward import SELECTORS, score, select
    from coderm.runs import load
    from coderm.scale import allocate
    from coderm.solver import solve

__version__ = "0.1.0"

_HOME = {
    "Engine": "coderm.execute",
    "RewardMatrix": "coderm.matrix",
    "SELECTORS": "coderm.reward",
    "allocate": "coderm.scale",
    "best_of_n": "coderm.choose",
    "load": "coderm.runs",
    "score": "coderm.reward",
    "select": "coderm.reward",
    "solve": "coderm.solver",
}

__all__ = ["SELECTORS", "Engine", "RewardMatrix", "allocate", "best_of_n", "execute", "load", "score", "select",
           "solve"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'coderm' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value  # in place of a submodule of the same name, which importing it has put here
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
