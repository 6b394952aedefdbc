"""Budgets replayed on recorded replies: the fast paths against the slow and obvious ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coderm.errors import InputError
from coderm.matrix import RewardMatrix
from coderm.records import Problem
from coderm.reward import Context, accuracy, score
from coderm.runs import Run
from coderm.scale import sequential
from coderm.scale.allocate import allocate
from coderm.scale.curves import STRATEGIES, _priorities, prefix_accuracy, scaling, spending_order
from coderm.scale.from_run import recorded_problems
from coderm.scale.recorded import RULES, Recorded, Rule, side_by_side
from coderm.scale.simulate import CODEGEN, TABLE_2, predicted, simulate
from coderm.scale.static import expected_gains


@pytest.fixture(scope="module")
def problems() -> list[Recorded]:
    return simulate(TABLE_2, 12, 15, 20, seed=3) + simulate(CODEGEN, 12, 10, 12, seed=4)


@pytest.mark.parametrize("rule", RULES)
def test_accuracy_of_every_prefix_is_the_reward_rules_own(problems: list[Recorded], rule: Rule) -> None:
    fast = prefix_accuracy(side_by_side(problems, rule))
    for row, problem in enumerate(problems):
        for b in (0, 1, 3, problem.replies):
            passed = problem.passed[:, problem.reply_of_test < b]
            if rule == "majority":
                replies = [problem.reply_of_test[problem.reply_of_test < b] == j for j in range(b)]
                passed = np.array([passed[:, r].all(axis=1) for r in replies if r.any()]).T.reshape(len(passed), -1)
            scores = score(RewardMatrix.from_passed(passed), rule, Context(labels=problem.correct))
            assert fast[row, b] == pytest.approx(accuracy(scores, problem.correct)), (problem.task_id, b)


def test_spending_by_priority_is_serving_the_most_urgent_each_time() -> None:
    rng = np.random.default_rng(0)
    priority = rng.integers(0, 4, (5, 7)).astype(float)
    priority[2, 5:] = priority[4, 0:] = -np.inf
    held, slow = [0] * 5, []
    while True:
        open_ = [p for p in range(5) if held[p] < 7 and priority[p, held[p]] > -np.inf]
        if not open_:
            break
        # Once served, a problem that has become more urgent goes on at once.
        top = max(open_, key=lambda p: (min(priority[p, : held[p] + 1]), -held[p], -p))
        slow.append((top, held[top]))
        held[top] += 1
    assert list(zip(*(part.tolist() for part in spending_order(priority)), strict=True)) == slow


def test_greedy_curves_spend_as_allocate_does(problems: list[Recorded]) -> None:
    rates = np.random.default_rng(1).random(len(problems))
    most = max(p.replies for p in problems)
    order = spending_order(_priorities(problems, rates, np.zeros((len(problems), most + 1)), 0)["greedy-predicted"])
    for total in (0, 10, 101, 333):
        assert np.bincount(order[0][:total], minlength=len(problems)).tolist() == allocate(
            rates, total, maximum=most).tolist()


@pytest.mark.parametrize("rule", RULES)
def test_all_strategies_meet_where_everything_is_spent(problems: list[Recorded], rule: Rule) -> None:
    same_size = problems[:12]
    found = scaling(same_size, predicted(same_size, 1.0, 0), rule, resamples=2)
    assert set(found.accuracy) == set(STRATEGIES) == set(found.reach)
    assert found.budgets.tolist() == [1, 2, 4, 8, 16]
    reach = found.reach["equal"]
    assert reach is not None and 0 < reach.unit_tests <= 1 and 0 < reach.pairs <= 1
    assert found.area("equal") == (0, 0, 0)
    value, low, high = found.curve("sequential")
    assert ((low <= value) & (value <= high)).all()
    assert json.loads(json.dumps(found.as_json()))["strategies"]["static"]["accuracy"]


def test_sequential_finishes_certain_problems_and_rules_out_hopeless_candidates() -> None:
    right, wrong = np.ones((5, 20), bool), np.zeros((5, 20), bool)
    clear = Recorded("clear", np.concatenate([right, wrong]), np.arange(20), 20, np.arange(10) < 5)
    coin = np.random.default_rng(0).random((2, 20)) < 0.5
    close = Recorded("close", np.repeat(coin, 5, axis=0), np.arange(20), 20, np.arange(10) < 5)
    replies = side_by_side([clear, close], "majority")
    priority, accuracy_, pairs = sequential.replay(replies, confidence=0.99)
    assert accuracy_[0, 1:].tolist() == [1.0] * 20
    assert pairs[0, -1] == 5 and pairs[1, 8] == 10
    assert (priority[1, 4:12] > priority[0, 4:12]).all()
    early = sequential.standing("majority", replies.votes[:1, :, :12], replies.keys[:1, :, :12], replies.present[:1],
                                replies.present[:1], np.array([0]))
    assert early.worth.tolist() == [0.0]


def test_static_rule_gives_tests_where_they_raised_accuracy() -> None:
    hard, easy = np.linspace(0, 1, 11), np.ones(11)
    gains = expected_gains(np.array([0.1, 0.12, 0.9, 0.92]), np.stack([hard, hard, easy, easy]), np.array([0.11, 0.91]))
    assert gains[0] == pytest.approx(np.full(10, 0.1), abs=6e-3) and (gains[1] < 6e-3).all()
    assert (np.diff(gains, axis=1) < 0).all()


def test_simulated_runs_repeat_and_correct_candidates_agree_but_for_quirks() -> None:
    first, again = simulate(CODEGEN, 5, 20, 30, 7), simulate(CODEGEN, 5, 20, 30, 7)
    assert all(np.array_equal(a.passed, b.passed) for a, b in zip(first, again, strict=True))
    agreeing = [p.passed[p.correct] for p in simulate(replace(CODEGEN, quirky=0.0), 30, 20, 30, 7)]
    assert all((passed == passed[:1]).all() for passed in agreeing)


def test_a_run_remembers_replies_that_gave_nothing(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        run.add_problems([Problem("a", "A"), Problem("b", "B")])
        run.append("solutions", [{"task_id": t, "solutions": ["x", "y"]} for t in "ab"])
        run.append("unit_tests", [{"task_id": "a", "unit_tests": ["t", "u", "v"], "replies": [1, 1, 4], "sampled": 9},
                                  {"task_id": "b", "unit_tests": ["t"]}])
        run.save_matrix("a", RewardMatrix.from_passed([[True, False, True], [False, True, True]]))
        run.save_matrix("b", RewardMatrix.from_passed([[True], [False]]))
        with pytest.raises(InputError, match="no labels"):
            recorded_problems(run)
        run.append("labels", [{"task_id": t, "correct": [True, False]} for t in "ab"])
        a, b = recorded_problems(run)
    assert (a.replies, a.reply_of_test.tolist(), b.replies) == (9, [1, 1, 4], 1)
    whole = side_by_side([a, b], "majority")
    assert whole.votes[0, :, [1, 4]].tolist() == [[0, 0], [1, 1]]
    assert whole.pairs[0].tolist() == [0, 2, 0, 0, 1, 0, 0, 0, 0]
    assert side_by_side([a, b], "codet").votes[0, :, 1].tolist() == [1, 1]
