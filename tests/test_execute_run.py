"""Execution as a stage of a run: resumes, refuses other settings, finds flaky pairs, survives SIGKILL, locks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, cast

import numpy as np
import pytest

from coderm.cli import main
from coderm.errors import RunLockedError
from coderm.execute import Engine
from coderm.execute.inside import cell
from coderm.execute.inside.wire import Closed
from coderm.execute.stage import execute_run, flaky_pairs
from coderm.execute.worker import Worker
from coderm.matrix import RewardMatrix
from coderm.records import Problem, Verdict
from coderm.runs import Run, load

TEST = "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(%d), %d)"
SOLUTIONS = ["def f(x): return x + 1", "def f(x): return 2", "def f(x): raise KeyError", "def f(x): return x + 1  # again"]


def make_run(path: Path, problems: int, solutions: list[str] = SOLUTIONS) -> Run:
    run = Run.create(path, protocol="default")
    with run:
        run.append("solutions", ({"task_id": f"t/{k}", "solutions": solutions} for k in range(problems)))
        run.append("unit_tests", ({"task_id": f"t/{k}", "unit_tests": [TEST % (k, k + 1), TEST % (1, 2)]}
                                  for k in range(problems)))
    return run


def coderm(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "coderm", *map(str, args)], capture_output=True, text=True, check=False)


def test_a_second_execute_does_nothing_and_other_settings_are_refused(tmp_path: Path) -> None:
    make_run(tmp_path / "r", 3)
    first = json.loads(coderm("execute", tmp_path / "r", "--json").stdout)
    assert (first["problems"], first["pairs"], first["skipped"]) == (3, 24, 0)
    again = json.loads(coderm("execute", tmp_path / "r", "--json").stdout)
    assert (again["problems"], again["skipped"]) == (0, 3)
    other = coderm("execute", tmp_path / "r", "--time-limit", "0.5")
    assert other.returncode == 2
    assert "time_limit 1.0 then, 0.5 now" in other.stderr
    matrix = load(tmp_path / "r").matrix("t/1")
    assert matrix is not None
    assert matrix.verdicts.tolist() == [["pass", "pass"], ["pass", "pass"], ["error", "error"], ["pass", "pass"]]


def test_pairs_that_did_not_run_are_told_and_tried_again(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", 2)
    with run, Engine(workers=1) as engine:
        execute_run(run, engine, quiet=True)
        whole = cast(RewardMatrix, run.matrix("t/1"))
        codes = whole.codes.copy()
        codes[2] = Verdict.NOT_RUN
        run.save_matrix("t/1", replace(whole, codes=codes))
        again = execute_run(run, engine, quiet=True)
        assert (again.problems, again.skipped, again.not_run) == (1, 1, 0)
    assert np.array_equal(cast(RewardMatrix, run.matrix("t/1")).codes, whole.codes)


def test_a_damaged_matrix_is_made_anew(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", 2)
    with run, Engine(workers=1) as engine:
        execute_run(run, engine, quiet=True)
        whole = cast(RewardMatrix, run.matrix("t/1"))
        run.reward_path("t/1").write_bytes(run.reward_path("t/1").read_bytes()[:-20])
        again = execute_run(run, engine, quiet=True)
    assert (again.problems, again.skipped) == (1, 1)
    assert np.array_equal(cast(RewardMatrix, run.matrix("t/1")).codes, whole.codes)


def test_an_engine_that_fails_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    make_run(tmp_path / "r", 1)

    def gone(worker: Worker) -> NoReturn:
        raise Closed

    monkeypatch.setattr(Worker, "receive", gone)
    monkeypatch.setattr(sys, "argv", ["coderm", "execute", str(tmp_path / "r")])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1 and "8 pairs could not be run" in capsys.readouterr().err


def test_another_interpreter_is_another_setting(tmp_path: Path) -> None:
    make_run(tmp_path / "r", 1)
    other = tmp_path / "other"
    other.symlink_to(sys.executable)
    assert coderm("execute", tmp_path / "r").returncode == 0
    refused = coderm("execute", tmp_path / "r", "--python", other)
    assert refused.returncode == 2 and "python None then" in refused.stderr
    config = json.loads((tmp_path / "r" / "config.json").read_text())
    del config["execute"]["python"]  # as runs were recorded before
    (tmp_path / "r" / "config.json").write_text(json.dumps(config))
    assert coderm("execute", tmp_path / "r").returncode == 0


def test_repeat_reports_the_pair_that_depends_on_the_clock(tmp_path: Path) -> None:
    flip = "import time\ndef f(x): return x + 1 + int(time.time() * 1000) % 2"
    make_run(tmp_path / "r", 1, [*SOLUTIONS, flip])
    told = json.loads(coderm("execute", tmp_path / "r", "--repeat", "12", "--json").stdout)
    assert {(pair["task_id"], pair["solution"]) for pair in told["flaky"]} <= {("t/0", 4)}
    assert told["flaky"], "a coin tossed 26 times came down on one side"
    assert {"pass", "fail"} <= set(told["flaky"][0]["verdicts"])


def test_repeat_lists_the_verdict_of_every_time(tmp_path: Path) -> None:
    """Those that agree with the first one again, too, and only from pairs that disagreed at some time."""
    class Scripted:
        answers = iter(["fail", "pass", "fail"])

        def execute_many(self, problems: object) -> list[RewardMatrix]:
            return [RewardMatrix.from_verdicts([[Verdict[next(self.answers).upper()], Verdict.PASS]])]

    run = make_run(tmp_path / "r", 1, SOLUTIONS[:1])
    with run:
        run.save_matrix("t/0", RewardMatrix.from_verdicts([[Verdict.PASS, Verdict.PASS]]))
    found = flaky_pairs(run, cast(Engine, Scripted()), 3, quiet=True)
    assert found == [("t/0", 0, 0, ("pass", "fail", "pass", "fail"))]


def test_explain_knows_the_names_of_the_other_candidates(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", 0)
    test = "def helper(x): return x\n" + (TEST % (1, 1)).replace("f(", "helper(")
    with run:
        run.append("solutions", [{"task_id": "t/0", "solutions": [*SOLUTIONS, "def helper(x): return x"]}])
        run.append("unit_tests", [{"task_id": "t/0", "unit_tests": [test]}])
    assert coderm("execute", run.path).returncode == 0
    matrix = run.matrix("t/0")
    assert matrix is not None
    told = json.loads(coderm("explain", run.path, "t/0", 0, 0, "--json").stdout)
    assert (told["verdict"], told["reason"]) == (str(matrix.verdicts[0, 0]), matrix.reasons[0])
    assert "helper" in told["reason"]


def test_killed_at_random_moments_the_same_files_come_out(tmp_path: Path) -> None:
    slow = "for _ in range(200000): pass\ndef f(x): return x + 1"
    whole, broken = make_run(tmp_path / "a", 12, [*SOLUTIONS, slow]), make_run(tmp_path / "b", 12, [*SOLUTIONS, slow])
    assert coderm("execute", whole.path, "--workers", 1).returncode == 0
    for wait in (0.5, 0.9, 1.2):
        process = subprocess.Popen([sys.executable, "-m", "coderm", "execute", str(broken.path), "--workers", "1"],
                                   stderr=subprocess.DEVNULL)
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert coderm("execute", broken.path, "--workers", 1).returncode == 0
    for k in range(12):
        a, b = whole.matrix(f"t/{k}"), broken.matrix(f"t/{k}")
        assert a is not None
        assert b is not None
        assert np.array_equal(a.codes, b.codes)
        assert np.array_equal(a.cases, b.cases)
    assert not list(broken.path.glob("rewards/*.partial"))


def test_both_sides_of_the_jail_mean_the_same_by_a_verdict() -> None:
    assert {verdict.name: verdict.value for verdict in Verdict} == {
        verdict.name: getattr(cell, verdict.name) for verdict in Verdict}


def test_two_processes_on_one_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", 1)
    with run:
        second = coderm("execute", run.path)
        assert second.returncode == 1
        assert "another coderm is working on this run" in second.stderr
        with pytest.raises(RunLockedError):
            Run(run.path).__enter__()


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert coderm("execute", tmp_path / "nothing").returncode == 2
    Run.create(tmp_path / "empty")
    nothing = coderm("execute", tmp_path / "empty")
    assert nothing.returncode == 2
    assert "has no solutions to execute" in nothing.stderr
    assert "Traceback" not in nothing.stderr


def test_explain_shows_the_failing_assertion(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", 1)
    told = json.loads(coderm("explain", run.path, "t/0", 1, 0, "--json").stdout)
    assert (told["verdict"], told["error"], told["message"]) == ("fail", "AssertionError", "2 != 1")
    assert coderm("explain", run.path, "t/0", 9, 0).returncode == 2
    assert coderm("explain", run.path, "t/7", 0, 0).returncode == 2


def test_explain_judges_under_the_limits_of_the_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r")
    test = "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(), 1)"
    with run:
        run.add_problems([Problem("t/0", "")])
        run.append("solutions", [{"task_id": "t/0", "solutions": [
            "import time\ndef f():\n    end = time.process_time() + 0.4\n    while time.process_time() < end: pass\n    return 1",
            "class Yes:\n    def __eq__(self, other): return True\ndef f(): return Yes()"]}])
        run.append("unit_tests", [{"task_id": "t/0", "unit_tests": [test]}])
    assert coderm("execute", run.path, "--time-limit", 0.1, "--isolation", "split").returncode == 0

    def verdict(solution: int, *more: object) -> str:
        return str(json.loads(coderm("explain", run.path, "t/0", solution, 0, *more, "--json").stdout)["verdict"])

    assert (verdict(0), verdict(0, "--time-limit", 2)) == ("timeout", "pass")
    assert (verdict(1), verdict(1, "--isolation", "shared")) == ("fail", "pass")


def test_explain_runs_a_stdin_program_as_execute_does(tmp_path: Path) -> None:
    test = "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(run_program('2'), '4\\n')"
    run = Run.create(tmp_path / "r")
    with run:
        run.add_problems([Problem("t/0", "double", kind="stdin")])
        run.append("solutions", [{"task_id": "t/0", "solutions": ["print(2 * int(input()))"]}])
        run.append("unit_tests", [{"task_id": "t/0", "unit_tests": [test]}])
    assert json.loads(coderm("explain", run.path, "t/0", 0, 0, "--json").stdout)["verdict"] == "pass"


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "r", 1)
    path = run.path / "solutions.jsonl"
    path.write_text(path.read_text() + "{broken\n")
    told = coderm("execute", run.path)
    assert told.returncode == 2
    assert "solutions.jsonl:2: not JSON" in told.stderr
