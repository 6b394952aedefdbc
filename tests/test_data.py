"""The recorded replies that ship with the package."""

from collections import Counter

from coderm.data import recorded
from coderm.problems import load


def test_every_problem_has_sixteen_replies_of_each_kind_and_is_in_human_eval():
    replies = recorded()
    assert len(replies.task_ids) == 31
    assert set(replies.task_ids) <= {p.task_id for p in load("humaneval")}
    for rows in (replies.solution_replies, replies.unit_test_replies):
        assert set(Counter(row["task_id"] for row in rows).values()) == {16}
        assert len({(row["task_id"], row["index"]) for row in rows}) == len(rows)


def test_how_they_were_sampled_stands_beside_them():
    about = recorded().about
    assert about["schema"] == 1
    assert {"model", "quantisation", "sampling", "date"} <= about.keys()
    for kind in ("solution_replies", "unit_test_replies"):
        assert "{prompt}" in about[kind]["prompt"]
