"""Split mode on honest code: everything a test does with a candidate's functions, classes and objects across the wire."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import pytest

from coderm.execute import Engine

# name -> (solution, body of the test method, expected verdict)
CASES: dict[str, tuple[str, str, str]] = {
    "exception_groups": ("def f(x): raise ExceptionGroup('m', [ValueError('a'), KeyError(x)])",
                         """
                         with self.assertRaises(ExceptionGroup) as caught:
                             f(1)
                         self.assertEqual([e.args for e in caught.exception.exceptions], [('a',), (1,)])
                         try:
                             f(1)
                         except* KeyError as group:
                             self.assertEqual(len(group.exceptions), 1)
                         except* ValueError:
                             pass
                         """, "pass"),
    "cause_and_notes": (
        """
        class Bad(Exception): pass
        def f(x):
            try: int(x)
            except ValueError as e:
                error = Bad('bad')
                error.add_note('n')
                raise error from e
        """,
        """
        with self.assertRaises(Bad) as caught:
            f('x')
        self.assertIsInstance(caught.exception.__cause__, ValueError)
        self.assertEqual(caught.exception.__notes__, ['n'])
        """, "pass"),
    "exception_with_containers": ("def f(x): raise ValueError([x, object()], {'a': [x]})",
                                  """
                                  with self.assertRaises(ValueError) as caught:
                                      f(1)
                                  self.assertEqual(caught.exception.args[1], {'a': [1]})
                                  """, "pass"),
    "names_of_functions": (
        """
        import functools
        def deco(fn):
            @functools.wraps(fn)
            def wrapped(*args): return fn(*args)
            return wrapped
        def make():
            def inner(x): 'Doc.'; return x
            return inner
        """,
        """
        @deco
        def t(x):
            'Doc t.'
            return x + 1
        self.assertEqual((t.__name__, t.__doc__, t(1)), ('t', 'Doc t.', 2))
        self.assertEqual((make().__name__, make().__doc__), ('inner', 'Doc.'))
        """, "pass"),
    "module_by_name": ("def f(x): return x + 1\nN = 3\nclass A: pass",
                       """
                       import importlib, sys
                       m = importlib.import_module('solution')
                       self.assertEqual((m.f(1), m.N, sys.modules['solution'].f(2)), (2, 3, 3))
                       self.assertEqual(globals()['f'](1), 2)
                       self.assertEqual(m.A.__module__, 'solution')
                       """, "pass"),
    "is_coroutine_function": ("async def f(x): return x\ndef g(x): return x",
                              """
                              import asyncio
                              self.assertTrue(asyncio.iscoroutinefunction(f))
                              self.assertFalse(asyncio.iscoroutinefunction(g))
                              """, "pass"),
    "exceptions_as_arguments": (
        """
        def g():
            try:
                while True: yield 1
            except KeyError as e: yield e.args
        def text(error): return f'{type(error).__name__}: {error}'
        """,
        """
        x = g()
        next(x)
        self.assertEqual(x.throw(KeyError('a')), ('a',))
        self.assertEqual(text(ValueError('no')), 'ValueError: no')
        """, "pass"),
    "class_attribute_deleted": ("class A:\n    x = 1", "delattr(A, 'x')\nself.assertFalse(hasattr(A(), 'x'))", "pass"),
    "arguments_and_result": ("def f(a, *b, c=0, **d): return [a, b, c, d]",
                             "self.assertEqual(f(1, 2, 3, c=4, e=5), [1, (2, 3), 4, {'e': 5}])", "pass"),
    "tuple_is_not_list": ("def f(): return [1, 2]", "self.assertEqual(f(), (1, 2))", "fail"),
    "standard_containers": (
        """
        from collections import Counter, defaultdict, OrderedDict, deque, namedtuple
        from decimal import Decimal
        from fractions import Fraction
        import datetime
        P = namedtuple('P', 'x y')
        def f():
            d = defaultdict(list); d['a'].append(1)
            return [Counter('aab'), d, OrderedDict(a=1), deque([1, 2], 5), P(1, 2), Decimal('1.10'), Fraction(1, 3),
                    datetime.datetime(2020, 1, 2, 3), datetime.date(2020, 1, 2), datetime.timedelta(3), range(3), {1, 2},
                    frozenset([3]), b'x', bytearray(b'y'), 1j, None, True, 2**100, float('inf'), 'é\\ud800']
        """,
        """
        from collections import Counter, OrderedDict, deque, defaultdict
        from decimal import Decimal
        from fractions import Fraction
        import datetime
        r = f()
        self.assertEqual(r[:5], [Counter('aab'), {'a': [1]}, OrderedDict(a=1), deque([1, 2]), (1, 2)])
        self.assertEqual((r[4].x, r[4].y), (1, 2))
        self.assertIsInstance(r[1], defaultdict)
        self.assertEqual(r[5:], [Decimal('1.10'), Fraction(1, 3), datetime.datetime(2020, 1, 2, 3), datetime.date(2020, 1, 2),
                         datetime.timedelta(3), range(3), {1, 2}, frozenset([3]), b'x', bytearray(b'y'), 1j, None, True,
                         2**100, float('inf'), 'é\\ud800'])
        self.assertEqual(r[3].maxlen, 5)
        """, "pass"),
    "numpy": ("import numpy as np\ndef f(a): return a * 2, np.float64(1.5), np.array([True])",
              """
              import numpy as np
              a, b, c = f(np.arange(6).reshape(2, 3))
              np.testing.assert_array_equal(a, np.arange(6).reshape(2, 3) * 2)
              self.assertEqual((b, a.dtype, c.dtype), (1.5, np.arange(1).dtype, np.dtype(bool)))
              """, "pass"),
    "in_place_changes": ("def f(a, b): a.sort(); b['k'] = a; a.append(9)",
                         """
                         a, b = [3, 1], {}
                         f(a, b)
                         self.assertEqual(a, [1, 3, 9])
                         self.assertIs(b['k'], a)
                         """, "pass"),
    "aliases": ("def f(a, b): a.append(1); return a is b",
                """
                x = []
                self.assertTrue(f(x, x))
                self.assertEqual(x, [1])
                self.assertFalse(f([], []))
                """, "pass"),
    "result_is_the_argument": ("def f(a): a.reverse(); return a", "x = [1, 2]; self.assertIs(f(x), x)", "pass"),
    "set_and_deque_in_place": ("def f(s, d): s.add(3); d.popleft(); d.append(7)",
                               """
                               from collections import deque
                               s, d = {1}, deque([1, 2])
                               f(s, d)
                               self.assertEqual((s, d), ({1, 3}, deque([2, 7])))
                               """, "pass"),
    "cycle": ("def f(a): return a[0] is a", "x = []; x.append(x); self.assertTrue(f(x))", "pass"),
    "builtin_exception": ("def f(x): return 1 // x", "self.assertRaises(ZeroDivisionError, f, 0)", "pass"),
    "exception_message": ("def f(): raise ValueError('bad', 3)",
                          """
                          with self.assertRaisesRegex(ValueError, 'bad') as caught:
                              f()
                          self.assertEqual(caught.exception.args, ('bad', 3))
                          """, "pass"),
    "own_exception": ("""
                      class Base(ValueError): pass
                      class Mine(Base):
                          def __init__(self, code):
                              super().__init__(f'code {code}')
                              self.code = code
                      def f(): raise Mine(7)
                      """,
                      """
                      with self.assertRaises(Mine) as caught:
                          f()
                      self.assertEqual(caught.exception.code, 7)
                      self.assertRaises(Base, f)
                      self.assertRaises(ValueError, f)
                      """, "pass"),
    "wrong_exception": ("def f(): raise KeyError('k')", "self.assertRaises(ValueError, f)", "error"),
    "class_with_state": ("""
                         class Stack:
                             kind = 'lifo'
                             def __init__(self, *items): self.items = list(items)
                             def push(self, x): self.items.append(x); return self
                             def pop(self): return self.items.pop()
                             def __len__(self): return len(self.items)
                             def __contains__(self, x): return x in self.items
                             def __getitem__(self, i): return self.items[i]
                             def __iter__(self): return iter(self.items)
                             def __bool__(self): return bool(self.items)
                             @property
                             def top(self): return self.items[-1]
                             @staticmethod
                             def make(): return Stack(5)
                         """,
                         """
                         s = Stack(1)
                         self.assertIsInstance(s, Stack)
                         self.assertEqual(s.push(2).pop(), 2)
                         s.push(3)
                         self.assertEqual((len(s), s.top, s[0], 3 in s, list(s), s.items), (2, 3, 1, True, [1, 3], [1, 3]))
                         self.assertEqual(Stack.kind, 'lifo')
                         self.assertEqual(Stack.make().top, 5)
                         s.items = []
                         self.assertFalse(s)
                         self.assertRaises(IndexError, s.pop)
                         """, "pass"),
    "operators": ("""
                  class V:
                      def __init__(self, x): self.x = x
                      def __add__(self, o): return V(self.x + o.x)
                      def __eq__(self, o): return isinstance(o, V) and self.x == o.x
                      def __lt__(self, o): return self.x < o.x
                      def __repr__(self): return f'V({self.x})'
                      def __neg__(self): return V(-self.x)
                      def __call__(self, y): return self.x + y
                      def __hash__(self): return self.x
                  """,
                  """
                  self.assertEqual((V(1) + V(2)).x, 3)
                  self.assertEqual(V(1), V(1))
                  self.assertNotEqual(V(1), V(2))
                  self.assertTrue(V(1) < V(2))
                  self.assertEqual(repr(-V(3)), 'V(-3)')
                  self.assertEqual(V(1)(4), 5)
                  """, "pass"),
    "subclass_in_test": ("class A:\n    def __init__(self, n): self.n = n\n    def twice(self): return self.n * 2",
                         """
                         class B(A):
                             def thrice(self): return self.n * 3
                         b = B(4)
                         self.assertEqual((b.twice(), b.thrice(), isinstance(b, A)), (8, 12, True))
                         """, "pass"),
    "context_manager": ("""
                        log = []
                        class C:
                            def __enter__(self): log.append('in'); return self
                            def __exit__(self, *e): log.append('out'); return e[0] is not None
                        def seen(): return log
                        """,
                        """
                        with C() as c:
                            self.assertIsInstance(c, C)
                            raise ValueError
                        self.assertEqual(seen(), ['in', 'out'])
                        """, "pass"),
    "context_manager_hears_why": ("""
                                  from contextlib import contextmanager
                                  log = []
                                  @contextmanager
                                  def tried(kind):
                                      try: yield 1
                                      except kind as e: log.append(str(e))
                                      finally: log.append('out')
                                  def seen(): return log
                                  """,
                                  """
                                  with tried(KeyError): raise KeyError('k')
                                  with self.assertRaises(ValueError):
                                      with tried(KeyError): raise ValueError('v')
                                  with tried(KeyError) as one: self.assertEqual(one, 1)
                                  self.assertEqual(seen(), ["'k'", 'out', 'out', 'out'])
                                  """, "pass"),
    "generator": ("def f(n):\n    got = 0\n    for i in range(n):\n        got = (yield i + (got or 0))",
                  """
                  self.assertEqual(list(f(3)), [0, 1, 2])
                  g = f(3)
                  self.assertEqual((next(g), g.send(10)), (0, 11))
                  """, "pass"),
    "lazy_iterators": ("def f(x): return map(str, x)\ndef g(x): return zip(x, x)",
                       "self.assertEqual((list(f([1, 2])), list(g('ab'))), (['1', '2'], [('a', 'a'), ('b', 'b')]))", "pass"),
    "async_function": ("import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return x + 1",
                       "import asyncio\nself.assertEqual(asyncio.run(f(1)), 2)", "pass"),
    "async_class": ("""
                    class C:
                        async def get(self): return 5
                        async def __aenter__(self): return self
                        async def __aexit__(self, *e): return False
                        def __aiter__(self): self.n = 0; return self
                        async def __anext__(self):
                            self.n += 1
                            if self.n > 2: raise StopAsyncIteration
                            return self.n
                    """,
                    """
                    import asyncio
                    async def main():
                        async with C() as c:
                            return await c.get(), [x async for x in c]
                    self.assertEqual(asyncio.run(main()), (5, [1, 2]))
                    """, "pass"),
    "callback": ("def f(g, xs): return [g(x, k=1) for x in xs]",
                 """
                 calls = []
                 def g(x, k):
                     calls.append(x)
                     return x + k
                 self.assertEqual(f(g, [1, 2]), [2, 3])
                 self.assertEqual(calls, [1, 2])
                 self.assertEqual(f(lambda x, k: x * 2, [4]), [8])
                 """, "pass"),
    "callback_raises": ("def f(g):\n    try:\n        g()\n    except ValueError as e:\n        return str(e)",
                        """
                        def g(): raise ValueError('from the test')
                        self.assertEqual(f(g), 'from the test')
                        """, "pass"),
    "builtin_as_argument": ("def f(g, x): return g(x)", "self.assertEqual((f(len, [1]), f(int, '7'), f(sorted, [2, 1])), (1, 7, [1, 2]))",
                            "pass"),
    "iterator_as_argument": ("def f(it): return sum(it)", "self.assertEqual((f(iter([1, 2])), f(x for x in [3])), (3, 3))", "pass"),
    "handle_goes_back": ("class N:\n    def __init__(self, v, nxt=None): self.v, self.nxt = v, nxt\ndef total(n):\n"
                         "    return 0 if n is None else n.v + total(n.nxt)",
                         "n = N(1, N(2)); self.assertEqual((total(n), n.nxt.v, n.nxt.nxt), (3, 2, None))", "pass"),
    "closure_comes_back": ("def f(n):\n    def g(x): return x + n\n    return g", "self.assertEqual(f(2)(3), 5)", "pass"),
    "stdout_captured": ("def f(): print('hello'); return 1",
                        """
                        import io
                        from contextlib import redirect_stdout
                        out = io.StringIO()
                        with redirect_stdout(out):
                            f()
                        self.assertEqual(out.getvalue(), 'hello\\n')
                        """, "pass"),
    "stdout_patched": ("def f(): print('hello')",
                       """
                       import io
                       from unittest.mock import patch
                       with patch('sys.stdout', new_callable=io.StringIO) as out:
                           f()
                       self.assertEqual(out.getvalue().strip(), 'hello')
                       """, "pass"),
    "input_patched": ("def f(): return input('?') + input()",
                      """
                      from unittest.mock import patch
                      with patch('builtins.input', side_effect=['a', 'b']):
                          self.assertEqual(f(), 'ab')
                      """, "pass"),
    "stdin_patched": ("import sys\ndef f(): return sys.stdin.readline() + input()",
                      """
                      import io
                      from unittest.mock import patch
                      with patch('sys.stdin', io.StringIO('one\\ntwo\\n')):
                          self.assertEqual(f(), 'one\\ntwo')
                      """, "pass"),
    "file_prepared": ("def f(path): return open(path).read()",
                      """
                      import tempfile, os
                      path = os.path.join(tempfile.mkdtemp(), 'a.txt')
                      with open(path, 'w') as out:
                          out.write('text')
                      self.assertEqual(f(path), 'text')
                      """, "pass"),
    "imported_by_name": ("LIMIT = 3\ndef f(): return LIMIT",
                         "import solution\nfrom solution import f as g\nself.assertEqual((solution.f(), g(), solution.LIMIT), (3, 3, 3))",
                         "pass"),
    "module_constant": ("TABLE = {'a': [1]}\ndef f(): return TABLE", "self.assertEqual(TABLE, f())", "pass"),
    "state_is_fresh": ("seen = []\ndef f(x, acc=[]):\n    seen.append(x); acc.append(x)\n    return len(seen), len(acc)",
                       "self.assertEqual(f(1), (1, 1)); self.assertEqual(f(1), (2, 2))", "pass"),
    "recursion_error": ("def f(n): return f(n + 1)", "self.assertRaises(RecursionError, f, 0)", "pass"),
    "enum_and_dataclass": ("from enum import Enum\nfrom dataclasses import dataclass\nclass Color(Enum):\n    RED = 1\n@dataclass\n"
                           "class P:\n    x: int\n    y: int = 0\ndef f(): return Color.RED",
                           "self.assertEqual(f(), Color.RED); self.assertEqual(Color.RED.value, 1); self.assertEqual(P(1), P(1, 0)); "
                           "self.assertEqual(P(2).x, 2)", "pass"),
    "threads_of_the_test": ("def f(x): return x * x",
                            "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool:\n"
                            "    self.assertEqual(list(pool.map(f, range(50))), [x * x for x in range(50)])", "pass"),
    "factories": ("from collections import defaultdict\ndef f(): return defaultdict(lambda: defaultdict(int))\n"
                  "def g(d): return d['a'] + 1",
                  "from collections import defaultdict\nself.assertEqual(f()['q']['r'], 0)\n"
                  "self.assertEqual(g(defaultdict(lambda: 4)), 5)", "pass"),
    "exceptions_as_values": ("class Bad(ValueError): pass\ndef f(): return [ValueError('x'), Bad(3)]",
                             "first, second = f()\nself.assertIsInstance(first, ValueError)\nself.assertEqual(str(first), 'x')\n"
                             "self.assertIsInstance(second, Bad)\nself.assertNotEqual(*f())", "pass"),
    "exception_of_the_tests_through_the_candidate": ("def f(g): return g()",
                                                     "class E(Exception): pass\ndef g(): raise E('x')\n"
                                                     "with self.assertRaises(E) as caught: f(g)\n"
                                                     "self.assertEqual(caught.exception.args, ('x',))", "pass"),
    "type_of_none": ("def f(x): return type(x)", "self.assertIs(f(None), type(None)); self.assertIs(f(1), int)", "pass"),
    "not_defined": ("def g(): pass", "self.assertEqual(f(), 1)", "error"),
    "unsupported_argument": ("def f(x): return x.a", "class T: a = 1\nt = T()\nself.assertEqual(f(t), 1)", "error"),
    "handle_is_not_plain": ("class D(dict): pass\ndef f(): return D(a=1)", "self.assertEqual(f(), {'a': 1})", "fail"),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("split", time_limit=2.0, workers=1) as running:
        yield running


def unit_test(body: str) -> str:
    lines = textwrap.indent(textwrap.dedent(body).strip("\n"), " " * 8)
    return f"import unittest\n\nclass T(unittest.TestCase):\n    def test(self):\n{lines}\n"


@pytest.mark.parametrize("name", CASES)
def test_honest_code_is_judged_as_it_deserves(engine: Engine, name: str) -> None:
    solution, body, expected = CASES[name]
    solution = textwrap.dedent(solution)
    matrix = engine.execute([solution], [unit_test(body)])
    assert matrix.verdicts[0, 0] == expected, engine.explain(solution, unit_test(body))


def test_only_the_candidates_word_is_marked(engine: Engine) -> None:
    solution = "class A:\n    def __eq__(self, o): return True\n    def __len__(self): return 3\ndef f(): return A()"
    tests = [unit_test(body) for body in ("self.assertEqual(f(), f())", "self.assertEqual(len(f()), 3)", "self.assertEqual(f(), 3)",
                                          "self.assertIsNotNone(f())")]
    matrix = engine.execute([solution], tests)
    assert matrix.verdicts[0].tolist() == ["pass", "pass", "fail", "pass"]
    assert matrix.self_judged is not None
    assert matrix.self_judged[0].tolist() == [True, True, False, False]
