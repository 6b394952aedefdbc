"""`coderm run` where a model brings nothing, or nothing can be ranked: it stops before it pays more, and says why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import generate_server as faults
import pytest
from generate_server import Server
from typer.testing import CliRunner

from coderm.cli import app
from coderm.errors import InputError, ModelError
from coderm.reward.tasks import tasks_of
from coderm.runs import Run

TRUE = "import unittest\nclass T(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(f(1), 1)\n"
FALSE = TRUE.replace("1), 1", "1), 2")
F = {"prompt": "def f(x):\n    '''Returns x.'''\n", "entry_point": "f", "reference": "def f(x):\n    return x\n"}


def run(folder: Path, policy: str, tester: str, *more: str, **problem: Any) -> Any:
    """Two problems, two solutions and two unit tests each."""
    file = folder / "problems.jsonl"
    file.write_text("".join(json.dumps(F | problem | {"task_id": f"p/{i}"}) + "\n" for i in range(2)))
    return CliRunner().invoke(app, ["run", str(file), "--policy", policy, "--tester", tester, "-n", "2", "-m", "2",
                                    "--out", str(folder / "a run"), *more])


def says(text: str) -> faults.Fault:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return faults.body(json.dumps({"choices": [choice]}).encode())


@pytest.mark.parametrize("more", [[], ["--budget", "4"]])
@pytest.mark.parametrize("status", [400, 500])
def test_no_test_is_bought_where_no_solution_came(status: int, more: list[str], server: Server, tmp_path: Path) -> None:
    server.always = faults.status(status, "out of order")
    done = run(tmp_path, f"openai:m@{server.url}", "fake", *more)
    assert type(done.exception) is ModelError and str(done.exception).startswith(f"{server.url}: ")
    assert "out of order" in str(done.exception)
    assert not (tmp_path / "a run" / "unit_test_replies.jsonl").exists()
    server.always = None  # the same command asks again
    assert run(tmp_path, f"openai:m@{server.url}", "fake", *more).exit_code == 0


@pytest.mark.parametrize(("reply", "why"), [
    ("", "4 empty"), ("I cannot help with that.", "4 no_code"),
    ("```python\ndef g(x):\n    return x\n```", "4 no_entry_point (looked for `f`)")])
def test_replies_that_hold_nothing_are_counted_by_reason(reply: str, why: str, server: Server, tmp_path: Path) -> None:
    server.always = says(reply)
    for _ in range(2):  # the second time nothing is asked
        done = run(tmp_path, f"openai:m@{server.url}", "fake")
        assert type(done.exception) is ModelError
        assert str(done.exception) == (f"none of the 4 replies of openai:m@{server.url} holds a usable solution: {why}; "
                                       "they are kept: only a larger -n or another --out asks anew")
    assert len(server.requests) == 4
    assert not (tmp_path / "a run" / "unit_test_replies.jsonl").exists()


@pytest.mark.parametrize("more", [[], ["--budget", "4"]])
def test_unit_tests_that_are_none_are_counted_too(more: list[str], server: Server, tmp_path: Path) -> None:
    server.always = says("x = 1")
    done = run(tmp_path, "fake", f"openai:m@{server.url}", *more)
    assert type(done.exception) is ModelError
    assert "holds a usable unit test: 4 no_test; they are kept: only a larger -m" in str(done.exception)


def test_a_tester_that_stays_away_is_named(server: Server, tmp_path: Path) -> None:
    server.always = faults.status(500, "out of order")
    done = run(tmp_path, "fake", f"openai:m@{server.url}")
    assert type(done.exception) is ModelError and "out of order" in str(done.exception)


def test_what_is_said_where_nothing_is_ranked(server: Server, tmp_path: Path) -> None:
    """Problems without a ground truth, and a ground truth that its own reference fails."""
    for name, truth, told in (
            ("none", [], "have no ground truth to rank by; `coderm report '{out}'` shows what was chosen"),
            ("false", [FALSE], "no solution could be labelled, so nothing is ranked; `coderm label '{out}'` says why")):
        (tmp_path / name).mkdir()
        done = run(tmp_path / name, "fake", "fake", ground_truth=truth)
        assert done.exit_code == 0 and told.format(out=tmp_path / name / "a run") in done.stdout
        assert CliRunner().invoke(app, ["report", str(tmp_path / name / "a run"), "--out", str(tmp_path / "x.html")]
                                  ).exit_code == 0


def test_commands_in_hints_can_be_pasted(tmp_path: Path) -> None:
    with Run.create(tmp_path / "a run") as made:
        made.append("solutions", [{"task_id": "p", "solutions": ["x"]}])
        made.append("unit_tests", [{"task_id": "p", "unit_tests": ["x"]}])
    with pytest.raises(InputError, match=f"`coderm execute '{made.path}'`"):
        tasks_of(made)
    refused = CliRunner().invoke(app, ["allocate", str(made.path), "--total", "1"]).exception
    assert isinstance(refused, InputError) and f"`coderm label '{made.path}'`" in str(refused)
