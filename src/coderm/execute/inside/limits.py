"""The limits of a job and its cells: what the kernel enforces, and how much time a hanging candidate may waste."""

from __future__ import annotations

import resource

FILE_BYTES = 16 * 1024 * 1024
OPEN_FILES = 256
FREE_TIMEOUTS = 2
SLOWEST_FRACTION = 1 / 32


def limit_resources(memory: int, processes: int | None) -> None:
    """Set the hard limits of this process and all it will start; `memory` is bytes of address space a process."""
    limits = {resource.RLIMIT_AS: memory, resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: FILE_BYTES,
              resource.RLIMIT_NOFILE: OPEN_FILES, resource.RLIMIT_MEMLOCK: 0, resource.RLIMIT_MSGQUEUE: 0}
    if processes is not None:
        limits[resource.RLIMIT_NPROC] = processes
    for what, value in limits.items():
        resource.setrlimit(what, (value, value))


def children_ns() -> int:
    """CPU time of the children that this process has waited for, theirs included, in nanoseconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return int((used.ru_utime + used.ru_stime) * 1e9)


def slowed(timeouts: int) -> float:
    """The fraction of the time limit that a candidate has on each further test after so many timeouts.

    The first two cost the full limit, each further one halves it, down to 1/32: on M tests a candidate can waste
    less than (3 + M/32) times the limit, whatever M, one more where it shared a cell, and as much again while its
    passes are verified. A verdict under a reduced limit is marked as such.
    """
    return float(max(0.5 ** max(0, timeouts - FREE_TIMEOUTS + 1), SLOWEST_FRACTION))
