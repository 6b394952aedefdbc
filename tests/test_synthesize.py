"""The data pipeline from end to end with the scripted teacher: it adds up, survives kills, redoes only what changed."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import shutil
import signal
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from coderm.cli import app, main
from coderm.errors import InputError, ModelError, ReplyError
from coderm.execute import Engine
from coderm.runs import Run
from coderm.synthesize.asking import OnDemand
from coderm.synthesize.build import Recipe, synthesize
from coderm.synthesize.fake import REFUSAL, ScriptedTeacher
from coderm.synthesize.pipeline import Tally

RECIPE = Recipe(teacher="fake", weak="fake", tests=11, solutions=5)
STAGES = ("source", "testable", "reformat", "decontaminate", "sample", "label", "repair", "weak", "quality", "select")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Tally]]:
    out = tmp_path_factory.mktemp("synthesis") / "run"
    result = CliRunner().invoke(app, ["synthesize", "exercises", "--teacher", "fake", "--weak", "fake", "-m", "11",
                                      "-n", "5", "--out", str(out), "--json"], catch_exceptions=False)
    return out, [Tally(**line) for line in json.loads(result.stdout)]


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def settled(out: Path, stage: str) -> dict[str, Any]:
    """task_id -> the row that counts."""
    file = f"{STAGES.index(stage) + 1}_{stage}.jsonl"
    return {row["task_id"]: row for row in rows(out / file)}


def test_the_funnel_adds_up(made: tuple[Path, list[Tally]]) -> None:
    out, tallies = made
    assert tuple(tally.stage for tally in tallies) == STAGES
    for tally in tallies:
        assert tally.entered == tally.left + sum(tally.dropped.values()), tally
    for unit in ("problem", "test"):
        chain = [tally for tally in tallies if tally.unit == unit]
        assert all(before.left == after.entered for before, after in itertools.pairwise(chain))
    problems, tests = ({t.stage: t for t in tallies if t.unit == unit} for unit in ("problem", "test"))
    assert tests["sample"].entered == 11 * problems["decontaminate"].left
    assert len(rows(out / "sft.jsonl")) == tests["select"].left
    table = (out / "funnel.md").read_text()
    assert all(f"| {t.stage} | {t.unit}s | {t.entered} | {t.left} |" in table for t in tallies)
    assert [Tally(**row) for row in json.loads((out / "funnel.json").read_text())] == tallies


@pytest.mark.parametrize(("text", "why"), [
    ("", "holds no problems"), ('{"prompt": "x"}\n{"prompt": "y"}\n', r"holds no problems \(2 no_question\); name its columns with --column")])
def test_a_source_without_problems_is_refused(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(text)
    with pytest.raises(InputError, match=f"{why}$"):
        synthesize(str(tmp_path / "rows.jsonl"), tmp_path / "run", RECIPE)
    assert not (tmp_path / "run").exists()


def test_every_kind_of_bad_output_is_counted_and_dropped(made: tuple[Path, list[Tally]]) -> None:
    dropped = {tally.stage: set(tally.dropped) for tally in made[1]}
    assert dropped["source"] == {"duplicate_question", "no_code"}
    assert dropped["testable"] == {"no_decision", "hard_to_test"}
    assert dropped["reformat"] == {"wrong_function", "behaves_differently", "no_entry_point"}
    assert dropped["decontaminate"] == {"same_function"}
    assert {"no_code", "several_classes", "imports_the_world"} <= dropped["sample"]
    assert dropped["label"] == {"vacuous"}
    assert dropped["repair"] == {"repair_no_code", "repair_cheats_assertion"}
    assert dropped["weak"] == {"no_code"}
    assert dropped["select"] == {"duplicate", "accepts_wrong"}
    repaired = [t for row in settled(made[0], "repair").values() for t in row["values"]["tests"] if t["repaired"]]
    assert repaired, "no test was repaired at all"


def test_what_is_exported_is_right_and_in_the_layouts(made: tuple[Path, list[Tally]]) -> None:
    out, _ = made
    with Engine(workers=1) as engine:
        for number, row in enumerate(rows(out / "dataset.jsonl")):
            assert {name: type(value) for name, value in row.items()} == {
                "task_id": int, "question": str, "code_ground_truth": str, "code_generate": str, "unit_tests": str}
            assert row["task_id"] == number
            tests, solutions = json.loads(row["unit_tests"]), json.loads(row["code_generate"])
            assert all(t.keys() == {"ut_id", "code", "FAR", "FRR"} for t in tests)
            assert all({"sol_id", "code"} <= s.keys() for s in solutions)
            assert engine.execute([row["code_ground_truth"]], [t["code"] for t in tests]).passed.all()
    for row in rows(out / "sft.jsonl"):
        (asked,), (answer,) = row["prompt"], row["completion"]
        assert (asked["role"], answer["role"]) == ("user", "assistant")
        assert asked["content"].startswith("Below is a question and it's corresponding code answer.")
        assert answer["content"].startswith("```python\n") and answer["content"].endswith("\n```")


def test_a_program_became_a_function_its_main_gone(made: tuple[Path, list[Tally]]) -> None:
    row = settled(made[0], "reformat")["exercises/postage"]
    assert row["values"]["entry_point"] == "postage"
    assert "input(" not in row["values"]["solution"]
    assert settled(made[0], "reformat")["exercises/broken-postage"]["dropped"] == "behaves_differently"


def test_a_question_whose_rewriting_fails_keeps_its_own_words(tmp_path: Path,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    answer = ScriptedTeacher.request

    def request(self: Any, messages: Any, n: int, sampling: Any) -> Any:
        replies = answer(self, messages, n, sampling)
        refused = messages[0]["content"].startswith("Rewrite")
        return [replace(reply, text=REFUSAL) for reply in replies] if refused else replies

    monkeypatch.setattr(ScriptedTeacher, "request", request)
    for stage in ("source", "testable", "reformat"):
        synthesize("exercises", tmp_path / "run", RECIPE, only=stage)
    found = settled(tmp_path / "run", "reformat")
    question = found["exercises/ferry"]["values"]["question"]
    assert question.startswith("A ferry carries") and question.endswith("`def crossings(cars, capacity)`.")
    assert found["exercises/postage"]["dropped"] == "question_unnamed"  # it speaks of input and output


def _killed_in(out: Path, append_number: int, cut: bool) -> None:
    """Run the pipeline in a child that dies at its n-th line, written whole or cut short."""
    append, count = Run.append, [0]

    def dies(self: Run, name: str, lines: Iterable[dict[str, Any]]) -> None:
        count[0] += 1
        if count[0] == append_number:
            if cut:
                with (self.path / f"{name}.jsonl").open("a") as file:
                    file.write('{"task_id": "exer')
            os.kill(os.getpid(), signal.SIGKILL)
        append(self, name, lines)

    def child() -> None:
        Run.append = dies  # type: ignore[method-assign]
        synthesize("exercises", out, RECIPE)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_every_stage_survives_a_kill(made: tuple[Path, list[Tally]], tmp_path: Path) -> None:
    whole, tallies = made
    out = tmp_path / "run"
    first = {name: len(rows(whole / f"{k}_{name}.jsonl")) for k, name in enumerate(STAGES, 1)}
    step = 0
    for k, name in enumerate(STAGES, 1):
        # from wherever the last child died, on to the second line of the next stage
        _killed_in(out, first[STAGES[k - 2]] - step + 2 if k > 1 else 2, cut=k % 2 == 0)
        step = 1
        assert len(settled(out, name)) == 1 if k % 2 else (out / f"{k}_{name}.jsonl").read_bytes().count(b"\n") == 1
    assert synthesize("exercises", out, RECIPE) == tallies
    for k, name in enumerate(STAGES, 1):
        assert (out / f"{k}_{name}.jsonl").read_text() == (whole / f"{k}_{name}.jsonl").read_text()
    assert (out / "sft.jsonl").read_text() == (whole / "sft.jsonl").read_text()


def test_only_what_changed_is_done_again(made: tuple[Path, list[Tally]], tmp_path: Path,
                                         monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    shutil.copytree(made[0], out)
    monkeypatch.setattr(OnDemand, "opened", lambda _: pytest.fail("a finished run opened its teacher"))
    before = {path.name: path.read_text() for path in out.glob("*_*.jsonl")}
    assert synthesize("exercises", out, RECIPE) == made[1]
    assert {path.name: path.read_text() for path in out.glob("*_*.jsonl")} == before
    fewer = synthesize("exercises", out, replace(RECIPE, keep=1))
    assert fewer[:-1] == made[1][:-1] and fewer[-1].dropped["surplus"] > 0
    changed = {path.name for path in out.glob("*_*.jsonl") if path.read_text() != before[path.name]}
    assert changed == {"10_select.jsonl"}
    unchecked = synthesize("exercises", out, replace(RECIPE, quality_control=False))[-1]
    assert unchecked.left > fewer[-1].left and "accepts_wrong" not in unchecked.dropped


def test_a_stage_runs_alone(made: tuple[Path, list[Tally]], tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(InputError, match="stage source is not complete"):
        synthesize("exercises", out, RECIPE, only="sample")
    with pytest.raises(InputError, match="no stage 'sampling'"):
        synthesize("exercises", out, RECIPE, only="sampling")
    assert [t.stage for t in synthesize("exercises", out, RECIPE, only="source")] == ["source"]
    assert not (out / "2_testable.jsonl").exists()
    shutil.rmtree(out)
    shutil.copytree(made[0], out)
    once = len(rows(out / "6_label.jsonl"))
    synthesize("exercises", out, RECIPE, only="label", redo=True)
    assert len(rows(out / "6_label.jsonl")) == 2 * once


def test_a_prompt_that_fails_is_counted_a_dead_endpoint_stops_the_run(tmp_path: Path,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    answer, asked = ScriptedTeacher.request, [0]

    def request(self: Any, messages: Any, n: int, sampling: Any) -> Any:
        asked[0] += 1
        if asked[0] == 9:
            raise ModelError("the key has expired")
        if "lighthouse" in messages[0]["content"] and "unittest library" in messages[0]["content"]:
            raise ReplyError("the prompt is longer than the model reads")
        return answer(self, messages, n, sampling)

    monkeypatch.setattr(ScriptedTeacher, "request", request)
    with pytest.raises(ModelError, match="expired"):
        synthesize("exercises", tmp_path / "run", RECIPE, limit=6)
    tallies = {tally.stage: tally for tally in synthesize("exercises", tmp_path / "run", RECIPE, limit=6)}
    assert tallies["sample"].dropped["no_reply"] == 11
    assert tallies["sample"].entered == 11 * tallies["decontaminate"].left
    monkeypatch.setattr(ScriptedTeacher, "request", answer)
    again = {tally.stage: tally for tally in synthesize("exercises", tmp_path / "run", RECIPE, limit=6)}
    assert "no_reply" not in again["sample"].dropped and again["select"].left > tallies["select"].left


def test_a_model_that_answers_nothing_stops_the_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: Any) -> Any:
        raise ReplyError("connection refused")

    monkeypatch.setattr(ScriptedTeacher, "request", silent)
    with pytest.raises(ModelError, match="testable: the model left 8 items in a row unanswered"):
        synthesize("exercises", tmp_path / "run", RECIPE)


@pytest.mark.parametrize(("arguments", "message"), [
    (["nowhere.jsonl", "--teacher", "fake", "--weak", "fake"], "nowhere.jsonl: no such file"),
    (["exercises", "--teacher", "gpt", "--weak", "fake"], "no such model: 'gpt'"),
    (["exercises", "--teacher", "fake", "--weak", "fake", "--column", "question"], "--column takes OURS=THEIRS"),
])
def test_bad_input_is_one_line_and_exit_2(arguments: list[str], message: str, tmp_path: Path,
                                          capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["coderm", "synthesize", *arguments, "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("coderm: ")]
    assert len(said) == 1 and message in said[0]
