"""Candidate solutions out of raw replies: wrapping of every kind, demonstrations cut, nothing honest lost."""

import textwrap

import pytest

from coderm.generate.extract import extract_solution

ADD = "def add(a, b):\n    return a + b"


def got(reply, entry_point="add"):
    return extract_solution(textwrap.dedent(reply), entry_point=entry_point)


@pytest.mark.parametrize("wrapped", [
    f"```python\n{ADD}\n```",
    f"```Python3\n{ADD}\n```",
    f"```py\n{ADD}\n```",
    f"```{{.python}}\n{ADD}\n```",
    f"```python title=\"add.py\"\n{ADD}\n```",
    f"```\n{ADD}\n```",
    f"~~~python\n{ADD}\n~~~",
    f"````python\n{ADD}\n````",
    f"```\npython\n{ADD}\n```",
    f"```python\npython\n{ADD}\n```",
    f"```python\n\npython3\n\n{ADD}\n```",
    f"```markdown\n```python\n{ADD}\n```\n```",
    f"```markdown\npython\n{ADD}\n```",
    f"```\n```python\n{ADD}\n```",
    f"```python\n```\n{ADD}\n```",
    f"```python\n{ADD}",
    f"```python\n{ADD}\n",
    ADD,
    f"Sure! Here it is:\n\n```python\n{ADD}\n```\nIt adds `a` and `b`.",
    f"Sure! Here it is:\n\n{ADD}\n\nThis function adds its arguments, as asked.",
    f"<think>\nMaybe ```python\ndef add(a, b): return a - b\n``` no.\n</think>\n```python\n{ADD}\n```",
    f"thinking without an opening tag ```python\nx\n```\n</think>\n\n```python\n{ADD}\n```",
    f"1. Write it:\n   ```python\n{textwrap.indent(ADD, '   ')}\n   ```\n2. Done.",
    f"```python\n{textwrap.indent(ADD, '    ')}\n```",
    f"```python\r\n{ADD}\r\n```".replace("\n", "\r\n").replace("\r\r", "\r"),
    f"First:\n```bash\npip install nothing\n```\nthen\n```python\n{ADD}\n```\nprints\n```\n3\n```",
    f"```python\n{ADD}\n```\nUse it:\n```python\nprint(add(1, 2))\n```",
    f"```python\n{ADD}\n```\nUse it:\n```python\nfrom solution import add\nprint(add(1, 2))\n```",
    f"Wrong:\n```python\ndef add(a, b):\n    return a - b\n```\nFixed:\n```python\n{ADD}\n```",
    f"```python\n{ADD}\n```\nIts signature is\n```python\ndef add(a, b):\n    ...\n```",
])
def test_the_function_is_found_however_it_is_wrapped(wrapped):
    outcome = extract_solution(wrapped, entry_point="add")
    assert outcome.reason is None
    assert outcome.text.strip() == ADD


@pytest.mark.parametrize("demonstration", [
    "print(add(1, 2))  # 3",
    "print('ready')",
    "if __name__ == '__main__':\n    print(add(1, 2))",
    "if '__main__' == __name__:\n    a = int(input())\n    print(add(a, a))",
    "a = int(input('a: '))\nb = int(input())\nprint(add(a, b))",
    "while True:\n    line = input()\n    print(add(len(line), 1))",
    "result = add(1, 2)\nprint(result)",
    "result = add(1, 2)\nassert result == 3\nfor _ in range(3):\n    result += 1\nprint(f'{result}')",
    "assert add(1, 2) == 3",
    "def main():\n    print(add(1, 2))\n\nmain()",
    "add(1, 2)",
    "add(1, 2) == 3",
    "import sys\nsys.exit(0)",
    "import doctest\ndoctest.testmod()",
    "import unittest\n\nclass TestAdd(unittest.TestCase):\n    def test(self):\n"
    "        self.assertEqual(add(1, 2), 3)\n\nunittest.main()",
    "import sys\nn = int(sys.stdin.readline())\nprint(add(n, n))",
    "import sys\nfor line in sys.stdin:\n    print(line)",
    "import sys\nn = int(sys.argv[1])",
    "import argparse\nargs = argparse.ArgumentParser().parse_args()\nprint(args)",
    "def ask():\n    return int(input())\n\nn = ask()\nm = n + 1",
    "print(add(1, 2)) ==> 3",
    "print(add(1, 2))  # [3,\n     4]",
])
def test_demonstrations_go(demonstration):
    text = extract_solution(f"```python\n{ADD}\n\n# Example usage:\n{demonstration}\n```", entry_point="add").text
    rest = text.removeprefix(ADD).strip().splitlines()
    harmless = {"import sys", "import doctest", "import unittest", "# Example usage:", "def main():",
                "    print(add(1, 2))", "import argparse", "def ask():", "    return int(input())"}
    assert text.startswith(ADD)
    assert set(rest) <= harmless


@pytest.mark.parametrize("program", [
    "import sys\nsys.setrecursionlimit(10000)\n\ndef add(a, b):\n    return a + b",
    "TABLE = []\nfor i in range(10):\n    TABLE.append(i)\n\ndef add(a, b):\n    return TABLE[a] + b",
    "cache = {}\n\ndef fill():\n    cache[1] = 1\n\nfill()\n\ndef add(a, b):\n    return cache[1] + a + b - 1",
    "from functools import lru_cache\n\ndef add(a, b):\n    return a + b\n\nadd = lru_cache(None)(add)",
    "def add(a, b):\n    return helper(a, b)\n\ndef helper(a, b):\n    return a + b",
    "try:\n    import numpy as np\nexcept ImportError:\n    np = None\n\ndef add(a, b):\n    return a + b",
    '"""Adds."""\n\ndef add(a, b):\n    """\n    ```\n    add(1, 2)\n    ```\n    """\n    return a + b',
    "class Number:\n    value: int = 0\n\ndef add(a, b):\n    return a + b\n",
    "add = lambda a, b: a + b",
    "def even(n):\n    return n == 0 or add(n, -1) and odd(n - 1)\n\ndef odd(n):\n    return not even(n)\n\n"
    "PARITY = even\n\ndef add(a, b):\n    return a + b if PARITY else odd",
])
def test_what_the_function_needs_stays(program):
    assert got(f"```python\n{program}\n```").text.strip() == program.strip()


def test_helpers_of_an_earlier_block_come_along():
    text = got("""\
        A helper first:
        ```python
        import math
        def half(x):
            return math.floor(x / 2)
        ```
        and unrelated
        ```python
        def other(): pass
        ```
        then
        ```python
        def add(a, b):
            return half(2 * a) + b
        ```
    """).text
    assert "def half" in text and "def other" not in text
    assert text.index("half") < text.index("def add")


@pytest.mark.parametrize(("reply", "reason"), [
    ("", "empty"),
    (" \n\t", "empty"),
    ("<think>\nhm, let me see ```python\ndef add(a, b): return 0\n```", "no_answer"),
    ("I cannot help with that.", "no_code"),
    ("```python\ndef sub(a, b):\n    return a - b\n```", "no_entry_point"),
    ("```python\ndef add(a, b):\n    return a +\n```", "syntax"),
    ("```python\n\n```", "no_code"),
    ("```python\n# def add(a, b): later\n```", "syntax"),
    ("```python\ndef add(a, b):\n    if a:\n        return a + b\n    elif b", "truncated"),
    ("```python\ndef add(a, b):\n    total = a\n    total += b", "truncated"),
    ("```python\nx = 1\n" + "y = 2\n" * 50_000 + "```", "too_long"),
])
def test_why_nothing_came_out(reply, reason):
    outcome = extract_solution(reply, entry_point="add")
    assert (outcome.text, outcome.reason) == (None, reason)


def test_a_truncated_demonstration_does_not_cost_the_function():
    text = extract_solution(f"```python\n{ADD}\n\ndef show():\n    print('x')\n    prin", entry_point="add").text
    assert text.strip() == ADD


def test_without_an_entry_point_nothing_is_cut():
    program = "n = int(input())\nprint(n * 2)"
    assert extract_solution(f"```python\n{program}\n```\nFor 2 it prints\n```\n4\n```").text == program
    both = f"{ADD}\n\nprint(add(int(input()), 1))"
    assert extract_solution(f"```python\n{both}\n```").text == both


def test_methods_of_a_class_count_as_the_entry_point():
    program = "class Solution:\n    def add(self, a, b):\n        return a + b"
    assert got(f"```python\n{program}\n```").text == program
    assert got(f"```python\n{program}\n```", "Solution.add").text == program


def test_the_fixed_version_may_lean_on_helpers_of_the_first():
    first = "def double(x):\n    return 2 * x\n\ndef add(a, b):\n    return double(a)"
    text = got(f"```python\n{first}\n```\nFixed:\n```python\ndef add(a, b):\n    return double(a) // 2 + b\n```").text
    namespace = {}
    exec(text, namespace)
    assert namespace["add"](2, 3) == 5


def test_a_helper_may_follow_in_a_later_block():
    main = ADD.replace("a + b", "plus(a, b)")
    text = got(f"```python\n{main}\n```\nwith\n```python\ndef plus(a, b):\n    return a + b\n```").text
    namespace = {}
    exec(text, namespace)
    assert namespace["add"](2, 3) == 5


def test_a_builtin_is_no_missing_name():
    text = got(f"An example:\n```python\nsum = [1, 2]\n```\n```python\n{ADD.replace('a + b', 'sum([a, b])')}\n```").text
    assert text == ADD.replace("a + b", "sum([a, b])")


def test_a_demonstration_of_a_method_goes():
    program = "class Solution:\n    def add(self, a, b):\n        return a + b"
    assert got(f"```python\n{program}\n\nresult = Solution().add(1, 2)\nprint(result)\n```").text == program


def test_statements_that_share_a_line_are_cut_precisely():
    text = got("```python\nx = 'ü'; print(x); y = 2  # keep\ndef add(a, b): return a + b + len(x) + y\n```").text
    assert text.splitlines()[0] == "x = 'ü'; pass; y = 2  # keep"
