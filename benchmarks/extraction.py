"""Yield of the two extraction rules on the recorded replies, where they disagree, and whether that costs a solution.

usage: python benchmarks/extraction.py [--verdicts] [--show KIND DEFAULT PAPER [COUNT]]

The table counts replies by what each rule made of them ("ok" or the reason for nothing). `--verdicts` also executes
what both rules extracted and counts the pairs (reply, reply) by their verdict under each. `--show solutions ok
no_code 5` prints five replies and their extractions, e.g. to read those on which the rules disagree.
"""

from __future__ import annotations

import argparse
import itertools
from collections import Counter

from coderm.data import recorded
from coderm.execute import Engine
from coderm.generate.extract import Extraction, extract_solution, extract_unit_test, summarise
from coderm.problems import load

Extracted = dict[tuple[str, int], tuple[str, Extraction, Extraction]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", action="store_true")
    parser.add_argument("--show", nargs="+")
    arguments = parser.parse_args()
    replies = recorded()
    problems = {p.task_id: p for p in load("humaneval") if p.task_id in replies.task_ids}
    found: dict[str, Extracted] = {}
    for kind, rows, extract in (("solutions", replies.solution_replies, extract_solution),
                                ("unit_tests", replies.unit_test_replies, extract_unit_test)):
        found[kind] = {(row["task_id"], row["index"]): (
            row["text"], extract(row["text"], entry_point=problems[row["task_id"]].entry_point),
            extract(row["text"], protocol="paper")) for row in rows}
    if arguments.show:
        show(found, *arguments.show)
        return
    for kind, extracted in found.items():
        print(kind)
        print("  default", summarise(default for _, default, _ in extracted.values()))
        print("  paper  ", summarise(paper for _, _, paper in extracted.values()))
        table = Counter((d.reason or "ok", p.reason or "ok") for _, d, p in extracted.values())
        for (default, paper), count in table.most_common():
            print(f"  {count:4d}  default {default:15s} paper {paper}")
    if arguments.verdicts:
        compare_verdicts(found, {task_id: p.ground_truth for task_id, p in problems.items()})


def show(found: dict[str, Extracted], kind: str, default: str, paper: str, count: str = "5") -> None:
    """Print replies with the given outcome under each rule, and what the default rule took from them."""
    chosen = ((key, reply, d) for key, (reply, d, p) in found[kind].items()
              if (d.reason or "ok", p.reason or "ok") == (default, paper))
    for key, reply, extraction in itertools.islice(chosen, int(count)):
        print(f"{'=' * 30} {key}\n{reply}\n{'-' * 30} {extraction.reason or 'extracted'}\n{extraction.text or ''}")


def compare_verdicts(found: dict[str, Extracted], truth: dict[str, tuple[str, ...]]) -> None:
    """Execute both rules' texts and count replies by correctness, pairs by verdict, under each rule."""
    correct: Counter[tuple[str, str]] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    with Engine() as engine:
        for task_id, ground_truth in truth.items():
            verdicts: list[dict[tuple[int, int], str]] = []
            labels: list[dict[int, str]] = []
            for rule in (1, 2):
                kept = {kind: {i: text for (t, i), row in extracted.items()
                               if t == task_id and (text := row[rule].text)} for kind, extracted in found.items()}
                solutions, unit_tests = kept["solutions"], kept["unit_tests"]
                matrix = engine.execute(list(solutions.values()), list(unit_tests.values()))
                verdicts.append({(i, j): str(matrix.verdicts[a, b]) for a, i in enumerate(solutions)
                                 for b, j in enumerate(unit_tests)})
                right = engine.execute(list(solutions.values()), list(ground_truth)).passed.all(axis=1)
                labels.append({i: "right" if right[a] else "wrong" for a, i in enumerate(solutions)})
            correct.update((labels[0].get(i, "absent"), labels[1].get(i, "absent")) for i in range(16))
            pairs.update((verdicts[0][key], verdicts[1][key]) for key in verdicts[0].keys() & verdicts[1].keys())
    for what, counts in (("solutions", correct), ("pairs that both rules have", pairs)):
        print(what)
        for (default, paper), count in counts.most_common():
            print(f"  {count:5d}  default {default:10s} paper {paper}")


if __name__ == "__main__":
    main()
