"""Every rule against an answer worked out by hand, and the properties that all rules share."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coderm.errors import InputError
from coderm.matrix import RewardMatrix
from coderm.records import Verdict
from coderm.reward import SELECTORS, Context, MissingInput, accuracy, score, select
from coderm.reward.texts import similarity
from coderm.reward.verdict_rules import _log_gamma

# Candidates A, B pass {1}, C passes {1, 2}, D passes {2, 3}, E nothing; test 4 passes nobody.
PASSED = np.array([
    [1, 0, 0, 0],
    [1, 0, 0, 0],
    [1, 1, 0, 0],
    [0, 1, 1, 0],
    [0, 0, 0, 0],
], dtype=bool)
MATRIX = RewardMatrix.from_passed(PASSED)
# calls: A and B return alike, C differs from them on the second, D raises on the first, E raises on both
BEHAVIOUR = np.array([[7, 5], [7, 5], [7, 6], [-1, 6], [-1, -1]])
BEHAVED = RewardMatrix.from_verdicts(MATRIX.codes, behaviour=BEHAVIOUR)


def log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def b4_by_hand(size: int, passed: int, on_right: int, on_wrong: int, n: int = 5, m: int = 4) -> float:
    others = n - size
    return (log_beta(size + 1000, n - size + 1) + log_beta(passed + 1000, m - passed + 1)
            + log_beta(on_right + 1, others * passed - on_right + 1)
            + log_beta(on_wrong + 1, others * (m - passed) - on_wrong + 100_000))


BY_HAND = {
    "random": [0, 0, 0, 0, 0],
    "majority": [1, 1, 2, 2, 0],
    # 2 + group/(N+1): all groups but A, B have one member
    "majority-groups": [1 + 2 / 6, 1 + 2 / 6, 2 + 1 / 6, 2 + 1 / 6, 0 + 1 / 6],
    "codet": [math.sqrt(2), math.sqrt(2), 2, 2, 0],
    "mbr-exec": [2, 2, 1, 1, 1],
    # pass rates .6 .4 .2 0; agreement is the sum of p where passed and of 1 - p where not
    "mbr-exec-soft": [.6 + .6 + .8 + 1, .6 + .6 + .8 + 1, .6 + .4 + .8 + 1, .4 + .4 + .2 + 1, .4 + .6 + .8 + 1],
    "variance": [.24, .24, .24 + .24, .24 + .16, 0],
    # size, passed, passes by others of its tests, passes by others of the remaining tests
    "b4": [b4_by_hand(2, 1, 1, 3), b4_by_hand(2, 1, 1, 3), b4_by_hand(1, 2, 3, 1), b4_by_hand(1, 2, 1, 3),
           b4_by_hand(1, 0, 0, 6)],
    "mbr-exec-outputs": [2, 2, 1, 0, 0],
    "fmv": [(3 + 2) / 2, (3 + 2) / 2, (3 + 2) / 2, (0 + 2) / 2, 0],
    "codet-behaviour": [math.sqrt(2), math.sqrt(2), 2, 2, 0],
    # clusters {A,B}, {C}, {D}: overlaps AC 1/2, CD 1/2; V = 2/5*1/4, 1/5*2/4, 1/5*2/4; E returns nowhere
    "srank": [.1 + .05, .1 + .05, .05 + .1 + .05, .05 + .1, 0],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_a_rule_gives_the_scores_worked_out_by_hand(name):
    assert score(BEHAVED, name) == pytest.approx(BY_HAND[name])


def test_b4_by_behaviour_uses_the_behaviour_cluster_as_the_group():
    split = RewardMatrix.from_verdicts(MATRIX.codes, behaviour=[[1], [2], [3], [4], [5]] * np.array(1))
    expected = b4_by_hand(1, 1, 2, 3)  # A alone: B also passes its test
    assert score(split, "b4-behaviour")[0] == pytest.approx(expected)


def test_mpsc_is_the_fixed_point_of_its_iteration():
    passes = PASSED.astype(float)
    weight = np.zeros((9, 9))
    weight[:5, 5:], weight[5:, :5] = passes, passes.T
    degree = weight.sum(axis=1)
    root = np.where(degree > 0, 1 / np.sqrt(np.maximum(degree, 1)), 0)
    transition = weight * root[:, None] * root
    candidates = np.array([2, 2, 1, 1, 1]) * passes.mean(axis=1)
    tests = np.array([1, 1, 1, 1]) * passes.mean(axis=0)
    start = np.concatenate([candidates / candidates.sum(), tests / tests.sum()])
    state = start
    for _ in range(3000):  # 6 of 20 pairs pass: alpha 0.95
        state = 0.95 * transition @ state + 0.05 * start
    expected = np.where(degree[:5] > 0, state[:5], 0)
    assert score(MATRIX, "mpsc-no-spec") == pytest.approx(expected)


def test_accord_by_hand():
    # no texts: every candidate is a program of its own and all are equally typical
    twins = np.sqrt([2, 2, 1, 1, 1])
    rates = np.array([3, 2, 1, 0]) / 5
    tests = (PASSED.sum(axis=1) + 0.5) * np.exp(-(~PASSED @ rates))
    agreement = ((np.array([3 + 2, 3 + 2, 3 + 2, 2, 0]) / 2 + 0.5) / 5.5) ** 2
    variety = 1.1 - 1 / np.array([2, 2, 2, 1, 1])
    assert score(BEHAVED, "accord") == pytest.approx(twins * tests * agreement * variety)


def test_accord_counts_copies_once_and_knows_a_constant_and_an_outlier_in_the_text():
    same = RewardMatrix.from_verdicts(np.full((4, 2), Verdict.PASS), behaviour=np.array([[1, 2]] * 4))
    texts = ["f(a) + 1", "f(a) + 1", "f(a) + 2", "while q: pass"]
    scores = score(same, "accord", Context(solutions=texts))
    assert scores[0] == scores[1] > scores[2] > scores[3]
    copies = score(same, "accord", Context(solutions=["f(a)"] * 4))
    assert scores[0] > copies[0]  # three programs that agree say more than one program four times
    constant = RewardMatrix.from_verdicts(np.full((2, 2), Verdict.PASS), behaviour=np.array([[1, 1], [1, 2]]))
    assert select(constant, "accord").tolist() == [1]


def test_accord_on_verdicts_takes_a_pass_for_the_expected_value():
    returned = np.where(PASSED, [1, 2, 3, 4], -1)
    behaved = RewardMatrix.from_verdicts(MATRIX.codes, behaviour=returned)
    assert score(MATRIX, "accord-verdicts") == pytest.approx(score(behaved, "accord"))


def test_similarity_ignores_a_shared_prompt_and_comments():
    texts = ("def f(x):\n    return x", "def f(x):\n    return x  # same", "def f(x):\n    raise KeyError(y, z)")
    alike = similarity(texts)
    assert alike[0, 1] == pytest.approx(1) and alike[0, 2] < 0.5
    assert similarity(("", "")).tolist() == [[0, 0], [0, 0]]


def test_select_gives_all_that_tie_and_accuracy_averages_over_them():
    assert select(MATRIX, "majority").tolist() == [2, 3]
    assert accuracy(score(MATRIX, "majority"), np.array([0, 0, 1, 0, 1], bool)) == 0.5


def test_the_largest_group_decides_between_equal_votes_only():
    out = Verdict.NOT_RUN
    matrix = RewardMatrix.from_verdicts([[9, out], [9, 8], [9, 8], [9, 8], [9, 8], [8, 9]])  # 1.2 votes, 1, 1, 1, 1, 1
    assert select(matrix, "majority-groups").tolist() == select(matrix, "majority").tolist() == [0]
    assert select(matrix.take(range(1, 6)), "majority-groups").tolist() == [0, 1, 2, 3]


def test_who_was_ruled_out_is_chosen_by_no_rule():
    out = Verdict.NOT_RUN
    matrix = RewardMatrix.from_verdicts([[9, 9, 8, 8], [9, 8, 9, 8], [9, 9, out, out], [9, 9, out, out]])
    race = Context(survivors=np.array([True, True, False, False]))
    assert select(matrix, "codet").tolist() == [2, 3]  # by the half pass that their missing cells stand for
    for rule in ("majority", "codet", "b4", "mbr-exec", "variance", "mpsc-no-spec", "accord-verdicts"):
        assert set(select(matrix, rule, race)) <= {0, 1}, rule
    assert select(matrix.take([1, 2, 3]), "codet", race.take([1, 2, 3])).tolist() == [0]
    assert np.isfinite(score(matrix, "codet", race)).all()


def test_the_paper_breaks_ties_by_the_larger_group_and_counts_a_text_once():
    twins = RewardMatrix.from_passed([[1, 0, 0], [0, 1, 1], [1, 0, 0]])
    paper = Context(protocol="paper", unit_tests=["a", "b", "b"])
    assert score(twins, "majority", paper).tolist() == [1 + 2 / 4, 1 + 1 / 4, 1 + 2 / 4]
    assert select(twins, "majority", paper).tolist() == [0, 2]
    assert select(twins, "majority").tolist() == [1]


def test_under_the_paper_a_vacuous_test_is_passed_and_under_default_it_does_not_vote():
    codes = [[Verdict.VACUOUS, Verdict.PASS], [Verdict.VACUOUS, Verdict.FAIL]]
    matrix = RewardMatrix.from_verdicts(codes, reasons=("no test case", None))
    assert score(matrix, "majority").tolist() == [1, 0]
    assert score(matrix, "majority", normalise="fraction").tolist() == [1, 0]
    assert score(matrix, "majority", Context(protocol="paper")).tolist() == pytest.approx([2 + 1 / 3, 1 + 1 / 3])


@pytest.mark.parametrize(("call", "told"), [
    (lambda: score(MATRIX, "majority", normalise="fractoin"), "normalise must be none, fraction, standard"),
    (lambda: score(np.ones((2, 2)), "majority"), "not ndarray"),
    (lambda: select(MATRIX, lambda matrix, context: np.full(5, np.nan)), "no number"),
], ids=["a word", "an array", "NaN"])
def test_what_cannot_be_scored_is_refused(call, told):
    with pytest.raises(InputError, match=told):
        call()


def test_normalised_scores_have_mean_zero_and_deviation_one():
    scores = score(MATRIX, "codet", normalise="standard")
    assert (scores.mean(), scores.std()) == pytest.approx((0, 1))
    assert score(MATRIX, "random", normalise="standard").tolist() == [0] * 5


def test_outside_scores_and_labels_are_passed_on_and_missed_where_absent():
    context = Context(labels=np.array([0, 1, 0, 0, 0], bool), outside=np.array([.1, .2, .9, .3, .4]))
    assert select(MATRIX, "oracle", context).tolist() == [1]
    assert select(MATRIX, "grading", context).tolist() == [2]
    for name in ("oracle", "grading", "fmv", "srank"):
        with pytest.raises(MissingInput):
            score(MATRIX, name)


def test_a_rule_of_ones_own_by_function_or_by_import_path():
    assert select(MATRIX, lambda matrix, context: -matrix.passed.sum(axis=1)).tolist() == [4]
    assert select(MATRIX, "test_reward_rules:fewest").tolist() == [4]
    for bad in ("nonesuch", "no.such.module:rule", "math:nothing"):
        with pytest.raises(InputError):
            score(MATRIX, bad)


def fewest(matrix, context):
    return -matrix.passed.sum(axis=1)


def test_log_gamma_agrees_with_the_library():
    x = np.concatenate([np.linspace(1, 30, 300), [1e3, 1e5, 1e6]])
    assert _log_gamma(x) == pytest.approx([math.lgamma(v) for v in x], rel=1e-12, abs=1e-9)


BLIND = [name for name in SELECTORS if name not in ("oracle", "grading")]
matrices = st.integers(1, 7).flatmap(lambda n: st.integers(0, 6).flatmap(lambda m: st.tuples(
    st.lists(st.lists(st.booleans(), min_size=m, max_size=m), min_size=n, max_size=n),
    st.lists(st.lists(st.integers(-2, 3), min_size=3, max_size=3), min_size=n, max_size=n))))


def build(passed, behaviour, codes=None):
    codes = np.where(np.array(passed, bool).reshape(len(passed), -1), 9, 8) if codes is None else codes
    return RewardMatrix.from_verdicts(codes, behaviour=np.array(behaviour))


@pytest.mark.parametrize("name", BLIND)
@settings(max_examples=40, deadline=None)
@given(matrices, st.randoms())
def test_the_order_of_candidates_and_tests_does_not_matter(name, drawn, random):
    passed, behaviour = drawn
    matrix = build(passed, behaviour)
    rows, cols = list(range(matrix.shape[0])), list(range(matrix.shape[1]))
    random.shuffle(rows)
    random.shuffle(cols)
    assert score(matrix.take(rows, cols), name) == pytest.approx(score(matrix, name)[rows], rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", BLIND)
@settings(max_examples=40, deadline=None)
@given(matrices)
def test_a_test_that_ran_for_nobody_changes_nothing(name, drawn):
    passed, behaviour = drawn
    matrix = build(passed, behaviour)
    n = matrix.shape[0]
    longer = build(passed, behaviour, np.hstack([matrix.codes, np.full((n, 1), Verdict.NOT_RUN)]))
    assert score(longer, name) == pytest.approx(score(matrix, name), abs=1e-12)


@pytest.mark.parametrize("name", BLIND)
@settings(max_examples=40, deadline=None)
@given(matrices)
def test_copies_of_one_candidate_score_alike(name, drawn):
    passed, behaviour = drawn
    doubled = build(passed + passed[:1], behaviour + behaviour[:1])
    scores = score(doubled, name)
    assert scores[0] == pytest.approx(scores[-1], rel=1e-12, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(matrices)
def test_a_cell_that_did_not_run_neither_beats_a_pass_nor_loses_to_a_fail(drawn):
    passed, behaviour = drawn
    codes = build(passed, behaviour).codes
    if codes.shape[1] == 0:
        return
    at = {}
    for verdict in (Verdict.PASS, Verdict.NOT_RUN, Verdict.FAIL):
        codes[0, 0] = verdict
        scores = score(build(passed, behaviour, codes.copy()), "majority")
        at[verdict] = scores[0] - scores[1:].max(initial=0)
    assert at[Verdict.PASS] >= at[Verdict.NOT_RUN] >= at[Verdict.FAIL] - 1e-12
