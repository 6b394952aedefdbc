"""What the report says about a problem, against answers worked out by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coderm.matrix import RewardMatrix
from coderm.records import Problem
from coderm.report import svg
from coderm.report.cases import Case, telling_tests
from coderm.report.findings import company, findings, share_blind
from coderm.reward import Context, Task

# 1 and 2 are right; 0 is wrong and wins by test 2 and 3, which pass nobody else
LOST = [[1, 0, 1, 1, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [0, 0, 0, 0, 0]]


def case(passed: list[list[int]], correct: list[int] | None, reasons: tuple[str | None, ...] = ()) -> Case:
    matrix = RewardMatrix.from_passed(passed)
    if reasons:
        matrix = RewardMatrix.from_verdicts(matrix.codes, reasons=reasons)
    labels = None if correct is None else np.array(correct, bool)
    return Case(Problem("t", "prompt"), Task("t", matrix, Context(labels=labels)))


def test_a_lost_vote() -> None:
    lost = case(LOST, [0, 1, 1, 0])
    assert (lost.outcome, lost.chosen.tolist(), lost.champion, lost.rival) == ("lost", [0], 0, 1)
    assert lost.regret == 0.5
    assert lost.why() == "The winner has 3 votes; the best correct candidate has 2."
    assert (company(lost, 0), company(lost, 1)) == (1, 2)
    assert share_blind(lost) == 0.5
    silence, defeat, keeps_company = "Silence", "Defeat: in 1 problem ", "and 2 what the best correct one passes"
    said = " ".join(findings([lost]))
    assert silence not in said and defeat in said and "by 1 vote in the median" in said and keeps_company in said


def test_the_tests_that_decide_come_first_and_equal_columns_once() -> None:
    found = telling_tests(case(LOST, [0, 1, 1, 0]))
    assert [(t.index, t.helps) for t in found] == [(2, False), (1, True), (0, True)]
    assert found[0].caption == "passes 0 of 2 correct and 1 of 2 wrong candidates"


def test_without_labels_the_most_divisive_tests_tell() -> None:
    unlabelled = case(LOST, None)
    assert unlabelled.outcome == "unlabelled" and unlabelled.why() == "The winner has 3 votes."
    assert [(t.index, t.helps) for t in telling_tests(unlabelled)] == [(1, None), (2, None)]
    assert np.isnan(unlabelled.accuracy) and unlabelled.rival == 1


@pytest.mark.parametrize(("passed", "correct", "outcome", "champion", "rival"), [
    ([[1, 1], [1, 0]], [1, 0], "won", 0, 1),
    ([[1, 0], [0, 1], [0, 0]], [1, 0, 1], "shared", 1, 0),
    ([[1, 0], [0, 0]], [0, 0], "hopeless", 0, 1),
    ([[1, 0], [0, 0]], [1, 1], "won", 0, None),
    ([[0, 0], [0, 0]], [0, 1], "shared", 0, 1),
    ([[], []], [0, 1], "shared", 0, 1),
])
def test_outcomes(passed: list[list[int]], correct: list[int], outcome: str, champion: int, rival: int | None) -> None:
    found = case(passed, correct)
    assert (found.outcome, found.champion, found.rival) == (outcome, champion, rival)
    assert found.why().endswith(".")


def test_cells_that_did_not_run_and_texts_that_count_once() -> None:
    unrun = Case(Problem("t", ""), Task("t", RewardMatrix.from_verdicts([[9, 0], [9, 9], [9, 8]]), Context()))
    assert unrun.votes.tolist() == [1.5, 2, 1] and unrun.chosen.tolist() == [1]
    copies = Context(unit_tests=["a", "a", "b"], protocol="paper")
    paper = Case(Problem("t", ""), Task("t", RewardMatrix.from_passed([[1, 1, 0], [0, 0, 1], [0, 0, 1]]), copies))
    assert paper.votes.tolist() == [1, 1, 1] and paper.chosen.tolist() == [1, 2]


def test_broken_tests_neither_tell_nor_come_before_others() -> None:
    found = case(LOST, [0, 1, 1, 0], (None, None, "no assertion", None, None))
    assert 2 not in [t.index for t in telling_tests(found)]
    assert found.column_order().tolist()[-1] == 2


@given(st.integers(1, 6), st.integers(0, 6), st.randoms(use_true_random=False))
def test_sorting_is_a_permutation_that_keeps_equals_together(n: int, m: int, random: object) -> None:
    rng = np.random.default_rng(random.randrange(2**32))  # type: ignore[attr-defined]
    found = case(rng.integers(0, 2, (n, m)).tolist(), rng.integers(0, 2, n).tolist())
    columns = found.column_order()
    rows = found.row_order(columns)
    assert sorted(columns) == list(range(m)) and sorted(rows) == list(range(n))
    votes = found.votes[rows]
    assert (np.diff(votes) <= 0).all()
    seen = [tuple(row) for row in found.matrix.passed[rows].tolist()]
    blocks = [row for k, row in enumerate(seen) if k == 0 or row != seen[k - 1]]
    assert len(blocks) == len(set(blocks))


@given(st.lists(st.tuples(*[st.floats(0, 100)] * 3), min_size=1, max_size=5), st.text(max_size=20))
def test_charts_are_well_formed_whatever_they_show(values: list[tuple[float, ...]], name: str) -> None:
    name = "".join(c for c in name if c.isprintable()) + "<&\"'>"
    lines = [svg.Series(name, [1, 10], [v[0], v[1]], [v[2], v[0]], [v[1], v[2]]) for v in values]
    dots = [svg.Dot(name, *v) for v in values]
    for chart in (svg.line_chart(lines, "x", "y", title=name), svg.dot_plot(dots, {"random": 3.0}, title=name),
                  svg.histogram([0, 3, int(values[0][0])], title=name, x_label=name)):
        tree = ET.fromstring(chart)
        assert tree.get("aria-label") == name and "nan" not in chart
