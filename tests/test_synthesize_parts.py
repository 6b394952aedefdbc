"""The pipeline's parts, each by itself: sources and their layouts, judgements, names, decontamination, measures."""

from __future__ import annotations

import ast
import gzip
import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coderm.errors import InputError
from coderm.records import Problem
from coderm.synthesize import syntax
from coderm.synthesize.asking import OnDemand, in_parallel
from coderm.synthesize.decontaminate import Decontaminate
from coderm.synthesize.pipeline import Item
from coderm.synthesize.prompts import ALL, UNIT_TESTS
from coderm.synthesize.quality import rates
from coderm.synthesize.reformat import computing_function, only_code
from coderm.synthesize.sample import usable_test
from coderm.synthesize.selection import Select
from coderm.synthesize.sources import read
from coderm.synthesize.testable import decision

SHARED = Path(__file__).parents[2] / "shared"


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_codefeedback_columns(tmp_path: Path) -> None:
    answer = ("Use a loop.\n\n```bash\npip list\n```\n\n```python\ndef twice(x):\n    return 2 * x\n```\n"
              "For example:\n\n```python\nprint(twice(2))\n```\n")
    path = written(tmp_path / "cf.jsonl", [
        {"query": "Double a number.", "answer": answer, "resource": "evolinstruct", "lang": "python"},
        {"query": "Double a number in C.", "answer": "```c\nint f;\n```", "resource": "evolinstruct", "lang": "c"},
        {"query": "What is Python?", "answer": "A language.", "resource": "sharegpt", "lang": "python"},
        {"query": "Double  a NUMBER.", "answer": answer, "resource": "evolinstruct", "lang": "python"},
    ])
    found = list(read(f"codefeedback:{path}"))
    assert [row["task_id"] for row in found] == ["cf/0", "cf/1", "cf/2", "cf/3"]
    assert found[0]["found"]["question"] == "Double a number."
    assert found[0]["found"]["solution"] == "def twice(x):\n    return 2 * x\n"
    assert [row["found"] for row in found[1:]] == ["other_language", "no_code", "duplicate_question"]


def test_taco_columns(tmp_path: Path) -> None:
    program = "n = int(input())\nprint(2 * n)\n"
    full = {"starter_code": "", "difficulty": "EASY", "raw_tags": "[]", "name": None, "source": "codeforces",
            "tags": "[]", "skill_types": "[]", "url": None, "Expected Auxiliary Space": None, "time_limit": "1 s",
            "date": None, "picture_num": "0", "memory_limit": "256 MB", "Expected Time Complexity": None}
    path = written(tmp_path / "taco.jsonl", [
        full | {"question": "Double n.", "solutions": json.dumps(["print 2 * input()", program]),
                "input_output": json.dumps({"inputs": ["2\n", ["3"]], "outputs": ["4\n", ["6"]]})},
        full | {"question": "Double, as a function.", "solutions": json.dumps(["def d(n):\n    return 2 * n\n"]),
                "starter_code": "def d(n):\n    ",
                "input_output": json.dumps({"fn_name": "d", "inputs": [[2]], "outputs": [[4]]})},
        full | {"question": "No solution.", "solutions": "[]", "input_output": "{}"},
        full | {"question": "No examples.", "solutions": json.dumps([program]), "input_output": "not json"},
        full | {"question": "None either.", "solutions": json.dumps([program]),
                "input_output": json.dumps({"inputs": 5, "outputs": ["4"]})},
    ])
    found = [row["found"] for row in read(f"taco:{path}")]
    assert found[0]["solution"] == program  # the first is Python 2
    assert found[0]["examples"] == [["2\n", "4\n"], ["3", "6"]]
    assert (found[1]["entry_point"], found[1]["examples"]) == ("d", [])
    assert found[2:] == ["no_code", "no_examples", "no_examples"]


def test_any_jsonl_with_a_column_map(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.jsonl", [{"task": "Add.", "code": "def add(a, b):\n    return a + b\n", "nr": 7}])
    (row,) = read(path, {"question": "task", "solution": "code", "id": "nr"})
    assert (row["task_id"], row["found"]["question"]) == ("7", "Add.")
    assert [row["found"] for row in read(path)] == ["no_question"]
    with pytest.raises(InputError, match="unknown columns answer"):
        list(read(path, {"answer": "code"}))
    with pytest.raises(InputError, match="no such file"):
        list(read("taco:nowhere.jsonl"))
    twice = written(tmp_path / "twice.jsonl", [{"id": 7, "question": "Add.", "solution": "def f(): pass"},
                                               {"id": "7", "question": "Multiply.", "solution": "def f(): pass"}])
    with pytest.raises(InputError, match=r"twice\.jsonl: row 2 is the second with the id '7'"):
        list(read(twice))


def test_problem_sets_are_sources_too() -> None:
    row = next(iter(read("humaneval", limit=1)))
    assert row["task_id"] == "HumanEval/0"
    assert row["found"]["entry_point"] == "has_close_elements" and row["found"]["ground_truth"]


@pytest.mark.parametrize(("reply", "hard"), [
    ("1. none\nNO", False), ("...\n\n**YES**\n", True), ("NO.", False), ("no", False), ("", None),
    ("It depends: YES and NO", None), ("NO\nbut on the other hand", None),
    ("I'm sorry, but I can't help with that.", None),
])
def test_only_the_last_line_decides(reply: str, hard: bool | None) -> None:
    assert decision(reply) is hard


@pytest.mark.parametrize(("text", "name"), [
    ("def f(): pass", "f"),
    ("def helper(): pass\ndef f(): helper()", "f"),
    ("def f(): helper()\ndef helper(): pass", "f"),
    ("def f(n): return f(n - 1)", "f"),
    ("class Solution:\n    def __init__(self): pass\n    def search(self): pass", "search"),
    ("class Stack:\n    def push(self): pass\n    def pop(self): pass", None),
    ("x = 1", None),
])
def test_the_function_a_solution_is_about(text: str, name: str | None) -> None:
    assert syntax.entry_point(ast.parse(text)) == name


def test_the_function_behind_a_main() -> None:
    program = "import sys\ndef parse(t): return t\ndef f(x): return x\ndef main(): print(f(parse(input())))\n"
    assert computing_function(ast.parse(program)) == "f"
    assert computing_function(ast.parse("def f(x): return x")) is None


def test_a_solution_is_reduced_and_keeps_its_comments() -> None:
    text = ('"""Module."""\nimport math\n\nLIMIT = 3  # so many\n\ndef f(x):\n    # why\n    return math.sqrt(x)\n\n'
            "assert f(4) == 2\nprint(f(9))\nif __name__ == '__main__':\n    f(1)\n")
    assert " ".join(only_code(text, ast.parse(text)).split()) == (
        "import math LIMIT = 3 # so many def f(x): # why return math.sqrt(x)")
    crowded = "def f(x): return x\nprint(1); y = 2\n"
    assert only_code(crowded, ast.parse(crowded)) == "def f(x):\n    return x\ny = 2"


def test_decontamination_by_words_and_by_name() -> None:
    benchmark = Problem("bench/1", "Return the number of pairs of socks that lie in the drawer after dark, sorted.",
                        entry_point="count_socks")
    short = Problem("bench/2", "Sort the socks.", entry_point="solve")
    stage = Decontaminate([benchmark, short])

    def outcome(question: str, entry: str, original: str = "") -> tuple[str | None, str | None]:
        (found,) = stage.run([{"question": question, "original_question": original, "entry_point": entry}])
        return found.dropped, found.values.get("collides_with")

    copied = "Please return the NUMBER of pairs of socks that lie in the drawer!"
    assert outcome(copied, "g") == ("same_wording", "bench/1")
    assert outcome("Reworded.", "g", original=copied) == ("same_wording", "bench/1")
    assert outcome("Count socks.", "count_socks") == ("same_function", "bench/1")
    assert outcome("Now sort the socks, please.", "g") == ("same_wording", "bench/2")
    assert outcome("Solve it.", "solve") == (None, None)  # a name that says nothing
    assert outcome("Return the number of pairs of shoes that lie in the drawer.", "g") == (None, None)


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=12))
def test_the_rates_of_a_test(pairs: list[tuple[bool, bool]]) -> None:
    accepted, correct = (np.array(column, dtype=bool) for column in (zip(*pairs, strict=True) if pairs else ([], [])))
    found = rates(accepted, correct)

    def among(chosen: list[bool]) -> float | None:
        return sum(chosen) / len(chosen) if chosen else None

    assert found["false_acceptance"] == among([a for a, c in pairs if not c])
    assert found["false_rejection"] == among([not a for a, c in pairs if c])
    assert found["FAR"] == among([not c for a, c in pairs if a])
    assert found["FRR"] == among([c for a, c in pairs if not a])


def test_selection_prefers_tests_that_reject_wrong_solutions() -> None:
    def test(text: str, acceptance: float | None, rejection: float | None) -> dict[str, Any]:
        return {"text": text, "false_acceptance": acceptance, "false_rejection": rejection}

    item = {"tests": [test("a = 1", 0.4, 0.0), test("a = 1  # again", 0.0, 0.0), test("b = 1", 0.6, 0.0),
                      test("c = 1", 0.1, 0.5), test("d = 1", 0.2, 0.0), test("e = 1", None, None)]}
    (found,) = Select(2, True, 0.5, 0.0).run([item])
    assert [t["text"][0] for t in found.values["tests"]] == ["e", "d"]
    assert {t["text"][0] + str(n): t["reason"] for n, t in enumerate(found.rejected)} == {
        "a0": "duplicate", "b1": "accepts_wrong", "c2": "rejects_right", "a3": "surplus"}
    (found,) = Select(9, False, 0.5, 0.0).run([item])
    assert [t["text"][0] for t in found.values["tests"]] == ["a", "b", "c", "d", "e"]


def test_a_test_may_import_what_its_solution_imports() -> None:
    reply = ("```python\nimport unittest\nimport shutil\nclass T(unittest.TestCase):\n    def test(self):\n"
             "        self.assertEqual(f(1), 1)\n```")
    item = {"entry_point": "f", "solution": "def f(x): return x"}
    assert usable_test(reply, item) == (None, "imports_the_world")
    text, reason = usable_test(reply, item | {"solution": "import shutil\ndef f(x): return x"})
    assert reason is None and text is not None and "class T" in text


def test_work_in_parallel_keeps_order_and_stays_in_its_window() -> None:
    started, lock = [0], threading.Lock()

    def work(item: Item) -> int:
        with lock:
            started[0] += 1
        time.sleep(0.001 * (item["number"] % 3))
        return int(item["number"])

    results = in_parallel(work, ({"number": number} for number in range(40)), OnDemand("fake", "unit_test"))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    assert started[0] <= 3 + 2 * 4
    assert list(results) == list(range(3, 40))


def test_every_prompt_takes_its_slots_and_leaves_braces_alone() -> None:
    for prompt in ALL:
        slots = dict.fromkeys(re.findall(r"\{(\w+)\}", prompt.text), "{question} {x: {y}}")
        (message,) = prompt.messages(**slots)
        assert message["content"].count("{question} {x: {y}}") == len(re.findall(r"\{(\w+)\}", prompt.text))


def test_the_unit_test_prompt_is_the_published_one() -> None:
    path = SHARED / "data/coderm/input_mbpp+_ut.jsonl.gz"
    if not path.exists():
        pytest.skip("the released prompts are not at hand")
    with gzip.open(path, "rt") as file:
        for line in file:
            (message,) = json.loads(line)["messages"]
            question, _, rest = message["content"].partition("### question\n")[2].partition("\n\n### code solution\n")
            solution = rest.partition("\n\nPlease add detailed comments")[0]
            assert UNIT_TESTS.messages(question=question, solution=solution) == [message]
