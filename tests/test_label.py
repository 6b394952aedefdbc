"""Labels: right, whole after a kill, and none from a ground truth that its own reference fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coderm.errors import InputError
from coderm.execute import Engine
from coderm.label import label_run
from coderm.problems import load
from coderm.problems.texts import case_class
from coderm.records import Problem
from coderm.runs import Run

CODERM = Path(sys.executable).with_name("coderm")


@pytest.fixture(scope="module")
def engine():
    with Engine(time_limit=0.1) as running:
        yield running


def problem(task_id: str, body: str, reference: str | None = None) -> Problem:
    truth = (case_class("GroundTruth", [("test", body)]),) if body else ()
    return Problem(task_id, "", "f", reference=reference, ground_truth=truth)


def run_of(path: Path, *rows: tuple[Problem, list[str]]) -> Run:
    run = Run.create(path)
    with run:
        run.add_problems(row[0] for row in rows)
        run.append("solutions", ({"task_id": row[0].task_id, "solutions": row[1]} for row in rows))
    return run


IDENTITY, ONE = "def f(x): return x", "def f(x): return 1"


def test_labels_and_what_is_told(tmp_path, engine):
    run = run_of(
        tmp_path / "run",
        (problem("right", "self.assertEqual(f(2), 2)", IDENTITY), [IDENTITY, ONE, IDENTITY, "def f(x"]),
        (problem("no-reference", "self.assertEqual(f(1), 1)"), [IDENTITY, ONE]),
        (problem("rejects-its-own", "self.assertEqual(f(2), 3)", IDENTITY), [IDENTITY, "def f(x): return 3"]),
        (problem("proves-nothing", "f(2)"), [IDENTITY]),
        (problem("unknown", ""), [IDENTITY]),
        (problem("without-candidates", "self.assertEqual(f(2), 2)", IDENTITY), []),
    )
    with run:
        told = label_run(run, engine)
    assert run.labels() == {"right": [True, False, True, False], "no-reference": [True, True], "without-candidates": []}
    assert told.rejected["rejects-its-own"] == "its own reference solution: fail"
    assert told.rejected.keys() == {"rejects-its-own", "proves-nothing"}
    assert (told.problems, told.solutions, told.correct, told.labelled_now) == (3, 6, 4, 3)
    assert (told.accuracy, told.at_least_one, told.without_ground_truth) == (50.0, pytest.approx(200 / 3), 1)
    with run:
        again = label_run(run, engine)
    assert again.labelled_now == 0 and again.problems == 3
    assert engine.time_limit == 0.1


def test_a_slow_reference_gives_its_candidates_more_time(tmp_path, engine):
    busy = "import time\ndef f(x):\n    while time.process_time() < {}: pass\n    return x"
    run = run_of(tmp_path / "run",
                 (problem("slow", "self.assertEqual(f(2), 2)", busy.format(0.5)), [busy.format(0.7)]),
                 (problem("quick", "self.assertEqual(f(2), 2)", IDENTITY), [busy.format(2.0), IDENTITY]))
    with run:
        label_run(run, engine, time_limit=0.3)
    assert run.labels() == {"slow": [True], "quick": [False, True]}


def test_stdin_problems_are_run_as_programs(tmp_path, engine):
    truth = case_class("GroundTruth", [("test", "self.assertEqual(run_program('3'), '6\\n')")])
    echo = Problem("twice", "", kind="stdin", ground_truth=(truth,))
    run = run_of(tmp_path / "run", (echo, ["print(2 * int(input()))", "print(input())"]))
    with run:
        label_run(run, engine)
    assert run.labels() == {"twice": [True, False]}


def test_nothing_to_label(tmp_path, engine):
    with run_of(tmp_path / "run", (problem("unknown", ""), [IDENTITY])) as run, \
            pytest.raises(InputError, match="no problem with a ground truth"):
        label_run(run, engine)


def test_killed_at_any_moment_the_same_labels_come_out(tmp_path):
    """SIGKILL again and again; what is labelled once is not labelled again."""
    problems = load("humaneval", limit=40)
    rows = [(p, [p.reference or "", "x = 1", p.prompt + "    pass\n"]) for p in problems]
    run_of(tmp_path / "run", *rows)
    seen = 0
    for moment in (0.9, 1.3, 1.6, 2.0):
        child = subprocess.Popen([CODERM, "label", tmp_path / "run"], start_new_session=True,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moment)
        child.send_signal(signal.SIGKILL)
        child.wait()
        whole = len(Run(tmp_path / "run").labels())
        assert whole >= seen
        seen = whole
    done = subprocess.run([CODERM, "label", tmp_path / "run", "--json"], capture_output=True, text=True,
                          env=os.environ | {"COLUMNS": "200"})
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["problems"] == 40 and told["labelled_now"] == 40 - seen
    lines = (tmp_path / "run" / "labels.jsonl").read_text().splitlines()
    assert sorted(json.loads(line)["task_id"] for line in lines) == sorted(p.task_id for p in problems)
    labels = Run(tmp_path / "run").labels()
    assert all(labels[p.task_id][:2] == [True, False] for p in problems)
