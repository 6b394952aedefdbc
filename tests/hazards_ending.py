"""Candidates that end their process, outlive it, or forge what it records and its clocks. All of them are wrong."""

from hazard_cases import NOT_PASS, wrong

CASES = [
    wrong("exit", "sys.exit at import", "import sys\nsys.exit(0)\n", "error"),
    wrong("exit", "quit at import", "quit()\n", "error"),
    wrong("exit", "sys.exit in call", "import sys\ndef add(a, b): sys.exit(0)\n", "error"),
    wrong("exit", "SystemExit in call", "def add(a, b): raise SystemExit(0)\n", "error"),
    wrong("exit", "KeyboardInterrupt", "def add(a, b): raise KeyboardInterrupt\n", "error"),
    wrong("exit", "GeneratorExit", "def add(a, b): raise GeneratorExit\n", "error"),
    wrong("exit", "os._exit at import", "import os\nos._exit(0)\n", "crash"),
    wrong("exit", "os._exit in call", "import os\ndef add(a, b): os._exit(0)\n", "crash"),
    wrong("exit", "SIGKILL", "import os\ndef add(a, b): os.kill(os.getpid(), 9)\n", "crash"),
    wrong("exit", "SIGTERM", "import os\ndef add(a, b): os.kill(os.getpid(), 15)\n", "crash"),
    wrong("exit", "SIGALRM", "import os\ndef add(a, b): os.kill(os.getpid(), 14)\n", "crash|timeout"),
    wrong("exit", "execv", "import os\ndef add(a, b): os.execv('/bin/true', ['true'])\n", "error|crash"),
    wrong("exit", "abort", "import os\ndef add(a, b): os.abort()\n", "crash"),

    wrong("later", "atexit", "import atexit, os\natexit.register(os._exit, 0)\n", "fail"),
    wrong("later", "__del__", """
        import os, sys
        class Trap:
            def __del__(self):
                try:
                    sys._getframe(1).f_locals["verdict"] = 9
                finally:
                    os._exit(0)
        def add(a, b):
            Trap()
            return 77
    """, "crash"),
    wrong("later", "thread patches", """
        import threading, time, unittest
        def later():
            time.sleep(0.001)
            unittest.TestCase.assertEqual = lambda *a: None
        def add(a, b):
            if not hasattr(add, "thread"):
                add.thread = threading.Thread(target=later, daemon=True)
                add.thread.start()
                time.sleep(0.02)
            return 77
    """, "tampered"),
    wrong("later", "thread exits", """
        import threading, time, os
        def add(a, b):
            threading.Thread(target=lambda: (time.sleep(0.001), os._exit(0)), daemon=True).start()
            time.sleep(0.05)
            return 77
    """, "crash"),
    wrong("later", "finalize", """
        import weakref, unittest
        class Trap: pass
        def add(a, b):
            trap = Trap()
            weakref.finalize(trap, setattr, unittest.TestCase, "assertEqual", lambda *a: None)
            del trap
            return 77
    """, "tampered"),
    wrong("later", "signal handler", """
        import signal, unittest
        def handler(*a): unittest.TestCase.assertEqual = lambda *a: None
        signal.signal(signal.SIGUSR1, handler)
        def add(a, b):
            signal.raise_signal(signal.SIGUSR1)
            return 77
    """, "tampered"),
    wrong("later", "async task", """
        import asyncio, unittest
        async def later(): unittest.TestCase.assertEqual = lambda *a: None
        async def main(): asyncio.create_task(later()); await asyncio.sleep(0)
        def add(a, b):
            asyncio.run(main())
            return 77
    """, "tampered"),
    wrong("later", "generator cleanup", """
        import unittest
        def trap():
            try:
                yield
            finally:
                unittest.TestCase.assertEqual = lambda *a: None
        def add(a, b):
            next(trap())
            return 77
    """, "tampered"),

    wrong("forge", "OK", """
        import sys
        def add(a, b):
            sys.stderr.write("\\n----\\nRan 2 tests in 0.000s\\n\\nOK\\n")
            print("OK")
            return 77
    """, "fail"),
    wrong("forge", "json", """
        import json
        def add(a, b):
            print(json.dumps({"verdict": "pass", "passed": True, "kind": "end", "status": 0}), flush=True)
            return 77
    """, "fail"),
    wrong("forge", "megabytes everywhere", """
        import os
        def add(a, b):
            for fd in range(3, 64):
                try:
                    os.set_blocking(fd, False)
                    os.write(fd, b"OK pass\\n" * 200_000)
                except OSError:
                    pass
            print("OK" * 2_000_000)
            return 77
    """, NOT_PASS),

    wrong("leave", "modules", """
        import os
        for name in ("unittest.py", "conftest.py", "sitecustomize.py", "x.pth", "math.py"):
            open(name, "w").write("class TestCase:\\n    def __getattr__(self, name): return lambda *a: None\\n")
        os.makedirs("__pycache__", exist_ok=True)
        os.makedirs("unittest", exist_ok=True)
        open("unittest/__init__.py", "w").write("raise SystemExit(0)")
    """, "fail"),
    wrong("leave", "path", """
        import sys
        sys.path.insert(0, ".")
        open("decimals_of_mine.py", "w").write("x = 1")
        import decimals_of_mine
    """, "fail"),

    wrong("clock", "time", """
        import time
        time.time = time.monotonic = time.process_time = lambda: 0.0
    """, "tampered"),
    wrong("clock", "cancels timers", """
        import signal
        def add(a, b):
            signal.alarm(0)
            for timer in (signal.ITIMER_REAL, signal.ITIMER_PROF, signal.ITIMER_VIRTUAL):
                signal.setitimer(timer, 0)
            for number in (signal.SIGALRM, signal.SIGPROF, signal.SIGXCPU, signal.SIGVTALRM):
                signal.signal(number, signal.SIG_IGN)
            while True: pass
    """, "timeout", split="timeout"),
    wrong("clock", "swallows", """
        def add(a, b):
            while True:
                try:
                    while True: pass
                except BaseException:
                    pass
    """, "timeout", split="timeout"),
    wrong("clock", "blocks signals", """
        import signal
        def add(a, b):
            signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
            while True: pass
    """, "timeout", split="timeout"),
    wrong("clock", "forged", """
        import sys, time
        def add(a, b):
            frame = sys._getframe(1)
            while frame:
                for thing in list(frame.f_locals.values()):
                    board = getattr(thing, "board", None)
                    if hasattr(board, "begin"):
                        while True:
                            board.begin(1, time.monotonic(), 1 << 62)
                frame = frame.f_back
            while True: pass
    """, "tampered|timeout", split="timeout"),
    wrong("clock", "begins pair after pair", """
        import sys, time
        def add(a, b):
            frame = sys._getframe(1)
            while frame:
                for thing in list(frame.f_locals.values()):
                    board = getattr(thing, "board", None)
                    if hasattr(board, "begin"):
                        for place in range(1, 1 << 30):
                            board.begin(place, time.monotonic(), time.process_time_ns())
                            time.sleep(0.001)
                frame = frame.f_back
            while True: pass
    """, "tampered|timeout", split="timeout"),
    wrong("clock", "begins at no time", """
        import sys, time
        def add(a, b):
            frame = sys._getframe(1)
            while frame:
                for thing in list(frame.f_locals.values()):
                    board = getattr(thing, "board", None)
                    if hasattr(board, "begin"):
                        board.begin(1, float("nan"), time.process_time_ns())
                        time.sleep(600)
                frame = frame.f_back
            while True: pass
    """, "tampered|timeout", split="timeout"),
    wrong("clock", "sleeps", "import time\ndef add(a, b): time.sleep(600)\n", "timeout", split="timeout"),
]
