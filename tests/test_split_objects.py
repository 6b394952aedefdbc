"""Split mode on a candidate's own objects: identity, hashing, operators, state, and what rests on its word alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from test_split_honest import unit_test

from coderm.execute import Engine

POINT = """
from dataclasses import dataclass
@dataclass(frozen=True, order=True)
class P:
    "A point."
    x: int
def f(p): return p
"""
E = """
class E(Exception):
    code = 7
    def __init__(self, message, n): super().__init__(message); self.n = n
    @property
    def twice(self): return 2 * self.n
    def plus(self, k): return self.n + k
def f(): raise E('m', 3)
def g(error): return error.n
"""
ANIMAL = """
from abc import ABC, abstractmethod
class Animal:
    def __init__(self, name): self.name = name
    def speak(self): return '...'
    def intro(self): return f'{self.name} {self.speak()} {self.legs}'
    def __str__(self): return 'A' + self.name
    legs = 4
    @classmethod
    def make(cls): return cls('m')
class Shape(ABC):
    @abstractmethod
    def area(self): ...
    @property
    @abstractmethod
    def name(self): ...
    def __init_subclass__(cls, **about): cls.about = about
def describe(shapes): return [(s.name, s.area()) for s in shapes]
"""
VECTOR = """
import math
class V:
    def __init__(self, x): self.x = x
    def __add__(self, o): return V(self.x + (o if isinstance(o, (int, float)) else o.x))
    __radd__ = __add__
    def __mul__(self, o): return V(self.x * o)
    __rmul__ = __mul__
    def __rsub__(self, o): return V(o - self.x)
    def __divmod__(self, o): return V(self.x // o), V(self.x % o)
    def __rdivmod__(self, o): return o // self.x, o % self.x
    def __floor__(self): return math.floor(self.x)
    def __ceil__(self): return math.ceil(self.x)
    def __trunc__(self): return int(self.x)
    def __round__(self, n=0): return round(self.x, n)
    def __iadd__(self, o): self.x += o; return self
"""
BOX = """
class Box:
    def __init__(self): self.items, self.d, self.tags = [1], {'k': [0]}, {1}
    def total(self): return sum(self.items)
    def push(self, x): self.items.append(x)
    @property
    def copied(self): return list(self.items)
log, count = [], 0
def note(x):
    global count
    count += 1
    log.append(x)
    return len(log)
"""

# name -> (solution, body of the test method, expected verdict)
CASES: dict[str, tuple[str, str, str]] = {
    "enum_identity": ("from enum import Enum\nclass Color(Enum):\n    RED = 1\ndef f(): return Color.RED",
                      "self.assertIs(f(), Color.RED); self.assertIs(Color(1), Color.RED); self.assertEqual({Color.RED: 1}, {f(): 1})",
                      "pass"),
    "fluent": ("class S:\n    def add(self, x): return self", "s = S(); self.assertIs(s.add(1), s); self.assertIsNot(S(), s)", "pass"),
    "singleton": ("class S:\n    one = None\n    def __new__(cls):\n        cls.one = cls.one or object.__new__(cls)\n        return cls.one",
                  "self.assertIs(S(), S())", "pass"),
    "same_argument": (POINT, "p = P(1); self.assertIs(f(p), p); self.assertIs(f([p])[0], p)", "pass"),
    "subclass_identity": ("class A:\n    def me(self): return self", "class B(A): pass\nb = B(); self.assertIs(b.me(), b)", "pass"),
    "factory": ("class A:\n    def __new__(cls, wide=False): return object.__new__(B if wide else A)\nclass B(A): pass",
                "self.assertIsInstance(A(True), B); self.assertNotIsInstance(A(), B)", "pass"),
    "hash": (POINT, "self.assertEqual(len({P(1), P(1), P(2)}), 2); self.assertEqual({P(1): 'a'}[P(1)], 'a')", "pass"),
    "unhashable": ("class U:\n    def __eq__(self, o): return True", "self.assertRaises(TypeError, hash, U())", "pass"),
    "identity_hash": ("class N: pass", "a, b = N(), N(); self.assertEqual(len({a, b, a}), 2)", "pass"),
    "reflected": (VECTOR, "self.assertEqual(((2 * V(3)).x, sum([V(1), V(2)]).x, (9 - V(2)).x), (6, 3, 7))", "pass"),
    "divmod": (VECTOR, "q, r = divmod(V(7), 2); self.assertEqual((q.x, r.x, divmod(7, V(2))), (3, 1, (3, 1)))", "pass"),
    "rounding": (VECTOR, "import math\nv = V(2.6); self.assertEqual((math.floor(v), math.ceil(v), math.trunc(v), round(v, 0)), (2, 3, 2, 3.0))",
                 "pass"),
    "in_place": (VECTOR, "v = w = V(1); v += 2; self.assertIs(v, w); self.assertEqual(w.x, 3)", "pass"),
    "copy": (BOX, "import copy\na = Box(); b, c = copy.copy(a), copy.deepcopy(a); a.push(5)\n"
                  "self.assertEqual((b.items, c.items), ([1, 5], [1])); self.assertIsNot(a, b)", "pass"),
    "attribute_changed": (BOX, "b = Box(); b.items.append(3); b.d['k'].append(1); b.d['n'] = 2; b.tags.discard(1)\n"
                               "self.assertEqual((b.total(), b.items, b.d, b.tags), (4, [1, 3], {'k': [0, 1], 'n': 2}, set()))", "pass"),
    "attribute_held_and_changed": (BOX, "b = Box(); i = b.items; i.append(3); self.assertEqual(b.total(), 4); i.append(4)\n"
                                        "self.assertEqual(b.total(), 8)", "pass"),
    "attribute_changed_by_both": (BOX, "b = Box(); i = b.items; b.push(3); i.append(4); self.assertEqual(b.total(), 8)", "error"),
    "property_is_a_copy": (BOX, "b = Box(); b.copied.append(3); self.assertEqual(b.items, [1])", "pass"),
    "global_counter": (BOX, "note(1); note(2); self.assertEqual((count, log), (2, [1, 2]))", "pass"),
    "global_list_emptied": (BOX, "note(1); log.clear(); self.assertEqual(note(5), 1); self.assertEqual(log, [5])", "pass"),
    "global_of_the_module": (BOX, "import solution\nsolution.note(1); self.assertEqual((solution.count, solution.log), (1, [1]))\n"
                                  "self.assertFalse(hasattr(solution, 'nothing'))", "pass"),
    "builtin_beside_a_global": ("sum = 3\nsize = 2\ndef f(): return sum", "import solution\n"
                                "self.assertEqual((f(), solution.sum, sum([1, 1]), size), (3, 3, 2, 2))", "pass"),
    "global_shadowed": (BOX, "count = 7; note(1); self.assertEqual(count, 7)", "pass"),
    "imported_module": ("import math\nimport numpy as np\ndef f(x): return np.array([math.floor(x)])",
                        "self.assertEqual(f(math.pi).tolist(), [3]); np.testing.assert_array_equal(f(1.5), np.array([1]))", "pass"),
    "imported_class": ("from collections import Counter\nfrom decimal import Decimal as D\ndef f(x): return Counter(x)",
                       "self.assertEqual(f('aab'), Counter(a=2, b=1)); self.assertEqual(D('1.5') * 2, 3)", "pass"),
    "imported_but_not_pure": ("import os, subprocess\ndef f(): return 1", "self.assertEqual(f(), 1); os.getpid()", "error"),
    "builtin_by_another_name": ("number = int\ndef f(): return 1", "self.assertEqual(number('3'), 3)", "pass"),
    "class_as_a_value": ("from collections import Counter\ndef f(): return Counter", "from collections import Counter\nself.assertIs(f(), Counter)",
                         "pass"),
    "frozen_dataclass": (POINT, "from dataclasses import FrozenInstanceError\nwith self.assertRaises(FrozenInstanceError):\n    P(1).x = 2", "pass"),
    "json_error": ("import json\ndef f(t): return json.loads(t)",
                   "import json\nwith self.assertRaises(json.JSONDecodeError) as c:\n    f('{')\nself.assertEqual(c.exception.pos, 1)", "pass"),
    "statistics_error": ("import statistics\ndef f(): return statistics.mean([])",
                         "import statistics\nself.assertRaises(statistics.StatisticsError, f)", "pass"),
    "decimal_error": ("from decimal import Decimal\ndef f(): return Decimal('x')",
                      "import decimal\nself.assertRaises(decimal.InvalidOperation, f)", "pass"),
    "own_error_from_the_library": ("import json\nclass E(json.JSONDecodeError): pass\ndef f(): raise E('no', 'doc', 1)",
                                   "import json\nself.assertRaises(json.JSONDecodeError, f); self.assertRaises(E, f)", "pass"),
    "exception_text": ("class E(KeyError):\n    def __init__(self, n): super().__init__(n); self.n = n\n    def __str__(self): return f'n={self.n}'\n"
                       "class K(KeyError): pass\ndef f(n): raise E(n)\ndef g(): raise K('k')",
                       "with self.assertRaisesRegex(E, '^n=4$'):\n    f(4)\nwith self.assertRaises(K) as c:\n    g()\n"
                       "self.assertEqual(str(c.exception), \"'k'\")", "pass"),
    "exception_text_fails": ("class E(Exception):\n    def __str__(self): return 1 / 0\ndef f(): raise E", "self.assertRaises(E, f)", "pass"),
    "array_changed_by_the_candidate": ("def f(a):\n    a.sort()\n    a[0] = 9\n    return a",
                                       "import numpy as np\na = np.array([3, 1, 2])\nself.assertIs(f(a), a); self.assertEqual(a.tolist(), [9, 2, 3])",
                                       "pass"),
    "array_changed_by_the_test": ("import numpy as np\nclass A:\n    def __init__(self): self.a = np.zeros(2)\n    def total(self): return float(self.a.sum())",
                                  "x = A(); x.a[0] = 5; self.assertEqual(x.total(), 5.0)", "pass"),
    "array_made_longer": ("def f(a): a.resize(3, refcheck=False)", "import numpy as np\na = np.array([1, 2]); f(a); self.assertEqual(len(a), 3)", "error"),
    "derived_with_init": (ANIMAL, "class Dog(Animal):\n    legs = 3\n    def __init__(self, n, a): super().__init__(n); self.age = a\n"
                                  "d = Dog('R', 5); self.assertEqual((d.name, d.age, d.intro()), ('R', 5, 'R ... 3'))\n"
                                  "d.legs = 2; self.assertEqual((d.legs, Dog.legs, str(d)), (2, 3, 'AR'))", "pass"),
    "derived_and_base_named": (ANIMAL, "class Dog(Animal):\n    def __init__(self, n): Animal.__init__(self, n + '!')\n"
                                       "    def speak(self): return 'W' + Animal.speak(self)\nself.assertEqual(Dog('R').intro(), 'R! W... 4')", "pass"),
    "derived_twice": (ANIMAL, "class Dog(Animal):\n    def speak(self): return 'W' + super().speak()\n"
                              "class Pup(Dog):\n    def speak(self): return 'w' + super().speak()\n    def __str__(self): return super().__str__() + '!'\n"
                              "p = Pup.make(); self.assertIsInstance(p, Pup); self.assertIsInstance(p, Dog); self.assertNotIsInstance(Dog('R'), Pup)\n"
                              "self.assertEqual((p.speak(), p.intro(), str(p), Dog('R').intro()), ('wW...', 'm wW... 4', 'Am!', 'R W... 4'))", "pass"),
    "derived_from_abstract": (ANIMAL, "class Square(Shape, tag=1):\n    def __init__(self, s): self.s = s\n    def area(self): return self.s ** 2\n"
                                      "    @property\n    def name(self): return 'square'\n"
                                      "self.assertEqual((describe([Square(2)]), Square.about), ([('square', 4)], {'tag': 1}))\n"
                                      "class Vague(Shape): pass\nself.assertRaises(TypeError, Vague)", "pass"),
    "derived_beside_a_mixin": (ANIMAL, "class Flies:\n    def fly(self): return 'f'\nclass Bird(Flies, Animal):\n    def speak(self): return self.fly()\n"
                                       "self.assertEqual(Bird('b').intro(), 'b f 4')", "pass"),
    "exception_class_attribute": (E, "with self.assertRaises(E) as c: f()\nself.assertEqual((c.exception.code, E.code), (7, 7))", "pass"),
    "exception_property": (E, "with self.assertRaises(E) as c: f()\nself.assertEqual(c.exception.twice, 6)", "pass"),
    "exception_method": (E, "with self.assertRaises(E) as c: f()\nself.assertEqual(c.exception.plus(1), 4)\n"
                            "self.assertFalse(hasattr(c.exception, 'minus'))", "pass"),
    "exception_made_by_the_test": (E, "e = E('m', 4)\nself.assertEqual((e.n, str(e), g(e)), (4, 'm', 4))\nself.assertRaises(TypeError, E)\n"
                                      "with self.assertRaises(E) as c: raise e\nself.assertIs(c.exception, e)", "pass"),
    "exception_derived_by_the_test": (E, "class D(E):\n    def __init__(self, a): super().__init__(a); self.a = a\n"
                                         "with self.assertRaises(E) as c: raise D(3)\nself.assertEqual(c.exception.a, 3)", "pass"),
    "docstrings": ("def f():\n    'Adds.'\ndef g(): pass\nclass A:\n    'An A.'\n    def m(self): 'Does.'",
                   "self.assertEqual((f.__doc__, g.__doc__, A.__doc__, A().__doc__, A().m.__doc__), ('Adds.', None, 'An A.', 'An A.', 'Does.'))",
                   "pass"),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine("split", time_limit=2.0, workers=1) as running:
        yield running


@pytest.mark.parametrize("name", CASES)
def test_objects_behave_as_in_one_process(engine: Engine, name: str) -> None:
    solution, body, expected = CASES[name]
    matrix = engine.execute([solution], [unit_test(body)])
    assert matrix.verdicts[0, 0] == expected, engine.explain(solution, unit_test(body))


LIAR = """
class Meta(type):
    def __contains__(c, x): return True
    def __len__(c): return 3
class P(metaclass=Meta):
    def __init__(self, x): self.x = x
    def __lt__(self, o): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __eq__(self, o): return True
    def __hash__(self): return self.x
class Any:
    def __getattr__(self, n): return 0
    def __truediv__(self, o): return 1
    def __rtruediv__(self, o): return 1
    def __rsub__(self, o): return 0
def f(): return Any()
class Q:
    made = []
    def __init__(self, x): self.x = x; self.made.append(self)
    def me(self): return self
    def twice(self): return 2 * self.me()
def g(): return list(Q.made)
class Odd(ValueError):
    def startswith(self, x): return True
def h(): raise Odd
"""


@pytest.mark.parametrize(("body", "verdict", "marked"), [
    ("self.assertLess(P(1), P(2))", "pass", True),
    ("self.assertLessEqual(P(1), P(2))", "pass", True),
    ("self.assertGreater(P(1), P(2))", "pass", True),
    ("self.assertEqual(sorted([P(1), P(2)])[0].x, 2)", "pass", True),
    ("self.assertIn(3, P)", "pass", True),
    ("self.assertEqual(len(P), 3)", "pass", True),
    ("self.assertEqual(len({P(1), P(1)}), 1)", "pass", True),
    ("self.assertEqual(f() / 50, 1)", "pass", True),
    ("self.assertEqual(50 / f(), 1)", "pass", True),
    ("self.assertEqual(50 - f(), 0)", "error", False),
    ("expected = [Q(1), Q(2)]; self.assertEqual(g(), expected)", "pass", True),
    ("expected = Q(1); self.assertIs(g()[0], expected)", "pass", True),
    ("expected = {Q(1)}; self.assertEqual(set(g()), expected)", "pass", True),
    ("q = Q(1); self.assertIs(q.me(), q); self.assertEqual(q.x, 1)", "pass", False),
    ("self.assertEqual(P(4).x, 4)", "pass", False),
    ("class D(Q):\n    def me(self): return self.x\nself.assertEqual(D(1).me(), 1); self.assertEqual(D(2).twice(), 4)", "pass", False),
    ("with self.assertRaises(ValueError) as c: h()\nself.assertTrue(c.exception.startswith('x'))", "pass", True),
    ("p = P(4); self.assertIsNot(p, P(4))", "pass", False),
])
def test_what_rests_on_the_candidates_word_is_marked(engine: Engine, body: str, verdict: str, marked: bool) -> None:
    matrix = engine.execute([LIAR], [unit_test(body)])
    assert matrix.self_judged is not None
    assert (matrix.verdicts[0, 0], bool(matrix.self_judged[0, 0])) == (verdict, marked)


SLEEPER = "import time\ndef f(x):\n    time.sleep(x)\n    return 1"


def test_the_papers_limit_is_wall_time_and_never_halved() -> None:
    bodies = [f"self.assertEqual(f({s}), 1)" for s in (0.9, 0.91, 0.92, 0.93, 0.3)]
    with Engine("split", time_limit=0.5, workers=1, protocol="paper") as engine:
        matrix = engine.execute([SLEEPER], [*map(unit_test, bodies)])
        in_the_test = engine.execute([SLEEPER], [unit_test("import time; time.sleep(0.9); self.assertEqual(f(0), 1)")])
    assert matrix.verdicts[0].tolist() == ["timeout"] * 4 + ["pass"]
    assert in_the_test.verdicts[0, 0] == "timeout"
