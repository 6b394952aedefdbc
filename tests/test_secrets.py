"""Passwords in model specs and keys that endpoints echo: refused or cut out before anything is written or shown."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import generate_server as faults
import pytest
from generate_server import Server

from coderm.errors import InputError
from coderm.generate.models import check_spec, open_model
from coderm.generate.stage import Source
from coderm.records import Problem
from coderm.runs import Run
from coderm.scale.states import read_states

KEY = "sk-a-secret-that-must-not-show-1234567890"
PASSWORD = "hunter2secret"
SPEC = f"openai:m@http://user:{PASSWORD}@127.0.0.1:9/v1"
TINY = str(Path(sys.modules["coderm"].__file__ or "").parent / "data" / "tiny.jsonl")

SECRET_SPECS = [
    SPEC,
    f"openai:m@HTTPS://user:{PASSWORD}@127.0.0.1:9/v1",
    f"openai:m@http://{PASSWORD}@127.0.0.1:9/v1",
    f"openai:m@http://user:1/{PASSWORD}@127.0.0.1:9/v1",
    f"openai:m@http://127.0.0.1:9/v1?api_key={PASSWORD}",
    f"openai:m@http://127.0.0.1:9/v1#{PASSWORD}",
    f"openai:m@http://127.0.0.1:{PASSWORD}/v1",
    f"openai:m@http://[{PASSWORD}/v1",
    f"openai:m@ftp://user:{PASSWORD}@127.0.0.1:9/v1",
    f"openai:m@//user:{PASSWORD}@127.0.0.1:9/v1",
    f"openai:m@user:{PASSWORD}@127.0.0.1:9/v1",
    f"openai:http://user:{PASSWORD}@127.0.0.1:9/v1",
    f"opena:m@http://user:{PASSWORD}@127.0.0.1:9/v1",
    f"hf:http://user:{PASSWORD}@127.0.0.1:9/v1",
]


@pytest.mark.parametrize("spec", SECRET_SPECS)
def test_a_spec_that_holds_a_secret_is_refused_and_not_repeated(spec: str) -> None:
    for opened in (check_spec, lambda spec: open_model(spec, "solution"), lambda spec: read_states(spec, ["a"]), Source):
        with pytest.raises(InputError) as caught:
            opened(spec)
        assert PASSWORD not in str(caught.value) and "9/v1" not in str(caught.value)


@pytest.mark.parametrize("base", [f"http://user:{PASSWORD}@127.0.0.1:9/v1", f"127.0.0.1:9/{PASSWORD}"])
def test_a_base_url_that_is_none_or_holds_a_secret_is_refused(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", base)
    with pytest.raises(InputError, match="OPENAI_BASE_URL") as caught:
        check_spec("openai:m")
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("spec", [
    "fake", "local:/models/x.gguf", "hf:model", "replay:run", "openai:gpt-4o-mini", "openai:llama3:8b",
    "openai:@cf/meta/llama-3", "openai:model@20240620", "openai:org/model@http://127.0.0.1:8000/v1/",
    "openai:m@https://[::1]:8000/v1", "openai:@cf/meta/llama-3@HTTPS://host",
])
def test_a_sound_spec_is_recorded_as_it_is(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    assert check_spec(spec) == spec


def test_the_endpoint_of_the_environment_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", " http://127.0.0.1:8000/v1/ ")
    assert check_spec("openai:m") == "openai:m@http://127.0.0.1:8000/v1"
    assert check_spec("openai:m@http://other/v1") == "openai:m@http://other/v1"
    monkeypatch.setenv("OPENAI_BASE_URL", "https://api.openai.com/v1/")
    assert check_spec("openai:m") == "openai:m"


def coderm(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", "from coderm.cli import main; main()", *args], capture_output=True,
                          text=True, timeout=280)


@pytest.mark.parametrize("args", [
    ["run", TINY, "--policy", SPEC, "--tester", "fake", "--dry-run"],
    ["run", TINY, "--policy", "fake", "--tester", SPEC],
    ["generate", "solutions", TINY, "--policy", SPEC],
    ["synthesize", "exercises", "--teacher", SPEC, "--weak", "fake"],
    ["synthesize", "exercises", "--teacher", "fake", "--weak", SPEC],
])
def test_the_command_line_writes_and_shows_no_password(args: list[str], tmp_path: Path) -> None:
    told = coderm(*args, "--out", str(tmp_path / "run"))
    assert (told.returncode, told.stdout, told.stderr.count("\n")) == (2, "", 1)
    assert "OPENAI_API_KEY" in told.stderr
    written = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert PASSWORD not in told.stderr + written


def test_synthesis_records_the_endpoint_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    told = coderm("synthesize", "exercises", "--teacher", "openai:m", "--weak", "fake", "--stage", "source",
                  "--out", str(tmp_path / "run"))
    assert told.returncode == 0, told.stderr
    recipe = json.loads((tmp_path / "run" / "config.json").read_text())["recipe"]
    assert (recipe["teacher"], recipe["weak"]) == ("openai:m@http://127.0.0.1:9/v1", "fake")


@pytest.fixture
def labelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with Run.create(tmp_path / "run") as run:
        run.add_problems(Problem(f"p{i}", f"def f(a):\n    '''add {i}'''") for i in range(12))
        run.append("labels", ({"task_id": f"p{i}", "correct": [i % 2 == 0]} for i in range(12)))
    yield run.path


def test_a_probe_of_a_url_with_a_password_is_not_fitted(labelled: Path, tmp_path: Path) -> None:
    told = coderm("probe", "fit", str(labelled), "--states", SPEC, "--out", str(tmp_path / "probe.npz"))
    assert told.returncode == 2 and PASSWORD not in told.stdout + told.stderr
    assert not (tmp_path / "probe.npz").exists()


@pytest.mark.parametrize(("fault", "words"), [
    (faults.status(401, f"Incorrect API key provided: {KEY}"), "[key]; set OPENAI_API_KEY"),
    (faults.status(200, f"Incorrect API key provided: {KEY}", code=401), "[key]; set OPENAI_API_KEY"),
    (faults.body(b'{"data": []}'), "the reply holds no embedding"),
    (faults.body(b'{"data": null}'), "the reply holds no embedding"),
    (faults.body(b'{"data": [{"embedding": [1.0, null]}]}'), "the reply holds no embedding"),
    (faults.body(b"<html>busy</html>", "text/html"), "the reply holds no embedding"),
    (faults.body(b'{"data": [{"emb'), "the reply holds no embedding"),
])
def test_an_embeddings_endpoint_that_fails_is_one_line_without_the_key(
    fault: faults.Fault, words: str, labelled: Path, tmp_path: Path
) -> None:
    with Server() as server:
        server.always = fault
        told = coderm("probe", "fit", str(labelled), "--states", f"openai:m@{server.url}",
                      "--out", str(tmp_path / "probe.npz"))
    assert told.returncode == 1 and KEY not in told.stdout + told.stderr
    last = told.stderr.splitlines()[-1]
    assert last.startswith("coderm: ") and words in last and "Traceback" not in told.stderr
