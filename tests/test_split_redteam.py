"""Red team against split mode: wrong candidates that go for the judge instead of the problem. None may pass.

The problem is `f(x) = x * x + 1`; the tests ask for values that no candidate here computes honestly.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest
from hazard_cases import unit_test

from coderm.execute import Engine

TESTS = [
    "import unittest\n\nSECRET = 123457\n\nclass T(unittest.TestCase):\n    def test(self):\n"
    f"        self.assertEqual(f({x}), {x * x + 1})\n" for x in (7, 351)
]

# Talks to the judge's end of the wire itself: every descriptor gets messages of the format.
FORGE = """
import os, json, struct, threading, time
def _flood(message):
    raw = json.dumps(message).encode()
    for fd in range(3, 64):
        try: os.write(fd, struct.pack('<I', len(raw)) + raw)
        except OSError: pass
"""

ATTACKS: dict[str, str] = {
    "equal_object": "class E:\n    def __eq__(s, o): return True\n    def __ne__(s, o): return False\ndef f(x): return E()",
    "equal_int": "class E(int):\n    def __eq__(s, o): return True\n    __hash__ = int.__hash__\ndef f(x): return E(0)",
    "equal_str": "class E(str):\n    def __eq__(s, o): return True\n    __hash__ = str.__hash__\ndef f(x): return E('a')",
    "equal_float_sub": "class E(float):\n    def __sub__(s, o): return 0.0\n    __rsub__ = __sub__\n    def __eq__(s, o): return True\n"
                       "    __hash__ = float.__hash__\ndef f(x): return E(0)",
    "equal_tuple": "class E(tuple):\n    def __eq__(s, o): return True\n    __hash__ = tuple.__hash__\ndef f(x): return E((1,))",
    "equal_exception": "class E(Exception):\n    def __eq__(s, o): return True\n    __hash__ = None\ndef f(x): return E()",
    "metaclass_equal": "class M(type):\n    def __eq__(s, o): return True\n    __hash__ = type.__hash__\nclass E(metaclass=M): pass\n"
                       "def f(x): return E",
    "namedtuple_equal": "from collections import namedtuple\nclass E(namedtuple('E', 'a')):\n    def __eq__(s, o): return True\n"
                        "    __hash__ = tuple.__hash__\ndef f(x): return E(1)",
    "counter_subclass": "from collections import Counter\nclass E(Counter):\n    def __eq__(s, o): return True\ndef f(x): return E()",
    "numpy_subclass": "import numpy as np\nclass E(np.ndarray):\n    def __eq__(s, o): return True\n    def __bool__(s): return True\n"
                      "def f(x): return np.zeros(1).view(E)",
    "numpy_all_equal": "import numpy as np\ndef f(x): return np.array([x] * 3)",
    "nan": "def f(x): return float('nan')",
    "not_implemented": "def f(x): return NotImplemented",
    "mock_any": "from unittest.mock import ANY\ndef f(x): return ANY",
    "patch_assert": "import unittest\nunittest.TestCase.assertEqual = lambda *a, **k: None\ndef f(x): return 0",
    "patch_builtins": "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.len = lambda *a: 0\nbuiltins.type = lambda *a: int\n"
                      "def f(x): return 0",
    "patch_json": "import json\njson.JSONEncoder.encode = lambda s, o: '[\"value\",50,[],null]'\ndef f(x): return 0",
    "walk_frames": "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n        for v in list(frame.f_locals.values()):\n"
                   "            if isinstance(v, int) and v > 100000: return v\n        frame = frame.f_back\n    return 0",
    "gc_for_secret": "import gc\ndef f(x):\n    for o in gc.get_objects():\n        if isinstance(o, dict) and 'SECRET' in o: return x * x + 1\n"
                     "    return 0",
    "gc_for_code": "import gc, types\ndef f(x):\n    for o in gc.get_objects():\n        if isinstance(o, types.FunctionType) and "
                   "'<unit test>' in o.__code__.co_filename: return x * x + 1\n    return 0",
    "memory_scan": "import ctypes, re\ndef f(x):\n    needle = re.compile(rb'SECRET = 1234\\d\\d')\n    for line in open('/proc/self/maps'):\n"
                   "        p = line.split()\n        if 'r' not in p[1] or '[v' in line: continue\n"
                   "        a, b = (int(v, 16) for v in p[0].split('-'))\n        try: blob = ctypes.string_at(a, b - a)\n"
                   "        except BaseException: continue\n        if needle.search(blob): return x * x + 1\n    return 0",
    "heap_scan": "import ctypes, gc, re\ndef f(x):\n"
                 "    needle = re.compile(rb'SECRET = 1234\\d\\d')\n"
                 "    for p in sorted({id(o) >> 12 for o in gc.get_objects()}):\n        if needle.search(ctypes.string_at(p << 12, 4096)): "
                 "return x * x + 1\n    return 0",
    "read_proc": "import os\ndef f(x):\n    for p in os.listdir('/proc'):\n        if p.isdigit() and int(p) != os.getpid():\n"
                 "            for what in ('mem', 'environ', 'maps', 'fd/3', 'root', 'cwd'):\n                try: open(f'/proc/{p}/{what}', 'rb').read(1)\n"
                 "                except OSError: continue\n                else: return x * x + 1\n    return 0",
    "write_memory": "import os\ndef f(x):\n    for p in os.listdir('/proc'):\n        if p.isdigit() and int(p) < os.getpid():\n"
                    "            try: open(f'/proc/{p}/mem', 'r+b')\n            except OSError: continue\n            return x * x + 1\n"
                    "    return 0",
    "ptrace_judge": "import ctypes, os\ndef f(x):\n    libc = ctypes.CDLL(None)\n    for p in range(1, 400):\n"
                    "        if p != os.getpid() and libc.ptrace(16, p, 0, 0) == 0: return x * x + 1\n    return 0",
    "kill_judge": "import os, signal\ndef f(x):\n    hits = 0\n    for p in range(1, os.getpid()):\n        try: os.kill(p, 0)\n"
                  "        except OSError: continue\n        hits += 1\n    return x * x + 1 if hits else 0",
    "exit_zero": "import os\ndef f(x): os._exit(0)",
    "sys_exit": "import sys\ndef f(x): sys.exit(0)",
    "exit_at_import": "raise SystemExit(0)",
    "kill_self": "import os\ndef f(x): os.kill(os.getpid(), 9)",
    "exec_true": "import os\ndef f(x): os.execv('/bin/true', ['true'])",
    "skip_test": "import unittest\ndef f(x): raise unittest.SkipTest('no')",
    "raise_expected": "import unittest.case\ndef f(x): raise unittest.case._ShouldStop",
    "raise_assertion_subclass": "class A(AssertionError): pass\ndef f(x): raise A",
    "base_exception": "class B(BaseException): pass\ndef f(x): raise B",
    "generator_exit": "def f(x): raise GeneratorExit",
    "keyboard_interrupt": "def f(x): raise KeyboardInterrupt",
    "forge_value": FORGE + "def f(x):\n    _flood(['value', x, [], None])\n    return 0",
    "forge_value_big": FORGE + "def f(x):\n    for i in range(200): _flood(['value', i, [], None])\n    return 0",
    "forge_names": FORGE + "_flood(['names', {'f': ['value']}])\ndef f(x): return 0",
    "forge_again": FORGE + "def f(x):\n    _flood(['again'])\n    os._exit(0)",
    "forge_refill": FORGE + "def f(x):\n    _flood(['value', 0, [[0, ['l', 1]], [99, ['l']], [-1, ['d']]], None])\n    os._exit(0)",
    "forge_back": FORGE + "def f(x):\n    _flood(['back', 0, 'call', [], {}])\n    os._exit(0)",
    "forge_garbage": "import os\ndef f(x):\n    for fd in range(3, 64):\n        try: os.write(fd, b'\\xff' * 100)\n        except OSError: pass\n"
                     "    return 0",
    "forge_huge": "import os, struct\ndef f(x):\n    for fd in range(3, 64):\n        try: os.write(fd, struct.pack('<I', 2**32 - 1))\n"
                  "        except OSError: pass\n    return 0",
    "forge_nested": "import os, struct\ndef f(x):\n    raw = b'[' * 100000\n    for fd in range(3, 64):\n"
                    "        try: os.write(fd, struct.pack('<I', len(raw)) + raw)\n        except OSError: pass\n    os._exit(0)",
    "forge_bad_tags": FORGE + "def f(x):\n    for v in (['y', 'eval'], ['np', True, 'O', [1], ''], ['nt', 'x', ['class'], 1], ['h', 0], ['k'], ['dt', {}]):\n"
                      "        _flood(['value', v, [], None])\n    os._exit(0)",
    "forge_names_of_modules": "".join(
        f"class {c}:\n    __module__ = {m!r}\n{c}.__name__ = {n!r}\n" for c, m, n in (
            ("A", "unittest.mock", "ANY"), ("B", "subprocess", "Popen"), ("C", "numpy", "memmap"))) + FORGE +
        "def f(x):\n    for n in ('unittest.mock:ANY', 'os:', 'subprocess:Popen', 'builtins:eval', 'math:sqrt', 'json:__doc__', 'nowhere:', ':', []):\n"
        "        _flood(['value', ['y', n], [], None])\n    os._exit(0)",
    "forge_exception_of_a_module": FORGE + "def f(x):\n    _flood(['raised', [[], 'unittest:SkipTest', [0], {}, None, None], [], None])\n    os._exit(0)",
    "hash_for_ever": "class E:\n    def __eq__(s, o): return True\n    def __hash__(s):\n        while True: pass\ndef f(x): return {E()}",
    "equal_reflected": "class E:\n    def __rsub__(s, o): return 0\n    def __round__(s, *a): return 0\n    def __eq__(s, o): return True\ndef f(x): return E()",
    "forge_exception": FORGE + "def f(x):\n    _flood(['raised', [[], 'SystemExit', [0], {}, '', 0]])\n    os._exit(0)",
    "thread_after_return": "import threading, time, os, json, struct\ndef f(x):\n    def late():\n        time.sleep(0.01)\n"
                           "        raw = json.dumps(['value', 50, [], None]).encode()\n        for fd in range(3, 32):\n"
                           "            try: os.write(fd, struct.pack('<I', len(raw)) + raw)\n            except OSError: pass\n"
                           "    threading.Thread(target=late).start()\n    return 0",
    "fork_child_answers": "import os, time\ndef f(x):\n    if os.fork() == 0:\n        return 0\n    time.sleep(0.05)\n    return 1",
    "fork_and_exit": "import os\ndef f(x):\n    if os.fork(): os._exit(0)\n    return 0",
    "replace_stdlib_files": "import os\nfor name in ('unittest.py', 'sitecustomize.py', 'json.py', 'x.pth'):\n    for where in ('.', '/tmp', '/dev/shm'):\n"
                            "        try: open(os.path.join(where, name), 'w').write('raise SystemExit(0)')\n        except OSError: pass\ndef f(x): return 0",
    "overwrite_engine": "import glob, sys\nfor p in sys.path:\n    for q in glob.glob(p + '/**/cell.py', recursive=True)[:3]:\n"
                        "        open(q, 'w').write('')\ndef f(x): return 0",
    "trace_hook": "import sys\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)\ndef f(x): return 0",
    "import_hook": "import sys\nclass H:\n    def find_spec(s, n, p=None, t=None): raise SystemExit(0)\nsys.meta_path.insert(0, H())\ndef f(x): return 0",
    "del_hook": "import os\nclass D:\n    def __del__(s): os._exit(0)\ndef f(x):\n    D()\n    return 0",
    "atexit_hook": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): return 0",
    "signal_all": "import signal\nfor s in range(1, 32):\n    try: signal.signal(s, lambda *a: None)\n    except (OSError, ValueError): pass\ndef f(x): return 0",
    "stringly": "def f(x): return str(x * x + 1)",
    "argument_mutation": "def f(x):\n    x.real\n    return x",
    "lying_repr": "class R:\n    def __repr__(s): return '50'\n    __str__ = __repr__\n    def __int__(s): return 50\n    def __index__(s): return 50\n"
                  "def f(x): return R()",
    "lying_class": "class R:\n    @property\n    def __class__(s): return int\n    def __eq__(s, o): return True\ndef f(x): return R()",
    "shadow_builtins": "def isinstance(*a): return True\ndef len(*a): return 0\ndef type(*a): return int\ndef f(x): return 0",
    "define_test_class": "import unittest\nclass T(unittest.TestCase):\n    def test(self): pass\ndef load_tests(*a): return unittest.TestSuite()\ndef f(x): return 0",
    "define_mark": "def __coderm_asserted__(): return True\ndef f(x): return 0",
    "names_for_unittest": "unittest = None\nTestCase = None\nSECRET = 0\nself = None\ndef f(x): return 0",
    "proxy_everything": "class P:\n    def __getattr__(s, n): return P()\n    def __call__(s, *a, **k): return P()\n    def __eq__(s, o): return True\n"
                        "    def __bool__(s): return True\ndef f(x): return P()",
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("split", time_limit=0.5, workers=1) as running:
        yield running


@pytest.mark.parametrize("name", ATTACKS)
def test_no_attack_earns_a_pass(engine: Engine, name: str) -> None:
    honest = "def f(x): return x * x + 1\n"
    matrix = engine.execute([honest, textwrap.dedent(ATTACKS[name]), honest + f"# behind {name}\n_ = 1\n"], TESTS)
    assert "pass" not in matrix.verdicts[1], matrix.verdicts
    assert (matrix.verdicts[[0, 2]] == "pass").all(), "an attack must not touch its neighbours"
    assert "not_run" not in matrix.verdicts[1]


def test_no_candidate_supplies_the_tests_builtins(engine: Engine) -> None:
    """The globals of a test that imports `solution` whole have whatever names the candidate's process says."""
    take = FORGE + "_flood(['names', {'f': ['function'], '__builtins__': ['named']}])\n" \
        "_flood(['value', ['d', 'isinstance', 4], [], None])\ndef f(x): return 0\n"
    test = "import unittest\nimport solution\n\nclass T(unittest.TestCase):\n    def test(self):\n" \
        "        self.assertTrue(isinstance(solution.f(0), str))\n"
    assert engine.execute([take], [test]).verdicts[0, 0] == "fail"


def test_no_class_of_the_librarys_is_derived_from(engine: Engine) -> None:
    """The judge sets attributes on the class that stands in for the test's own subclass."""
    take = "import collections, sys\nframe = sys._getframe()\nwhile 'OPERATIONS' not in frame.f_globals: frame = frame.f_back\n" \
        "frame.f_globals['OPERATIONS']['derive'] = lambda *a: collections.Counter\nclass Base: pass\ndef f(x): return 0\n"
    derives = "class C(Base):\n    def most_common(self): return 1\nself.assertEqual(f(0), 0)"
    counts = "import collections\nself.assertEqual(len(collections.Counter('a').most_common()) + f(0), 1)"
    assert engine.execute([take], [unit_test(body) for body in (derives, counts)]).verdicts.tolist() == [["error", "pass"]]
