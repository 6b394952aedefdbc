"""The run directory: what a kill leaves, and what others write into its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from coderm.runs import Run, write_json


@pytest.mark.parametrize(("tail", "kept"), [
    ('{"task_id": "b", "solutions": ["y"]}', {"b": ["y"]}), ('{"task_id": "b", "solutions": ["y', {}), (" ", {})])
def test_a_last_line_is_dropped_only_where_it_is_cut(tmp_path: Path, tail: str, kept: dict[str, list[str]]) -> None:
    run = Run.create(tmp_path / "run")
    (run.path / "solutions.jsonl").write_text('{"task_id": "a", "solutions": ["x"]}\n' + tail)
    assert run.solutions() == {"a": ["x"], **kept} == dict(run.texts("solutions"))
    with run:
        run.append("solutions", [{"task_id": "c", "solutions": ["z"]}])
    assert run.solutions() == {"a": ["x"], **kept, "c": ["z"]}


def test_a_number_names_a_problem_in_any_file_of_a_run(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run")
    (run.path / "problems.jsonl").write_text('{"task_id": 11, "prompt": ""}\n')
    (run.path / "solutions.jsonl").write_text('{"task_id": 11, "solutions": ["x"]}\n')
    assert [problem.task_id for problem in run.problems()] == ["11"]
    assert run.solutions() == {"11": ["x"]} and next(run.rows("solutions"))["task_id"] == "11"


def test_a_link_in_a_run_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "there.json").write_text("{}")
    (tmp_path / "here.json").symlink_to("there.json")
    write_json(tmp_path / "here.json", [1])
    assert (tmp_path / "here.json").is_symlink() and "1" in (tmp_path / "there.json").read_text()
