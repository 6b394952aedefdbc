"""`coderm rank` on a run directory, as a user calls it."""

import json
import subprocess
import sys

import numpy as np
import pytest

from coderm.matrix import RewardMatrix
from coderm.records import Problem, Verdict
from coderm.reward import read_scores
from coderm.runs import Run


@pytest.fixture
def run(tmp_path):
    run = Run.create(tmp_path / "run")
    passed = np.array([[1, 1], [1, 0], [0, 0]], bool)
    with run:
        run.add_problems(Problem(task_id=t, prompt="") for t in ("a", "b", "c"))
        run.append("solutions", ({"task_id": t, "solutions": ["x", "y", "z"]} for t in ("a", "b", "c")))
        run.append("unit_tests", [{"task_id": "a", "unit_tests": ["t", "u"]},
                                  {"task_id": "b", "unit_tests": ["t", "u"]}, {"task_id": "c", "unit_tests": []}])
        run.append("labels", [{"task_id": "a", "correct": [True, False, False]},
                              {"task_id": "b", "correct": [False, False, False]},
                              {"task_id": "c", "correct": [True, True, False]}])
        run.save_matrix("a", RewardMatrix.from_passed(passed))
        run.save_matrix("b", RewardMatrix.from_passed(passed))
    return run


def rank(*args):
    command = "from coderm.cli import main; main()"
    return subprocess.run([sys.executable, "-c", command, "rank", *map(str, args)], capture_output=True, text=True)


def test_json_has_the_pinned_shape_and_a_problem_without_tests_is_a_tie(run):
    done = rank(run.path, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["problems"], found["solutions"], found["unit_tests"]) == (3, 9, 4)
    accuracy = {name: entry["accuracy"] for name, entry in found["selectors"].items()}
    assert accuracy["random"] == pytest.approx(100 * (1 / 3 + 0 + 2 / 3) / 3)
    assert accuracy["oracle"] == pytest.approx(100 * 2 / 3)
    assert accuracy["majority"] == pytest.approx(100 * (1 + 0 + 2 / 3) / 3)
    for entry in found["selectors"].values():
        assert entry["low"] <= entry["accuracy"] <= entry["high"]
    assert {"grading", "fmv"} <= found["skipped"].keys()


def test_after_a_sequential_budget_rules_choose_among_those_in_the_race(run):
    codes = np.full((3, 2), Verdict.PASS)
    codes[1:, 1] = Verdict.NOT_RUN
    codes[0] = Verdict.FAIL
    with run:
        run.append("rounds", [{"round": 0, "unit_tests": {"a": 1, "b": 1}, "candidates": {"a": [0, 1, 2], "b": [0, 1, 2]}},
                              {"round": 1, "unit_tests": {"a": 2, "b": 2}, "candidates": {"a": [0], "b": [0, 1, 2]}}])
        run.save_matrix("a", RewardMatrix.from_verdicts(codes))
    found = json.loads(rank(run.path, "--json").stdout)["selectors"]
    assert found["majority"]["accuracy"] == found["codet"]["accuracy"] == pytest.approx(100 * (1 + 0 + 2 / 3) / 3)
    assert found["random"]["accuracy"] == pytest.approx(100 * (1 / 3 + 0 + 2 / 3) / 3)
    assert found["oracle"]["accuracy"] == pytest.approx(100 * 2 / 3)


def test_one_rule_under_the_papers_protocol(run):
    done = rank(run.path, "--select", "majority", "--protocol", "paper", "--json")
    found = json.loads(done.stdout)
    assert list(found["selectors"]) == ["majority"] and found["protocol"] == "paper"


def test_scores_from_a_file(run, tmp_path):
    scores = tmp_path / "scores.jsonl"
    scores.write_text("".join(json.dumps({"task_id": t, "scores": [1, 0, 0.5]}) + "\n" for t in "abc"))
    found = json.loads(rank(run.path, "--select", "grading", "--scores", scores, "--json").stdout)
    assert found["selectors"]["grading"]["accuracy"] == pytest.approx(100 * 2 / 3)
    scores.write_text('{"task_id": 7, "scores": [1, 2, 3]}\n')
    assert read_scores(scores) == {"7": [1, 2, 3]}
    scores.write_text('{"task_id": "a", "scores": [1, "2", 3]}\n')
    broken = rank(run.path, "--scores", scores)
    assert broken.returncode == 2 and f"{scores}:1" in broken.stderr
    scores.write_text('{"task_id": "a", "scores": [1, 2, 3]}\n')
    lacking = rank(run.path, "--select", "grading", "--scores", scores)
    assert lacking.returncode == 2 and "b: the rule `grading` needs scores" in lacking.stderr
    scores.write_text('{"task_id": "a", "scores": [1, 2]}\n')
    short = rank(run.path, "--scores", scores)
    assert short.returncode == 2 and "2 scores for 3 solutions" in short.stderr


def test_problems_that_are_not_executed_yet_are_told(run):
    run.reward_path("b").unlink()
    done = rank(run.path, "--json")
    assert json.loads(done.stdout)["problems"] == 2 and "ranked 2 of 3 problems" in done.stderr


def test_a_problem_without_a_usable_solution_counts_as_lost_and_one_not_asked_for_as_not_yet(run):
    with run:
        run.add_problems([Problem("d", ""), Problem("e", ""), Problem("f", "")])
        run.append("solutions", [{"task_id": "d", "solutions": []}, {"task_id": "e", "solutions": ["x"]}])
        run.append("unit_tests", [{"task_id": "d", "unit_tests": ["t"]}])
        run.append("labels", [{"task_id": "d", "correct": []}])
    done = rank(run.path, "--json")
    found = json.loads(done.stdout)
    assert found["problems"] == 4 and done.stderr == (
        "ranked 4 of 6 problems: 1 without solutions yet, 1 without labels\n")
    assert found["selectors"]["random"]["accuracy"] == pytest.approx(100 * (1 / 3 + 0 + 2 / 3 + 0) / 4)
    assert found["selectors"]["oracle"]["accuracy"] == 50
    assert found["selectors"]["majority"]["accuracy"] == pytest.approx(100 * (1 + 0 + 2 / 3 + 0) / 4)


def test_the_table_is_for_people(run):
    done = rank(run.path)
    assert done.returncode == 0
    assert "majority" in done.stdout and "left out grading" in done.stderr
    reasons = [line.partition(": ")[2] for line in done.stderr.splitlines()]
    assert len(set(reasons)) == len(reasons) == 2  # six rules want behaviour


def test_several_rules_by_name(run):
    found = json.loads(rank(run.path, "--select", "majority", "--select", "codet", "--json").stdout)
    assert list(found["selectors"]) == ["majority", "codet"]


@pytest.mark.parametrize("args, message", [
    (["--select", "nonesuch"], "no rule named 'nonesuch'"),
    (["--select", "grading"], "--scores FILE"),
    (["--protocol", "strict"], "strict"),
])
def test_bad_input_is_one_line_and_exit_code_2(run, args, message):
    done = rank(run.path, *args)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr


def test_a_run_without_labels_or_verdicts_says_what_to_do(tmp_path):
    run = Run.create(tmp_path / "bare")
    with run:
        run.append("solutions", [{"task_id": "a", "solutions": ["x"]}])
        run.append("unit_tests", [{"task_id": "a", "unit_tests": ["t"]}])
    assert "coderm execute" in rank(run.path).stderr
    with run:
        run.save_matrix("a", RewardMatrix.from_passed([[True]]))
    assert "coderm label" in rank(run.path).stderr
    with run:
        run.append("labels", [{"task_id": "a", "correct": [True, False]}])
    assert "2 labels for 1 solutions" in rank(run.path).stderr


def test_without_a_recorded_call_rules_over_calls_are_left_out_and_results_tell_of_no_jail(run):
    silent = RewardMatrix.from_verdicts([[Verdict.PASS] * 2] * 3, behaviour=np.zeros((3, 0), np.int64),
                                        calls=np.zeros((2, 0), bool), info={"unsafe": True})
    with run:
        for task_id in ("a", "b"):
            run.save_matrix(task_id, silent)
    found = json.loads(rank(run.path, "--json").stdout)
    assert "recorded calls" in found["skipped"]["fmv"] and "majority" in found["selectors"]
    assert found["unsafe"] is True and "WITHOUT the jail" in rank(run.path).stdout
