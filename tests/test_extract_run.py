"""Extraction of whole runs: which rows come out, what is reported, and that nothing stale is left behind."""

import json
import subprocess
import sys

import pytest

from coderm.errors import FormatError, InputError
from coderm.generate.extract.run import extract_run
from coderm.matrix import RewardMatrix
from coderm.records import Problem
from coderm.runs import Run

ADD = "def add(a, b):\n    return a + b"
TEST = "import unittest\n\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(add(1, 2), 3)"
STDIN = "n = int(input())\nprint(n + 1)"


def fenced(code):
    return f"```python\n{code}\n```"


def reply(task_id, index, text):
    return {"task_id": task_id, "index": index, "text": text, "finish_reason": "stop"}


@pytest.fixture
def run(tmp_path):
    run = Run.create(tmp_path / "run")
    with run:
        run.add_problems([Problem("a", "add", "add"), Problem("b", "read", kind="stdin"), Problem("c", "sub", "sub")])
        run.append("solution_replies", [
            reply("b", 0, fenced(STDIN)), reply("a", 1, fenced(f"{ADD}\n\nprint(add(1, 2))")),
            reply("a", 0, "no code here"), reply("a", 2, "overtaken"), reply("a", 2, fenced(ADD)),
            reply("c", 0, fenced(ADD)),
        ])
        run.append("unit_test_replies", [
            reply("a", 0, fenced(TEST)), reply("a", 1, fenced(TEST)), reply("a", 2, fenced(TEST.replace("T(", "U("))),
            reply("a", 3, f"{fenced(TEST)}\n{fenced(TEST)}"), reply("b", 0, ""),
        ])
    return run


def test_rows_follow_the_problems_and_name_their_replies(run):
    report = extract_run(run)
    assert list(run.rows("solutions")) == [
        {"task_id": "a", "solutions": [ADD, ADD], "replies": [1, 2], "sampled": 3},
        {"task_id": "b", "solutions": [STDIN], "replies": [0], "sampled": 1},
        {"task_id": "c", "solutions": [], "replies": [], "sampled": 1},
    ]
    assert [row["replies"] for row in run.rows("unit_tests")] == [[0, 1, 2, 3], []]
    assert report["solutions"] == {"replies": 5, "usable": 3, "reasons": {"no_code": 1, "no_entry_point": 1},
                                   "problems_with_none": 1}
    assert report["unit_tests"] == {"replies": 5, "usable": 4, "reasons": {"empty": 1}, "problems_with_none": 1}


def test_under_paper_equal_tests_count_once_and_several_fences_not_at_all(run):
    report = extract_run(run, "paper")
    assert [row["replies"] for row in run.rows("unit_tests")] == [[0, 2], []]
    assert report["unit_tests"] == {"replies": 5, "usable": 3, "duplicates": 1, "problems_with_none": 1,
                                    "reasons": {"several_fences": 1, "no_code": 1}}
    assert run.solutions()["a"] == [f"{ADD}\n\nprint(add(1, 2))", ADD]
    assert Run(run.path).config["protocol"] == "paper"
    assert extract_run(Run(run.path))["protocol"] == "paper"


def test_matrices_and_labels_go_with_the_texts_they_were_made_from(run):
    extract_run(run)
    with run:
        for task_id, shape in (("a", (2, 4)), ("b", (1, 0))):
            run.save_matrix(task_id, RewardMatrix.from_passed([[True] * shape[1]] * shape[0]))
        run.append("labels", [{"task_id": "a", "correct": [True, True]}, {"task_id": "b", "correct": [True]}])
    assert extract_run(run)["stale"] == 0
    assert extract_run(run, "paper")["stale"] == 1
    assert run.matrix("a") is None and run.matrix("b") is not None
    assert run.labels() == {"b": [True]}


def test_rows_without_raw_replies_stay(run):
    extract_run(run)
    with run:
        run.append("solutions", [{"task_id": "imported", "solutions": ["x = 1"]}])
    extract_run(run)
    assert run.solutions()["imported"] == ["x = 1"]


def test_a_run_without_replies_and_a_broken_row_are_input_errors(tmp_path):
    run = Run.create(tmp_path / "run")
    with pytest.raises(InputError, match="no raw replies"):
        extract_run(run)
    with run:
        run.append("solution_replies", [{"task_id": "a", "index": 0}])
    with pytest.raises(FormatError, match=r"solution_replies\.jsonl:1"):
        extract_run(run)


def test_the_command_line_reports_in_words_and_in_json(run):
    def coderm(*arguments):
        command = [sys.executable, "-c", "from coderm.cli import main; main()", *arguments]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    code, out, _ = coderm("extract", str(run.path), "--json")
    assert code == 0
    assert json.loads(out)["solutions"]["usable"] == 3
    code, out, _ = coderm("extract", str(run.path), "--protocol", "paper")
    assert code == 0
    assert "unit tests: 3 of 5 replies usable" in out and "1 equal to another one" in out
    code, _, err = coderm("extract", str(run.path / "nowhere"))
    assert code == 2
    assert err.startswith("coderm: ") and err.count("\n") == 1
