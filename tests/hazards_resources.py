"""Candidates that hog or break what they run on."""

from hazard_cases import RIGHT, WRONG, Case, code, unit_test


def limit(line: str, name: str, text: str, verdict: str, **more: str) -> Case:
    """A candidate that must end as `verdict` says, whatever the mode."""
    text = code(text)
    return Case(line, name, text if "add" in text else text + RIGHT, verdict, more.pop("split", verdict), **more)


CASES = [
    limit("loop", "in call", "def add(a, b):\n    while True: pass\n", "timeout"),
    limit("loop", "at import", "while True: pass\n", "timeout"),
    limit("loop", "at one test of two", "def add(a, b):\n    while a < 0: pass\n    return a + b\n", "timeout"),
    limit("loop", "generator", "def add(a, b):\n    return sum(1 for _ in iter(int, 1))\n", "timeout"),
    limit("c loop", "product", """
        from itertools import product
        def add(a, b): return len(list(product(range(10 ** 4), repeat=3)))
    """, "timeout|memory"),
    limit("c loop", "power", "def add(a, b): return 10 ** 10 ** 8\n", "timeout"),
    limit("c loop", "power at compile time", "X = 10 ** 10 ** 8\ndef add(a, b): return X\n", "timeout"),
    limit("c loop", "regex", "import re\ndef add(a, b): return bool(re.match('(a|a)*$', 'a' * 60 + 'b'))\n", "timeout"),
    limit("c loop", "sorted", "def add(a, b): return sorted(range(50_000_000), key=lambda x: -x)\n", "timeout|memory"),
    limit("c loop", "sum", "def add(a, b): return sum(range(10 ** 12))\n", "timeout"),
    limit("c loop", "huge int to str", "import sys\nsys.set_int_max_str_digits(0)\n"
          "def add(a, b): return len(str(7 ** 3_000_000))\n", "timeout"),
    limit("memory", "append", """
        def add(a, b):
            kept = []
            while True: kept.append('x' * 100_000)
    """, "memory|timeout"),
    limit("memory", "string", "def add(a, b): return 'a' * 10 ** 11\n", "memory"),
    limit("memory", "bytearray", "def add(a, b): return bytearray(10 ** 11)\n", "memory"),
    limit("memory", "list", "def add(a, b): return [0] * 10 ** 10\n", "memory"),
    limit("memory", "many children", """
        import os, time
        def add(a, b):
            for _ in range(8):
                if os.fork() == 0:
                    kept = b"x" * (400 << 20)
                    time.sleep(10)
                    os._exit(0)
            time.sleep(10)
    """, "memory|timeout"),
    limit("memory", "shared by nobody", """
        import mmap, os, time
        def add(a, b):
            for _ in range(8):
                if os.fork() == 0:
                    memory = mmap.mmap(-1, 120 << 20)
                    for at in range(0, len(memory), 4096): memory[at] = 1
                    time.sleep(10)
                    os._exit(0)
            time.sleep(10)
    """, "memory|timeout"),
    limit("bomb", "fork", """
        import os
        def add(a, b):
            while True:
                try:
                    os.fork()
                except OSError:
                    pass
    """, "timeout|crash|memory"),
    limit("bomb", "threads", """
        import threading, time
        def add(a, b):
            started = []
            while len(started) < 5000:
                started.append(threading.Thread(target=time.sleep, args=(5,), daemon=True))
                started[-1].start()
            return a + b
    """, "error|memory|crash|timeout"),
    limit("daemon", "double fork", """
        import os, signal, time
        def add(a, b):
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for number in range(1, 32):
                        try:
                            signal.signal(number, signal.SIG_IGN)
                        except (OSError, ValueError):
                            pass
                    time.sleep(3600)
                os._exit(0)
            return a + b
    """, "pass"),
    limit("sigterm", "ignored", """
        import signal
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        def add(a, b):
            while True: pass
    """, "timeout"),
    limit("output", "150 KB", "import sys\ndef add(a, b):\n    print('x' * 150_000)\n"
          "    sys.stderr.write('y' * 150_000)\n    return a + b\n", "pass"),
    limit("output", "20 MB at import", "import os\nfor _ in range(20): os.write(1, b'z' * 1_000_000)\n", "pass"),
    limit("message", "long difference", "def add(a, b): return 'x' * 5_000_000\n", "fail|timeout|error",
          test=unit_test("self.assertEqual(add(2, 3), 'y' * 5_000_000)"), beside=WRONG, beside_verdict="fail"),
    limit("message", "long exception", "def add(a, b): raise ValueError('x' * 20_000_000)\n", "error"),
    limit("message", "endless repr", """
        class Endless:
            def __repr__(self):
                while True: pass
        def add(a, b): return Endless()
    """, "timeout|fail"),
    limit("disk", "one file", """
        def add(a, b):
            with open("big", "wb") as file:
                while True: file.write(b"x" * (1 << 20))
    """, "error|crash|timeout"),
    limit("disk", "many files", """
        def add(a, b):
            for number in range(100):
                with open(f"f{number}", "wb") as file:
                    file.write(b"x" * (8 << 20))
            return a + b
    """, "error|crash|memory|timeout"),
    limit("disk", "inodes", """
        def add(a, b):
            number = 0
            while True:
                number += 1
                open(f"f{number}", "w").close()
    """, "timeout|error"),
    limit("disk", "sparse", """
        def add(a, b):
            with open("sparse", "wb") as file:
                file.truncate(1 << 40)
            return a + b
    """, "error|crash"),
    limit("stack", "recursion", "def add(a, b): return add(a, b)\n", "error"),
    limit("stack", "segfault", "import ctypes\ndef add(a, b): return ctypes.string_at(0)\n", "crash"),
    limit("stack", "overflow in C", """
        import sys
        sys.setrecursionlimit(10 ** 9)
        def add(a, b):
            return add(a, b)
        class Deep:
            def __repr__(self): return repr([self])
        def add(a, b): return repr(Deep())
    """, "crash|error|memory|timeout"),
    limit("stack", "nested list", """
        def add(a, b):
            x = []
            for _ in range(100_000): x = [x]
            return x
    """, "fail|error|crash"),
    limit("stdin", "input", "def add(a, b): return int(input()) + b\n", "error"),
    limit("stdin", "at import", "n = int(input())\ndef add(a, b): return a + b\n", "error"),
    limit("stdin", "read", "import sys\ndef add(a, b): return a + b + len(sys.stdin.read())\n", "pass"),
    limit("bytes", "NUL in source", "def add(a, b): return a + b\n\x00", "error"),
    limit("bytes", "surrogate in source", "def add(a, b): return a + b  # \udc80\n", "error|pass"),
    limit("bytes", "surrogate in string", "def add(a, b): return '\ud800'\n", "error|fail"),
    limit("bytes", "surrogate in output", "def add(a, b):\n    print(chr(0xD800), chr(0), file=__import__('sys').stderr)\n"
          "    return a + b\n", "pass|error"),
    limit("bytes", "raw output", "import os\ndef add(a, b):\n    os.write(1, bytes(range(256)))\n    return a + b\n", "pass"),
    limit("bytes", "surrogate in message", "def add(a, b): raise ValueError(chr(0xDFFF) + chr(0))\n", "error"),
    limit("bytes", "returned", "def add(a, b): return chr(0xDFFF) + chr(0)\n", "fail|error"),
    limit("bytes", "coding comment", "# -*- coding: no-such-codec -*-\ndef add(a, b): return a + b\n", "pass|error"),
    limit("source", "a megabyte", "X = [" + "1234567," * 130_000 + "]\n", "pass"),
    limit("source", "ten thousand brackets", "X = " + "(" * 10_000 + ")" * 10_000 + "\n", "error"),
    limit("source", "ten thousand lists", "X = " + "[" * 10_000 + "]" * 10_000 + "\n", "error"),
    limit("source", "deep expression", "X = " + "-" * 50_000 + "1\n", "error"),
    limit("source", "deep attribute", "x = 1\nX = x" + ".real" * 20_000 + "\n", "error|pass"),
    limit("source", "only comments", "# nothing but this add\n", "error"),
    limit("source", "empty", "# add", "error"),
]
