"""`coderm demo`: the main job on the embedded replies, through the same stages as any run."""

import json
import subprocess
import sys

import pytest

from coderm.runs import load


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A demo run that was kept, and what the command printed as JSON."""
    out = tmp_path_factory.mktemp("demo") / "run"
    return out, json.loads(coderm_demo("--json", "--out", str(out)).stdout)


def coderm_demo(*arguments):
    command = [sys.executable, "-c", "from coderm.cli import main; main()", "demo", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done


def test_voting_gains_over_one_sample(kept):
    _, told = kept
    accuracy = {name: rule["accuracy"] for name, rule in told["selectors"].items()}
    assert 40 < accuracy["random"] < 56
    assert accuracy["random"] + 20 < accuracy["majority"] <= accuracy["oracle"] < 95
    assert told["gain"]["difference"] == pytest.approx(accuracy["majority"] - accuracy["random"])
    assert 0 < told["gain"]["low"] < told["gain"]["difference"] < told["gain"]["high"]


def test_one_problem_is_shown_as_it_is_in_the_run(kept):
    out, told = kept
    run, closely = load(out), told["closely"]
    task_id, chosen = closely["task_id"], closely["chosen"]
    matrix = run.matrix(task_id)
    assert closely["code"] == run.solutions()[task_id][chosen]
    assert closely["correct"] == run.labels()[task_id]
    assert closely["votes"] == matrix.passed[:, matrix.voting].sum(axis=1).tolist()
    assert closely["votes"][chosen] == max(closely["votes"]) == len(closely["passed"])
    assert all(matrix.passed[chosen, j] for j in closely["passed"])
    assert not any(matrix.passed[chosen, j] for j in closely["failed"])


def test_what_a_person_sees(kept):
    out, told = kept
    shown = coderm_demo("--out", str(out)).stdout
    for words in ("one random sample", "at least one correct", "majority vote", "gain over one random sample",
                  "<- chosen", "HumanEval's own tests say", f"{told['selectors']['majority']['accuracy']:.1f} %"):
        assert words in shown
