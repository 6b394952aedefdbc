"""What each rule of the two protocols changes in the accuracy of majority voting, on one's own runs.

    .venv/bin/python benchmarks/protocols.py RUN [STRICT_RUN]

RUN is executed and labelled under the default protocol; STRICT_RUN holds the same replies imported, executed and
labelled with `--protocol paper`, which adds the rules that act before voting: extraction and the wall-clock limit.
Rules of scoring are changed one at a time on RUN's verdicts, then all together.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from coderm.records import Verdict
from coderm.reward import SELECTORS, Task, accuracies, compare, mean_interval, tasks_of
from coderm.reward.context import Rule
from coderm.runs import load

MAJORITY, GROUPS = SELECTORS["majority"], SELECTORS["majority-groups"]


def once(task: Task) -> Task:
    """Tests with the same text count once."""
    texts = list(task.context.unit_tests or [])
    first = [j for j, text in enumerate(texts) if text not in texts[:j]]
    return replace(task, matrix=task.matrix.take(None, first), context=task.context.take(None, first))


def everyone_votes(task: Task) -> Task:
    """Vacuous tests are passed by all, tests that cannot be loaded are failed by all, and both vote."""
    codes = np.where(task.matrix.codes == Verdict.VACUOUS, Verdict.PASS, task.matrix.codes)
    return replace(task, matrix=replace(task.matrix, codes=codes, reasons=(None,) * codes.shape[1]))


def papers(task: Task) -> Task:
    """All the paper's scoring rules."""
    return replace(task, context=replace(task.context, protocol="paper"))


def same(task: Task) -> Task:
    """As it is."""
    return task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    options = parser.parse_args()
    tasks = tasks_of(load(options.runs[0]))
    base = accuracies(tasks, MAJORITY)
    rows: list[tuple[str, Callable[[Task], Task], Rule]] = [
        ("default protocol", same, MAJORITY),
        ("ties to the largest group with one pass vector", same, GROUPS),
        ("a test counts once however often it was sampled", once, MAJORITY),
        ("empty and broken tests vote", everyone_votes, MAJORITY),
        ("all of these: paper's scoring", papers, MAJORITY),
    ]
    print("| rule changed | majority | change | problems changed |\n|---|---|---|---|")
    for what, change, rule in rows:
        values = accuracies([change(task) for task in tasks], rule)
        gain = compare(values, base)
        print(f"| {what} | {100 * mean_interval(values).value:.1f} | {100 * gain.difference:+.1f} "
              f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f}) | {gain.better + gain.worse} |")
    if len(options.runs) > 1:
        strict = tasks_of(load(options.runs[1]), protocol="paper")
        for what, rule in (("one random sample", SELECTORS["random"]), ("at least one correct", SELECTORS["oracle"]),
                           ("majority", MAJORITY)):
            ours, theirs = mean_interval(accuracies(tasks, rule)), mean_interval(accuracies(strict, rule))
            print(f"{what}: {100 * ours.value:.1f} under default; with extraction, execution and scoring under paper "
                  f"{100 * theirs.value:.1f} ({len(strict)} of {len(tasks)} problems keep a solution)")


if __name__ == "__main__":
    main()
