"""What an engine is asked for, checked before anything starts: a wrong limit would only show in what never ran."""

from __future__ import annotations

import math
import operator
import shutil
from typing import Any, get_args

from coderm.errors import InputError
from coderm.records import Isolation, Protocol

LEAST_MEMORY = 16 * 1024 * 1024
MOST_MEMORY = 2**44
"""16 TiB. Memory limits are passed on to the kernel, which takes larger ones for none, or not at all."""


def seconds(value: Any) -> float:
    """A time limit. Raises InputError where it is none."""
    try:
        limit = float(value) if not isinstance(value, str) else math.nan
    except (TypeError, ValueError):
        limit = math.nan
    if not 0.001 <= limit <= 3600:
        raise InputError(f"time_limit must be a number of seconds between 0.001 and 3600, not {value!r}")
    return limit


def memory(value: Any) -> int:
    """A memory limit in bytes. Raises InputError where it is none."""
    limit = _whole(value)
    if limit is None or not LEAST_MEMORY <= limit <= MOST_MEMORY:
        raise InputError("memory_limit must be a whole number of bytes between 16 MiB and 16 TiB "
                         f"({LEAST_MEMORY} and {MOST_MEMORY}), not {value!r}")
    return limit


def count_of_workers(value: Any) -> int:
    """How many jails. Raises InputError for less than one."""
    count = _whole(value)
    if count is None or count < 1:
        raise InputError(f"workers must be a whole number, at least 1, or None for one a core, not {value!r}")
    return count


def interpreter(value: Any) -> str:
    """The full path of another Python. Raises InputError where there is no such program."""
    path = shutil.which(value) if isinstance(value, str) else None
    if path is None:
        raise InputError(f"python must be the path of an interpreter, and {value!r} is no program")
    return path


def mode(name: str, value: Any) -> Any:
    """A value of `isolation` or `protocol`. Raises InputError for a word that is none."""
    words = get_args({"isolation": Isolation, "protocol": Protocol}[name])
    if value not in words:
        raise InputError(f"{name} must be {' or '.join(words)}, not {value!r}")
    return value


def _whole(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return int(value) if isinstance(value, float) and value.is_integer() else None
