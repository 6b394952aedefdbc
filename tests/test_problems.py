"""Problems and their ground truth: every reference is right, broken ones are not, and odd rows say where they are."""

from __future__ import annotations

import ast
import base64
import gzip
import json
import os
import pickle
import textwrap
import zlib
from pathlib import Path

import pytest

from coderm.errors import FormatError, InputError
from coderm.execute import Engine
from coderm.problems import as_executable, evalplus, load
from coderm.problems.livecodebench import decode_private
from coderm.problems.restore import restore
from coderm.problems.texts import case_class, literal_lines, parse
from coderm.records import Problem

SHARED = Path(__file__).parents[2] / "shared" / "data"
HUMANEVAL_PLUS = SHARED / "evalplus" / "HumanEvalPlusSeed.jsonl.gz"
MBPP_PLUS = SHARED / "evalplus" / "MbppPlus-v0.1.0.jsonl.gz"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")

SLOW = {"Mbpp/84", "Mbpp/123", "Mbpp/255", "Mbpp/271", "Mbpp/300", "Mbpp/389", "Mbpp/392", "Mbpp/583", "Mbpp/589",
        "Mbpp/592", "Mbpp/599", "Mbpp/603"}
"""References that take more than a second on their own inputs; benchmarks/loaders.py runs them too."""
ANY_ANSWER_STANDS = {"Mbpp/164"}
"""EvalPlus takes every answer to these, because their question is ambiguous."""


@pytest.fixture(scope="module")
def engine():
    with Engine(time_limit=5.0) as running:
        yield running


def rejects_its_own(problems: list[Problem], engine: Engine) -> tuple[set[str], set[str]]:
    """(task_ids whose reference is not correct, task_ids for which a function that returns nonsense is)."""
    wrong, fooled = set(), set()
    pairs = (([p.reference, f"{p.reference}\n\ndef {p.entry_point}(*arguments, **named):\n    return '#nonsense'\n"],
              p.ground_truth) for p in problems)
    for problem, matrix in zip(problems, engine.execute_many(pairs), strict=True):
        if not matrix.passed[0].all():
            wrong.add(problem.task_id)
        if matrix.passed[1].all():
            fooled.add(problem.task_id)
    return wrong, fooled


def test_humaneval_references(engine):
    problems = load("humaneval")
    assert len(problems) == 164
    assert rejects_its_own(problems, engine) == (set(), set())


@needs_shared
def test_humaneval_plus_references(engine):
    problems = load(f"humaneval+:{HUMANEVAL_PLUS}")
    assert len(problems) == 164
    assert rejects_its_own(problems, engine) == (set(), set())


@needs_shared
def test_mbpp_plus_references(engine):
    problems = load(f"mbpp+:{MBPP_PLUS}")
    assert len(problems) == 399
    quick = [p for p in problems if p.task_id not in SLOW]
    assert rejects_its_own(quick, engine) == (set(), ANY_ANSWER_STANDS)


@needs_shared
def test_a_plain_file_may_have_any_shape():
    by_shape = load(str(MBPP_PLUS), limit=3)
    assert by_shape == load(f"mbpp+:{MBPP_PLUS}", limit=3)
    assert [p.task_id for p in by_shape] == ["Mbpp/2", "Mbpp/3", "Mbpp/4"]


@needs_shared
def test_mbpp_plus_prompts_are_those_of_the_paper():
    """Where a later release did not reword the question, the prompt is the one that the paper's models were shown."""
    with gzip.open(SHARED / "coderm" / "input_mbpp+_sol.jsonl.gz", "rt") as file:
        shown = {row["task_id"]: row["messages"][0]["content"] for row in map(json.loads, file)}
    ours = {p.task_id: p.prompt for p in load(f"mbpp+:{MBPP_PLUS}")}
    assert shown.keys() < ours.keys()
    assert sum(ours[task_id] in text for task_id, text in shown.items()) == 329


@needs_shared
def test_restoring_satisfies_the_contracts(engine):
    """53 more tasks fail their contract on raw inputs; restored, only the two do whose data contradicts itself."""
    with gzip.open(MBPP_PLUS, "rt") as file:
        rows = [json.loads(line) for line in file]
    inputs = {row["task_id"]: [*row["base_input"], *row["plus_input"]] for row in rows}
    restored = {task_id: restore(task_id, raw) for task_id, raw in inputs.items()}
    changed = [row for row in rows if restored[row["task_id"]] != inputs[row["task_id"]]]
    broken = breaking_their_contract(rows, restored, engine)
    assert broken == {"Mbpp/267", "Mbpp/734"}
    assert len(breaking_their_contract(changed, inputs, engine)) >= 53


def breaking_their_contract(rows: list[dict], inputs: dict[str, list], engine: Engine) -> set[str]:
    pairs = (([contract(row)], [holds(inputs[row["task_id"]])]) for row in rows)
    return {row["task_id"] for row, matrix in zip(rows, engine.execute_many(pairs), strict=True)
            if not matrix.passed.all()}


def contract(row: dict) -> str:
    """The contract as a function of its own, behind the reference whose imports it uses."""
    [function] = [node for node in parse(row["canonical_solution"]).body
                  if isinstance(node, ast.FunctionDef) and node.name == row["entry_point"]]
    body = textwrap.indent(textwrap.dedent(row["contract"].strip("\n")), "    ")
    return f"{row['canonical_solution']}\n\ndef contract({ast.unparse(function.args)}):\n{body}\n    return True\n"


def holds(inputs: list) -> str:
    return case_class("Contract", [("test_inputs", f"for arguments in {literal_lines(inputs)}:\n"
                                                   "    self.assertTrue(contract(*arguments))")])


def evalplus_row(task_id: str, entry_point: str, reference: str, inputs: list, **more) -> dict:
    return {"task_id": task_id, "prompt": "", "entry_point": entry_point, "canonical_solution": reference,
            "base_input": inputs, "plus_input": [], "atol": 0} | more


@pytest.mark.parametrize(("row", "right", "wrong"), [
    (evalplus_row("Mbpp/2", "similar_elements", "def similar_elements(a, b): return tuple(set(a) & set(b))",
                  [[[3, 4, 5], [4, 5, 6]]]), "def similar_elements(a, b): return [5, 4]",
     "def similar_elements(a, b): return [5]"),
    (evalplus_row("Mbpp/737", "check_str", "import re\ndef check_str(s): return re.match('a', s)", [["abc"], ["bc"]]),
     "def check_str(s): return s[0] == 'a'", "def check_str(s): return True"),
    (evalplus_row("Mbpp/295", "sum_div", "def sum_div(n): return 1", [[8]]), "def sum_div(n): return 0",
     "def sum_div(n): return 2"),
    (evalplus_row("Mbpp/558", "digit_distance_nums", "def digit_distance_nums(a, b): return 0", [[1, 256]]),
     "def digit_distance_nums(a, b): return 12", "def digit_distance_nums(a, b): return 13"),
    (evalplus_row("Mbpp/581", "surface_Area", "def surface_Area(b, s): return 0", [[3, 4]]),
     "def surface_Area(b, s): return 35", "def surface_Area(b, s): return 33"),
    (evalplus_row("HumanEval/32", "find_zero", "def find_zero(xs): return -0.5", [[[1, 2]]], atol=1e-4),
     "def find_zero(xs): return -0.50001", "def find_zero(xs): return 0.5"),
    (evalplus_row("HumanEval/1", "f", "def f(x): return [x / 3]", [[1.0]]), "def f(x): return [0.3333333]",
     "def f(x): return [0.333]"),
    (evalplus_row("HumanEval/1", "f", "def f(x): return [x / 3]", [[1.0]]), "def f(x): return [1 / 3]",
     "def f(x): return (0.3333333,)"),
    (evalplus_row("HumanEval/1", "f", "def f(xs): return sum(xs)", [[[1, 2]]]),
     "def f(xs): return xs.pop() + xs.pop()", "def f(xs): return xs.pop()"),
])
def test_evalplus_judging(engine, tmp_path, row, right, wrong):
    """Its exceptions to ==: same elements, not None, second readings, roots, tolerance; inputs are copies."""
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps(row))
    [problem] = load(str(file))
    assert engine.execute([right, wrong], problem.ground_truth).passed.tolist() == [[True], [False]]


def test_a_candidate_cannot_reach_the_judge(engine, tmp_path):
    """Names that a candidate defines, builtins' names included, mean nothing to ground truth."""
    file = tmp_path / "problems.jsonl"
    file.write_text(json.dumps(evalplus_row("HumanEval/1", "f", "def f(x): return x", [[1]])))
    [problem] = load(str(file))
    names = ("isinstance", "all", "abs", "zip", "type", "len", "polynomial", "close", "all_floats")
    cheat = "def f(x): return 'wrong'\n" + "".join(f"def {name}(*a): return True\n" for name in names)
    assert engine.execute([cheat], problem.ground_truth).verdicts.tolist() == [["fail"]]
    truncate = next(p for p in load("humaneval") if "abs(" in p.ground_truth[0])
    cheat = f"def {truncate.entry_point}(*a): return 0.0\ndef abs(x): return 0.0\n"
    assert engine.execute([cheat], truncate.ground_truth).verdicts.tolist() == [["fail"]]


@needs_shared
def test_ground_truth_judges_alike_when_the_candidate_is_in_a_process_of_its_own():
    problems = [*load("humaneval")[::8], *load(f"humaneval+:{HUMANEVAL_PLUS}")[::8],
                *(p for p in load(f"mbpp+:{MBPP_PLUS}")[::12] if p.task_id not in SLOW | ANY_ANSWER_STANDS)]
    with Engine("split", time_limit=10.0) as engine:
        assert rejects_its_own(problems, engine) == (set(), set())


def test_humaneval_brings_the_helpers_its_tests_need(engine):
    """A chat model's answer leaves out `encode_shift`, or changes it: the test has its own."""
    problem = next(p for p in load("humaneval") if p.task_id == "HumanEval/50")
    alone = "def decode_shift(s): return ''.join(chr((ord(c) - 102) % 26 + 97) for c in s)"
    spoilt = alone + "\ndef encode_shift(s): return 'spoilt'"
    assert engine.execute([alone, spoilt], problem.ground_truth).passed.all()
    root = next(p for p in load("humaneval") if p.task_id == "HumanEval/32")
    without_math = "\n".join(line for line in (root.reference or "").splitlines() if line != "import math")
    without_math = without_math.replace("math.pow(x, i)", "x ** i")
    assert "math" not in without_math and engine.execute([without_math], root.ground_truth).passed.all()


# -- LiveCodeBench ------------------------------------------------------------------------------------------


def packed(value: object) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def livecodebench_row(**fields) -> dict:
    return {"question_id": "q", "question_content": "Do it.", "starter_code": "", "metadata": "{}"} | fields


def cases(kind: str, *pairs: tuple[str, str]) -> str:
    return json.dumps([{"input": given, "output": due, "testtype": kind} for given, due in pairs])


def test_livecodebench_functions(engine, tmp_path):
    starter = "class Solution:\n    def both(self, xs: List[int], k: int) -> List[int]:\n        "
    row = livecodebench_row(starter_code=starter, metadata='{"func_name": "both"}',
                            public_test_cases=cases("functional", ("[1, 2]\n3", "[1, 5]")),
                            private_test_cases=packed(cases("functional", ("[]\n0", "[0, 0]"))))
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row))
    [problem] = load(f"livecodebench:{file}")
    assert problem.entry_point == "both" and starter.strip() in problem.prompt
    method = starter + "return [xs[0] if xs else 0, xs[-1] + k if xs else 0]"
    function = "def both(xs, k): return (xs[0] if xs else 0, xs[-1] + k if xs else 0)"
    public_only = "def both(xs, k): return [1, 5]"
    candidates = [as_executable(problem, text) for text in (method, function, public_only)]
    passed = engine.execute(candidates, problem.ground_truth).passed
    assert passed.tolist() == [[True, True], [True, True], [True, False]]


PROGRAMS = {
    "print(sum(map(int, input().split())))": True,
    "import sys\nprint(sum(map(int, sys.stdin.read().split())))\nsys.exit()": True,
    "print(sum(map(int, open(0).read().split())))": True,
    "import os\nos.write(1, str(sum(map(int, os.read(0, 999).split()))).encode())": True,
    "import sys\nsys.stdout.buffer.write(b'%d\\n\\n' % sum(map(int, sys.stdin.buffer.readline().split())))": True,
    "def main():\n    print(f'{sum(map(int, input().split()))}.0')\nif __name__ == '__main__':\n    main()": True,
    "import threading, time\n"
    "def main():\n    time.sleep(0.05)\n    print(sum(map(int, input().split())))\n"
    "threading.Thread(target=main).start()": True,
    "import sys\nn = input()\nsys.stdout.write(str(sum(map(int, n.split()))))\nsys.stdout.close()": True,
    "seen = []\nseen.append(input())\nprint(sum(map(int, seen[-1].split())) if len(seen) == 1 else 0)": True,
    "print(3)": False,
    "import sys\nprint(sum(map(int, input().split())))\nsys.exit(1)": False,
    "print(sum(map(int, input().split())), 'is the sum')": False,
    "print(sum(map(int, input().split()))\n": False,
    "input(), input()": False,
}


def test_livecodebench_programs(engine, tmp_path):
    """Programs run as `__main__`, afresh for each case, however they read and write."""
    row = livecodebench_row(public_test_cases=cases("stdin", ("1 2\n", "3\n"), ("4 5", "9")))
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps(row))
    [problem] = load(f"livecodebench:{file}")
    assert problem.kind == "stdin" and problem.entry_point is None
    candidates = [as_executable(problem, program) for program in PROGRAMS]
    passed = engine.execute(candidates, problem.ground_truth).passed.all(axis=1).tolist()
    assert dict(zip(PROGRAMS, passed, strict=True)) == PROGRAMS


class Evil:
    def __reduce__(self):
        return os.system, ("touch unpickled",)


@pytest.mark.parametrize("value", [Evil(), [1], b"bytes", {"a": Evil()}, 7])
def test_private_cases_are_never_unpickled_as_objects(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"pickled|it asks for"):
        decode_private(packed(value))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", base64.b64encode(zlib.compress(b"")).decode(),
                                  base64.b64encode(zlib.compress(b"\x80\x04\x95")).decode()])
def test_private_cases_that_are_no_pickle(text):
    with pytest.raises(ValueError, match="not base64"):
        decode_private(text)


# -- one's own, errors, downloads ---------------------------------------------------------------------------


def test_own_problems(engine, tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text('{"task_id": 7, "prompt": "Double.", "entry_point": "d", "test_list": ["assert d(2) == 4"]}\n')
    [problem] = load(str(file))
    assert problem.task_id == "7"
    assert engine.execute(["def d(x): return 2 * x", "def d(x): return x"],
                          problem.ground_truth).passed.ravel().tolist() == [True, False]


@pytest.mark.parametrize(("line", "told"), [
    ("{", "not JSON"),
    ("[1]", "expected a JSON object"),
    ('{"a": 1}', "not a problem"),
    ('{"prompt": "x"}', "task_id: Field required"),
    ('{"task_id": "a", "prompt": "x", "test_list": ["import os"]}', "more than asserts"),
    ('{"task_id": "a", "prompt": "x", "test_list": ["assert ("]}', "never closed"),
    ('{"task_id": "ok", "prompt": "x"}', "second problem with task_id"),
    (json.dumps(evalplus_row("a", "f", "def g(): pass", [])), "does not define f"),
    (json.dumps({"task_id": "a", "prompt": "def f(): pass", "entry_point": "f", "canonical_solution": "",
                 "test": "x = 1"}), "must define check"),
    (json.dumps(livecodebench_row(public_test_cases="[]")), "no test cases"),
    (json.dumps(livecodebench_row(public_test_cases=cases("functional", ("1", "1")))), "names the function"),
    (json.dumps(livecodebench_row(public_test_cases="[{}]")), "public_test_cases"),
    (json.dumps(livecodebench_row(public_test_cases="[]", private_test_cases="junk")), "private_test_cases"),
])
def test_a_broken_line_says_where(tmp_path, line, told):
    from coderm.problems.rows import Complaints

    file = tmp_path / "own.jsonl"
    file.write_text('{"task_id": "ok", "prompt": "x"}\n\n' + line + '\n{"task_id": "fine", "prompt": "y"}\n')
    with pytest.raises(FormatError, match=f"own.jsonl:3: .*{told}"):
        load(str(file))
    complaints = Complaints(skip_bad=True)
    assert [p.task_id for p in load(str(file), complaints=complaints)] == ["ok", "fine"]
    assert len(complaints.skipped) == 1 and told in complaints.skipped[0]


def test_files_that_are_not_there_or_damaged(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load("humanevil")
    with pytest.raises(InputError, match="pass its file"):
        load("livecodebench")
    empty = tmp_path / "empty.jsonl"
    empty.touch()
    with pytest.raises(FormatError, match="holds no problems"):
        load(str(empty))
    cut = tmp_path / "cut.jsonl.gz"
    rows = "".join(f'{{"task_id": {number}, "prompt": "x"}}\n' for number in range(1000))
    cut.write_bytes(gzip.compress(rows.encode())[:-8])
    with pytest.raises(FormatError, match=r"cut.jsonl.gz:1001: damaged gzip"):
        load(str(cut))


@needs_shared
def test_released_data_is_downloaded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    release = tmp_path / "v9" / "MbppPlus.jsonl.gz"
    release.parent.mkdir()
    release.write_bytes(MBPP_PLUS.read_bytes())
    monkeypatch.setitem(evalplus.RELEASES, "mbpp+", release.as_uri())
    first = load("mbpp+", limit=2)
    release.unlink()
    assert load("mbpp+", limit=2) == first
    monkeypatch.setitem(evalplus.RELEASES, "mbpp+", (tmp_path / "v10" / "MbppPlus.jsonl.gz").as_uri())
    with pytest.raises(InputError, match=r"cannot download .* pass mbpp\+:FILE"):
        load("mbpp+")
