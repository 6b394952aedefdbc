"""`coderm solve`: what is chosen, why, how sure, and when it says that it does not know."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import coderm
from coderm.cli import app
from coderm.confidence import CERTAIN, Vote, confidence
from coderm.errors import InputError, ModelError
from coderm.generate.models import Completion, Sampling
from coderm.generate.stage import Source
from coderm.problems import load
from coderm.runs import Run
from coderm.solver import Solved, solve

TINY = {p.entry_point: p for p in load(str(files("coderm.data") / "tiny.jsonl"))}
DOUBLE = "def double(x):\n    '''Twice x.'''\n"
RIGHT, WRONG, ODD = ("def double(x):\n    return 2 * x\n", "def double(x):\n    return x\n",
                     "def double(x):\n    return 2 * x if x < 9 else 0\n")


def case(call: str, value: str) -> str:
    return (f"import unittest\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n"
            f"        self.assertEqual({call}, {value})\n")


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes every model answer from two lists, in the order of asking."""

    def script(solutions: list[str], tests: list[str]) -> None:
        class Scripted:
            spec, concurrency, batch = "scripted", 1, 1

            def __init__(self, replies: list[str]) -> None:
                self.replies = iter(replies)

            def __enter__(self) -> Scripted:
                return self

            def __exit__(self, *_: object) -> None:
                return None

            def request(self, messages: Any, n: int, sampling: Sampling) -> list[Completion]:
                return [Completion(f"```python\n{next(self.replies)}\n```", 3, 5, "stop")]

        lists = {"solution": solutions, "unit_test": tests}
        monkeypatch.setattr("coderm.generate.stage.open_model", lambda spec, kind, **_: Scripted(lists[kind]))

    return script


def ask(problem: str, n: int, m: int, **fields: Any) -> Solved:
    return solve(problem, "fake", "fake", n, m, workers=1, **fields)


def test_votes_choose_and_the_outcome_says_why(scripted: Any) -> None:
    scripted([WRONG, RIGHT, ODD, RIGHT], [case("double(3)", "6"), case("double(20)", "40"), case("double(0)", "0")])
    solved = ask(DOUBLE, 4, 3)
    assert solved.solution is not None and solved.solution.strip() == RIGHT.strip()
    assert (solved.best, solved.votes, solved.tests, solved.discriminating, solved.tied) == (1, [1, 3, 2, 3], 3, 2, 2)
    assert solved.agreement == 0.5 and not solved.doubts
    assert solved.cost == {"replies": 7, "prompt_tokens": 21, "completion_tokens": 35}
    for word in ("candidate 1 passes 3 of 3", "2 candidates tie", "2 of 3 tell candidates apart", "50%", "7 replies"):
        assert word in solved.why()


def test_trusted_examples_throw_out_before_the_vote(scripted: Any) -> None:
    tests = [case("double(3)", "3"), case("double(4)", "4"), case("double(5)", "10")]  # two of three are wrong
    scripted([WRONG, RIGHT, WRONG], tests)
    solved = ask(DOUBLE + "assert double(2) == 4\n", 3, 3)
    assert solved.best == 1 and solved.votes == [2, 1, 2]
    assert (solved.examples, solved.passing_examples) == (1, 1)
    assert "1 of 3 candidates pass the problem's own (1)" in solved.why()
    assert "there is only one candidate to choose from" in solved.doubts


def test_it_says_so_when_every_candidate_fails_the_examples(scripted: Any) -> None:
    scripted([WRONG, ODD], [case("double(3)", "6")] * 2)
    solved = ask(DOUBLE + "assert double(20) == 40\n", 2, 2)
    assert solved.solution is None and solved.best is None and solved.confidence == 0
    assert solved.doubts == ["every candidate fails the problem's own examples"]


def test_it_says_so_when_no_test_is_passed_or_none_discriminates(scripted: Any) -> None:
    scripted([RIGHT, RIGHT], [case("double(3)", "7")] * 3)
    failing = ask(DOUBLE, 2, 3)
    assert "no candidate passes a single unit test" in failing.doubts[0] and "a guess" in failing.why()
    scripted([RIGHT, ODD], [case("double(3)", "6")] * 3)
    agreeing = ask(DOUBLE, 2, 3)
    assert agreeing.doubts == ["no unit test tells the candidates apart: the confidence rests on their agreement, not on "
                               "a choice between them"]
    assert failing.confidence < 0.5 < agreeing.confidence


def test_it_says_so_when_nothing_was_checked(scripted: Any) -> None:
    scripted([RIGHT, WRONG], ["print('no test')"])
    solved = ask(DOUBLE, 2, 1)
    assert solved.tests == 0 and "nothing was checked" in solved.doubts[0]
    assert solved.solution is not None and solved.confidence < 0.5


def test_without_a_usable_candidate_it_fails(scripted: Any) -> None:
    scripted(["this is not Python", "nor is this"], [])
    with pytest.raises(ModelError, match="none of the 2 replies of fake holds a usable solution"):
        ask(DOUBLE, 2, 1)


def test_the_reason_names_what_was_looked_for_and_how_to_ask_anew(scripted: Any, tmp_path: Path) -> None:
    scripted(["def twice(x):\n    return 2 * x\n"] * 2, [])
    told = r"2 no_entry_point \(looked for `double`\); they are kept: only a larger -n or another --save asks anew$"
    for _ in range(2):
        with pytest.raises(ModelError, match=told):
            ask(DOUBLE, 2, 1, save=tmp_path / "run")


def test_it_says_so_when_the_vote_is_a_draw(scripted: Any) -> None:
    """Two groups of the same size that pass as many tests, but other ones, cannot both be right."""
    scripted([WRONG, RIGHT] * 2, [case("double(3)", "3"), case("double(3)", "6")] * 2)
    drawn = ask(DOUBLE, 4, 4)
    assert drawn.confidence <= 0.5 and "2 groups of candidates have the same number of votes" in drawn.doubts[0]


def test_an_example_that_is_no_test_rules_nobody_out(scripted: Any) -> None:
    scripted([RIGHT, RIGHT], [case("double(3)", "6")])
    solved = ask(DOUBLE + "assert double(1) == 2\nassert True, double\n", 2, 1)
    assert solved.best == 0 and (solved.examples, solved.passing_examples) == (1, 2)
    assert "1 of the problem's own examples could not be made into tests" in solved.doubts[0]


def test_nothing_is_asked_where_nothing_can_be_executed(scripted: Any) -> None:
    scripted([], [])  # a request would end in StopIteration
    with pytest.raises(InputError, match="isolation"):
        ask(DOUBLE, 2, 2, isolation="bogus")


def test_a_program_is_judged_by_its_output(scripted: Any) -> None:
    scripted(["print(int(input()) * 3)", "print(int(input()) * 2)"],
             [case("run_program('4\\n').strip()", "'8'"), case("run_program('0\\n').strip()", "'0'")])
    solved = ask("Read a number from standard input and print its double.", 2, 2)
    assert solved.best == 1 and solved.votes == [1, 2] and "input()) * 2" in str(solved.solution)


def test_a_class_is_a_solution_too(scripted: Any) -> None:
    right = "class Bag:\n    def __init__(self): self.n = 0\n    def add(self): self.n += 1\n    def size(self): return self.n\n"
    test = ("import unittest\n\n\nclass T(unittest.TestCase):\n    def test_it(self):\n        bag = Bag()\n"
            "        bag.add()\n        self.assertEqual(bag.size(), 1)\n")
    scripted([right.replace("+= 1", "+= 2"), right], [test])
    solved = ask("Write a class Bag with methods add() and size().", 2, 1)
    assert solved.best == 1 and solved.votes == [0, 1]


def test_saved_runs_resume_and_belong_to_one_problem(tmp_path: Path) -> None:
    prompt = TINY["median"].prompt
    first = coderm.solve(prompt, "fake", "fake", 6, 6, save=tmp_path / "run")
    again = coderm.solve(prompt, "fake", "fake", 6, 6, save=tmp_path / "run")
    assert first == again
    run = Run(tmp_path / "run")
    matrix = run.matrix("problem")
    assert matrix is not None and matrix.shape == (6, 6)
    with pytest.raises(InputError, match="another problem"):
        solve(TINY["digit_sum"].prompt, "fake", "fake", 6, 6, save=tmp_path / "run")
    assert len(run.problems()) == 1


def test_a_saved_run_goes_on_in_rounds(tmp_path: Path) -> None:
    """With fewer tests than it holds already it uses them all; with more it asks for the rest."""
    prompt = TINY["median"].prompt
    rounds = coderm.solve(prompt, "fake", "fake", 6, 12, confidence=0.9999, save=tmp_path / "run")
    assert coderm.solve(prompt, "fake", "fake", 6, 12, confidence=0.9999, save=tmp_path / "run") == rounds
    coderm.solve(prompt, "fake", "fake", 6, 6, save=tmp_path / "other")
    more = coderm.solve(prompt, "fake", "fake", 6, 12, confidence=0.9999, save=tmp_path / "other")
    assert more.cost["replies"] >= 12


@pytest.mark.parametrize("name", sorted(TINY))
def test_the_fakes_problems_are_solved_by_eight_votes(name: str) -> None:
    problem = TINY[name]
    solved = solve(problem.prompt, Source("fake", seed=1), Source("fake", seed=1), 8, 8)
    with coderm.Engine() as engine:
        assert engine.execute([str(solved.solution)], list(problem.ground_truth)).passed.all()


def test_the_command_line_takes_text_a_file_or_stdin(tmp_path: Path) -> None:
    prompt = TINY["rotate_left"].prompt
    (tmp_path / "problem.py").write_text(prompt)
    models = ["--policy", "fake", "--tester", "fake", "-n", "4", "-m", "4"]
    told = [CliRunner().invoke(app, ["solve", prompt, *models]),
            CliRunner().invoke(app, ["solve", str(tmp_path / "problem.py"), *models]),
            CliRunner().invoke(app, ["solve", *models], input=prompt)]
    assert {result.exit_code for result in told} == {0}
    assert len({result.stdout for result in told}) == 1 and told[0].stdout.startswith("def rotate_left")
    assert "confidence:" in told[0].stderr
    as_json = json.loads(CliRunner().invoke(app, ["solve", prompt, *models, "--json"]).stdout)
    assert as_json["solution"].strip() == told[0].stdout.strip()
    assert 0 < as_json["confidence"] < 1 and len(as_json["votes"]) == 4


def test_bad_input_is_told_apart_from_failed_work() -> None:
    models = ["--policy", "fake", "--tester", "fake"]
    for problem in ("no-such-file.py", "", "   "):
        assert isinstance(CliRunner().invoke(app, ["solve", problem, *models]).exception, InputError)
    for blank in ("", "   "):
        assert str(CliRunner().invoke(app, ["solve", blank, *models]).exception) == "the problem is empty"
    impossible = TINY["median"].prompt + "    assert False\n\nassert median([1]) == 2\n"
    result = CliRunner().invoke(app, ["solve", impossible, *models, "--json"])
    assert result.exit_code == 1 and json.loads(result.stdout)["solution"] is None


@pytest.mark.parametrize("given", [{"n": 0}, {"n": -1}, {"m": -2}])
def test_numbers_that_make_no_sense_are_refused(given: dict[str, int]) -> None:
    with pytest.raises(InputError, match="n must be at least 1 and m at least 0"):
        solve(DOUBLE, "fake", "fake", **given)


def test_a_problem_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="must be a text, not NoneType"):
        solve(None, "fake", "fake")  # type: ignore[arg-type]


votes = st.integers(0, 200).flatmap(lambda tests: st.builds(
    lambda passed, group, more, examples: Vote(passed, tests, group, group + more, examples),
    st.integers(0, tests), st.integers(1, 50), st.integers(0, 50), st.integers(0, 5)))


@given(votes)
def test_confidence_is_a_probability_that_grows_with_the_evidence(vote: Vote) -> None:
    sure = confidence(vote)
    assert 0 < sure <= CERTAIN
    if vote.votes < vote.tests:
        assert confidence(Vote(vote.votes + 1, vote.tests, vote.group, vote.candidates, vote.examples)) >= sure
    assert confidence(Vote(vote.votes, vote.tests, vote.group, vote.candidates, 1)) >= sure or vote.examples
    assert confidence(Vote(vote.votes, vote.tests, vote.group + 1, vote.candidates + 1, vote.examples)) >= sure
