"""Fits the simulator of `coderm.scale.simulate` to Table 2 of Ma et al. 2025 and to a labelled CodeGen-16B run.

    python benchmarks/simulator_fit.py RUN      RUN: CodeT's samples imported at granularity case, executed, labelled

Prints the constants that stand in simulate.py as TABLE_2 and CODEGEN, and what each fit leaves over. What the
moments of the run say directly is taken from it: bugs, correlation and dispersion of tests' quality, share of usable
samples; the other parameters are searched for with Nelder-Mead on simulated runs with a fixed seed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize

from coderm.runs import Run
from coderm.scale.from_run import recorded_problems
from coderm.scale.recorded import Recorded
from coderm.scale.simulate import CODEGEN, TABLE_2, Model, simulate

TABLE_2_ROW = {"precision": 1 - 0.1117, "f1": 0.6363, "for": 0.3855, "many_precision": 1 - 0.1648, "many_f1": 0.8127}
"""CodeRM-8B: individual and majority of 100. Recall and the share of correct candidates follow from these."""


def rates(problems: Sequence[Recorded]) -> dict[str, float]:
    """Moments of a labelled run: pass rates, and how often tests pass correct and wrong candidates."""
    shares = np.array([p.pass_rate for p in problems])
    counts = dict.fromkeys(("reply_right", "reply_wrong", "case_right", "case_wrong", "many_right", "many_wrong"), 0.0)
    sizes = dict.fromkeys(counts, 0)
    for p in problems:
        replies = np.unique(p.reply_of_test)
        if not len(replies):
            continue
        whole = np.stack([p.passed[:, p.reply_of_test == j].all(axis=1) for j in replies], axis=1)
        top = whole.sum(axis=1) == whole.sum(axis=1).max()
        for side, mask in (("right", p.correct), ("wrong", ~p.correct)):
            for kind, cells in (("reply", whole), ("case", p.passed), ("many", top)):
                counts[f"{kind}_{side}"] += cells[mask].sum()
                sizes[f"{kind}_{side}"] += cells[mask].size
    return {"mean": float(shares.mean()), "spread": float(shares.std()), "none": float((shares == 0).mean()),
            **{name: counts[name] / max(sizes[name], 1) for name in counts}}


def search(start: Model, make: Callable[[np.ndarray], Model], x0: Sequence[float], targets: dict[str, float],
           replies: int, evaluations: int) -> Model:
    """The model whose simulated moments come nearest to the targets, each in units of a twentieth of itself + 0.01."""
    def loss(x: np.ndarray) -> float:
        found = rates(simulate(make(x), 200, 100, replies, 1))
        return float(sum(((found[k] - v) / (0.05 * v + 0.01)) ** 2 for k, v in targets.items()))

    simplex = np.asarray(x0) + np.vstack([np.zeros(len(x0)), 0.5 * np.eye(len(x0))])
    best = minimize(loss, x0, method="Nelder-Mead", options={"maxfev": evaluations, "initial_simplex": simplex})
    model = make(best.x)
    found = rates(simulate(model, 500, 100, 100, 2))
    print(model)
    print("  ", {k: f"{found[k]:.3f} (target {v:.3f})" for k, v in targets.items()})
    return model


def table_2_targets() -> dict[str, float]:
    """Pass probabilities from the row: recall from precision and F1, the base rate from the false omission rate."""
    row = TABLE_2_ROW
    recall = row["f1"] * row["precision"] / (2 * row["precision"] - row["f1"])
    false_per_true = recall * (1 / row["precision"] - 1)
    true_negatives = (1 - recall) * (1 / row["for"] - 1)
    wrong_per_right = false_per_true + true_negatives
    many = row["many_f1"] * row["many_precision"] / (2 * row["many_precision"] - row["many_f1"])
    return {"mean": 1 / (1 + wrong_per_right), "reply_right": recall, "reply_wrong": false_per_true / wrong_per_right,
            "many_right": many, "many_wrong": many * (1 / row["many_precision"] - 1) / wrong_per_right}


def main() -> None:
    problems = recorded_problems(Run(sys.argv[1]))
    found = rates(problems)
    targets = {k: found[k] for k in ("mean", "spread", "none", "reply_right", "reply_wrong", "case_right",
                                     "case_wrong")}

    def codegen(x: np.ndarray) -> Model:
        return replace(CODEGEN, ease=x[0], spread=np.exp(x[1]), misread=x[2], slip=x[3],
                       shows=(np.exp(x[4]), np.exp(x[5])))

    c = CODEGEN
    fitted = search(c, codegen, [c.ease, np.log(c.spread), c.misread, c.slip, *np.log(c.shows)], targets, 30, 250)

    def table_2(x: np.ndarray) -> Model:
        return replace(TABLE_2, ease=x[0], spread=fitted.spread, misread=x[1], slip=x[2],
                       shows=(np.exp(x[3]), np.exp(x[4])), quirky=1 / (1 + np.exp(-x[5])))

    t = TABLE_2
    quirky = np.log(t.quirky / (1 - t.quirky))
    search(t, table_2, [t.ease, t.misread, t.slip, *np.log(t.shows), quirky], table_2_targets(), 60, 250)


if __name__ == "__main__":
    main()
