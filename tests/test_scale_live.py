"""A budget spent live: the decisions, and that a kill at any point changes nothing but timings."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import coderm
from coderm import pipeline
from coderm.cli import app
from coderm.errors import InputError
from coderm.execute import Engine
from coderm.generate.stage import Source, generate
from coderm.records import Verdict
from coderm.reward import select, tasks_of
from coderm.runs import Run
from coderm.scale import live
from coderm.scale.live import Budget

TINY = Path(live.__file__).parents[1] / "data" / "tiny.jsonl"
BUDGET = Budget(40, 12, "sequential", confidence=0.9)


def run_it(out: Path, budget: Budget = BUDGET) -> live.Spending:
    run, tasks = pipeline.open_run(out, str(TINY), None, None)
    return pipeline.run_budget(run, tasks, Source("fake"), Source("fake"), 8, Engine(workers=1), budget)[1]


def outcome(out: Path) -> dict[str, Any]:
    """Everything in the run's files but timings and the order in which replies arrived."""
    run = Run(out)
    replies = {name: sorted((row["task_id"], row["index"], row["text"]) for row in run.rows(name))
               for name in ("solution_replies", "unit_test_replies")}
    matrices = {p.task_id: run.matrix(p.task_id) for p in run.problems()}
    return replies | {
        "files": sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.name != ".lock"),
        "config": run.config, "labels": run.labels(), "solutions": run.solutions(),
        "unit_tests": list(run.rows("unit_tests")), "rounds": list(run.rows("rounds")),
        "codes": {t: m.codes.tolist() for t, m in matrices.items() if m},
        "info": {t: m.info for t, m in matrices.items() if m},
        "reasons": {t: m.reasons for t, m in matrices.items() if m},
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scale") / "run"
    run_it(out)
    return out


def test_the_budget_is_kept_and_rounds_follow_the_votes(undisturbed: Path) -> None:
    rounds = list(Run(undisturbed).rows("rounds"))
    assert set(rounds[0]["unit_tests"].values()) == {1}
    assert sum(rounds[-1]["unit_tests"].values()) <= 40
    assert len(rounds) > 2 and len(set(rounds[-1]["unit_tests"].values())) > 1
    asked = [(row["task_id"], row["index"]) for row in Run(undisturbed).rows("unit_test_replies")]
    assert len(asked) == len(set(asked)) == sum(rounds[-1]["unit_tests"].values())


def test_candidates_that_cannot_win_are_not_run_on_later_tests(undisturbed: Path) -> None:
    run = Run(undisturbed)
    rounds = list(run.rows("rounds"))
    for row in run.rows("unit_tests"):
        matrix = run.matrix(row["task_id"])
        assert matrix is not None
        held = np.array([0] + [entry["unit_tests"][row["task_id"]] for entry in rounds])
        for column, reply in enumerate(row["replies"]):
            alive = rounds[int(np.searchsorted(held, reply, side="right")) - 1]["candidates"][row["task_id"]]
            assert np.flatnonzero(matrix.codes[:, column] != Verdict.NOT_RUN).tolist() == alive


def test_no_rule_chooses_who_was_ruled_out(undisturbed: Path) -> None:
    last = list(Run(undisturbed).rows("rounds"))[-1]["candidates"]
    tasks = {task.task_id: task for task in tasks_of(Run(undisturbed))}
    assert any(len(last[name]) < task.matrix.shape[0] for name, task in tasks.items())
    for name, task in tasks.items():
        ran_all = np.flatnonzero(task.matrix.ran.all(axis=1))
        for rule in ("majority", "codet", "mbr-exec", "b4"):
            assert set(select(task.matrix, rule, task.context)) <= {*last[name], *ran_all}


def test_the_same_command_again_changes_nothing(undisturbed: Path) -> None:
    before = outcome(undisturbed)
    run_it(undisturbed)
    assert outcome(undisturbed) == before


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_interrupted_between_sampling_and_executing(tmp_path: Path, undisturbed: Path, calls: int,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    execute, left = live._execute, [calls]

    def interrupted(*args: Any) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        execute(*args)

    monkeypatch.setattr(live, "_execute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_it(tmp_path / "run")
    run_it(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(undisturbed)


def test_killed_inside_a_round(tmp_path: Path, undisturbed: Path) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-c", "from coderm.cli import main; main()", "run", str(TINY), "--policy", "fake",
               "--tester", "fake", "-n", "8", "-m", "12", "--budget", "40", "--allocate", "sequential",
               "--confidence", "0.9", "--workers", "1", "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (out / "rounds.jsonl").exists() and len((out / "rounds.jsonl").read_text().splitlines()) >= 2:
            os.killpg(process.pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    process.wait()
    # A reply that the kill cut short.
    with (out / "unit_test_replies.jsonl").open("a") as file:
        file.write('{"task_id": "tiny/leap", "ind')
    run_it(out)
    assert outcome(out) == outcome(undisturbed)


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.2, 0.3]), st.integers(0, 20), st.integers(0, 20)), min_size=1),
       st.integers(0, 60))
def test_a_round_goes_to_the_worthiest_and_to_nobody_more_than_half_of_what_it_holds(
    problems: list[tuple[float, int, int]], units: int
) -> None:
    worth, held, more = (np.array(column) for column in zip(*problems, strict=True))
    shall = live.granted(worth, held, held + more, units)
    gets, may = shall - held, np.where(worth > 0, np.minimum(more, np.maximum(held // 2, 1)), 0)
    assert gets.sum() == min(units, may.sum())
    assert (gets >= 0).all() and (gets <= may).all()
    for short in np.flatnonzero(gets < may):
        assert not gets[worth < worth[short]].any()


def test_another_budget_is_refused(undisturbed: Path) -> None:
    with pytest.raises(InputError, match="begun"):
        run_it(undisturbed, Budget(41, 12, "sequential", confidence=0.9))


def test_a_run_sampled_without_a_budget_does_not_begin_one(tmp_path: Path) -> None:
    run, tasks = pipeline.open_run(tmp_path / "run", str(TINY), None, None)
    pipeline.run_all(run, tasks, Source("fake"), Source("fake"), 2, 3, Engine(workers=1))
    with pytest.raises(InputError, match="were sampled without a budget; leave --budget away, or give another --out"):
        run_it(tmp_path / "run")
    assert "spend" not in Run(tmp_path / "run").config
    assert sum(1 for _ in run.rows("solution_replies")) == 2 * len(tasks)  # -n 8 was not asked for first


def test_a_run_of_solutions_alone_begins_a_budget(tmp_path: Path, undisturbed: Path) -> None:
    """As does one that was killed when its budget was recorded and no round was."""
    run, tasks = pipeline.open_run(tmp_path / "run", str(TINY), None, None)
    generate(run, "solution", Source("fake"), dict.fromkeys(tasks, 8), quiet=True)
    with run:
        run.update_config(spend=BUDGET.recorded())
    run_it(tmp_path / "run")
    assert outcome(tmp_path / "run") == outcome(undisturbed)


def test_a_run_begun_with_a_budget_does_not_go_on_without_one(undisturbed: Path) -> None:
    before, (run, tasks) = outcome(undisturbed), pipeline.open_run(undisturbed, str(TINY), None, None)
    told = "was begun with --budget 40 -m 12 --allocate sequential --confidence 0.9; give the same, or another --out"
    with pytest.raises(InputError, match=told):
        pipeline.run_all(run, tasks, Source("fake"), Source("fake"), 8, 12, Engine(workers=1))
    assert outcome(undisturbed) == before


def test_a_budget_that_cannot_be_spent_is_refused(tmp_path: Path) -> None:
    told = "a budget of 1,000 unit tests cannot be spent: at most 2 for each of 6 problems (-m) are 12"
    for more in ([], ["--dry-run"]):
        done = CliRunner().invoke(app, ["run", str(TINY), "--policy", "fake", "--tester", "fake", "-n", "2", "-m", "2",
                                        "--budget", "1000", "--out", str(tmp_path / "run"), *more])
        assert isinstance(done.exception, InputError) and str(done.exception) == told
    assert not (tmp_path / "run" / "solution_replies.jsonl").exists()


@pytest.mark.parametrize(("given", "told"), [
    (["--allocate", "equal"], "--allocate needs --budget"),
    (["--confidence", "0.9"], "--confidence needs --budget and --allocate sequential"),
    (["--pass-rates", "none.jsonl"], "--pass-rates needs --budget and --allocate difficulty"),
    (["--budget", "9", "--confidence", "0.9"], "--confidence needs --budget and --allocate sequential"),
    (["--budget", "9", "--pass-rates", "x"], "--pass-rates needs --budget and --allocate difficulty"),
])
def test_an_option_that_would_change_nothing_is_refused(given: list[str], told: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["run", str(TINY), "--policy", "fake", "--tester", "fake", "--out",
                                    str(tmp_path / "run"), *given])
    assert isinstance(done.exception, InputError) and str(done.exception) == told
    assert not (tmp_path / "run").exists()


def test_difficulty_follows_the_predictions(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pass rate"):
        run_it(tmp_path / "a", Budget(18, 12, "difficulty"))
    tasks = [json.loads(line)["task_id"] for line in TINY.read_text().splitlines()]
    rates = dict.fromkeys(tasks, 0.9) | {tasks[2]: 0.1}
    spending = run_it(tmp_path / "b", Budget(18, 12, "difficulty", rates))
    assert spending.spent == 18 and max(spending.unit_tests, key=lambda t: spending.unit_tests[t]) == tasks[2]


def test_solve_stops_once_nothing_can_change_the_choice() -> None:
    stub = json.loads(TINY.read_text().splitlines()[0])["prompt"]
    asked = [coderm.solve(stub, "fake", "fake", 8, 24, confidence=confidence, workers=1).cost["replies"] - 8
             for confidence in (0.8, None)]
    assert 3 <= asked[0] < 24 and asked[1] == 24
