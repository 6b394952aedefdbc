"""Accuracy, intervals, curves, quintiles and the quality of tests, each against a straightforward computation."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coderm.matrix import RewardMatrix
from coderm.records import Verdict
from coderm.reward import (
    SELECTORS,
    Context,
    Separation,
    Task,
    accuracies,
    accuracy,
    compare,
    difficulty_quintiles,
    each_test,
    mean_interval,
    quality,
    scaling_curve,
    separation,
)


def random_tasks(count=4, n=8, m=6, seed=0):
    rng = np.random.default_rng(seed)
    tasks = []
    for p in range(count):
        labels = rng.random(n) < 0.4
        passed = rng.random((n, m)) < np.where(labels, 0.7, 0.3)[:, None]
        behaviour = np.where(passed, 1, rng.integers(-1, 4, (n, m))) if m else None
        matrix = RewardMatrix.from_verdicts(np.where(passed, 9, 8), behaviour=behaviour, calls=np.eye(m, dtype=bool))
        texts = [f"{'abc'[i % 3]} = {i // 2}" for i in range(n)]
        survivors = rng.random(n) < 0.6 if p % 2 else None
        tasks.append(Task(f"t/{p}", matrix, Context(labels=labels, solutions=texts, survivors=survivors)))
    return tasks


def test_accuracy_is_what_a_random_choice_among_the_tied_gives():
    labels = np.array([True, False, True])
    assert accuracy(np.array([1.0, 1.0, 0.5]), labels) == 0.5
    assert accuracy(np.array([0.1 + 0.2, 0.3, 0.0]), labels) == 0.5  # equal but for rounding
    assert accuracy(np.array([-np.inf, -np.inf, -np.inf]), labels) == pytest.approx(2 / 3)
    assert accuracy(np.array([]), np.array([], bool)) == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=9), st.floats(0.1, 10))
def test_accuracy_does_not_depend_on_order_or_scale(pairs, scale):
    scores, labels = np.array([s for s, _ in pairs], float), np.array([c for _, c in pairs])
    assert accuracy(scores[::-1] * scale, labels[::-1]) == pytest.approx(accuracy(scores, labels))


def test_the_interval_holds_the_mean_and_shrinks_with_the_square_root_of_the_problems():
    small, large = (mean_interval(np.tile([0.0, 1.0], k)) for k in (20, 2000))
    assert small.low < small.value == 0.5 < small.high
    assert (small.high - small.low) / (large.high - large.low) == pytest.approx(10, rel=0.1)
    assert small.high - small.low == pytest.approx(2 * 1.96 * 0.5 / np.sqrt(40), rel=0.1)


def test_comparison_is_paired():
    base = np.random.default_rng(1).random(100)
    better = compare(np.minimum(base + 0.05, 1), base)
    assert better.low > 0 and better.p_value < 0.001 and better.worse == 0
    same = compare(base, base)
    assert same.difference == 0 and same.p_value == 1


@pytest.mark.parametrize("name", ["random", "majority", "majority-groups", "codet", "mbr-exec", "variance", "b4",
                                  "mbr-exec-outputs", "fmv", "srank", "codet-behaviour", "b4-behaviour", "accord"])
@pytest.mark.parametrize("method", ["paper", "bootstrap"])
@pytest.mark.parametrize("protocol", ["default", "paper"])
def test_curves_in_one_batch_are_those_of_one_matrix_at_a_time(name, method, protocol):
    tasks, rule = random_tasks(), SELECTORS[name]
    tasks = [replace(task, context=replace(task.context, protocol=protocol, unit_tests=[*"abcdde"])) for task in tasks]
    grid = ([2, 5, 8], [1, 3, 6, 9])
    fast = scaling_curve(tasks, rule, *grid, resamples=6, method=method, seed=3)
    slow = scaling_curve(tasks, rule.__call__, *grid, resamples=6, method=method, seed=3)
    assert fast.samples == pytest.approx(slow.samples, abs=1e-6)


def test_at_full_size_the_papers_curve_is_the_accuracy_itself():
    tasks = random_tasks()
    curve = scaling_curve(tasks, SELECTORS["majority"], [8], [6], resamples=3)
    assert curve.means()[0, 0] == pytest.approx(accuracies(tasks, SELECTORS["majority"]).mean())
    low, high = curve.interval()
    assert low == pytest.approx(high)


def test_the_papers_resampling_keeps_the_first_candidates_and_draws_no_test_twice():
    labels = np.array([False, True, True, True])
    passed = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], dtype=bool)
    task = Task("t", RewardMatrix.from_passed(passed), Context(labels=labels))
    curve = scaling_curve([task], SELECTORS["majority"], [1, 3], [1, 3], resamples=200, seed=0)
    assert curve.means()[0].tolist() == [0, 0]
    assert curve.means()[1, 1] == pytest.approx(2 / 3)  # all three tests: the first three candidates tie
    assert curve.means()[1, 0] == pytest.approx(2 / 3, abs=0.1)  # one test of three names its own candidate


def test_a_bootstrap_interval_is_wider_than_the_choice_of_tests_alone():
    tasks = random_tasks(count=12)
    widths = []
    for method in ("paper", "bootstrap"):
        low, high = scaling_curve(tasks, SELECTORS["majority"], [8], [3], resamples=200, method=method).interval()
        widths.append((high - low).item())
    assert widths[1] > widths[0]


def test_bootstrap_over_some_problems_draws_problems():
    """A resample that draws none of them says nothing of them."""
    curve = scaling_curve(random_tasks(count=6), SELECTORS["majority"], [8], [1, 3], resamples=200, method="bootstrap")
    one = np.arange(6) == 2
    assert curve.by_resample(one).shape == (1, 2, curve.weights[:, 2].astype(bool).sum())
    assert np.isfinite(curve.means(one)).all() and np.isfinite(curve.interval(one)).all()


def test_problems_with_fewer_candidates_or_tests_give_what_they_have():
    tasks = [*random_tasks(count=1), Task("none", RewardMatrix.from_verdicts(np.zeros((3, 0))),
                                          Context(labels=np.array([True, False, False]))),
             Task("empty", RewardMatrix.from_verdicts(np.zeros((0, 2))), Context(labels=np.array([], bool)))]
    curve = scaling_curve(tasks, SELECTORS["codet"], [2, 100], [1, 100], resamples=2)
    assert curve.samples[0, :, :, 1] == pytest.approx(0.5)
    assert curve.samples[1, :, :, 1] == pytest.approx(1 / 3)
    assert not curve.samples[..., 2].any()


def test_quintiles_drop_the_hopeless_and_start_with_the_easiest():
    tasks = [Task(str(k), RewardMatrix.from_passed(np.zeros((10, 1))), Context(labels=np.arange(10) < k))
             for k in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)]
    assert difficulty_quintiles(tasks).tolist() == [0, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1]


# two right candidates, two wrong; test 1 is perfect, test 2 passes all, test 3 only a wrong one
LABELS = np.array([1, 1, 0, 0], bool)
TABLE = np.array([[1, 1, 0], [1, 1, 0], [0, 1, 1], [0, 1, 0]], bool)


def test_table_2_by_hand_in_both_readings():
    found = quality([Task("t", RewardMatrix.from_passed(TABLE), Context(labels=LABELS))])
    one = found.individual
    assert (one.tp, one.fp, one.tn, one.fn) == (4, 3, 3, 2)
    assert one.accuracy == 7 / 12
    assert one.f1 == pytest.approx(2 * (4 / 7) * (4 / 6) / (4 / 7 + 4 / 6))
    assert (one.far_paper, one.frr_paper) == (3 / 7, 2 / 5)
    assert (one.far, one.frr) == (3 / 6, 2 / 6)
    many = found.multiple  # votes 2, 2, 2, 1: three candidates have the largest number
    assert (many.tp, many.fp, many.tn, many.fn) == (2, 1, 1, 0)


def test_quality_leaves_out_what_did_not_run_and_what_does_not_vote():
    codes = RewardMatrix.from_passed(TABLE).codes
    codes[0, 0] = Verdict.NOT_RUN
    codes[:, 2] = Verdict.TEST_ERROR
    matrix = RewardMatrix.from_verdicts(codes, reasons=(None, None, "SyntaxError"))
    one = quality([Task("t", matrix, Context(labels=LABELS))]).individual
    assert (one.tp, one.fp, one.tn, one.fn) == (3, 2, 2, 0)
    # under the paper's protocol the broken test votes, and fails everyone
    one = quality([Task("t", matrix, Context(labels=LABELS, protocol="paper"))]).individual
    assert (one.tp, one.fp, one.tn, one.fn) == (3, 2, 4, 2)


def test_each_test_by_itself():
    perfect, idle, odd = each_test(RewardMatrix.from_passed(TABLE), Context(labels=LABELS))
    assert (perfect.pass_rate, perfect.discrimination, perfect.agreement) == (0.5, 1, 0.75)
    assert (idle.pass_rate, idle.discrimination, idle.agreement) == (1, 0, 0.75)
    assert odd.labelled is not None and odd.labelled.far == 0.5 and odd.labelled.frr == 1


def test_separation_tells_what_the_inputs_give_apart_from_the_verdicts():
    behaviour = np.array([[1, 2, 5], [1, 3, 5], [1, -4, 5], [1, 2, 5]])
    task = Task("t", RewardMatrix.from_verdicts(np.full((4, 1), Verdict.FAIL), behaviour=behaviour))
    bare = Task("u", RewardMatrix.from_passed(TABLE))
    assert separation([task, bare]) == Separation(calls=3, separating=1, behaviours=3, pass_vectors=1)
    assert separation([bare]) is None
