"""Fits and checks the confidence of `coderm solve` on recorded runs with known labels.

    python benchmarks/confidence.py RUN [RUN ...]      (each executed and labelled)

From every problem it draws candidates and tests, lets `solve`'s own rule choose, and notes whether the choice is
right. Weights are fitted on all problems, every run counting the same; what is reported is cross-validated: each
problem is judged by weights that never saw it, and each run also by weights that saw only the others.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from coderm.confidence import WEIGHTS, Vote, features
from coderm.execute import Engine
from coderm.generate.question import read_question
from coderm.matrix import RewardMatrix
from coderm.problems import as_executable
from coderm.reward.selectors import select
from coderm.runs import load
from coderm.solver import vote_of

SIZES = (1, 2, 4, 8, 16)
DRAWS = 6
FOLDS = 20


@dataclass
class Case:
    """One drawn vote and how often its tied best are right."""

    run: str
    task: str
    vote: Vote
    right: float


def cases(path: str, engine: Engine, rng: np.random.Generator) -> Iterator[Case]:
    run = load(path)
    solutions, labels = run.solutions(), run.labels()
    problems = [p for p in run.problems() if p.task_id in labels and run.matrix(p.task_id) is not None]
    questions = [read_question(p.prompt) for p in problems]
    pairs = [([as_executable(p, s) for s in solutions[p.task_id]], list(q.examples))
             for p, q in zip(problems, questions, strict=True) if q.examples]
    judged = engine.execute_many(pairs)
    for problem, question in zip(problems, questions, strict=True):
        matrix = run.matrix(problem.task_id)
        assert matrix is not None
        examples = next(judged) if question.examples else RewardMatrix.from_passed(np.ones((matrix.shape[0], 0)))
        correct = np.array(labels[problem.task_id])
        for trusted in {bool(question.examples), False}:
            for n in SIZES:
                for m in (0, *SIZES):
                    for _ in range(DRAWS):
                        case = draw(matrix, examples.passed.all(axis=1), correct, n, m, rng, trusted)
                        if case:
                            yield Case(path, problem.task_id, *case)


def draw(matrix: RewardMatrix, passing: np.ndarray, correct: np.ndarray, n: int, m: int, rng: np.random.Generator,
         trusted: bool) -> tuple[Vote, float] | None:
    """One vote of n candidates and m tests, as `solve` would hold it; None where no candidate passes the examples."""
    rows = rng.permutation(matrix.shape[0])[:n]
    columns = rng.permutation(matrix.shape[1])[:m]
    rows = rows[passing[rows]] if trusted else rows
    if not len(rows):
        return None
    part = matrix.take(rows, columns)
    tied = select(part, "majority-groups")
    return vote_of(part, int(tied[0]), int(trusted)), float(correct[rows[tied]].mean())


def fit(drawn: list[Case]) -> np.ndarray:
    x = np.array([list(features(case.vote).values())[1:] for case in drawn])
    right = np.array([case.right for case in drawn])
    sizes = Counter(case.run for case in drawn)
    weight = np.array([len(drawn) / len(sizes) / sizes[case.run] for case in drawn])
    model = LogisticRegression(max_iter=1000).fit(  # a soft label is two weighted rows
        np.vstack([x, x]), np.repeat([1, 0], len(x)), np.concatenate([weight * right, weight * (1 - right)]))
    return np.concatenate([model.intercept_, model.coef_[0]])


def by_weights(weights: np.ndarray) -> Callable[[Vote], float]:
    return lambda vote: float(1 / (1 + np.exp(-weights @ list(features(vote).values()))))


def cross_validated(drawn: list[Case]) -> np.ndarray:
    tasks = sorted({case.task for case in drawn})
    said = np.zeros(len(drawn))
    for fold in range(FOLDS):
        held_out = set(tasks[fold::FOLDS])
        chance = by_weights(fit([case for case in drawn if case.task not in held_out]))
        for i, case in enumerate(drawn):
            if case.task in held_out:
                said[i] = chance(case.vote)
    return said


def table(said: np.ndarray, drawn: list[Case]) -> None:
    right = np.array([case.right for case in drawn])
    tasks = np.array([case.task for case in drawn])
    bins = np.minimum((said * 10).astype(int), 9)
    print("  said       right   votes  problems")
    error = 0.0
    for b in np.unique(bins):
        here = bins == b
        error += here.mean() * abs(said[here].mean() - right[here].mean())
        print(f"  {said[here].mean():.2f}   ->  {right[here].mean():.2f}  {here.sum():6d}  {len(set(tasks[here])):6d}")
    print(f"  calibration error {error:.3f}, Brier score {np.mean((said - right) ** 2):.3f} "
          f"(always {right.mean():.2f}: {right.var():.3f})")


def main() -> None:
    rng = np.random.default_rng(0)
    with Engine() as engine:
        drawn = [case for path in sys.argv[1:] for case in cases(path, engine, rng)]
    weights = fit(drawn)
    print("weights fitted on all:", {name: round(float(w), 2) for name, w in zip(WEIGHTS, weights, strict=True)})
    said = cross_validated(drawn)
    for path in sys.argv[1:]:
        here = np.array([case.run == path for case in drawn])
        cases_here = [case for case in drawn if case.run == path]
        print(f"{path}: fitted on all runs, cross-validated over problems")
        table(said[here], cases_here)
        if not here.all():
            print(f"{path}: fitted on the other runs only")
            chance = by_weights(fit([case for case in drawn if case.run != path]))
            table(np.array([chance(case.vote) for case in cases_here]), cases_here)


main()
