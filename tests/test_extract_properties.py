"""Extraction on arbitrary and hostile text: it never raises or hangs, and its promises hold."""

import ast
import symtable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coderm.data import recorded
from coderm.generate.extract import extract_solution, extract_unit_test, fences
from coderm.generate.extract.source import parse, scopes
from coderm.problems import load

PIECES = [
    "```", "```python\n", "\n```\n", "~~~", "    ", "\t", "\n", "<think>", "</think>", "def f(x):\n", "return x",
    "class T",
    "(unittest.TestCase):\n", "    def test_f(self):\n", "        self.assertEqual(f(1), 2)\n", "import unittest\n",
    "from solution import f as g, h\n", "import solution as s\n", "s.f(1)", "assert f(1) == 2\n",
    "if __name__ == '__main__':",
    "unittest.main()", "f = 3\n", "@patch('f')", "\"\"\"", "'", "(", "[", "{", ")", "\\\n", "\0", "\ud800", "ü", "\x0c",
    "\r", "\u2028", "python\n", ";", "lambda: ", "async ", "await ", "yield ", "global f\n", ":=", "*", "0x",
    "1e999", "#",
    "print(f(input()))\n", "@pytest.mark.parametrize('x', [1])\n", "match x:\n", "\x1a", "f'{", "}", "del f\n",
    "except:\n",
]
hostile = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
every_rule = pytest.mark.parametrize("protocol", ["default", "paper"])
entry_points = st.sampled_from([None, "f", "f.g", "", "ü", "__name__"])
common = settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])


@every_rule
@common
@given(reply=hostile, entry_point=entry_points)
def test_arbitrary_text_never_raises(protocol, reply, entry_point):
    for extract in (extract_solution, extract_unit_test):
        for text in (reply, f"```python\n{reply}\n```"):
            outcome = extract(text, protocol=protocol, entry_point=entry_point)
            assert (outcome.text is None) != (outcome.reason is None)


@every_rule
@pytest.mark.timeout(120)
@pytest.mark.parametrize("code", [
    "(" * 20_000, "[" * 190 + "]" * 190, "-" * 49_000 + "1", "not " * 12_000 + "x", "x" + ".a" * 24_000,
    "f" + "()" * 24_000, "1+" * 24_000 + "1", "if 1:pass\n" + "elif 1:pass\n" * 4_000, "lambda:" * 7_000 + "1",
    "import a" + ".a" * 9_000, "\n".join(" " * i + "if 1:" for i in range(100)), "x = " + "9" * 49_000,
    "a;" * 24_000, "@a\n" * 20_000, "'" * 49_999, "\0" * 1_000, "\ud800", "\\\n" * 20_000, "#" * 49_999,
    "class T(unittest.TestCase):\n" + "".join(f" def test{i}(self): self.assertEqual(f(1), 2)\n" for i in range(800)),
    "def f(): pass\n" * 2_500, "f(" * 90 + "\n" * 40_000, "if x:\n " * 12_000, "try:\n  x\n" * 5_000,
    "```\na\n" * 100_000, "```python\n" * 100_000, "<think>" * 300_000, "~" * 3_000_000, "x" * 3_000_000,
    "def f(x): return x\n" * 150_000, "import " * 400_000, "`" * 1_000_000 + "\n" + "~" * 1_000_000,
], ids=lambda code: f"{code[:12]!r} x {len(code)}")
def test_huge_and_deep_text_ends_in_time(protocol, code):
    for text in (code, f"```python\ndef f(x): return x\n{code}"):
        for extract in (extract_solution, extract_unit_test):
            extract(text, protocol=protocol, entry_point="f")


names = st.sampled_from(["a", "b", "total", "n"])
expressions = st.one_of(st.integers(-5, 5).map(str), names, st.just("'```'"), st.just("len('é')"))
lines = st.one_of(
    st.builds("{} = {}".format, names, expressions), st.builds("if {}:\n        return {}".format, expressions, names),
    st.just("# a comment"), st.builds("return {}".format, expressions), st.just("'''text\n    ```\n    text'''"))
programs = st.lists(lines, max_size=5).map(
    lambda body: "def f(a, b=0, total=0, n=0):\n" + "".join(f"    {line}\n" for line in body) + "    return a")
prose = st.text(st.characters(codec="utf-8", exclude_characters="`~<>"), max_size=80).filter(
    lambda text: not parse(text + "\ndef f(): pass"))


@pytest.mark.parametrize("text", ["\r0\ndef f(): pass", "x = 1\rdef f(): pass", "\r\r\ndef f():\r\n    return 'a'\r"])
def test_any_line_break_is_one_to_the_parser(text):
    program = parse(text)
    assert program is not None and "\r" not in program.text
    assert ast.dump(program.tree) == ast.dump(ast.parse(text))
    assert len(program.statements) == len(program.tree.body)


@common
@given(program=programs, before=prose, after=prose, fence=st.sampled_from(["```", "~~~", "`````"]),
       tag=st.sampled_from(["", "python", "py", "Python3"]))
def test_a_fenced_program_round_trips_under_any_prose(program, before, after, fence, tag):
    reply = f"{before}\n{fence}{tag}\n{program}\n{fence}\n{after}"
    assert extract_solution(reply, entry_point="f").text == program
    assert extract_solution(reply).text == program


CLASS = "class {}(unittest.TestCase):\n    def {}(self):\n        "
odd_prose = st.lists(st.sampled_from(
    ["Answer: ", "```", "```python", "~~~", "\n", "  ", "    ```", "\n```\n", "x = 1\n", "text", "```bash\n",
     "```markdown\n", "> ", "python\n", "1. ", "</think>\n", "def g(): pass\n", "f = 1\n"]), max_size=8).map("".join)


@common
@given(program=programs, before=odd_prose, after=odd_prose)
def test_what_the_strict_rule_takes_rightly_comes_out(program, before, after):
    reply = f"{before}```python\n{program}\n```{after}"
    answer = fences.answer(reply)
    strict = parse(extract_solution(answer, protocol="paper").text or "")
    if strict is not None and "f" in strict.binds:
        assert extract_solution(reply, entry_point="f").text is not None


statements = st.sampled_from([
    "import unittest", "from solution import f", "from solution import *", "from x import y as f", "import f",
    "import m as f", "def f(x):\n    return 1", "class f:\n    pass", "f = max", "f: int = 3", "f, g = max, min",
    "for f in [max]: pass", "with open('x') as f: pass", "try:\n    from s import f\nexcept ImportError:\n    f = max",
    "(f := max)", "f += 1", "def h():\n    global f\n    f = max", "import s", "assert f(1) == 1", "del f",
    "def test_a():\n    assert f(1) == 1", "if True:\n    def f(x): return 1", "while f(1): break",
    "x = [f for f in [1]]", "match 1:\n    case f: pass", "print(f(1))", "from math import *", "def f(x): return h()",
    "async def f(x): return 1", "type = 1; f = 2",
    CLASS.format("T", "test") + "self.assertEqual(f(1), 1)",
    CLASS.format("U", "test") + "from s import f\n        h()\n        self.assertEqual(f(1), 1)",
    CLASS.format("V", "test") + "global f\n        f = max\n        self.assertEqual(f(1), 1)",
    CLASS.format("W", "setUp") + "f = max\n    def test(self):\n        self.assertTrue(f(1))",
])


@common
@given(code=st.lists(statements, min_size=1, max_size=8).map("\n\n".join))
def test_a_unit_test_never_binds_the_entry_point(code):
    text = extract_unit_test(f"```python\n{code}\n```", entry_point="f").text
    if text is None:
        return
    for scope in scopes(symtable.symtable(text, "test", "exec")):
        for symbol in scope.get_symbols():
            bound = symbol.is_assigned() or symbol.is_imported() or symbol.is_parameter()
            assert not (bound and symbol.get_name() == "f" and scope.get_type() != "class")
    assert any(isinstance(node, ast.Name) and node.id == "f" for node in ast.walk(ast.parse(text)))


@given(st.text(alphabet="`~\n python<>a", max_size=200))
def test_blocks_hold_text_of_the_reply(text):
    for block in fences.blocks(text):
        assert block.text.strip()
        assert all(line.strip() in text for line in block.text.split("\n"))


def test_default_takes_every_honest_reply_that_the_strict_rule_takes():
    replies = recorded()
    entry_point = {p.task_id: p.entry_point for p in load("humaneval")}
    kept = {"solutions": 0, "unit_tests": 0}
    for kind, rows, extract in (("solutions", replies.solution_replies, extract_solution),
                                ("unit_tests", replies.unit_test_replies, extract_unit_test)):
        for row in rows:
            name = entry_point[row["task_id"]]
            strict = extract(row["text"], protocol="paper").text
            ours = extract(row["text"], entry_point=name)
            kept[kind] += ours.text is not None
            program = parse(strict or "")
            if program is not None and (name in program.binds if kind == "solutions" else name in program.reads):
                assert ours.text is not None, (row["task_id"], row["index"], ours.reason)
    assert kept["solutions"] >= 470 and kept["unit_tests"] >= 480
