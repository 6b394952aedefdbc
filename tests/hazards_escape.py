"""Candidates that want out. `probe()` tries and tells; the unit test passes where every attempt was refused.

`CONTROLS` are the attempts that succeed in an ordinary process, so that a mistake in one is not taken for a wall.
"""

from hazard_cases import Case, code, unit_test

HELD = unit_test('self.assertEqual(probe(), "held")')


def attempt(line: str, name: str, text: str, *, control: bool = True) -> tuple[Case, bool]:
    """`text` is the body of a function that raises where it is refused."""
    body = "\n".join("    " + row for row in code(text).splitlines())
    solution = (f"import os, sys\ndef attempt():\n{body}\n"
                "def probe():\n    try:\n        attempt()\n    except (OSError, ValueError) as error:\n"
                "        return 'held'\n    return 'escaped'\n")
    honest = "def probe():\n    return 'held'\n"
    return Case(line, name, solution, "pass", "pass", HELD, beside=honest), control


LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def raw(name: str, number: int, *arguments: str, line: str = "syscall", control: bool = False) -> tuple[Case, bool]:
    """A system call by its x86-64 number."""
    joined = ", ".join((str(number), *arguments))
    return attempt(line, name, LIBC + f"if os.uname().machine != 'x86_64': raise OSError('another machine')\n"
                   f"result = libc.syscall({joined})\nif result < 0: raise OSError(ctypes.get_errno(), 'refused')", control=control)


_ATTEMPTS = [
    attempt("network", "loopback", "import socket\nsocket.create_server(('127.0.0.1', 0)).close()"),
    attempt("network", "datagram", "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "s.sendto(b'x', ('127.0.0.1', 9))"),
    attempt("network", "metadata address", "import socket\nsocket.create_connection(('169.254.169.254', 80), 0.1)", control=False),
    attempt("network", "unix socket", "import socket\ns = socket.socket(socket.AF_UNIX)\ns.bind('\\0coderm-probe')"),
    attempt("network", "name", "import socket\nsocket.getaddrinfo('localhost', 80)\nsocket.socket()"),
    attempt("network", "netlink", "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)"),
    attempt("network", "http", "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:1', timeout=0.1)", control=False),
    attempt("private", "home", "import pathlib\nhomes = [p for base in ('/root', '/home', '/work', '/mnt', '/srv', '/opt') if "
            "os.path.isdir(base) and os.access(base, os.R_OK) for p in os.listdir(base) if '.venv' not in p and "
            "os.path.isfile(os.path.join(base, p))]\nif not homes: raise OSError('nothing there')", control=False),
    attempt("private", "passwd", "open('/etc/passwd').read()"),
    attempt("private", "keys", "import glob\nfound = [open(p).read(1) for p in glob.glob('/root/.ssh/*') + glob.glob('/home/*/.ssh/*')]\n"
            "if not found: raise OSError('nothing there')", control=False),
    attempt("private", "secret in environment", "if not any('SECRET' in k for k in os.environ): raise OSError('nothing there')"),
    attempt("private", "environment of others", "for pid in filter(str.isdigit, os.listdir('/proc')):\n    if int(pid) != os.getpid():\n"
            "        text = open(f'/proc/{pid}/environ').read()\n        if 'SECRET' in text: return\nraise OSError('nothing there')",
            control=False),
    attempt("private", "supervisor's root", "os.listdir('/proc/1/root/root')", control=False),
    attempt("outside", "usr", "open(sys.prefix + '/coderm-probe', 'w').close()", control=False),
    attempt("outside", "root folder", "open('/coderm-probe', 'w').close()", control=False),
    attempt("outside", "dev", "open('/dev/coderm-probe', 'w').close()", control=False),
    attempt("outside", "dots", "open('../../coderm-probe', 'w').close()", control=False),
    attempt("outside", "symlink", "os.symlink('/', 'link')\nopen('link/coderm-probe', 'w').close()", control=False),
    attempt("outside", "interpreter", "open(os.__file__, 'r+').close()", control=False),
    attempt("outside", "block device", "open('/dev/vda', 'rb').read(1)", control=False),
    attempt("outside", "kernel settings", "open('/proc/sys/kernel/core_pattern', 'w').write('x')", control=False),
    attempt("trace", "signal parent", "os.kill(os.getppid(), 0)"),
    attempt("trace", "stop parent", "os.kill(os.getppid(), 19)", control=False),
    attempt("trace", "signal init", "os.kill(1, 0)", control=False),
    attempt("trace", "signal all", "os.kill(-1, 0)", control=False),
    attempt("trace", "signal group", "os.killpg(os.getpgid(0), 0)"),
    attempt("trace", "signal group of parent", "os.killpg(os.getpgid(os.getppid()), 0)", control=False),
    attempt("trace", "thread signal", LIBC + "p = os.getppid()\nif libc.syscall(234, p, p, 0): raise OSError('refused')", control=False),
    attempt("trace", "ptrace", LIBC + "if libc.ptrace(16, os.getppid(), 0, 0): raise OSError('refused')", control=False),
    attempt("trace", "memory of parent", "open(f'/proc/{os.getppid()}/mem', 'r+b').close()", control=False),
    attempt("trace", "descriptors of parent", "os.listdir(f'/proc/{os.getppid()}/fd')"),
    attempt("trace", "limits of parent", "import resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))", control=False),
    attempt("trace", "priority of parent", "os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)", control=False),
    attempt("trace", "processors of parent", "os.sched_setaffinity(os.getppid(), {0})", control=False),
    attempt("trace", "pidfd", "import signal\nfd = os.pidfd_open(os.getppid())\nsignal.pidfd_send_signal(fd, 0)"),
    raw("read memory of parent", 310, "os.getppid()", "None", "0", "None", "0", "0", line="trace"),
    raw("unshare", 272, "0x10000000"),
    raw("clone into namespace", 56, "0x10000011", "None", "None", "None", "None"),
    raw("clone3", 435, "None", "0"),
    raw("mount", 165, "b'none'", "b'/tmp'", "b'tmpfs'", "0", "None"),
    raw("open_tree", 428, "-100", "b'/'", "1"),
    raw("keyctl", 250, "0", "-3", "1", line="syscall"),
    raw("add_key", 248, "b'user'", "b'x'", "b'y'", "1", "-3"),
    raw("bpf", 321, "0", "None", "0"),
    raw("io_uring", 425, "8", "ctypes.create_string_buffer(200)"),
    raw("userfaultfd", 323, "0"),
    raw("perf_event_open", 298, "ctypes.create_string_buffer(128)", "0", "-1", "-1", "0"),
    raw("seccomp", 317, "0", "0", "None"),
    raw("x32 number", 0x40000000 + 39),
    raw("setuid root", 105, "0"),
    raw("chroot", 161, "b'/tmp'"),
    raw("setns", 308, "os.open('/proc/self/ns/mnt', os.O_RDONLY)", "0"),
    raw("memfd", 319, "b'x'", "0"),
]

CROSSING = [
    Case("crossing", "pickle", code("""
        import os
        class Bomb:
            def __reduce__(self): return os.system, ("touch /tmp/coderm-escaped",)
        def add(a, b): return Bomb()
    """), "fail", "fail|error"),
    Case("crossing", "exception", code("""
        class Bomb(Exception):
            def __reduce__(self): return exec, ("raise SystemExit",)
            def __str__(self): return 1
        def add(a, b): raise Bomb
    """), "error", "error"),
    Case("crossing", "archive", code("""
        import io, tarfile, zipfile
        def add(a, b):
            box = io.BytesIO()
            with tarfile.open(fileobj=box, mode="w") as tar:
                tar.addfile(tarfile.TarInfo("../../coderm-escaped"))
            return box.getvalue()
    """), "fail", "fail"),
]

CASES = [case for case, _ in _ATTEMPTS] + CROSSING
CONTROLS = [case for case, control in _ATTEMPTS if control]
