"""What of the file system a worker without a jail may reach, as Landlock rules: the kernel's own, from Linux 5.13 on.

They bind the process that asks for them and all it starts, for good, root or not.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable
from contextlib import suppress

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _BENEATH = 1, 1
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute, read files, read folders
_WRITE = 1 << 1 | 1 << 14  # write files, truncate them
_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}  # version: how many rights on files it knows
_FILE = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 14 | 1 << 15  # what can be allowed on what is no folder
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_libc = ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The kernel's version of Landlock, 0 where it has none or has it switched off."""
    return max(int(_libc.syscall(_CREATE, None, ctypes.c_size_t(0), _VERSION)), 0)


def confine(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Leave this process the paths named (and those beneath) and the harmless devices, where the kernel can.

    Needs `no_new_privs`. Raises OSError where the kernel has Landlock and refuses.
    """
    known = version()
    if not known:
        return
    every = (1 << _RIGHTS[max(v for v in _RIGHTS if v <= known)]) - 1
    attributes = struct.pack("Q", every)
    ruleset = _call(_CREATE, attributes, len(attributes), 0)
    allowed = [*((path, _READ) for path in readable), *((path, every) for path in writable),
               *((path, _READ | _WRITE) for path in _DEVICES)]
    for path, rights in allowed:
        with suppress(FileNotFoundError):
            parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
            kept = every if os.path.isdir(path) else every & _FILE  # noqa: PTH112
            _call(_ADD, ruleset, _BENEATH, struct.pack("=Qi", rights & kept, parent), 0)
            os.close(parent)
    _call(_RESTRICT, ruleset, 0)
    os.close(ruleset)


def _call(number: int, *arguments: int | bytes) -> int:
    """A system call; variadic, so that numbers are passed as longs."""
    done = int(_libc.syscall(number, *(a if isinstance(a, bytes) else ctypes.c_long(a) for a in arguments)))
    if done < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return done
