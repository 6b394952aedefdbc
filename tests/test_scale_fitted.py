"""The fitted rule: it learns from the labels of other problems, and of others only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="needs the extra: pip install 'coderm[probe]'")

from coderm.scale import curves
from coderm.scale.curves import scaling
from coderm.scale.fitted import cross_fitted_worth, shape_of_votes
from coderm.scale.recorded import RULES, Recorded, Rule, side_by_side
from coderm.scale.sequential import replay, standing
from coderm.scale.simulate import TABLE_2, predicted, simulate
from coderm.scale.static import FOLDS


@pytest.fixture(scope="module")
def problems() -> list[Recorded]:
    return simulate(TABLE_2, 60, 12, 24, seed=3)


@pytest.mark.parametrize("rule", RULES)
def test_a_problems_own_labels_say_nothing_about_its_worth(problems: list[Recorded], rule: Rule) -> None:
    def priorities(judged: list[Recorded]) -> np.ndarray:
        replies = side_by_side(judged, rule)
        return replay(replies, worth=cross_fitted_worth(replies, seed=0))[0]

    fold = np.random.default_rng(0).permutation(len(problems)) % FOLDS  # as the rule draws it
    turned = [replace(p, correct=~p.correct) if fold[i] == 2 else p for i, p in enumerate(problems)]
    before, after = priorities(problems), priorities(turned)
    assert np.array_equal(before[fold == 2], after[fold == 2])
    assert not np.array_equal(before[fold != 2], after[fold != 2])
    assert np.array_equal(before, priorities(problems))


def test_what_did_not_run_is_not_looked_at(problems: list[Recorded]) -> None:
    replies = side_by_side(problems, "majority")
    alive = replies.present & (np.arange(12) < 7)
    now = standing("majority", replies.votes[:, :, :9], replies.keys[:, :, :9], replies.present, alive, replies.limit)
    other = replace(replies, votes=replies.votes.copy(), cases=replies.cases.copy(), keys=replies.keys.copy())
    for seen in (other.votes, other.cases, other.keys):
        seen[:, :, 9:] = 1  # replies that are to come
        seen[~now.alive] = 1  # candidates that are out
    now = replace(now, alive=alive & now.alive)
    assert np.array_equal(shape_of_votes(replies, 9, now), shape_of_votes(other, 9, now))


def test_tests_go_where_they_helped_others() -> None:
    """Of 20 replies 12 speak for the second half of the candidates. Where replies hold three cases they are right."""
    rng, problems = np.random.default_rng(0), []
    for i in range(80):
        for_second = rng.permutation(20) < 12
        votes = np.where(np.arange(6)[:, None] < 3, ~for_second, for_second)
        cases = 3 if i % 2 else 1
        problems.append(Recorded(f"p/{i}", np.repeat(votes, cases, axis=1), np.repeat(np.arange(20), cases), 20,
                                 (np.arange(6) >= 3) == (cases == 3)))
    replies = side_by_side(problems, "majority")
    priority = np.maximum(replay(replies, worth=cross_fitted_worth(replies, seed=0))[0][:, 5], 0)
    first_leads = replies.votes[:, 0, :5].sum(axis=1) > 2  # and will be overtaken, for better or for worse
    better = np.arange(80) % 2 == 1
    assert priority[first_leads & better].mean() > 5 * priority[first_leads & ~better].mean() > 0


def test_without_scikit_learn_it_is_left_out(problems: list[Recorded], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "find_spec", lambda name: None)
    found = scaling(problems[:8], predicted(problems[:8], 1.0, 0), "majority", resamples=1)
    assert "fitted" not in found.accuracy and "sequential" in found.accuracy
