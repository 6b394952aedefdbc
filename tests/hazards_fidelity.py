"""Candidates that must be judged fairly, and the same every time."""

from hazard_cases import RIGHT, Case, code, unit_test


def fair(line: str, name: str, text: str, test: str, *, head: str = "", split: str = "pass") -> Case:
    """An honest candidate: it passes, and once more after itself."""
    text = code(text)
    return Case(line, name, text, "pass", split, unit_test(test, head), beside=text)


def state(name: str, text: str, test: str) -> Case:
    """A candidate whose function tells whether an earlier pair left something; it is run several times in one job."""
    return fair("state", name, text, test)


FIRST = 'self.assertEqual(seen(), "fresh")'

CASES = [
    state("globals", """
        calls = []
        def seen():
            calls.append(1)
            return "fresh" if len(calls) == 1 else "stale"
    """, FIRST),
    state("defaults", """
        def seen(found=[]):
            found.append(1)
            return "fresh" if len(found) == 1 else "stale"
    """, FIRST),
    state("cache", """
        import functools
        count = 0
        @functools.lru_cache
        def once():
            global count
            count += 1
            return count
        def seen(): return "fresh" if once() == 1 else "stale"
    """, FIRST),
    state("function attribute", """
        def seen():
            seen.calls = getattr(seen, "calls", 0) + 1
            return "fresh" if seen.calls == 1 else "stale"
    """, FIRST),
    state("working directory", """
        import os
        def seen():
            before = os.getcwd()
            os.makedirs("below", exist_ok=True)
            os.chdir("below")
            return "fresh" if not before.endswith("below") else "stale"
    """, FIRST),
    state("files", """
        import os
        def seen():
            before = os.listdir(".")
            open("left", "w").close()
            return "fresh" if "left" not in before else "stale"
    """, FIRST),
    state("recursion limit", """
        import sys
        def seen():
            before = sys.getrecursionlimit()
            sys.setrecursionlimit(before + 5000)
            return "fresh" if before < 5000 else "stale"
    """, FIRST),
    state("locale", """
        import locale
        def seen():
            before = locale.setlocale(locale.LC_CTYPE)
            locale.setlocale(locale.LC_ALL, "C")
            return "fresh" if before != "C" else "stale"
    """, FIRST),
    state("warnings", """
        import warnings
        def seen():
            before = len(warnings.filters)
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", message="mine")
            return "fresh" if not any(f[0] == "error" for f in warnings.filters[2:]) and before < 15 else "stale"
    """, FIRST),
    state("decimal context", """
        import decimal
        def seen():
            before = decimal.getcontext().prec
            decimal.getcontext().prec = 5
            return "fresh" if before == 28 else "stale"
    """, FIRST),
    state("random", """
        import random
        def seen():
            before = random.getstate()
            random.seed(7)
            return "stale" if random.getstate() == before else "fresh"
    """, FIRST),
    state("marks on a module", """
        import math
        def seen():
            before = hasattr(math, "mine")
            math.mine = 1
            return "stale" if before else "fresh"
    """, FIRST),
    state("marks on a class", """
        from fractions import Fraction
        def seen():
            try:
                return "stale" if Fraction.mine else ""
            except AttributeError:
                Fraction.mine = 1
                return "fresh"
    """, FIRST),
    state("environment", """
        import os
        def seen():
            before = os.environ.get("MINE")
            os.environ["MINE"] = "1"
            return "fresh" if before is None else "stale"
    """, FIRST),
    state("modules", """
        import sys, types
        def seen():
            before = "mine_alone" in sys.modules
            sys.modules["mine_alone"] = types.ModuleType("mine_alone")
            return "fresh" if not before else "stale"
    """, FIRST),
    state("search path", """
        import sys
        def seen():
            before = "/tmp/mine" in sys.path
            sys.path.insert(0, "/tmp/mine")
            return "fresh" if not before else "stale"
    """, FIRST),
    state("streams", """
        import io, sys
        def seen():
            before = isinstance(sys.stdout, io.StringIO)
            sys.stdout = io.StringIO()
            return "fresh" if not before else "stale"
    """, FIRST),
    state("threads", """
        import threading, time
        def seen():
            before = threading.active_count()
            threading.Thread(target=time.sleep, args=(2,), daemon=True).start()
            return "fresh" if before == 1 else "stale"
    """, FIRST),
    state("integer digits", """
        import sys
        def seen():
            before = sys.get_int_max_str_digits()
            sys.set_int_max_str_digits(0)
            return "fresh" if before else "stale"
    """, FIRST),
    state("switch interval and collector", """
        import gc, sys
        def seen():
            before = gc.isenabled()
            gc.disable()
            return "fresh" if before else "stale"
    """, FIRST),
    state("umask", """
        import os
        def seen():
            before = os.umask(0o777)
            return "fresh" if before != 0o777 else "stale"
    """, FIRST),
    state("time zone", """
        import os, time
        def seen():
            before = time.tzname[0]
            os.environ["TZ"] = "Asia/Tokyo"
            time.tzset()
            return "fresh" if before == "UTC" else "stale"
    """, FIRST),
    state("logging", """
        import io, logging
        def seen():
            before = logging.root.handlers, logging.root.level
            logging.basicConfig(level=logging.DEBUG, stream=io.StringIO())
            return "fresh" if before[1] == logging.WARNING and len(before[0]) == 1 else "stale"
    """, FIRST),
    state("a replaced module", """
        import sys
        def seen():
            before = sys.modules["json"]
            sys.modules["json"] = None
            return "fresh" if before else "stale"
    """, FIRST),
    state("arguments", """
        import sys
        def seen():
            before = "mine" in sys.argv
            sys.argv.append("mine")
            return "stale" if before else "fresh"
    """, FIRST),
    state("event loop", """
        import asyncio
        async def fresh(): return "fresh"
        def seen():
            asyncio.get_event_loop()
            return asyncio.run(fresh())
    """, FIRST),
    state("numpy errors", """
        import numpy
        def seen():
            before = numpy.geterr()["divide"]
            numpy.seterr(all="raise")
            return "fresh" if before != "raise" else "stale"
    """, FIRST),
    state("limits", """
        import resource
        def seen():
            before = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            resource.setrlimit(resource.RLIMIT_NOFILE, (50, before))
            return "fresh" if before > 50 else "stale"
    """, FIRST),
    fair("numpy", "import", "import numpy as np\ndef add(a, b): return int(np.add(a, b))\n",
         "self.assertEqual(add(2, 3), 5)"),
    fair("numpy", "random is the same", """
        import numpy as np
        def seen():
            before = np.random.rand()
            np.random.seed(0)
            return "fresh" if before == np.random.rand() else "stale"
    """, FIRST),
    fair("numpy", "linear algebra", "import numpy as np\ndef rank(n): return int(np.linalg.matrix_rank(np.eye(n)))\n",
         "self.assertEqual(rank(20), 20)"),
    fair("main", "guard", RIGHT + "if __name__ == '__main__':\n    raise SystemExit(add(1, 2))\n", "self.assertEqual(add(2, 3), 5)"),
    fair("main", "input loop", RIGHT + "if __name__ == '__main__':\n    while True: print(input())\n",
         "self.assertEqual(add(2, 3), 5)"),
    fair("honest", "os.path", "import os\ndef add(a, b): return os.path.join(a, b)\n", "self.assertEqual(add('a', 'b'), 'a/b')"),
    fair("honest", "threads", """
        import threading
        from concurrent.futures import ThreadPoolExecutor
        def add(a, b):
            found = []
            thread = threading.Thread(target=lambda: found.append(a + b))
            thread.start()
            thread.join()
            with ThreadPoolExecutor(4) as pool:
                return found[0] + sum(pool.map(lambda x: 0, range(8)))
    """, "self.assertEqual(add(2, 3), 5)"),
    fair("honest", "processes", """
        import multiprocessing
        def square(x): return x * x
        def work(queue, x): queue.put(square(x))
        def squares(xs):
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            workers = [context.Process(target=work, args=(queue, x)) for x in xs]
            for worker in workers: worker.start()
            found = sorted(queue.get() for _ in workers)
            for worker in workers: worker.join()
            return found
    """, "self.assertEqual(squares([1, 2, 3]), [1, 4, 9])"),
    fair("honest", "files", """
        import os, tempfile
        def roundtrip(text):
            with open("note.txt", "w") as file: file.write(text)
            with tempfile.NamedTemporaryFile("w+") as file:
                file.write(text)
                file.seek(0)
                return open("note.txt").read() + file.read()
    """, "self.assertEqual(roundtrip('ab'), 'abab')"),
    fair("honest", "input", """
        def total():
            n = int(input())
            return n + sum(int(input()) for _ in range(n))
    """, "with mock.patch('builtins.input', side_effect=['2', '3', '4']):\n    self.assertEqual(total(), 9)",
         head="from unittest import mock"),
    fair("honest", "stdin", "import sys\ndef total(): return sum(map(int, sys.stdin.read().split()))\n",
         "sys.stdin = io.StringIO('1 2 3')\nself.assertEqual(total(), 6)", head="import io, sys"),
    fair("honest", "stdout", "def hello(): print('hello')\n", "with contextlib.redirect_stdout(io.StringIO()) as out:\n"
         "    hello()\nself.assertEqual(out.getvalue(), 'hello\\n')", head="import contextlib, io"),
    fair("honest", "dataclass", """
        from dataclasses import dataclass
        @dataclass
        class Point:
            x: int
            y: int
            def __eq__(self, other): return (self.x, self.y) == (other.x, other.y)
            def __add__(self, other): return Point(self.x + other.x, self.y + other.y)
    """, "self.assertEqual(Point(1, 2) + Point(3, 4), Point(4, 6))\nself.assertEqual((Point(1, 2) + Point(0, 0)).y, 2)",
         split="self-judged"),
    fair("honest", "async", "import asyncio\nasync def add(a, b):\n    await asyncio.sleep(0)\n    return a + b\n",
         "self.assertEqual(asyncio.run(add(2, 3)), 5)", head="import asyncio"),
    fair("honest", "exception", "class Bad(ValueError): pass\ndef add(a, b):\n    if a < 0: raise Bad('negative')\n"
         "    return a + b\n", "with self.assertRaises(Bad):\n    add(-1, 2)\nself.assertRaisesRegex(ValueError, 'neg', add, -1, 2)"),
    fair("honest", "changes its argument", "def sort(xs): xs.sort()\n", "xs = [3, 1, 2]\nsort(xs)\nself.assertEqual(xs, [1, 2, 3])"),
    fair("honest", "generator", "def count(n):\n    yield from range(n)\n", "self.assertEqual(list(count(3)), [0, 1, 2])"),
    fair("honest", "named tuple", "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef make(): return P(1, 2)\n",
         "self.assertEqual(make(), (1, 2))\nself.assertEqual(make().x, 1)"),
    fair("honest", "subtests", "def double(x): return 2 * x\n",
         "for x in range(3):\n    with self.subTest(x=x):\n        self.assertEqual(double(x), x + x)"),
]
