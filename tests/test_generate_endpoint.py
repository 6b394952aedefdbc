"""OpenAI-compatible endpoints: a real HTTP server on loopback that fails in every way, counted at the server."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import generate_server as faults
import pytest
from generate_server import CHAT, KEY, Server

from coderm.errors import InputError, ModelError, ReplyError
from coderm.generate.models import Sampling, open_model
from coderm.generate.sampling import derive_seed
from coderm.generate.stage import Source, generate
from coderm.records import Problem
from coderm.runs import Run


def run_with(path: Path, problems: int = 4) -> Run:
    run = Run.create(path, protocol="default")
    with run:
        run.add_problems(Problem(f"p/{i}", f"def f(x):\n    '''Problem {i}.'''\n", "f") for i in range(problems))
    return run


def want(run: Run, n: int) -> dict[str, int]:
    return {problem.task_id: n for problem in run.problems()}


def source(server: Server, **fields: Any) -> Source:
    return Source(f"openai:m@{server.url}", **{"timeout": 1.0} | fields)


def assert_nothing_lost(run: Run, server: Server, n: int) -> None:
    """Every index once, and every reply that left the server whole is in the run once."""
    rows = list(run.rows("solution_replies"))
    indices = Counter((row["task_id"], row["index"]) for row in rows)
    assert indices == Counter((task, j) for task in want(run, n) for j in range(n))
    assert Counter(row["text"] for row in rows) == Counter(server.delivered)


FAULTS = {
    "429": faults.status(429, "slow down"),
    "429 with Retry-After": faults.status(429, "slow down", headers={"Retry-After": "0.05"}),
    "500": faults.status(500), "502": faults.status(502), "503": faults.status(503),
    "reset mid-body": faults.reset_mid_body,
    "slow tokens": faults.slow,
    "silence": faults.silent,
    "truncated JSON": faults.body(b'{"choices": [{"index": 0, "mess'),
    "malformed JSON": faults.body(b"<html>busy</html>", "text/html"),
    "JSON of another kind": faults.body(b'["choices"]'),
    "choices of another kind": faults.body(b'{"choices": 7}'),
    "empty choices": faults.body(b'{"choices": [], "usage": null}'),
    "choice without a message": faults.body(b'{"choices": [{"index": 0}]}'),
    "n ignored": faults.one_only,
    "length": faults.cut_at_length,
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_loses_nothing(name: str, server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run")
    server.faults = [FAULTS[name]] * 2
    tally = generate(run, "solution", source(server), want(run, 3), quiet=True)
    assert not tally.failures
    assert_nothing_lost(run, server, 3)
    rows = list(run.rows("solution_replies"))
    assert tally.replies == len(rows) == 12
    assert tally.completion_tokens == sum(row["usage"]["completion_tokens"] for row in rows) == 7 * 12
    assert {row["finish_reason"] for row in rows} == ({"length", "stop"} if name == "length" else {"stop"})


def test_a_storm_of_faults(server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", problems=12)
    server.faults = [fault for name, fault in FAULTS.items() if name != "silence" for _ in range(2)]
    tally = generate(run, "solution", source(server, concurrency=4), want(run, 5), quiet=True)
    while tally.failures:  # a request may meet too many faults in a row: the next call asks again
        tally = generate(run, "solution", source(server, concurrency=4), want(run, 5), quiet=True)
    assert_nothing_lost(run, server, 5)


def test_retry_after_is_obeyed(server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", problems=1)
    server.faults = [faults.status(429, headers={"Retry-After": "1"})]
    generate(run, "solution", source(server, timeout=10.0), want(run, 1), quiet=True)
    assert server.times[1] - server.times[0] >= 1.0


def test_n_is_asked_for_at_once_where_it_is_honoured(server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", problems=2)
    generate(run, "solution", source(server), want(run, 16), quiet=True)
    assert [body["n"] for body in server.requests] == [16, 16]
    assert_nothing_lost(run, server, 16)


@pytest.mark.parametrize("habit", [faults.one_only, faults.refuse_n])
def test_n_is_topped_up_where_it_is_not(habit: faults.Fault, server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", problems=1)
    server.always = habit
    generate(run, "solution", source(server), want(run, 9), quiet=True)
    assert_nothing_lost(run, server, 9)
    sent = [body.get("n", 1) for body in server.requests]
    assert sum(n > 1 for n in sent) == 1  # learned from the first answer
    seeds = [body["seed"] for body in server.requests if body.get("n", 1) == 1]
    assert len(set(seeds)) == len(seeds)


def test_sample_gives_exactly_n_and_is_never_the_same_request_twice(server: Server) -> None:
    server.always = faults.one_only
    with open_model(f"openai:m@{server.url}", "solution") as model:
        replies = model.sample(CHAT, 5, Sampling(seed=3))
    assert len({reply.text for reply in replies}) == 5
    assert len({body["seed"] for body in server.requests}) == 5


def test_concurrency_is_bounded(server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", problems=10)
    lock, now, peak = threading.Lock(), [0], [0]

    def watched(handler: faults.Handler, body: dict[str, Any]) -> None:
        with lock:
            now[0] += 1
            peak[0] = max(peak[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        handler.completion(body)

    server.always = watched
    generate(run, "solution", source(server, concurrency=3), want(run, 2), quiet=True)
    assert 1 < peak[0] <= 3


@pytest.mark.parametrize("code", [401, 403])
def test_a_bad_key_stops_the_run_at_once_and_says_what_to_set(code: int, server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", problems=50)
    server.always = faults.status(code, f"Incorrect API key provided: {KEY}")
    with pytest.raises(ModelError, match="set OPENAI_API_KEY") as caught:
        generate(run, "solution", source(server, concurrency=2), want(run, 2), quiet=True)
    assert not isinstance(caught.value, ReplyError)
    assert KEY not in str(caught.value) and "[key]" in str(caught.value)
    assert len(server.requests) <= 2


def test_an_unknown_model_and_an_empty_account_stop_the_run(server: Server) -> None:
    with open_model(f"openai:m@{server.url}", "solution") as model:
        server.always = faults.status(404, "no such model")
        with pytest.raises(ModelError, match="is 'm' a model of this endpoint"):
            model.request(CHAT, 1, Sampling())
        server.always = faults.status(429, "quota", code="insufficient_quota")
        with pytest.raises(ModelError, match="add credit") as caught:
            model.request(CHAT, 1, Sampling())
        assert not isinstance(caught.value, ReplyError)


def test_an_endpoint_that_wants_to_be_paid_stops_the_run_at_once(server: Server, tmp_path: Path) -> None:
    server.always = faults.status(402, "Insufficient Balance")
    with pytest.raises(ModelError, match=r"Insufficient Balance; add credit") as caught:
        run = run_with(tmp_path / "run", problems=30)
        generate(run, "solution", source(server, concurrency=1), want(run, 1), quiet=True)
    assert not isinstance(caught.value, ReplyError)
    assert len(server.requests) == 1


def test_a_key_with_a_line_break_behind_it_is_that_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", f"{KEY}\n")
    with open_model(f"openai:m@{server.url}", "solution") as model:
        model.request(CHAT, 1, Sampling())
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("key", [f"{KEY}é", f"{KEY}\n{KEY}"])
def test_a_key_that_no_header_can_hold_is_refused_at_once(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(ModelError, match="OPENAI_API_KEY holds") as caught:
        open_model("openai:m@http://127.0.0.1:1/v1", "solution")
    assert KEY not in str(caught.value)


def test_a_missing_key_is_told_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        open_model("openai:gpt-4o-mini", "solution")
    with pytest.raises(ModelError, match="set MY_KEY"):
        open_model("openai:m@http://127.0.0.1:1/v1", "solution", api_key_env="MY_KEY")


def test_one_problem_that_fails_does_not_stop_the_others(server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", problems=5)

    def too_long(handler: faults.Handler, body: dict[str, Any]) -> None:
        if "Problem 3" in body["messages"][0]["content"]:
            handler.error(400, "this model's context is 10 tokens")
        else:
            handler.completion(body)

    server.always = too_long
    tally = generate(run, "solution", source(server), want(run, 4), quiet=True)
    assert [failure["task_id"] for failure in tally.failures] == ["p/3"]
    assert "1 requests failed" in tally.summary() and "context is 10 tokens" in tally.summary()
    assert [row["task_id"] for row in run.rows("failures")] == ["p/3"]
    assert tally.replies == 16
    server.always = None
    assert generate(run, "solution", source(server), want(run, 4), quiet=True).replies == 4
    assert_nothing_lost(run, server, 4)


def test_an_endpoint_that_stays_away_stops_the_run(server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run", problems=200)
    server.always = faults.status(503, "down for maintenance")
    with pytest.raises(ModelError, match="requests in a row failed"):
        generate(run, "solution", source(server, concurrency=2), want(run, 1), quiet=True)
    assert len(list(run.rows("failures"))) < 20


def test_failures_are_not_counted_as_replies(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_with(tmp_path / "run", problems=2)
    server.faults = [faults.status(400, "no")]
    server.always = faults.slow_start
    generate(run, "solution", source(server, concurrency=1), want(run, 1))
    assert "sampling solutions: 1/2, 1 failed " in capsys.readouterr().err
    server.always = faults.status(400, "no")
    generate(run, "solution", source(server), want(run, 3))
    assert "sampling solutions: 0/5, 5 failed\n" in capsys.readouterr().err


@pytest.mark.parametrize(("fault", "why"), [(faults.status(503), "HTTP status 503"), (faults.silent, "no answer")])
def test_retries_are_told_once(fault: faults.Fault, why: str, server: Server, tmp_path: Path,
                               caplog: pytest.LogCaptureFixture) -> None:
    run = run_with(tmp_path / "run", problems=3)
    server.faults = [fault] * 5
    generate(run, "solution", source(server, concurrency=2), want(run, 2), quiet=True)
    assert caplog.messages == [f"{server.url}: {why}; asking again, up to 6 times a request"]


def test_an_endpoint_that_now_answers_and_now_does_not_floods_nobody(server: Server, tmp_path: Path,
                                                                     caplog: pytest.LogCaptureFixture) -> None:
    run = run_with(tmp_path / "run", problems=8)
    server.faults = [faults.status(429), faults.one_only] * 4
    generate(run, "solution", source(server, concurrency=1), want(run, 1), quiet=True)
    assert len(caplog.messages) == 1


def test_waiting_is_told(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str],
                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("coderm.generate.sampling.SILENT_S", 0.2)
    run = run_with(tmp_path / "run", problems=1)
    server.faults = [lambda handler, body: (time.sleep(0.7), handler.completion(body))]
    generate(run, "solution", source(server, timeout=10.0), want(run, 1))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sampling")]
    assert lines[0] == "sampling solutions: 0/1, no answer for 0 s, 1 requests in flight" and len(lines) == 2


def test_what_is_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run")
    generate(run, "solution", source(server), want(run, 2), quiet=True)
    before = len(server.requests)
    assert generate(run, "solution", source(server), want(run, 2), quiet=True).replies == 0
    assert len(server.requests) == before
    generate(run, "solution", source(server), {"p/1": 5}, quiet=True)
    assert sum(body.get("n", 1) for body in server.requests[before:]) == 3


def test_other_settings_on_the_same_run_are_refused(server: Server, tmp_path: Path) -> None:
    run = run_with(tmp_path / "run")
    generate(run, "solution", source(server), want(run, 1), quiet=True)
    with pytest.raises(InputError, match=r"temperature 0\.8 then, 0\.2 now"):
        generate(run, "solution", source(server, sampling=Sampling(temperature=0.2)), want(run, 2), quiet=True)


def test_another_endpoint_on_the_same_run_is_refused(server: Server, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_with(tmp_path / "run")
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    generate(run, "solution", Source("openai:m"), want(run, 1), quiet=True)
    generate(run, "solution", Source("openai:m"), want(run, 2), quiet=True)
    generate(run, "solution", Source(f"openai:m@{server.url}"), want(run, 3), quiet=True)
    assert run.config["generate"]["solution"]["model"] == f"openai:m@{server.url}"
    with Server() as other:
        monkeypatch.setenv("OPENAI_BASE_URL", other.url)
        with pytest.raises(InputError, match="sampled otherwise"):
            generate(run, "solution", Source("openai:m"), want(run, 4), quiet=True)
        assert not other.requests


def test_no_secret_in_any_file_log_or_message(server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_LOG", "debug")
    run = run_with(tmp_path / "run")

    def echo(handler: faults.Handler, body: dict[str, Any]) -> None:
        if "Problem 1" in body["messages"][0]["content"]:
            handler.error(400, f"cannot: {handler.headers['Authorization']}")
        else:
            sent = handler.headers["Authorization"]
            handler.send(json.dumps({"choices": [{"index": 0, "finish_reason": f"stop {sent}", "message": {
                "role": "assistant", "content": f"You sent {sent}"}}]}).encode())

    server.always = echo
    tally = generate(run, "solution", source(server), want(run, 1))
    assert set(server.keys) == {f"Bearer {KEY}"}
    captured = capfd.readouterr()
    everything = captured.out + captured.err + tally.summary() + json.dumps(tally.as_json())
    everything += "".join(path.read_text() for path in run.path.rglob("*") if path.is_file())
    assert "You sent" in everything and KEY not in everything


def start_process(port: int, log: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, faults.__file__, str(port), str(log)])
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return process
        except OSError:
            assert process.poll() is None
            time.sleep(0.02)


def test_a_server_killed_and_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path / "delivered"
    process = start_process(port, log)
    run = run_with(tmp_path / "run", problems=10)
    errors: list[BaseException] = []

    def sample() -> None:
        try:
            where = Source(f"openai:m@http://127.0.0.1:{port}/v1", concurrency=2)
            tally = generate(run, "solution", where, want(run, 4), quiet=True)
            assert not tally.failures
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        while not log.exists() or len(log.read_text().splitlines()) < 12:
            time.sleep(0.01)
        process.kill()
        process.wait()
        process = start_process(port, log)
        thread.join(120)
    finally:
        process.kill()
        process.wait()
    assert not errors and not thread.is_alive()
    rows = list(run.rows("solution_replies"))
    indices = sorted((row["task_id"], row["index"]) for row in rows)
    assert indices == [(f"p/{i}", j) for i in range(10) for j in range(4)]
    texts = {row["text"] for row in rows}
    delivered = {json.loads(line) for line in log.read_text().splitlines()}
    # What the dead server had begun to send is lost with it; nothing else is, and nothing is counted twice.
    assert len(texts) == 40 and texts <= delivered
    assert len(delivered - texts) <= 2 * 4


def test_seeds_differ_by_task_index_and_kind_and_are_the_same_everywhere() -> None:
    assert derive_seed(0, "solution", "HumanEval/0", 0) == 185893273
    seeds = {derive_seed(s, kind, task, j) for s in (0, 1) for kind in ("solution", "unit_test")
             for task in ("a", "b") for j in range(50)}
    assert len(seeds) == 400 and all(0 <= seed < 2**31 for seed in seeds)
