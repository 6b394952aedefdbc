"""Sampling as a stage of a run: killed and resumed, asked for more, planned without sending, replayed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import generate_server as faults
import pytest
from generate_server import Server
from typer.testing import CliRunner

from coderm import pipeline
from coderm.cli import app
from coderm.errors import InputError
from coderm.generate.models import Completion, Sampling, open_model
from coderm.generate.sampling import plan
from coderm.generate.stage import Source, generate
from coderm.problems import load
from coderm.records import Problem
from coderm.runs import Run

TINY = str(files("coderm.data") / "tiny.jsonl")
CODERM = [sys.executable, "-c", "from coderm.cli import main; main()"]


def tiny_run(path: Path, protocol: str = "default") -> Run:
    run = Run.create(path, protocol=protocol)
    with run:
        run.add_problems(load(TINY))
    return run


def everything(run: Run, n: int) -> dict[str, int]:
    return {problem.task_id: n for problem in run.problems()}


def replies(run: Run, kind: str) -> list[dict[str, Any]]:
    return sorted(run.rows(f"{kind}_replies"), key=lambda row: (row["task_id"], row["index"]))


def start(url: str, out: Path) -> subprocess.Popen[bytes]:
    command = [*CODERM, "generate", "solutions", TINY, "--policy", f"openai:m@{url}", "--out", str(out), "-n", "12",
               "--concurrency", "3"]
    return subprocess.Popen(command, env=os.environ | {"OPENAI_API_KEY": "k" * 20}, stderr=subprocess.PIPE)


def wait_for(path: Path, lines: int) -> None:
    while not path.exists() or len(path.read_bytes().splitlines()) < lines:
        time.sleep(0.01)


def one_by_one(handler: faults.Handler, body: dict[str, Any]) -> None:
    time.sleep(0.03)
    faults.one_only(handler, body)


def test_killed_before_it_extracts_the_same_command_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is paid for and on disk, and no text comes from it yet."""
    run = tiny_run(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr("coderm.generate.stage.extract_run", lambda *_, **__: None)
        generate(run, "solution", Source("fake"), everything(run, 3))
    assert not run.solutions()
    assert generate(run, "solution", Source("fake"), everything(run, 3)).replies == 0
    assert {len(texts) for texts in run.solutions().values()} == {3}
    with monkeypatch.context() as patch:
        patch.setattr("coderm.generate.stage.extract_run", lambda *_, **__: None)
        generate(run, "solution", Source("fake"), everything(run, 5))
    generate(run, "solution", Source("fake"), everything(run, 5))
    assert {len(texts) for texts in run.solutions().values()} == {5}


def test_tests_that_show_a_candidate_need_one(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    with pytest.raises(InputError, match="no problem has a candidate solution to show"):
        generate(run, "unit_test", Source("fake", shown="first"), everything(run, 3))


def test_a_dry_run_counts_what_the_run_would_ask_for(tmp_path: Path) -> None:
    """Unit tests that show a candidate which is still to be sampled included; never more than the budget."""
    problems, source = load(TINY), Source("fake")

    def told(budget: int | None = None, **fields: Any) -> dict[str, Any]:
        wanted: Any = {"solution": (source, 2), "unit_test": (Source("fake", **fields), 3)}
        return pipeline.dry_run(tmp_path / "run", problems, wanted, "default", budget)["unit_tests"]

    plain, shown = told(), told(shown="first")
    assert plain["replies"] == shown["replies"] == 3 * len(problems)
    assert shown["prompt_tokens_at_most"] >= 3 * len(problems) * source.sampling.max_tokens
    assert told(5)["replies"] == 5 and told(5)["prompt_tokens_at_most"] < plain["prompt_tokens_at_most"]
    assert not (tmp_path / "run").exists()


def test_a_run_belongs_to_one_data_set(tmp_path: Path) -> None:
    pipeline.open_run(tmp_path / "run", TINY, 2, None)
    pipeline.open_run(tmp_path / "run", TINY, None, None)
    with pytest.raises(InputError, match="was made from"):
        pipeline.open_run(tmp_path / "run", "humaneval", 2, None)


def test_settings_are_checked_before_anything_is_asked(tmp_path: Path) -> None:
    command = ["run", TINY, "--policy", "fake", "--tester", "fake", "--budget", "9", "--allocate", "difficulty",
               "--out", str(tmp_path / "run")]
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, InputError) and not (tmp_path / "run" / "solution_replies.jsonl").exists()


def test_killed_again_and_again_it_asks_only_for_what_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    file = out / "solution_replies.jsonl"
    with Server() as server:
        server.always = one_by_one
        for lines in (5, 23, 41):
            process = start(server.url, out)
            wait_for(file, lines)
            process.kill()
            process.wait()
        written = [json.loads(line) for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        asked = Counter(body["seed"] for body in server.requests)
        assert start(server.url, out).wait() == 0
        run = Run(out)
        rows = replies(run, "solution")
        indices = [(row["task_id"], row["index"]) for row in rows]
        assert indices == sorted((task, j) for task in everything(run, 12) for j in range(12))
        again = Counter(body["seed"] for body in server.requests) - asked
        assert not {row["seed"] for row in written} & again.keys()  # nothing on disk was asked for again
        assert {row["text"] for row in rows} <= set(server.delivered)
        assert len(server.delivered) - len(rows) <= 3 * 3  # in flight at three kills, three at a time
    assert {task: len(texts) for task, texts in run.solutions().items()} == everything(run, 0)  # no reply defines these


def test_an_interrupt_keeps_what_is_in_flight(tmp_path: Path) -> None:
    with Server() as server:
        server.always = one_by_one
        process = start(server.url, tmp_path / "run")
        wait_for(tmp_path / "run" / "solution_replies.jsonl", 4)
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=30)
        assert process.returncode == 130 and b"interrupt again to give them up" in error
        assert b"interrupted; a run keeps what is finished" in error
        rows = replies(Run(tmp_path / "run"), "solution")
        assert Counter(row["text"] for row in rows) == Counter(server.delivered)
        assert 4 <= len(rows) < 72


def test_a_resumed_run_is_the_run_that_was_never_stopped(tmp_path: Path) -> None:
    whole, parts = tiny_run(tmp_path / "whole"), tiny_run(tmp_path / "parts")
    generate(whole, "solution", Source("fake"), everything(whole, 9), quiet=True)
    for n in (2, 3, 9):
        generate(parts, "solution", Source("fake"), everything(parts, n), quiet=True)
    assert replies(whole, "solution") == replies(parts, "solution")
    assert whole.solutions() == parts.solutions()


def test_k_more_tests_for_one_problem(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    generate(run, "unit_test", Source("fake"), everything(run, 2), quiet=True)
    generate(run, "unit_test", Source("fake"), {"tiny/leap": 5}, quiet=True)
    assert {task: len(tests) for task, tests in run.unit_tests().items()} == everything(run, 2) | {"tiny/leap": 5}


def test_holes_are_filled_and_an_unreadable_tail_is_dropped(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    generate(run, "solution", Source("fake"), everything(run, 4), quiet=True)
    before = replies(run, "solution")
    path = run.path / "solution_replies.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3] + lines[5:-1]) + lines[-1][:30])
    assert generate(run, "solution", Source("fake"), everything(run, 4), quiet=True).replies == 3
    assert replies(run, "solution") == before


@pytest.mark.parametrize("shown", ["first", "each", "none"])
def test_which_candidate_a_unit_test_prompt_shows(shown: Any) -> None:
    problem = Problem("p", "def f(x):\n    '''Doubles x.'''\n", "f")
    asks = plan("unit_test", [problem], {"p": 5}, have={"p": {1}}, candidates={"p": ["# A", "# B"]}, shown=shown)
    showing = {(j, ask.shown) for ask in asks for j in ask.indices}
    assert showing == {"first": {(0, 0), (2, 0), (3, 0), (4, 0)}, "each": {(0, 0), (2, 0), (3, 1), (4, 0)},
                       "none": {(0, None), (2, None), (3, None), (4, None)}}[shown]
    for ask in asks:
        text = ask.messages[0]["content"]
        assert ("# A" in text, "# B" in text) == (ask.shown == 0, ask.shown == 1)


def test_protocol_paper_shows_one_solution_for_all_tests(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run", protocol="paper")
    generate(run, "solution", Source("fake"), everything(run, 3), quiet=True)
    generate(run, "unit_test", Source("fake"), everything(run, 6), quiet=True)
    rows = replies(run, "unit_test")
    assert {row["prompt"] for row in rows} == {"coderm-8b@1"} and {row["shown"] for row in rows} == {0}
    assert len({(row["task_id"], row["messages"]) for row in rows}) == 6


def test_a_problem_without_a_candidate_to_show_is_passed_over() -> None:
    problem = Problem("p", "def f(x):\n    '''Doubles x.'''\n", "f")
    assert plan("unit_test", [problem], {"p": 5}, have={}, candidates={"p": []}, shown="first") == []


def test_a_replay_gives_the_recorded_replies_and_nothing_else(tmp_path: Path) -> None:
    run, again, other = (tiny_run(tmp_path / name) for name in ("run", "again", "other"))
    generate(run, "solution", Source("fake"), everything(run, 4), quiet=True)
    generate(again, "solution", Source(f"replay:{run.path}"), everything(run, 3), quiet=True)
    assert replies(again, "solution") == [row for row in replies(run, "solution") if row["index"] < 3]
    tally = generate(other, "solution", Source(f"replay:{run.path}", seed=1), {"tiny/leap": 1}, quiet=True)
    assert "no reply recorded for this prompt and seed" in tally.summary()


def test_the_fake_is_deterministic_right_sometimes_and_never_always() -> None:
    problem = load(TINY)[0]
    chat: Any = [{"role": "user", "content": problem.prompt}]
    with open_model("fake", "solution") as model:
        texts = [model.request(chat, 1, Sampling(seed=seed))[0].text for seed in range(40)]
        assert texts == [model.request(chat, 1, Sampling(seed=seed))[0].text for seed in range(40)]
    right = sum(str(problem.reference).strip() in text for text in texts)
    assert 8 < right < 32


def test_a_dry_run_sends_and_writes_nothing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Server() as server:
        asked = ["run", TINY, "--policy", f"openai:m@{server.url}", "--tester", "fake", "--out", str(out),
                 "-n", "3", "-m", "4", "--limit", "2", "--dry-run", "--max-tokens", "100"]
        told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
        text = CliRunner().invoke(app, asked).stdout
        assert not server.requests
    assert not out.exists()
    assert told["solutions"]["replies"] == 6 and told["unit_tests"]["replies"] == 8
    assert told["solutions"]["completion_tokens_at_most"] == 600
    assert "def is_leap_year" in text and "prompts policy@1" in text
    for kind in ("solutions", "unit_tests"):
        for ask in told[kind]["asks"]:
            assert all(message["content"] in text for message in ask["messages"])
            assert f"{kind} of {ask['task_id']}" in text
        assert len(told[kind]["asks"]) == 2


def test_a_dry_run_of_tests_that_nothing_can_be_shown_to_or_that_are_there_says_so(tmp_path: Path) -> None:
    asked = ["generate", "tests", TINY, "--tester", "fake", "--out", str(tmp_path / "run"), "-m", "1", "--dry-run"]
    result = CliRunner().invoke(app, [*asked, "--show", "first"])
    assert isinstance(result.exception, InputError) and "coderm generate solutions" in str(result.exception)
    run = tiny_run(tmp_path / "run")
    generate(run, "unit_test", Source("fake"), everything(run, 1), quiet=True)
    assert CliRunner().invoke(app, asked).stdout == "unit_tests: nothing is missing\n"


def test_a_dry_run_of_a_run_counts_only_what_is_missing(tmp_path: Path) -> None:
    run = tiny_run(tmp_path / "run")
    generate(run, "solution", Source("fake"), everything(run, 2), quiet=True)
    asked = ["generate", "solutions", TINY, "--policy", "fake", "--out", str(run.path), "-n", "3"]
    assert json.loads(CliRunner().invoke(app, [*asked, "--dry-run", "--json"]).stdout)["solutions"]["replies"] == 6


def test_generate_run_and_its_config_tell_how_it_was_made(tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = CliRunner().invoke(app, ["generate", "solutions", TINY, "--policy", "fake", "--out", str(out), "-n", "2",
                                      "--limit", "3", "--seed", "7", "--json"])
    assert json.loads(result.stdout)["replies"] == 6
    tests = CliRunner().invoke(app, ["generate", "tests", "--tester", "fake", "--out", str(out), "-m", "2"])
    assert tests.exit_code == 0
    run = Run(out)
    assert run.config["generate"]["solution"] == {
        "model": "fake", "prompt": "by problem", "seed": 7, "temperature": 0.8, "top_p": 0.95, "max_tokens": 1024}
    assert run.config["generate"]["unit_test"]["shown"] == "none"
    assert len(run.unit_tests()) == 3
    row = replies(run, "solution")[0]
    assert row.keys() == {"task_id", "index", "text", "finish_reason", "usage", "prompt", "messages", "seed", "choice"}


@pytest.mark.parametrize("spec", ["nonsense", "openai:", "local:/no/such/file.gguf", "replay:/no/such/run", "hf:/none"])
def test_a_spec_that_names_no_model(spec: str) -> None:
    with pytest.raises(InputError):
        open_model(spec, "solution")


def test_sample_asks_again_until_it_has_n() -> None:
    class OneAtATime:
        spec, concurrency, batch = "x", 1, 1

        def request(self, messages: Any, n: int, sampling: Sampling) -> list[Completion]:
            return [Completion(str(sampling.seed), 1, 1, "stop")]

    from coderm.generate.models import Model

    texts = [c.text for c in Model.sample(OneAtATime(), [], 3, Sampling(seed=5))]  # type: ignore[arg-type]
    assert texts == ["5", "6", "7"]
