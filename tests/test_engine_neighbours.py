"""Candidates that share a process, and pairs of one candidate: none changes what becomes of another."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator

import pytest
from hazard_cases import unit_test

from coderm.execute import Engine
from coderm.execute.inside.reach import reach

LIMIT = 0.3
ADD_ONE = unit_test("self.assertEqual(f(1), 2)")


@pytest.fixture(scope="module", params=["shared", "split"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with Engine(request.param, time_limit=LIMIT, memory_limit=512 << 20, workers=1) as running:
        yield running


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    with Engine(time_limit=LIMIT, memory_limit=512 << 20, workers=1) as running:
        yield running


def verdicts(engine: Engine, solutions: list[str], tests: list[str]) -> list[list[str]]:
    return engine.execute([textwrap.dedent(text) for text in solutions], tests).verdicts.tolist()


def is_plain(text: str, is_test: bool = False) -> bool:
    return reach(compile(textwrap.dedent(text), "<text>", "exec"), is_test=is_test).plain


# -- plain candidates ------------------------------------------------------------------------------------------

MAKES_GARBAGE = """
    def f(x):
        lists = [[i] for i in range(60000)]
        return x + 1
"""
FINALIZERS = {
    "generator": """
        def g(kept):
            try:
                yield kept
            finally:
                while True: pass
        def f(x):
            kept = []
            waiting = g(kept)
            next(waiting)
            kept.append(waiting)
            return x + 1
    """,
    "what a generator delegates to": """
        class Endless:
            def __iter__(self): return self
            def __next__(self): return 1
            def close(self):
                while True: pass
        def g(kept):
            yield from Endless()
        def f(x):
            kept = []
            waiting = g(kept)
            next(waiting)
            kept.append((waiting, kept))
            def later(): return waiting, later
            return x + 1
    """,
    "asynchronous generator": """
        async def g(kept):
            try:
                yield kept
            finally:
                while True: pass
        def f(x):
            kept = []
            waiting = g(kept)
            try:
                waiting.asend(None).send(None)
            except StopIteration:
                kept.append(waiting)
            return x + 1
    """,
}


@pytest.mark.parametrize("name", FINALIZERS)
def test_what_a_finalizer_does_is_not_the_neighbours_doing(engine: Engine, name: str) -> None:
    found = verdicts(engine, [FINALIZERS[name], MAKES_GARBAGE, MAKES_GARBAGE + "    _ = 1"], [ADD_ONE])
    assert found[1:] == [["pass"], ["pass"]]


@pytest.mark.parametrize("name", FINALIZERS)
def test_code_that_runs_when_garbage_is_collected_is_not_plain(name: str) -> None:
    assert not is_plain(FINALIZERS[name])


@pytest.mark.parametrize("text", [
    "def f(n):\n    yield from range(n)\n",
    "def f(n):\n    try:\n        return sum(i for i in range(n))\n    except ValueError:\n        return 0\n",
    "def g(n): yield n\ndef f(n):\n    try:\n        return next(g(n))\n    except StopIteration:\n        return 0\n",
    "def walk(tree):\n    for part in tree:\n        if isinstance(part, list): yield from walk(part)\n        else: yield part\n",
    "from typing import List, Optional\nimport math\ndef f(x: List[int]) -> Optional[float]:\n    global best\n"
    "    best = max(x, default=None)\n    return best and math.sqrt(best)\n",
    "from collections import Counter, deque\nfrom functools import lru_cache\n@lru_cache(maxsize=None)\ndef f(x):\n"
    "    return sorted(Counter(x).most_common(1), key=lambda pair: -pair[1])[0] if __name__ != '__main__' else missing\n",
    "import re\nfrom statistics import mean\ndef f(x): return re.split(',', x) + [mean([1, 2])]\n",
    "def f(x): return 'a {} {0:>{w}} {{}}'.format(x, w=3) + format(x, '>3')\n",
    "import random\nfrom itertools import count\ndef f(x): return random.random() + next(count(x))\n",
])
def test_ordinary_texts_stay_plain(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize("poison, honest, test", [
    ("import itertools\n" "def poison(m): m.count = lambda *a: iter([7])\n" "def f(x):\n    poison(itertools)\n    return x + 1\n",
     "import itertools\n" "def f(x): return x + next(itertools.count(1))\n", ADD_ONE),
    ("import operator as o\n" "def poison(m): m.index = lambda x: 7\n" "def f(x):\n    poison(o)\n    return x + 1\n",
     "import operator\n" "def f(x): return operator.index(x) + 1\n", ADD_ONE),
    ("import fractions\n" "def poison(m): m.index = 7\n" "def f(x):\n    poison(fractions.operator)\n    return x + 1\n",
     "import operator\n" "def f(x): return operator.index(x) + 1\n", ADD_ONE),
    ("from enum import Enum as E\n" "def poison(m): m.value = 7\n" "def f(x):\n    poison(E)\n    return x + 1\n",
     "import enum\n" "class One(enum.Enum):\n    ONE = 1\n" "def f(x): return x + One.ONE.value\n", ADD_ONE),
    ("import typing\n" "def poison(m): m.index = 7\n" "def f(x):\n    poison(typing.Sequence)\n    return x + 1\n",
     "from collections import UserList\n" "def f(x): return UserList([0, x]).index(x) + 1\n", ADD_ONE),
])
def test_a_neighbour_cannot_replace_what_a_module_offers(engine: Engine, poison: str, honest: str, test: str) -> None:
    assert verdicts(engine, [honest, poison, honest + "_ = 1\n"], [test]) == [["pass"]] * 3
    assert not is_plain(poison)


EVALUATES = """
    import typing
    class A:
        x: "__import__('builtins').__dict__.__setitem__('sum', lambda *a: 0)"
    typing.get_type_hints(A)
    def f(x): return 0
"""
FROM_TEXT = """
    import dataclasses
    @dataclasses.dataclass
    class A:
        __annotations__ = {"x: __import__('builtins').__dict__.__setitem__('sum', lambda *a: 0) = 0, y": int}
        y: int = 0
    def f(x): return 0
"""
GLOBAL_ENUM = """
    import enum
    class E(float, enum.Enum):
        __module__ = 'builtins'
        sum = 3.0
    enum.global_enum(E)
    def f(x): return 0
"""


@pytest.mark.parametrize("evil", [EVALUATES, FROM_TEXT, GLOBAL_ENUM])
def test_a_neighbour_cannot_run_text_through_a_library(engine: Engine, evil: str) -> None:
    honest = "def f(x): return sum([x, 1])\n"
    assert verdicts(engine, [honest, evil, honest + "_ = 1\n"], [ADD_ONE])[::2] == [["pass"]] * 2
    assert not is_plain(evil)


@pytest.mark.parametrize("text", [
    "import __future__\n__future__.all_feature_names.append(1)\n",
    "import textwrap\ntextwrap.TextWrapper.unicode_whitespace_trans[97] = 98\n",
    "import dataclasses, collections\ndataclasses.dataclass(collections.UserDict)\n",
    "import abc, collections\nabc.abstractmethod(collections.UserList.append)\n",
    "import typing\n@typing.overload\ndef f(x): return x\n",
    "import functools, numbers\nfunctools.total_ordering(numbers.Real)\n",
    "def f(x): return '{0.gi_frame}'.format(x)\n",
    "def f(x): return '{0:{1.a}}'.format(x, x)\n",
    "def f(x): return '{0[a]}'.format(x)\n",
    "def f(x, how): return how.format(x)\n",
    "def f(x): return list(map(str.format, [x]))\n",
    "def f(x): return '{a.b}'.format_map(x)\n",
    "import math\ndef mark(m): m.mark = 1\nmark(math)\n",
    "import collections.abc as c\ndef mark(m): m.mark = 1\nmark(c)\n",
    "import re\ndef mark(m): m.mark = 1\nmark(re.functools)\n",
    "def f(m):\n    import math\n    m, other = math, m\n    m.mark = other\n",
    "import heapq\ndef mark(m): m.mark = 1\nmark(heapq.merge)\n",
    "from collections import Counter as C\ndef mark(m): m.mark = 1\nmark(C)\n",
    "from typing import *\ndef mark(m): m.mark = 1\nmark(Any)\n",
    "from typing import List\ndef mark(m): m._nparams = 5\nmark(List)\n",
    "try: ''.none\nexcept AttributeError as e: e.obj.mark = 1\n",
    "def f(x): x.assertEqual = print\n",
    "from heapq import nsmallest\nkept = nsmallest.__annotations__\n",
    "from typing import Literal\n",
    "import re\nclass E(str):\n    def __getitem__(self, i): return 'XY'[i]\nre.sub('(a)', E('1'), 'a')\n",
    "class A: import math as m\nA.m.sqrt = lambda x: 0\n",
    "import string\nstring.__init__('string', 'kept')\n",
    "ExceptionGroup.kept = 1\n",
    "import re\ndef f(p): return re.match(p, '').re.pattern is not p\n",
    "def f(x, text): return (text or '{}').format(x)\n",
    "def f(x): return ('{}' if x else '{0.gi_frame}').format(x)\n",
    "def f(x): return 'a'.encode(x)\n",
    "class M(map):\n    def close(self):\n        while True: pass\ndef g(): yield from M(abs, [1])\n",
    "from typing import *\nif 0: get_type_hints = 0\nget_type_hints(f)\n",
    "if 0: open = 0\nopen('x')\n",
    "__builtins__['sum'] = 0\n",
    "def f(x): return x.__class__\n",
    "def f(x):\n    match x:\n        case object(gi_frame=y): return y\n",
])
def test_what_could_leave_a_mark_or_read_a_frame_is_not_plain(text: str) -> None:
    assert not is_plain(text)


def test_a_plain_test_sets_attributes_of_itself_alone() -> None:
    text = "import unittest\nclass T(unittest.TestCase):\n    def setUp(self): {}\n    def test(self): self.assertEqual(f(1), 2)\n"
    assert is_plain(text.format("self.x = 1"), is_test=True)
    for other in ("f.x = 1", "self.assertEqual = print", "self._outcome = 1", "(f or self).x = 1", "self.__class__"):
        assert not is_plain(text.format(other), is_test=True)


def test_memory_that_a_neighbour_left_in_a_cycle_is_free_again(shared: Engine) -> None:
    holds = "def f(x):\n    a = [bytes(300 << 20)]\n    a.append(a)\n    return x + 1\n"
    handles = """
        def f(x):
            try:
                bytes(300 << 20)
            except MemoryError:
                return 0
            return x + 1
    """
    assert verdicts(shared, [holds, handles], [ADD_ONE]) == [["pass"], ["pass"]]


def test_a_death_in_a_shared_cell_is_tried_alone_and_costs_one_limit_more(shared: Engine) -> None:
    hangs = "def f(x):\n    while x == 1: pass\n    return x + {}\n"
    tests = [ADD_ONE, unit_test("self.assertEqual(f(2), 3)")]
    begun = time.monotonic()
    found = verdicts(shared, [MAKES_GARBAGE, *(hangs.format(i) for i in (1, 2)), MAKES_GARBAGE + "    _ = 1"], tests)
    assert found == [["pass"] * 2, ["timeout", "pass"], ["timeout", "fail"], ["pass"] * 2]
    assert time.monotonic() - begun < 20 * LIMIT


# -- pairs of one candidate ------------------------------------------------------------------------------------

PLAIN_ASYNC = "async def f(x): return x + 1\n"
STATES = {
    "event loop": (PLAIN_ASYNC, unit_test("self.assertEqual(asyncio.run(f(1)), 2)", "import asyncio"), unit_test(
        "self.assertEqual(asyncio.get_event_loop().run_until_complete(f(1)), 2)", "import asyncio")),
    "event loop of unittest": (PLAIN_ASYNC, "import unittest\n\nclass TestIt(unittest.IsolatedAsyncioTestCase):\n"
                               "    async def test_it(self):\n        self.assertEqual(await f(1), 2)\n", unit_test(
        "self.assertEqual(asyncio.get_event_loop().run_until_complete(f(1)), 2)", "import asyncio")),
    "logging": ("def f(x): return x + 1\n", unit_test(
        "logging.basicConfig(level=logging.DEBUG, stream=io.StringIO())\nlogging.disable(logging.ERROR)\n"
        "self.assertEqual(f(1), 2)", "import logging, io"), unit_test(
        "self.assertEqual((logging.root.handlers, logging.root.level, logging.root.isEnabledFor(30), f(1)), "
        "([], 30, True, 2))", "import logging")),
    "a replaced module": ("def f(x): return x + 1\n", unit_test(
        "import sys\nsys.modules['json'] = None\nself.assertEqual(f(1), 2)"), unit_test(
        "import sys\nself.assertEqual(sys.modules['json'].loads('2'), f(1))")),
    "argv": ("def f(x): return x + 1\n", unit_test(
        "sys.argv = ['mine']\nself.assertEqual(f(1), 2)", "import sys"), unit_test(
        "self.assertNotIn('mine', sys.argv)\nself.assertEqual(f(1), 2)", "import sys")),
    "socket timeout": ("def f(x): return x + 1\n", unit_test(
        "socket.setdefaulttimeout(3)\nself.assertEqual(f(1), 2)", "import socket"), unit_test(
        "self.assertEqual((socket.getdefaulttimeout(), f(1)), (None, 2))", "import socket")),
    "stack size": ("def f(x): return x + 1\n", unit_test(
        "threading.stack_size(1 << 20)\nself.assertEqual(f(1), 2)", "import threading"), unit_test(
        "self.assertEqual((threading.stack_size(), f(1)), (0, 2))", "import threading")),
}


@pytest.mark.parametrize("name", STATES)
def test_a_test_leaves_nothing_to_the_next(engine: Engine, name: str) -> None:
    solution, first, second = STATES[name]
    assert verdicts(engine, [solution], [first, second, first + "\n_ = 1\n"]) == [["pass"] * 3]
    assert verdicts(engine, [solution], [second, first, second + "\n_ = 1\n"]) == [["pass"] * 3]


@pytest.mark.parametrize("solution", ["def f(x): return x + 1\n", "import os\ndef f(x): return x + 1\n"])
def test_a_mark_that_a_test_leaves_on_a_module_is_gone(shared: Engine, solution: str) -> None:
    first = unit_test("math.m2 = 1\nself.assertEqual(f(1), 2)", "import math")
    second = unit_test("self.assertFalse(hasattr(math, 'm2'))\nself.assertEqual(f(1), 2)", "import math")
    assert verdicts(shared, [solution, solution + "_ = 1\n"], [first, second]) == [["pass"] * 2] * 2


def test_streams_that_a_test_replaces_are_no_marks() -> None:
    text = "import sys, io\nsys.stdout = io.StringIO()\nsys.argv = []\n"
    assert not reach(compile(text, "<text>", "exec"), is_test=True).marks


# -- files -----------------------------------------------------------------------------------------------------

LOOKS = "import os\ndef f(x): return x + 1 - os.path.exists('log.txt')\n"
DIES_BEHIND_A_FILE = "import os\ndef f(x):\n    open('log.txt', 'w').close()\n    os._exit(0)\n"
WRITES_ON = """
    import os
    def f(x):
        if os.fork() == 0:
            for _ in range(4): os.fork()
            while True:
                open('log.txt', 'w').close()
        return x + 1
"""
LOCKS_A_FOLDER = "import os\ndef f(x):\n    os.makedirs('log.txt/a')\n    os.chmod('log.txt', 0)\n    return x + 1\n"
DIGS = """
    import os
    def f(x):
        here = os.open('.', os.O_RDONLY)
        for name in ['log.txt'] + 1200 * ['deeper']:
            os.mkdir(name)
            os.chdir(name)
        os.fchdir(here)
        os.close(here)
        return x + 1
"""


TAKES_NAMES = """
    import os
    def f(x):
        for n in range(1, 50):
            os.makedirs(f'{os.getpid()}-{n}~/a')
            os.makedirs(f'{n}/{n}/{n}')
        return x + 1
"""


@pytest.mark.parametrize("writer", [DIES_BEHIND_A_FILE, WRITES_ON, LOCKS_A_FOLDER, DIGS, TAKES_NAMES])
def test_files_do_not_outlive_their_candidate(engine: Engine, writer: str) -> None:
    assert verdicts(engine, [LOOKS, writer, LOOKS + "_ = 1\n", LOOKS + "_ = 2\n"], [ADD_ONE])[2:] == [["pass"]] * 2


MAKES_FOLDERS = """
    import os
    def f(x):
        n = 0
        while True:
            n += 1
            os.mkdir(str(n))
"""


def test_what_it_takes_to_empty_the_scratch_is_on_nobodys_account(engine: Engine) -> None:
    """Folders take longer to remove than to make."""
    assert verdicts(engine, [MAKES_FOLDERS], [ADD_ONE]) == [["timeout"]]
    assert verdicts(engine, ["def f(x): return x + 1\n"], [ADD_ONE]) == [["pass"]]


# -- children --------------------------------------------------------------------------------------------------

CHILDREN = """
    import mmap, os, time
    def f(x):
        pids = []
        for _ in range(8):
            pid = os.fork()
            if pid == 0:
                {work}
                time.sleep(0.4)
                os._exit(0)
            pids.append(pid)
        for pid in pids: os.waitpid(pid, 0)
        return x + 1
"""
SHARED_MEMORY = "m = mmap.mmap(-1, 120 << 20)\n                for i in range(0, len(m), 4096): m[i] = 1"


@pytest.mark.parametrize("work, verdict", [("pass", "pass"), (SHARED_MEMORY, "memory")])
def test_memory_of_children(work: str, verdict: str) -> None:
    """What they share with nobody counts, and what they have of their parent does not count again."""
    with Engine(time_limit=1.0, memory_limit=150 << 20 if work == "pass" else 400 << 20, workers=1) as engine:
        assert verdicts(engine, [CHILDREN.format(work=work)], [ADD_ONE]) == [[verdict]]


def test_processor_time_of_children_counts() -> None:
    burns = """
        import os, time
        def f(x):
            pid = os.fork()
            if pid == 0:
                while time.process_time() < 0.15: pass
                os._exit(0)
            os.waitpid(pid, 0)
            return x + 1
    """
    with Engine(time_limit=0.1, workers=1) as engine:
        matrix = engine.execute([textwrap.dedent(burns)], [ADD_ONE])
    assert matrix.verdicts.tolist() == [["timeout"]]
    assert matrix.cpu_ms[0, 0] > 100
