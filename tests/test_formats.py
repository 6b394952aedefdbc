"""Files in and out: what comes in is counted as it should be, goes out and comes in again the same, and bad lines
say where they are."""

from __future__ import annotations

import ast
import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coderm.cli import main
from coderm.problems import codet
from coderm.problems.texts import assert_class, case_class, literal
from coderm.runs import load

CODET = Path(__file__).parents[2] / "shared" / "data" / "codet"
SAMPLED = "HumanEval_codegen16B_temp0.8_topp0.95_num100_max300"
PROBLEMS = [
    {"task_id": "t/0", "prompt": "def f(x):\n", "entry_point": "f", "canonical_solution": "    return x\n",
     "test": "def check(candidate):\n    assert candidate(1) == 1\n"},
    {"task_id": "t/1", "prompt": "def g(x):\n", "entry_point": "g", "canonical_solution": "    return -x\n",
     "test": "def check(candidate):\n    assert candidate(1) == -1\n"},
]


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def coderm(*arguments: object) -> Done:
    """The command line in this process: starting one costs a second."""
    out, err, before = io.StringIO(), io.StringIO(), sys.argv
    sys.argv = ["coderm", *map(str, arguments)]
    code: object = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as end:
        code = end.code
    finally:
        sys.argv = before
    return Done(int(code or 0), out.getvalue(), err.getvalue())


def as_json(*arguments: object) -> dict:
    done = coderm(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


@pytest.fixture
def problems(tmp_path):
    return write(tmp_path / "problems.jsonl", *PROBLEMS)


# -- CodeT --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not CODET.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize(("granularity", "unit_tests"), [("sample", 2092), ("case", 9125)])
def test_codet_yields(tmp_path, granularity, unit_tests):
    """12.8 of 100 samples hold a usable assert and 9 problems have none, as an independent run found."""
    told = as_json("import", "codet", "--problems", CODET / "HumanEval_for_code_generation.jsonl.gz",
                   "--solutions", CODET / f"{SAMPLED}_code_solution.jsonl.gz",
                   "--unit-tests", CODET / f"{SAMPLED}_test_case.jsonl.gz",
                   "--granularity", granularity, "--out", tmp_path / "run")
    assert (told["problems"], told["solutions"], told["unit_tests"]) == (164, 16400, unit_tests)
    assert len(told["problems_without_unit_tests"]) == 9 and not told["problems_without_solutions"]
    assert round(2092 / 164, 1) == 12.8


@pytest.mark.parametrize(("sample", "usable"), [
    ("f(1) == 2", ["f(1) == 2"]),
    ("f(1) == 2\nassert f(2) == 3\nassert g(1) == 1\n", ["f(1) == 2", "f(2) == 3"]),
    ("f(1) == 2, 'said'\nimport os\nos.remove('x')\n", ["f(1) == 2, 'said'"]),
    ("f(1) == 2\n\ndef f(x):\n    assert f(1)\n", ["f(1) == 2", "f(1)"]),
    ("\n    f(1) == 2\n", []),
    ("f(1) ==", []),
    ("f(\n 1) == 2 # why", ["f(1) == 2"]),
    ("f('\\x00') == '''a\nb'''", ["f('\\x00') == 'a\\nb'"]),
    ("(f(1), 2) is 1", ["(f(1), 2) is 1"]),
    ("await f(1)", []),
    ("(yield f(1))", []),
    ("f(\0)", []),
    ("f(" + "(" * 500, []),
    ("f(1) == " + "+".join("1" * 20_000), []),
    ("", []),
])
def test_usable_asserts(sample, usable):
    assert [ast.unparse(node).removeprefix("assert ") for node in codet.usable_asserts(sample, "f")] == usable


@given(st.text(alphabet="f()[]'\"=12, \nassertdefimp#\\\0é\ud800", max_size=80))
def test_any_sample_gives_unit_tests_that_compile(sample):
    asserts = codet.usable_asserts(sample, "f")
    compile(assert_class("TestSample", asserts) if asserts else "", "<test>", "exec")


def codet_files(tmp_path: Path) -> tuple[Path, Path]:
    written_on = "    return 1\n\nimport torch\nprint(f("
    solutions = write(tmp_path / "s.jsonl", {"prompt": "def f(x):\n", "samples": ["    return x", written_on]},
                      {"prompt": "def g(x):\n", "samples": ["    return -x"]})
    tests = write(tmp_path / "t.jsonl", {
        "prompt": "def f(x):\n    pass\n\n# check\nassert ",
        "samples": ["f(1) == 1\nassert ____  # f, later", "nothing", "\nassert ".join(f"f({k})" for k in range(9)), "f(1)"],
    })
    return solutions, tests


def test_codet_granularities_and_round_trip(tmp_path, problems):
    solutions, tests = codet_files(tmp_path)
    for granularity, sizes in (("sample", [2, 5, 1]), ("case", [1] * 8)):
        out, back = tmp_path / granularity, tmp_path / f"{granularity}-files"
        told = as_json("import", "codet", "--problems", problems, "--solutions", solutions, "--unit-tests", tests,
                       "--granularity", granularity, "--out", out)
        assert told["problems_without_unit_tests"] == ["t/1"]
        run = load(out)
        assert run.solutions() == {"t/0": ["def f(x):\n    return x\n", "def f(x):\n    return 1\n"],
                                   "t/1": ["def g(x):\n    return -x\n"]}
        assert [text.count("assert ") for text in run.unit_tests()["t/0"]] == sizes
        as_json("export", "codet", out, "--out", back)
        again = tmp_path / f"{granularity}-again"
        as_json("import", "codet", "--problems", problems, "--solutions", back / "solutions.jsonl",
                "--unit-tests", back / "unit_tests.jsonl", "--granularity", granularity, "--out", again)
        assert load(again).solutions() == run.solutions()
        assert load(again).unit_tests() == run.unit_tests()


def test_codet_export_lists_what_its_format_cannot_hold(tmp_path, problems):
    write(tmp_path / "s.jsonl", {"task_id": "t/0", "solutions": ["def f(x): return x", "def f(x):\n    return 2"]})
    write(tmp_path / "t.jsonl", {"task_id": "t/0", "unit_tests": [
        case_class("T", [("test", "self.assertEqual(f(1), 1)")]), case_class("T", [("test", "assert f(1) == 1")]),
        "class T(", "x = 1"]})
    as_json("import", "coderm", "--problems", problems, "--solutions", tmp_path / "s.jsonl",
            "--unit-tests", tmp_path / "t.jsonl", "--out", tmp_path / "run")
    stopped = coderm("export", "codet", tmp_path / "run", "--out", tmp_path / "out")
    assert stopped.returncode == 2 and "t/0, solution 0: does not begin with the prompt" in stopped.stderr
    told = as_json("export", "codet", tmp_path / "run", "--out", tmp_path / "out", "--skip-bad")
    assert [line.split(":")[0] for line in told["skipped"]] == ["t/0, solution 0", "t/0, unit test 0",
                                                                "t/0, unit test 2", "t/0, unit test 3"]


# -- CodeRM and EvalPlus ------------------------------------------------------------------------------------


def test_where_solutions_come_in_a_problem_without_any_has_none_rather_than_none_yet(tmp_path, problems):
    tests = write(tmp_path / "t.jsonl", {"task_id": "t/0", "unit_tests": ["x"]}, {"task_id": "t/1", "unit_tests": ["y"]})
    brought = ("import", "coderm", "--problems", problems, "--unit-tests", tests)
    for name, row in (("texts", {"solutions": ["a = 1"]}), ("replies", {"responses": ["```python\ndef f(x): pass\n```"]})):
        solutions = write(tmp_path / f"{name}.jsonl", {"task_id": "t/0"} | row)
        as_json(*brought, "--solutions", solutions, "--out", tmp_path / name)
        found = load(tmp_path / name).solutions()
        assert len(found["t/0"]) == 1 and found["t/1"] == []
    as_json(*brought, "--out", tmp_path / "later")
    assert load(tmp_path / "later").solutions() == {}


def test_coderm_files_round_trip(tmp_path, problems):
    rows = [{"task_id": "t/0", "solutions": ["a = 1", "é\ud800"]}, {"task_id": "t/1", "solutions": []}]
    tests = [{"task_id": "t/0", "unit_tests": [case_class("T", [("test", "self.assertTrue(f(1))")])] * 2}]
    told = as_json("import", "coderm", "--problems", problems, "--solutions", write(tmp_path / "s.jsonl", *rows),
                   "--unit-tests", write(tmp_path / "t.jsonl", *tests), "--out", tmp_path / "run")
    assert told["solutions"] == told["unit_tests"] == 2
    written = as_json("export", "coderm", tmp_path / "run", "--out", tmp_path / "out")["files"]
    assert [Path(path).name for path in written] == ["solutions.jsonl", "unit_tests.jsonl"]
    assert [json.loads(line) for line in (tmp_path / "out" / "solutions.jsonl").open()] == rows
    assert [json.loads(line) for line in (tmp_path / "out" / "unit_tests.jsonl").open()] == tests


def test_raw_replies_are_kept_and_extracted(tmp_path, problems):
    chat = [{"role": "user", "content": "Please."}]
    rows = [{"task_id": "t/0", "messages": chat, "responses": ["```python\ndef f(x):\n    return x\n```", "no code"]}]
    told = as_json("import", "coderm", "--problems", problems, "--solutions", write(tmp_path / "s.jsonl", *rows),
                   "--out", tmp_path / "run")
    assert told["problems"] == told["solutions"] == 1
    assert load(tmp_path / "run").solutions()["t/0"][0].strip() == "def f(x):\n    return x"
    as_json("export", "coderm", tmp_path / "run", "--out", tmp_path / "out")
    assert [json.loads(line) for line in (tmp_path / "out" / "solution_responses.jsonl").open()] == rows


def test_evalplus_samples_round_trip(tmp_path, problems):
    rows = [{"task_id": "t/0", "completion": "    return x"}, {"task_id": "t/1", "solution": "g = abs"},
            {"task_id": "t/0", "solution": "f = abs"}]
    as_json("import", "evalplus", "--problems", problems, "--solutions", write(tmp_path / "s.jsonl", *rows),
            "--out", tmp_path / "run")
    solutions = {"t/0": ["def f(x):\n    return x", "f = abs"], "t/1": ["g = abs"]}
    assert load(tmp_path / "run").solutions() == solutions
    as_json("export", "evalplus", tmp_path / "run", "--out", tmp_path / "out")
    as_json("import", "evalplus", "--problems", problems, "--solutions", tmp_path / "out" / "samples.jsonl",
            "--out", tmp_path / "again")
    assert load(tmp_path / "again").solutions() == solutions


def test_the_chosen_solution_of_each_executed_problem(tmp_path, problems):
    wrong, right = "def f(x):\n    return x + 1\n", "def f(x):\n    return x\n"
    test = "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        self.assertEqual(f(2), 2)\n"
    as_json("import", "coderm", "--problems", problems, "--out", tmp_path / "run", "--solutions",
            write(tmp_path / "s.jsonl", {"task_id": "t/0", "solutions": [wrong, right, right + "# again\n"]},
                  {"task_id": "t/1", "solutions": ["def g(x):\n    return -x\n"]}),
            "--unit-tests", write(tmp_path / "t.jsonl", {"task_id": "t/0", "unit_tests": [test]},
                                  {"task_id": "t/1", "unit_tests": [test]}))
    export = ("export", "evalplus", tmp_path / "run", "--out", tmp_path / "out", "--select")
    assert "nothing was executed yet" in coderm(*export, "majority").stderr
    as_json("execute", tmp_path / "run", "--workers", "1")
    load(tmp_path / "run").reward_path("t/1").unlink()
    done = coderm(*export, "majority")
    assert "1 of 2 problems are left out" in done.stderr
    assert json.loads((tmp_path / "out" / "samples.jsonl").read_text()) == {"task_id": "t/0", "solution": right}
    for rule, told in (("nope", "no rule named 'nope'"), ("srank", "needs recorded behaviour"),
                       (f"{__name__}:one_score", "t/0: rule")):
        refused = coderm(*export, rule)
        assert refused.returncode == 2 and told in refused.stderr


def one_score(matrix, context):
    """A rule with a mistake: one score, whatever the candidates."""
    return [1.0]


# -- bad input, interrupted imports -------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "bad", "told"), [
    ("coderm", "{", "not JSON"),
    ("coderm", {"task_id": "t/0"}, "exactly one of"),
    ("coderm", {"task_id": "t/1", "solutions": ["a", 1]}, "solutions.1"),
    ("coderm", {"task_id": "t/9", "solutions": []}, "no problem has the task_id 't/9'"),
    ("coderm", {"task_id": "t/1", "unit_tests": []}, "holds no solutions"),
    ("coderm", {"task_id": "t/0", "solutions": []}, "second row for 't/0'"),
    ("evalplus", {"task_id": "t/0"}, "expected solution or completion"),
    ("evalplus", {"task_id": "t/9", "solution": ""}, "no problem has the task_id"),
    ("evalplus", "[]", "expected a JSON object"),
])
def test_a_broken_line_says_where_or_is_listed(tmp_path, problems, kind, bad, told):
    good = {"task_id": "t/0", "solutions": ["x = 1"]} if kind == "coderm" else {"task_id": "t/0", "solution": "x = 1"}
    file = write(tmp_path / "s.jsonl", good, bad)
    arguments = ("import", kind, "--problems", problems, "--solutions", file, "--out")
    stopped = coderm(*arguments, tmp_path / "stopped")
    assert stopped.returncode == 2 and f"{file}:2: " in stopped.stderr and told in stopped.stderr
    assert "Traceback" not in stopped.stderr and not (tmp_path / "stopped").exists()
    skipped = as_json(*arguments, tmp_path / "skipped", "--skip-bad")
    assert skipped["solutions"] == 1
    assert len(skipped["skipped"]) == 1 and told in skipped["skipped"][0]


def test_an_import_of_nothing_makes_no_run(tmp_path, problems):
    file = write(tmp_path / "s.jsonl", {"task_id": "t/9", "solutions": ["x = 1"]})
    done = coderm("import", "coderm", "--problems", problems, "--solutions", file, "--skip-bad", "--out",
                  tmp_path / "run")
    assert done.returncode == 2 and "nothing to import" in done.stderr and not (tmp_path / "run").exists()


def test_an_import_goes_on_where_it_stopped(tmp_path, problems):
    rows = [{"task_id": "t/0", "solutions": ["x = 1"]}, {"task_id": "t/1", "solutions": ["x = 2"]}]
    arguments = ("import", "coderm", "--problems", problems, "--solutions", write(tmp_path / "s.jsonl", *rows),
                 "--out", tmp_path / "run")
    as_json(*arguments)
    whole = (tmp_path / "run" / "solutions.jsonl").read_bytes()
    (tmp_path / "run" / "solutions.jsonl").write_bytes(whole[: len(whole) // 2 + 20])
    as_json(*arguments)
    assert (tmp_path / "run" / "solutions.jsonl").read_bytes() == whole
    other = coderm("import", "evalplus", "--problems", problems, "--solutions",
                   write(tmp_path / "e.jsonl", {"task_id": "t/0", "solution": ""}), "--out", tmp_path / "run")
    assert other.returncode == 2 and "holds another run" in other.stderr
    into = coderm("export", "coderm", tmp_path / "run", "--out", tmp_path / "run")
    assert into.returncode == 2 and "is a run directory" in into.stderr


# -- texts --------------------------------------------------------------------------------------------------

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.complex_numbers(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner)
    | st.sets(st.integers() | st.text()), max_leaves=20)


@given(PLAIN)
@settings(max_examples=300)
def test_literals_use_no_names_and_mean_the_value(value):
    text = literal(value)
    tree = ast.parse(text, mode="eval")
    assert not any(isinstance(node, ast.Name | ast.Call | ast.Attribute) for node in ast.walk(tree))
    again = eval(text, {"__builtins__": {}})
    assert again == value and type(again) is type(value)
