"""Whatever is wrong with what was handed in is told in one line that says where, with exit code 2, before any work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import coderm
from coderm.cli.generate import _problem_text
from coderm.errors import FormatError, InputError
from coderm.matrix import RewardMatrix
from coderm.problems import load as load_problems
from coderm.records import Problem
from coderm.reward.selectors import SELECTORS, resolve
from coderm.runs import Run

CODERM = Path(sys.executable).with_name("coderm")
TASK = "a[/b]"
RULES = """
def integers(matrix, context): return matrix.passed.sum(axis=1)
def too_few(matrix, context): return [1]
def raises(matrix, context): return 1 / 0
def texts(matrix, context): return ["a", "b"]
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that was executed and labelled."""
    made = Run.create(tmp_path / "run")
    with made:
        made.add_problems([Problem(TASK, "double x", "f")])
        made.append("solutions", [{"task_id": TASK, "solutions": ["x", "y"]}])
        made.append("unit_tests", [{"task_id": TASK, "unit_tests": ["t"]}])
        made.append("labels", [{"task_id": TASK, "correct": [True, False]}])
        made.save_matrix(TASK, RewardMatrix.from_passed(np.array([[True], [False]])))
    return made


def cli(*arguments: object, cwd: Path | None = None, stdout: object = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CODERM, *map(str, arguments)], cwd=cwd, stdout=stdout, stderr=subprocess.PIPE, text=True)


def refused(*arguments: object, cwd: Path | None = None) -> str:
    """What the one line says."""
    done = cli(*arguments, cwd=cwd)
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("coderm: "), done.stderr
    return lines[0]


def rows(path: Path, *values: object) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def test_the_version_is_told() -> None:
    assert cli("--version").stdout == f"coderm {coderm.__version__}\n"


# -- another run in the folder --------------------------------------------------------------------------------


def test_the_demo_leaves_a_run_of_the_users_alone(run: Run) -> None:
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    assert "holds another run" in refused("demo", "--out", run.path)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_an_import_of_other_texts_into_the_same_folder_is_refused(tmp_path: Path) -> None:
    problems = rows(tmp_path / "p.jsonl", {"task_id": "t", "prompt": ""})
    first = rows(tmp_path / "first.jsonl", {"task_id": "t", "responses": ["```python\nx = 1\n```"]})
    other = rows(tmp_path / "other.jsonl", {"task_id": "t", "responses": ["```python\nx = 2\n```"]})
    command = ("import", "coderm", "--problems", problems, "--out", tmp_path / "run", "--solutions")
    assert cli(*command, first).returncode == 0
    assert "holds another run" in refused(*command, other)
    assert "holds another run" in refused(*command, first, "--protocol", "paper")
    assert cli(*command, first).returncode == 0
    assert coderm.load(tmp_path / "run").solutions() == {"t": ["x = 1"]}


def test_a_run_whose_making_was_killed_is_made(tmp_path: Path) -> None:
    (tmp_path / "config.json.partial").write_text("{")
    assert Run.create(tmp_path).config["schema"] == 1


# -- files that cannot be used --------------------------------------------------------------------------------


def test_what_the_system_says_of_a_file_is_told_with_its_name(run: Run, tmp_path: Path) -> None:
    assert f"{tmp_path}/nope: No such file" in refused("rank", run.path, "--scores", tmp_path / "nope")
    assert f"{tmp_path}: Is a directory" in refused("rank", run.path, "--scores", tmp_path)
    file = rows(tmp_path / "file", {"task_id": "t", "prompt": "", "solution": ""})
    assert f"{file}: Not a directory" in refused("import", "evalplus", "--problems", file, "--solutions", file,
                                                 "--out", file)
    (tmp_path / "latin").write_bytes("Schreibe f für n".encode("latin-1"))
    assert "UTF-8" in refused("solve", tmp_path / "latin", "--policy", "fake", "--tester", "fake")


def test_an_output_that_does_not_get_through_is_failed_work(run: Run) -> None:
    with Path("/dev/full").open("w") as full:
        done = cli("rank", run.path, "--json", stdout=full)
    assert done.returncode == 1 and "No space left" in done.stderr and len(done.stderr.splitlines()) == 1


def test_the_folder_of_a_file_to_come_is_made_or_refused_before_the_work(run: Run, tmp_path: Path) -> None:
    new = tmp_path / "new" / "folder"
    assert cli("report", run.path, "--out", new / "page.html").returncode == 0
    assert cli("allocate", run.path, "--total", 3, "--out", new / "more" / "units.jsonl").returncode == 0
    assert "cannot be written" in refused("report", run.path, "--out", new)
    assert "cannot be written" in refused("allocate", run.path, "--total", 3, "--out", new)
    file = rows(tmp_path / "file")
    assert str(file) in refused("reproduce", "table1", run.path, "--out", file)


def test_a_report_goes_through_a_link_and_into_a_pipe(run: Run, tmp_path: Path) -> None:
    link, pipe = tmp_path / "link.html", tmp_path / "pipe"
    link.symlink_to("page.html")
    os.mkfifo(pipe)
    assert cli("report", run.path, "--out", link).returncode == 0
    assert link.is_symlink() and "</html>" in (tmp_path / "page.html").read_text()
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE, text=True) as reader:
        assert cli("report", run.path, "--out", pipe).returncode == 0
        assert "</html>" in reader.communicate()[0]
    assert pipe.is_fifo() and not list(tmp_path.glob("*.partial"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_one_may_not_write_to_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert "cannot be written" in refused("report", run.path, "--out", tmp_path / "closed" / "page.html")


# -- damaged runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"no" * 500,
                                    lambda data: data[:4] + bytes(60) + data[64:]],
                         ids=["truncated", "empty", "garbage", "overwritten"])
def test_a_damaged_reward_matrix_is_named(run: Run, damage) -> None:
    path = run.reward_path(TASK)
    path.write_bytes(damage(path.read_bytes()))
    told = refused("rank", run.path)
    assert str(path) in told and "delete it and run `coderm execute` again" in told


def test_a_parquet_file_of_something_else_is_no_newer_one(run: Run) -> None:
    pq.write_table(pa.table({"x": [1]}), run.reward_path(TASK))
    with pytest.raises(FormatError, match="not a reward matrix"):
        run.matrix(TASK)


@pytest.mark.parametrize(("config", "told"), [
    (b"[1]", "not a run directory"), (b'{"name": "x"}', "not a run directory"), (b"", "config.json:1: not JSON"),
    (b'"\xff"', "config.json: not JSON"), (b"[" * 100_000, "config.json: not JSON")],
    ids=["list", "another program's", "empty", "latin", "deep"])
def test_a_config_of_something_else(tmp_path: Path, config: bytes, told: str) -> None:
    (tmp_path / "config.json").write_bytes(config)
    assert told in refused("rank", tmp_path)


@pytest.mark.parametrize(("name", "row"), [
    ("labels", {"correct": [True]}), ("problems", {"prompt": ""}), ("problems", {"task_id": "t"}),
    ("problems", {"task_id": "t", "prompt": "", "ground_truth": "abc"}), ("solutions", {"task_id": "t", "solutions": "abc"}),
    ("unit_tests", {"task_id": "t", "unit_tests": [1]}), ("labels", {"task_id": "t", "correct": "yes"})])
def test_a_row_of_another_shape_says_its_line(run: Run, name: str, row: dict[str, object]) -> None:
    with run:
        run.append(name, [row])
    with pytest.raises(FormatError, match=rf"{name}\.jsonl:2: "):
        getattr(run, name)()
    if name in ("solutions", "unit_tests"):
        with pytest.raises(FormatError, match=rf"{name}\.jsonl:2: "):
            run.texts(name)


# -- rules of one's own ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rule", "told"), [
    ("myrule:too_few", f"{TASK}: rule 'myrule:too_few': gave scores of shape (1,), expected (2,)"),
    ("myrule:raises", f"{TASK}: rule 'myrule:raises': ZeroDivisionError: division by zero"),
    ("myrule:texts", f"{TASK}: rule 'myrule:texts': ValueError"), ("os:getcwd", f"{TASK}: rule 'os:getcwd': TypeError"),
    ("math:pi", "rule 'math:pi': is no function"), (":", "no rule named ':'"), ("broken:f", "rule 'broken:f': NameError"),
    ("myrule:none", "rule 'myrule:none': AttributeError")])
def test_a_rule_of_ones_own_that_does_not_work_is_named(run: Run, tmp_path: Path, rule: str, told: str) -> None:
    (tmp_path / "myrule.py").write_text(RULES)
    (tmp_path / "broken.py").write_text("nothing")
    assert told in refused("rank", run.path, "--select", rule, cwd=tmp_path)


def test_a_rule_in_the_current_folder_may_count_in_integers(run: Run, tmp_path: Path) -> None:
    (tmp_path / "myrule.py").write_text(RULES)
    done = cli("rank", run.path, "--select", "myrule:integers", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["selectors"]["myrule:integers"]["accuracy"] == 100


def test_a_rule_by_its_import_path_keeps_what_it_says_of_itself() -> None:
    assert getattr(resolve("test_bad_input:FMV"), "needs_behaviour", False)


FMV = SELECTORS["fmv"]


# -- names and texts ------------------------------------------------------------------------------------------


def test_a_name_with_brackets_is_shown_as_it_is(run: Run) -> None:
    done = cli("allocate", run.path, "--total", 3)
    assert done.returncode == 0 and TASK in done.stdout


@pytest.mark.parametrize(("task_id", "told"), [("x" * 400, "longer than"), ("é" * 60, "longer than"),
                                               ("\ud800", "surrogate")])
def test_a_name_that_no_file_can_have_is_refused_at_import(tmp_path: Path, task_id: str, told: str) -> None:
    problems = rows(tmp_path / "p.jsonl", {"task_id": "t", "prompt": ""}, {"task_id": task_id, "prompt": ""})
    solutions = rows(tmp_path / "s.jsonl", {"task_id": "t", "solutions": ["x"]})
    line = refused("import", "coderm", "--problems", problems, "--solutions", solutions, "--out", tmp_path / "run")
    assert f"{problems}:2: task_id: " in line and told in line and "--skip-bad" in line
    assert not (tmp_path / "run").exists()


def test_a_prompt_that_is_no_text_is_refused_with_its_line(tmp_path: Path) -> None:
    problems = rows(tmp_path / "p.jsonl", {"task_id": "t", "prompt": ""}, {"task_id": "u", "prompt": "f(x) \ud800"})
    line = refused("run", problems, "--policy", "fake", "--tester", "fake", "--out", tmp_path / "run")
    assert f"{problems}:2: prompt: " in line and "surrogate" in line and not (tmp_path / "run").exists()


@pytest.mark.parametrize(("problem", "told"), [
    (b"Write f(x) \xff", "not a text in UTF-8"), ("é.txt", "no such file"), ("roman.txt", "no such file"),
    (".", "is a folder"), ("é/roman.txt", "no such file")])
def test_what_is_no_problem_is_not_sent_to_a_model(tmp_path: Path, problem: str | bytes, told: str) -> None:
    done = subprocess.run([CODERM, "solve", problem, "--policy", "fake", "--tester", "fake"], cwd=tmp_path,
                          capture_output=True, text=True)
    assert done.returncode == 2 and told in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_problem_on_standard_input_that_is_no_text_is_told() -> None:
    for latin in ({}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}):
        done = subprocess.run([CODERM, "solve", "-", "--policy", "fake", "--tester", "fake"], input=b"\xff\xfe",
                              env=os.environ | latin, capture_output=True)
        assert done.returncode == 2 and b"UTF-8" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("problem", ["中文写一个函数f(x)返回x的平方。", "Schreibe f(x), das das Vierfache von x zurückgibt: " + "é" * 200])
def test_a_problem_may_be_in_any_script_and_of_any_length(problem: str) -> None:
    assert _problem_text(problem) == problem


def test_skipping_is_offered_only_where_it_can_be_had(tmp_path: Path) -> None:
    with pytest.raises(FormatError) as error:
        load_problems(str(rows(tmp_path / "p.jsonl", [])))
    assert "--skip-bad" not in str(error.value)


@pytest.mark.parametrize("texts", [("def f(): pass", ["x"]), (["x"], "def f(): pass")])
def test_one_text_is_no_list_of_texts(texts: tuple[list[str], list[str]]) -> None:
    with pytest.raises(InputError, match="give a list of texts"):
        coderm.best_of_n(*texts)


def test_hints_are_commands_that_work(run: Run) -> None:
    assert "coderm execute RUN --behaviour --redo" in refused("rank", run.path, "--select", "accord")
    (run.path / "labels.jsonl").unlink()
    assert f"run `coderm label {run.path}` first" in refused("rank", run.path)
