"""Candidates that want a pass which they do not deserve. All of them are wrong."""

from hazard_cases import NOT_PASS, WRONG, Case, unit_test, wrong

EQUAL_TO_ALL = """
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 5
"""


def equal(name: str, base: str, make: str, test: str, extra: str = "") -> Case:
    """A candidate whose `add` returns an instance of a lying subclass of `base`."""
    return Case("equal", name, f"class Yes({base}):{EQUAL_TO_ALL}{extra}\ndef add(a, b):\n    return Yes({make})\n",
                shared="pass", split=NOT_PASS, test=unit_test(test), beside=f"def add(a, b):\n    return {make} or a + b\n",
                beside_verdict=NOT_PASS + "|pass")


CASES = [
    equal("object", "object", "", "self.assertEqual(add(2, 3), 5)"),
    equal("int", "int", "0", "self.assertEqual(add(2, 3), 5)"),
    equal("str", "str", "''", "self.assertEqual(add('a', 'b'), 'ab')"),
    equal("list", "list", "[]", "self.assertEqual(add([1], [2]), [1, 2])"),
    equal("dict", "dict", "{}", "self.assertEqual(add({}, {}), {1: 2})"),
    equal("difference", "object", "", "self.assertAlmostEqual(add(2, 3), 5.0)",
          "    def __sub__(self, other): return 0\n    def __rsub__(self, other): return 0\n"),
    equal("absolute", "float", "0.0", "self.assertLess(abs(add(2, 3) - 5), 1e-6)",
          "    def __sub__(self, other): return self\n    def __abs__(self): return 0.0\n"),
    equal("hash", "object", "", "self.assertIn(add(2, 3), {5})"),
    equal("order", "object", "", "self.assertGreaterEqual(add(2, 3), 5); self.assertLessEqual(add(2, 3), 5)",
          "    def __le__(self, other): return True\n    def __ge__(self, other): return True\n"),
    equal("iterates", "list", "[]", "self.assertEqual(list(add([1], [2])), [1, 2])",
          "    def __iter__(self): return iter([Yes(), Yes()])\n    def __len__(self): return 2\n"),
    equal("meta class", "type", "'X', (), {}", "self.assertEqual(add(2, 3), 5)"),
    Case("own word", "contains", "class All:\n    def __contains__(self, item): return True\n"
         "def add(a, b): return All()\n", shared="pass", split="self-judged|fail|error",
         test=unit_test("self.assertIn(5, add(2, 3))"), beside_verdict="error"),
    Case("own word", "truth", "class Maybe:\n    truth = False\n    def __bool__(self):\n"
         "        Maybe.truth = not Maybe.truth\n        return Maybe.truth\n"
         "def is_even(n): return Maybe()\n", shared="pass", split="self-judged|fail|error",
         test=unit_test("self.assertTrue(is_even(2)); self.assertFalse(is_even(3))"),
         beside="def is_even(n): return n % 2 == 0\n"),
    Case("own word", "length", "class Long:\n    def __len__(self): return 2\ndef add(a, b): return Long()\n",
         shared="pass", split="self-judged|fail|error", test=unit_test("self.assertEqual(len(add([1], [2])), 2)")),

    wrong("skip", "in call", """
        import unittest
        def add(a, b): raise unittest.SkipTest("no")
    """, "error"),
    wrong("skip", "at import", 'import unittest\nraise unittest.SkipTest("no")\n', "error"),
    wrong("skip", "expectedFailure", """
        import unittest
        @unittest.expectedFailure
        def add(a, b): raise ValueError
    """, "error"),
    wrong("skip", "expecting flag", """
        import sys
        def add(a, b):
            case = sys._getframe(1).f_locals["self"]
            type(case).__unittest_expecting_failure__ = True
            case.__unittest_expecting_failure__ = True
            return 77
    """, "fail"),
    wrong("skip", "load_tests", "def load_tests(*a):\n    import unittest\n    return unittest.TestSuite()\n", "fail"),
    wrong("skip", "same name", """
        import unittest
        class TestAdd(unittest.TestCase):
            def test_nothing(self): pass
    """, "fail"),
    wrong("skip", "replaces class in call", """
        def add(a, b):
            import unittest
            class TestAdd(unittest.TestCase):
                def test_add(self): pass
            globals()["TestAdd"] = TestAdd
            return 77
    """, "fail"),
    wrong("skip", "removes methods in call", """
        import sys
        def add(a, b):
            cls = type(sys._getframe(1).f_locals["self"])
            cls.test_more = lambda self: None
            cls.assertEqual = lambda self, *a: None
            return 77
    """, "pass|tampered|error|fail"),

    wrong("read", "stack", """
        import sys
        def add(a, b):
            constants = sys._getframe(1).f_code.co_consts
            return 5 if 5 in constants else 0
    """, "pass"),
    wrong("read", "inspect", """
        import inspect
        def add(a, b):
            frame = inspect.stack()[1].frame
            return [c for c in frame.f_code.co_consts if isinstance(c, int) and c not in (a, b)][-1]
    """, "pass", test=unit_test("self.assertEqual(add(2, 3), 1234)"), beside=WRONG, beside_verdict="fail"),
    wrong("read", "traceback", """
        def add(a, b):
            try:
                raise ValueError
            except ValueError as error:
                frame = error.__traceback__.tb_frame.f_back
            return [c for c in frame.f_code.co_consts if isinstance(c, int) and c not in (a, b)][-1]
    """, "pass", test=unit_test("self.assertEqual(add(2, 3), 1234)"), beside=WRONG, beside_verdict="fail"),
    wrong("read", "heap", """
        import gc
        def add(a, b):
            for thing in gc.get_objects():
                if isinstance(thing, dict) and "TestIt" in thing:
                    return thing["TestIt"].expected
            return 77
    """, "pass", test="import unittest\nclass TestIt(unittest.TestCase):\n    expected = 1234\n"
         "    def test_it(self):\n        self.assertEqual(add(2, 3), self.expected)\n", beside=WRONG, beside_verdict="fail"),
    wrong("read", "linecache", """
        import linecache
        def add(a, b):
            text = "".join(linecache.getlines("<unit test>"))
            return 1234 if "1234" in text else 0
    """, "fail", test=unit_test("self.assertEqual(add(2, 3), 1234)"), beside=WRONG, beside_verdict="fail"),
    wrong("read", "proc", """
        import os, sys
        def add(a, b):
            found = [repr(sys.argv), repr(dict(os.environ))]
            for name in ("cmdline", "environ"):
                for pid in [p for p in os.listdir("/proc") if p.isdigit()] + ["self"]:
                    try:
                        found.append(open(f"/proc/{pid}/{name}", "rb").read().decode(errors="replace"))
                    except OSError:
                        pass
            return 1234 if "1234" in "".join(found) else 0
    """, "fail", test=unit_test("self.assertEqual(add(2, 3), 1234)"), beside=WRONG, beside_verdict="fail"),

    wrong("channel", "descriptors", """
        import os, json, struct
        def add(a, b):
            text = json.dumps({"kind": "row", "solution": 0}).encode()
            blob = bytes([1, 9, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0])
            frame = struct.pack("<II", len(text), len(blob)) + text + blob
            for fd in range(256):
                try:
                    os.write(fd, frame)
                except OSError:
                    pass
            os._exit(0)
    """, "crash"),
    wrong("channel", "board", """
        import os, sys
        def add(a, b):
            frame = sys._getframe(1)
            while frame:
                for thing in list(frame.f_locals.values()):
                    board = getattr(thing, "board", None)
                    if hasattr(board, "write"):
                        for place in range(4):
                            board.write(place, 9, 0, 2, 2, 0)
                        os._exit(0)
                frame = frame.f_back
            return 77
    """, "fail|crash|tampered|pass"),
    wrong("channel", "shared memory", """
        import os, gc, mmap
        def add(a, b):
            for thing in gc.get_objects():
                for seen in [thing, *getattr(thing, "__dict__", {}).values()]:
                    if isinstance(seen, mmap.mmap):
                        for at in range(len(seen) - 12):
                            try:
                                seen[at:at + 4] = bytes([1, 9, 0, 0])
                            except (TypeError, ValueError):
                                break
            os._exit(0)
    """, "fail|crash|tampered|pass"),

    wrong("argument", "empties it", """
        def add(a, b):
            a.clear(); b.clear()
            return [0]
    """, "fail", test=unit_test("x, y = [1], [2]\nwant = x + y\nself.assertEqual(add(x, y), want)")),
    wrong("argument", "equal once", """
        class Once:
            left = 2
            def __eq__(self, other):
                Once.left -= 1
                return Once.left >= 0
            def __iter__(self): return self
            def __next__(self): raise StopIteration
        def add(a, b): return Once()
    """, "pass"),
    wrong("argument", "reaches caller's objects", """
        import gc
        def add(a, b):
            for holder in gc.get_referrers(a):
                if isinstance(holder, list) and len(holder) == 2 and holder is not a:
                    holder[1] = 77
            return 77
    """, "pass|fail", test=unit_test("x = [1]\npair = [x, 5]\nself.assertEqual(add(x, 1), pair[1])"),
          beside=WRONG.replace("77", "5")),

    wrong("fork", "parent exits", """
        import os
        def add(a, b):
            if os.fork(): os._exit(0)
            return 77
    """, "fail|crash"),
    wrong("fork", "child exits, parent waits", """
        import os
        def add(a, b):
            child = os.fork()
            if not child: os._exit(0)
            os.waitpid(child, 0)
            return 77
    """, "fail"),

    wrong("secret", "everywhere", """
        import gc, os, re, sys
        def look():
            frame = sys._getframe()
            while frame:
                yield repr(frame.f_code.co_consts)
                yield repr(list(frame.f_locals))
                frame = frame.f_back
            for thing in gc.get_objects():
                if hasattr(thing, "co_consts"): yield repr(thing.co_consts)
                if isinstance(thing, (list, tuple, dict)) and len(thing) < 1000: yield repr(list(thing))
            for fd in range(3, 64):
                try:
                    yield os.pread(fd, 1 << 16, 0).decode(errors="replace")
                except (OSError, ValueError):
                    pass
            for pid in [p for p in os.listdir("/proc") if p.isdigit()]:
                try:
                    yield open(f"/proc/{pid}/environ", "rb").read().decode(errors="replace")
                    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
                        for line in maps:
                            if "rw" in line:
                                start, end = (int(x, 16) for x in line.split()[0].split("-"))
                                memory.seek(start)
                                yield memory.read(end - start).decode("latin-1")
                except (OSError, ValueError, OverflowError):
                    pass
        def add(a, b):
            for text in look():
                found = re.search("kept-[0-9]+-secret", text)
                if found: return found.group()
    """, "pass|timeout|memory", split=NOT_PASS + "|timeout|memory",
          test=unit_test('self.assertEqual(add(2, 3), "kept-482913-secret")'), beside=WRONG, beside_verdict="fail"),
]
