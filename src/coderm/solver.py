"""One problem to its best solution, and why: sample, keep what passes the problem's own examples, vote, and say how
sure that is. It says so when it does not know, rather than pretending."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coderm.confidence import Vote, confidence
from coderm.errors import InputError
from coderm.execute import Engine
from coderm.generate.models import Sampling
from coderm.generate.question import Question, read_question
from coderm.generate.stage import Source, generate, require
from coderm.matrix import RewardMatrix
from coderm.problems import as_executable
from coderm.reward.selectors import select
from coderm.runs import Run
from coderm.scale.live import judge, votes_so_far

FIRST = 3
"""Unit tests that are asked for before `confidence` is looked at: on one alone much agrees that is not alike."""
UNSURE = 0.5
"""Below this confidence the answer is called a guess."""


@dataclass(frozen=True)
class Solved:
    """The outcome of `solve`."""

    solution: str | None
    """The chosen candidate; None where there is none that passes the problem's own examples."""
    confidence: float
    """Estimated chance that it is right, in 0..1; see `coderm.confidence`."""
    best: int | None
    """Its index among the candidates."""
    votes: list[int]
    """Unit tests passed by each candidate, of those that vote."""
    tests: int
    """Unit tests that vote."""
    discriminating: int
    """Voting tests that some of the candidates in the vote pass and others do not."""
    tied: int
    """Candidates with as many votes as the chosen one, itself included."""
    agreement: float
    """Share of the candidates in the vote that pass exactly the same tests as the chosen one."""
    examples: int
    """Trusted examples that the problem brought."""
    passing_examples: int
    """Candidates that pass all of them."""
    doubts: list[str]
    """Why it does not know, where it does not."""
    cost: dict[str, int]
    """replies, prompt_tokens and completion_tokens that were sampled."""

    def as_json(self) -> dict[str, Any]:
        """The object that `coderm solve --json` prints."""
        return vars(self)

    def why(self) -> str:
        """The reasons in a few lines, for people."""
        lines = []
        if self.examples:
            lines.append(f"examples: {self.passing_examples} of {len(self.votes)} candidates pass the problem's own "
                         f"({self.examples}); the others are out")
        if self.best is not None:
            lines.append(f"votes: candidate {self.best} passes {self.votes[self.best]} of {self.tests} unit tests"
                         + (f" ({self.tied} candidates tie)" if self.tied > 1 else ""))
            lines.append(f"tests: {self.discriminating} of {self.tests} tell candidates apart")
            lines.append(f"agreement: {self.agreement:.0%} of the candidates in the vote pass the same tests")
        lines += [f"doubt: {doubt}" for doubt in self.doubts]
        lines.append(f"confidence: {self.confidence:.2f}" + (" (a guess)" if self.confidence < UNSURE else ""))
        lines.append("cost: {replies} replies, {prompt_tokens} + {completion_tokens} tokens".format(**self.cost))
        return "\n".join(lines)


def solve(
    problem: str,
    policy: str | Source,
    tester: str | Source,
    n: int = 8,
    m: int = 8,
    *,
    confidence: float | None = None,
    save: str | Path | None = None,
    quiet: bool = True,
    sampling: Sampling | None = None,
    seed: int = 0,
    **engine: Any,
) -> Solved:
    """The best of n candidate solutions of a problem by the votes of m unit tests.

    With `confidence` the tests come in rounds and m is the most: it stops once the votes are so sure that the tests
    still to come would not change the choice for the better (see `coderm.scale.sequential`).

    `problem` is prose, a function stub with its docstring, or a file with asserts; its examples are trusted.
    `policy` and `tester` are model specs (see `coderm.generate.models`). `save` keeps everything as a run
    directory, which resumes like any other. Keyword arguments go to `coderm.Engine`. Raises ModelError where the
    policy gave no usable candidate, InputError where `save` holds another problem or a number makes no sense.
    Nothing is asked of a model where candidates could not be executed.
    """
    if n < 1 or m < 0:
        raise InputError(f"n must be at least 1 and m at least 0, not {n} and {m}")
    question = read_question(problem)
    sources = [spec if isinstance(spec, Source) else Source(spec, sampling or Sampling(), seed)
               for spec in (policy, tester)]
    with tempfile.TemporaryDirectory(prefix="coderm-") as scratch, Engine(**engine) as running:
        run = Run.create(Path(save) if save else Path(scratch) / "run", protocol="default")
        if run.problems() not in ([], [question.problem]):
            raise InputError(f"{run.path}: holds another problem; choose another --save")
        with run:
            run.add_problems([question.problem])
        task = question.problem.task_id
        sampled = generate(run, "solution", sources[0], {task: n}, quiet=quiet)
        require(run, "solution", sources[0], [task], sampled, "--save" if save else None)
        failures, solutions = sampled.failures, run.solutions()[task]
        texts = [as_executable(question.problem, solution) for solution in solutions]
        split = len(question.examples)
        # a saved run that holds more tests already goes on from there
        held = sum(1 for _ in run.rows("unit_test_replies"))
        asked = m if confidence is None else min(m, max(FIRST, held))
        while True:
            failures += generate(run, "unit_test", sources[1], {task: asked}, quiet=quiet).failures
            unit_tests = run.unit_tests().get(task, [])
            matrix = running.execute(texts, [*question.examples, *unit_tests])
            voting = matrix.take(unit_tests=range(split, split + len(unit_tests)))
            with run:
                run.save_matrix(task, voting)
            if asked == m or confidence is None:
                break
            eligible = np.flatnonzero(_passing(matrix.take(unit_tests=range(split))))
            votes = votes_so_far(run, [task], {task: asked})[task]
            if not len(eligible) or not judge(votes, eligible.tolist(), m - asked, confidence).worth[0]:
                break
            asked = min(m, asked + max(asked // 2, 1))
        cost = _cost(run)
    solved = _decide(question, solutions, matrix.take(unit_tests=range(split)), voting, cost)
    solved.doubts.extend(f"a request failed: {failure['error']}" for failure in failures)
    return solved


def _cost(run: Run) -> dict[str, int]:
    rows = [row["usage"] for kind in ("solution", "unit_test") for row in run.rows(f"{kind}_replies")]
    return {"replies": len(rows)} | {name: sum(usage[name] for usage in rows)
                                     for name in ("prompt_tokens", "completion_tokens")}


def _decide(question: Question, solutions: list[str], examples: RewardMatrix, matrix: RewardMatrix,
            cost: dict[str, int]) -> Solved:
    eligible = np.flatnonzero(_passing(examples))
    passed = matrix.passed[:, _voting(matrix)]
    votes = passed.sum(axis=1)
    tests = passed.shape[1]
    shared = {
        "votes": votes.tolist(), "tests": tests, "examples": int(examples.voting.sum()),
        "passing_examples": len(eligible), "cost": cost,
    }
    if not len(eligible):
        return Solved(None, 0.0, None, discriminating=0, tied=0, agreement=0.0,
                      doubts=["every candidate fails the problem's own examples"], **shared)
    among = matrix.take(solutions=eligible)
    chosen = int(select(among, "majority-groups")[0])
    vote = vote_of(among, chosen, shared["examples"])
    here = passed[eligible]
    rivals = _rivals(here, chosen)
    discriminating = int((here.any(axis=0) & ~here.all(axis=0)).sum())
    return Solved(
        solutions[eligible[chosen]], min(confidence(vote), 1 / rivals), int(eligible[chosen]),
        discriminating=discriminating, tied=int((votes[eligible] == vote.votes).sum()),
        agreement=vote.group / vote.candidates,
        doubts=_doubts(here, votes[eligible], discriminating, rivals, examples), **shared)


def vote_of(matrix: RewardMatrix, chosen: int, examples: int) -> Vote:
    """How the vote on the candidates of a matrix went for the chosen one."""
    passed = matrix.passed[:, _voting(matrix)]
    return Vote(int(passed[chosen].sum()), passed.shape[1], int((passed == passed[chosen]).all(axis=1).sum()),
                len(passed), examples)


def _voting(matrix: RewardMatrix) -> NDArray[np.bool_]:
    return np.asarray(matrix.voting & matrix.ran.any(axis=0))


def _passing(examples: RewardMatrix) -> NDArray[np.bool_]:
    """[N] who passes the problem's own examples; one that is no test at all, as we misread it, rules nobody out."""
    return np.asarray(examples.passed[:, examples.voting].all(axis=1))


def _rivals(passed: NDArray[np.bool_], chosen: int) -> int:
    """Groups of candidates that passed as many tests, but other ones, and are as large as the chosen one's, it
    included: the vote cannot tell them apart, and at most one of them is right."""
    groups, sizes = np.unique(passed, axis=0, return_counts=True)
    own = (groups == passed[chosen]).all(axis=1)
    return int(((groups.sum(axis=1) == passed[chosen].sum()) & (sizes == sizes[own])).sum())


def _doubts(passed: NDArray[np.bool_], votes: NDArray[np.int64], discriminating: int, rivals: int,
            examples: RewardMatrix) -> list[str]:
    candidates, tests = passed.shape
    doubts = []
    if unread := int((~examples.voting).sum()):
        doubts.append(f"{unread} of the problem's own examples could not be made into tests and were left out")
    if rivals > 1:
        doubts.append(f"{rivals} groups of candidates have the same number of votes for different tests: "
                      "the choice among them is arbitrary")
    if not tests:
        doubts.append("no usable unit test was written: nothing was checked"
                      + ("" if not examples.voting.any() else " beyond the problem's own examples"))
    elif not votes.max():
        doubts.append("no candidate passes a single unit test: either all are wrong, or the tests are")
    elif candidates > 1 and not discriminating:
        doubts.append("no unit test tells the candidates apart: the confidence rests on their agreement, "
                      "not on a choice between them")
    if candidates == 1:
        doubts.append("there is only one candidate to choose from")
    return doubts
