"""Judges every way to spend a budget of unit tests, on labelled runs and on simulated ones.

    python benchmarks/scaling.py RUN... [--states SPEC] [--simulate codegen|table2] [--problems 500] [--resamples 10]
                                 [--out FILE.json] [--figures DIR]

One unit of budget is one generated reply with all its test cases. Selection rules: CodeT's, a test case being a test,
and majority vote, a reply being a test. Reported for each strategy: the area between its curve and equal
allocation's (mean height in points along log2 of the average budget), and the first budget, in replies generated and
in pairs executed, at which it is as accurate as equal allocation is with every reply, or half a point less. Predicted
pass rates are held out: a probe on the states of --states (default: the text alone), cross-fitted; in a simulation
gold logits with noise. `settled` is what no rule can beat but by luck: the replies after which the accuracy of a
problem's choice never changes again, known beforehand. --figures draws the curves, a panel a source (Ma et al. 2025,
Fig. 6), as DIR/fig6-RULE.svg and the like.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from coderm.report.budgets import lines_of, plot_of
from coderm.report.draw import draw_lines
from coderm.report.series import Line
from coderm.runs import Run
from coderm.scale.curves import Scaling, prefix_accuracy, scaling
from coderm.scale.from_run import recorded_problems
from coderm.scale.probe import held_out
from coderm.scale.recorded import RULES, Recorded, Rule, side_by_side
from coderm.scale.simulate import CODEGEN, TABLE_2, predicted, simulate
from coderm.scale.states import read_states

SIMULATED = {"codegen": CODEGEN, "table2": TABLE_2}
NOISE = 2.0


def run_problems(path: Path, states: str) -> tuple[list[Recorded], np.ndarray]:
    """A labelled run and held-out predictions of its pass rates."""
    run = Run(path)
    problems = recorded_problems(run)
    prompts = {problem.task_id: problem.prompt for problem in run.problems()}
    gold = np.array([problem.pass_rate for problem in problems])
    vectors = read_states(states, [prompts[problem.task_id] for problem in problems], quiet=False)
    return problems, held_out(states, vectors, gold)


def settled(problems: list[Recorded], rule: Rule, resamples: int, seed: int) -> float:
    """Share of the replies after which each choice is as accurate as with all of them, and stays so."""
    stacked, rng = side_by_side(problems, rule), np.random.default_rng(seed)
    shares = []
    for _ in range(resamples):
        replies = stacked.shuffled(rng)
        accuracy = prefix_accuracy(replies)
        last = accuracy[np.arange(len(problems)), replies.limit][:, None]
        units = np.arange(accuracy.shape[1])
        open_ = (np.abs(accuracy - last) > 1e-9) & (units <= replies.limit[:, None])
        shares.append(np.where(open_, units + 1, 0).max(axis=1).sum() / replies.limit.sum())
    return float(np.mean(shares))


def table(name: str, found: Scaling, bound: float) -> str:
    """One Markdown table."""
    head = [str(b) for b in found.budgets]
    lines = [f"\n{name}, {found.rule}: {len(found.task_ids)} problems; equal allocation with every reply "
             f"{100 * found.target:.1f}; settled after {100 * bound:.0f} % of the tests\n",
             "| strategy | " + " | ".join(head) + " | area [95 %] | tests, pairs | within 0.5 |",
             "|---" * (len(head) + 4) + "|"]
    for strategy in found.accuracy:
        value, low, high = found.area(strategy)
        share = ["never" if reach is None else f"{100 * reach.unit_tests:.0f} %, {100 * reach.pairs:.0f} %"
                 for reach in (found.reach[strategy], found.near[strategy])]
        cells = [f"{100 * v:.1f}" for v in found.curve(strategy)[0]]
        area = "" if strategy == "equal" else f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"
        lines.append(f"| {strategy} | " + " | ".join(cells) + f" | {area} | {share[0]} | {share[1]} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--states", default="text")
    parser.add_argument("--simulate", choices=SIMULATED, action="append", default=[])
    parser.add_argument("--problems", type=int, default=500)
    parser.add_argument("--resamples", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--figures", type=Path)
    args = parser.parse_args()
    sources = [(str(path.name), *run_problems(path, args.states)) for path in args.runs]
    for name in args.simulate:
        problems = simulate(SIMULATED[name], args.problems, 100, 100, args.seed)
        sources.append((f"simulated {name}", problems, predicted(problems, NOISE, args.seed)))
    told = []
    lines: dict[Rule, list[Line]] = {rule: [] for rule in RULES}
    for name, problems, rates in sources:
        for rule in RULES:
            started = time.monotonic()
            found = scaling(problems, rates, rule, resamples=args.resamples, seed=args.seed, quiet=False)
            bound = settled(problems, rule, args.resamples, args.seed)
            print(table(name, found, bound), f"\n\n({time.monotonic() - started:.0f} s)", flush=True)
            lines[rule] += lines_of(f"{name}: {len(problems)} problems", found)
            told.append({"data": name, "settled": bound} | found.as_json())
    if args.figures:
        args.figures.mkdir(parents=True, exist_ok=True)
        for rule, of_rule in lines.items():
            draw_lines(plot_of(rule, of_rule, f"fig6-{rule}"), args.figures)
    if args.out:
        args.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
