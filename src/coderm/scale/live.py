"""A budget of unit tests spent while generating: in rounds, each recorded before it starts and resumable inside.

RUN/rounds.jsonl, one line a round: {"round", "unit_tests": task_id -> replies it shall have when the round is over,
"candidates": task_id -> the candidate solutions that the round's tests are executed on}. A line is a decision; what
it asks for is generated and executed from what is missing, so a killed round continues, and the next decision sees
the same votes as if nothing had happened. Candidates that cannot win any more stay `not_run` on later tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from coderm.errors import InputError
from coderm.execute import Engine
from coderm.execute.stage import check_settings
from coderm.matrix import RewardMatrix
from coderm.problems import as_executable
from coderm.records import Verdict
from coderm.runs import Run
from coderm.scale.allocate import allocate
from coderm.scale.sequential import CONFIDENCE, START, Standing, standing

How = Literal["equal", "difficulty", "sequential"]
ROUNDS = 16
"""A sequential round spends a sixteenth of the budget: few rounds keep an endpoint busy, many follow the votes."""


@dataclass(frozen=True)
class Budget:
    """How many replies of the unit test generator there are, and who gets them."""

    total: int
    most: int
    """The most for one problem."""
    how: How = "equal"
    """`equal` and `difficulty` (Eq. 2 on `pass_rates`) decide once; `sequential` looks at the votes each round."""
    pass_rates: Mapping[str, float] | None = None
    """task_id -> predicted pass rate, for `difficulty`."""
    confidence: float = CONFIDENCE
    """For `sequential`: when a problem is finished, see `coderm.scale.sequential`."""

    def recorded(self) -> dict[str, Any]:
        """What must stay the same over the life of a run."""
        return {"budget": self.total, "most": self.most, "allocate": self.how, "confidence": self.confidence}


@dataclass(frozen=True)
class Spending:
    """What a budget bought."""

    budget: int
    spent: int
    """Replies asked for; less than the budget where every problem was finished before."""
    rounds: int
    pairs: int
    """(candidate, unit test) pairs executed."""
    pairs_of_all: int
    """Pairs of every candidate with every unit test that came out."""
    unit_tests: dict[str, int]
    """task_id -> replies."""

    def summary(self) -> str:
        """One line for people."""
        most = max(self.unit_tests.values(), default=0)
        return (f"{self.spent:,} of {self.budget:,} unit tests asked for in {self.rounds} rounds, {most} at most for "
                f"one problem; {self.pairs:,} of {self.pairs_of_all:,} pairs executed")


def check(run: Run, tasks: Sequence[str], budget: Budget) -> None:
    """Raises InputError where a budget cannot be spent on a run, before anything is asked for.

    That is so where it is more than the tasks may have, where the rule lacks a predicted pass rate, and where the
    run's unit tests were bought otherwise: by another budget or rule, or by none.
    """
    check_total(budget.total, budget.most, len(tasks))
    lacking = [task for task in tasks if budget.how == "difficulty" and task not in (budget.pass_rates or {})]
    if lacking:
        raise InputError(f"no predicted pass rate for {len(lacking)} problems, such as {lacking[0]}; "
                         "`coderm probe predict` makes them")
    if "spend" in run.config and run.config["spend"] != budget.recorded():
        raise InputError(begun_with(run))
    if "spend" not in run.config and (any(run.rows("unit_test_replies")) or any(run.unit_tests().values())):
        raise InputError(f"{run.path}: its unit tests were sampled without a budget; leave --budget away, or give "
                         "another --out")


def check_total(total: int, most: int, problems: int) -> None:
    """Raises InputError for a budget that no sharing out could spend."""
    if total > most * problems:
        raise InputError(f"a budget of {total:,} unit tests cannot be spent: at most {most:,} for each of {problems:,} "
                         f"problems (-m) are {most * problems:,}")


def begun_with(run: Run) -> str:
    """What to tell whoever goes on with a run that spends a budget, but not with the same one."""
    begun = run.config["spend"]
    sure = f" --confidence {begun['confidence']}" if begun["allocate"] == "sequential" else ""
    return (f"{run.path}: was begun with --budget {begun['budget']} -m {begun['most']} --allocate {begun['allocate']}"
            f"{sure}; give the same, or another --out")


def spend(
    run: Run, tasks: Sequence[str], engine: Engine, generate: Callable[[Mapping[str, int]], object], budget: Budget
) -> Spending:
    """Spend a budget of replies over the tasks and execute what comes out.

    The run holds its solutions and must not be locked; `generate(want)` brings each task to want[task_id] replies
    and extracts them; the engine is entered; `check` has found nothing wrong. Stops where nothing is left that could
    change a choice.
    """
    solutions = run.solutions()
    tasks = [task for task in tasks if solutions.get(task)]
    with run:
        run.update_config(spend=budget.recorded())
        check_settings(run, engine.settings, redo=False)
    rounds = list(run.rows("rounds"))
    while True:
        if rounds:
            before = {task: matrix for task in tasks if (matrix := run.matrix(task)) is not None}
            generate(rounds[-1]["unit_tests"])
            with run:
                _execute(run, rounds, engine, before)
        want, candidates = _next(run, tasks, rounds, budget)
        if want is None:
            break
        rounds.append({"round": len(rounds), "unit_tests": want, "candidates": candidates})
        with run:
            run.append("rounds", rounds[-1:])
    matrices = [matrix for task in tasks if (matrix := run.matrix(task)) is not None]
    given: dict[str, int] = rounds[-1]["unit_tests"] if rounds else {}
    return Spending(budget.total, sum(given.values()), len(rounds), sum(int(m.ran.sum()) for m in matrices),
                    sum(m.codes.size for m in matrices), given)


def _next(run: Run, tasks: Sequence[str], rounds: Sequence[dict[str, Any]], budget: Budget) -> tuple[
        dict[str, int] | None, dict[str, list[int]]]:
    """The next round's decision; None where the budget is spent or nothing can change a choice."""
    total = min(budget.total, budget.most * len(tasks))
    if not rounds:
        solutions = run.solutions()
        share = min(total, START * len(tasks)) if budget.how == "sequential" else total
        rates = [budget.pass_rates[task] if budget.how == "difficulty" and budget.pass_rates else 0.0 for task in tasks]
        units = allocate(rates, share, 0, budget.most).tolist()
        return dict(zip(tasks, units, strict=True)), {task: list(range(len(solutions[task]))) for task in tasks}
    held: dict[str, int] = dict(rounds[-1]["unit_tests"])
    left = total - sum(held.values())
    if budget.how != "sequential" or left <= 0:
        return None, {}
    votes = votes_so_far(run, tasks, held)
    now = {task: judge(votes[task], rounds[-1]["candidates"][task], budget.most - held[task], budget.confidence)
           for task in tasks}
    has = np.array([held[task] for task in tasks])
    shall = granted(np.array([now[task].worth[0] for task in tasks]), has, np.full(len(tasks), budget.most),
                    min(left, max(total // ROUNDS, 1)))
    if (shall == has).all():
        return None, {}
    return (dict(zip(tasks, shall.tolist(), strict=True)),
            {task: np.flatnonzero(now[task].alive[0]).tolist() for task in tasks})


def granted(
    worth: NDArray[np.float64], held: NDArray[np.int64], most: NDArray[np.int64], units: int
) -> NDArray[np.int64]:
    """Replies [P] that each problem holds after a round of at most `units`.

    The worthiest come first, and nobody gets more than half of what it holds: votes are looked at before the rest.
    """
    held = held.copy()
    for i in np.argsort(-worth, kind="stable"):
        if worth[i] > 0:
            more = min(max(int(held[i]) // 2, 1), int(most[i] - held[i]), units)
            held[i] += more
            units -= more
    return held


def judge(votes: NDArray[np.bool_], alive: Sequence[int], remaining: int, confidence: float) -> Standing:
    """The standing of one problem by majority vote; `votes` [N, b], one column a reply."""
    n, b = votes.shape
    names = np.random.default_rng(0).integers(2**64, size=b, dtype=np.uint64)
    mask = np.zeros((1, n), bool)
    mask[0, list(alive)] = True
    return standing("majority", votes[None].astype(np.float32), votes[None] * names, np.ones((1, n), bool), mask,
                    np.array([remaining]), confidence)


def votes_so_far(run: Run, tasks: Sequence[str], held: Mapping[str, int]) -> dict[str, NDArray[np.bool_]]:
    """task_id -> [N, held]: who passed the test of each of the first replies; one without a usable test is passed by
    none. The run may hold more replies than these."""
    solutions, rows = run.solutions(), {row["task_id"]: row for row in run.rows("unit_tests")}
    votes = {}
    for task in tasks:
        votes[task] = np.zeros((len(solutions[task]), held[task]), bool)
        matrix = run.matrix(task)
        if matrix is not None and task in rows:
            replies = np.asarray(rows[task]["replies"], np.int64)
            seen = replies < held[task]
            votes[task][:, replies[seen]] = (matrix.passed & matrix.voting)[:, seen]
    return votes


def _execute(run: Run, rounds: Sequence[dict[str, Any]], engine: Engine, before: Mapping[str, RewardMatrix]) -> None:
    """Fill the matrices up to the last round: each round's tests on the candidates it names.

    `before` are the matrices of the rounds before, which extraction took away when more tests came.
    """
    solutions, problems = run.solutions(), {problem.task_id: problem for problem in run.problems()}
    todo: list[_Parts] = []
    for row in run.rows("unit_tests"):
        task, tests, replies = row["task_id"], row["unit_tests"], np.array(row["replies"], np.int64)
        if task not in rounds[-1]["unit_tests"] or run.matrix_shape(task) == (len(solutions[task]), len(tests)):
            continue
        ends = [0, *(entry["unit_tests"][task] for entry in rounds)]
        columns = [np.flatnonzero((replies >= ends[r]) & (replies < ends[r + 1])) for r in range(len(rounds))]
        known = before.get(task)
        # A reply that failed at first and came later shifts the columns; then all rounds are executed again.
        reuse = known is not None and known.shape[1] == sum(map(len, columns[:-1]))
        todo.append(_Parts(task, tests, columns, [entry["candidates"][task] for entry in rounds],
                           known if reuse else None))

    def parts() -> Iterator[tuple[list[str], list[str]]]:
        for of in todo:
            texts = [as_executable(problems[of.task], text) for text in solutions[of.task]]
            for where, alive in of.rounds_to_execute():
                yield [texts[i] for i in alive], [of.tests[j] for j in where]

    results = engine.execute_many(parts())
    for of in todo:
        run.save_matrix(of.task, of.assemble(len(solutions[of.task]), results))


@dataclass(frozen=True)
class _Parts:
    """One problem's matrix as the rounds fill it."""

    task: str
    tests: list[str]
    columns: list[NDArray[np.int64]]
    candidates: list[list[int]]
    known: RewardMatrix | None

    def rounds_to_execute(self) -> list[tuple[NDArray[np.int64], list[int]]]:
        """Columns and candidates of each round that has no verdicts yet."""
        return list(zip(self.columns, self.candidates, strict=True))[-1 if self.known else 0 :]

    def assemble(self, candidates: int, results: Iterator[RewardMatrix]) -> RewardMatrix:
        """One matrix of all rounds; a cell that no round executed is `not_run`."""
        pieces = [(np.arange(candidates), np.arange(self.known.shape[1]), self.known)] if self.known else []
        pieces += [(np.array(alive), where, next(results)) for where, alive in self.rounds_to_execute()]
        whole = RewardMatrix.from_verdicts(np.full((candidates, len(self.tests)), Verdict.NOT_RUN))
        judged = np.zeros(whole.shape, bool)
        reasons: list[str | None] = [None] * len(self.tests)
        for rows, where, piece in pieces:
            grid = np.ix_(rows, where)
            for field in ("codes", "cases", "cases_passed", "cpu_ms"):
                getattr(whole, field)[grid] = getattr(piece, field)
            if piece.self_judged is not None:
                judged[grid] = piece.self_judged
            for j, reason in zip(where, piece.reasons, strict=True):
                reasons[j] = reason
        last = pieces[-1][2]
        return replace(whole, reasons=tuple(reasons), info=last.info,
                       self_judged=None if last.self_judged is None else judged)
