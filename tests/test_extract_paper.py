"""CodeRM's strict rule, to the letter (Ma et al. 2025, released code)."""

import pytest

from coderm.generate.extract import extract_solution, extract_unit_test

CLASS = "class TestF(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(1), 2)"


def solution(reply):
    outcome = extract_solution(reply, protocol="paper", entry_point="f")
    return outcome.text if outcome.reason is None else outcome.reason


def unit_test(code):
    outcome = extract_unit_test(f"```python\n{code}\n```", protocol="paper", entry_point="f")
    return outcome.text if outcome.reason is None else outcome.reason


@pytest.mark.parametrize(("reply", "outcome"), [
    ("```python\nx = 1\n```", "x = 1"),
    ("```\nx = 1\n```", "x = 1"),
    ("```python\nx = 1\n```\nand\n```\n1\n```", "x = 1"),
    ("```python\npython\nx =\n```", "python\nx ="),
    ("```markdown\n```python\nx = 1\n```", "x = 1"),
    ("```python\nx = 1\n```\n```python\ny = 2\n```", "several_fences"),
    ("```\nx = 1\n```\n```\ny = 2\n```", "several_fences"),
    ("```python\nx = 1", "no_code"),
    ("```py\nx = 1\n```", "no_code"),
    ("~~~python\nx = 1\n~~~", "no_code"),
    ("x = 1", "no_code"),
    ("", "no_code"),
])
def test_exactly_one_fence_as_it_stands(reply, outcome):
    assert solution(reply) == outcome


def test_imports_are_hoisted_and_only_the_class_stays():
    code = (f"import unittest\nfrom typing import List as L, Dict\n\ndef f(x: int) -> int:\n    import math\n"
            f"    return x + 1\n\n{CLASS}\n\n# Run the tests\ndef helper():\n    pass\n\nprint(1)")
    assert unit_test(code) == ("import unittest\nfrom typing import List as L\nfrom typing import Dict\nimport math\n\n"
                               f"{CLASS}\n")[:-1]


@pytest.mark.parametrize("guard", ["if __name__ == '__main__':\n    unittest.main()",
                                   'if __name__ == "__main__":\n    unittest.main()'])
def test_the_guard_goes_in_its_two_plain_spellings(guard):
    assert unit_test(f"import unittest\n\n{CLASS}\n\n{guard}") == f"import unittest\n\n{CLASS}"


def test_other_spellings_of_the_guard_stay():
    guard = "if __name__ == '__main__':\n    unittest.main(exit=False)"
    assert unit_test(f"import unittest\n\n{CLASS}\n\n{guard}").endswith(guard)


def test_your_module_goes_other_modules_stay():
    assert unit_test(f"import unittest\nfrom your_module import f # yours\n\n{CLASS}") == f"import unittest\n\n{CLASS}"
    assert "from solution import f" in unit_test(f"import unittest\nfrom solution import f\n\n{CLASS}")


@pytest.mark.parametrize(("code", "reason"), [
    ("x = 1", "no_test"),
    ("class A: pass\nclass B: pass", "several_classes"),
    ("class A:\n    class B: pass", "several_classes"),
    ("class A:", "syntax"),
    ("import unittest\nclass A: pass\n" + "x = 1\n" * 10_000, "too_long"),
])
def test_what_is_refused(code, reason):
    assert unit_test(code) == reason


def test_a_class_on_the_first_line_is_lost_as_in_the_released_code():
    assert unit_test("class A: pass") == "\ns"
