"""Fits the simulator of `coderm.scale.simulate` to Table 2 of Ma et al. 2025 and to a labelled CodeGen-16B run.

    python benchmarks/simulator_fit.py RUN      RUN: CodeT's samples imported at granularity case, executed, labelled

Prints the constants that stand in simulate.py as TABLE_2 and CODEGEN, and what each fit leaves over. What the
moments of the run say directly is taken from it: bugs, correlation and dispersion of tests' quality, share of usable
samples; the other parameters are searched for in the whole box of sensible values by differential evolution, on
simulated runs with a fixed seed. (A descent from one guess ends in the nearest of many hollows.)
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import exp

import numpy as np
from scipy.optimize import differential_evolution

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
        failures = (~p.passed).astype(np.float32) @ (p.reply_of_test[:, None] == replies).astype(np.float32)
        whole = failures == 0
        top = whole.sum(axis=1) == whole.sum(axis=1).max()
        for side, mask in (("right", p.correct), ("wrong", ~p.correct)):
            for kind, cells in (("reply", whole), ("case", p.passed), ("many", top)):
                counts[f"{kind}_{side}"] += cells[mask].sum()
                sizes[f"{kind}_{side}"] += cells[mask].size
    return {"mean": float(shares.mean()), "spread": float(shares.std()), "none": float((shares == 0).mean()),
            **{name: counts[name] / max(sizes[name], 1) for name in counts}}


EASE, LOG_SPREAD, LOGIT, LOG_BETA = (-5.0, 3.0), (0.5, 2.0), (-4.0, 2.0), (-2.0, 1.5)
"""Bounds of the search."""


def loss(x: np.ndarray, make: Callable[[list[float]], Model], targets: dict[str, float]) -> float:
    """How far simulated moments are from the targets, each in units of a twentieth of itself + 0.01, squared."""
    found = moments(make(x.tolist()), seed=1)
    return sum(((found[k] - v) / (0.05 * v + 0.01)) ** 2 for k, v in targets.items())


def moments(model: Model, seed: int) -> dict[str, float]:
    """Of 1,000 problems: with fewer the search would fit the luck of their draw."""
    return rates(simulate(model, 1000, 100, 100, seed))


def search(make: Callable[[list[float]], Model], bounds: Sequence[tuple[float, float]],
           targets: dict[str, float]) -> Model:
    """The model with the least loss; prints its moments under seeds that the search has not seen."""
    best = differential_evolution(loss, bounds, (make, targets), maxiter=20, popsize=8, rng=1, polish=False,
                                  init="sobol", updating="deferred", workers=-1)
    model = make(best.x.tolist())
    print(f"{model}\n   loss {best.fun:.2f} after {best.nfev} simulated runs")
    held_out = [moments(model, seed) for seed in range(2, 6)]
    print("  ", {k: f"{np.mean([found[k] for found in held_out]):.3f} (target {v:.3f})" for k, v in targets.items()},
          flush=True)
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


def codegen(x: list[float]) -> Model:
    return replace(CODEGEN, ease=x[0], spread=exp(x[1]), misread=x[2], slip=x[3], shows=(exp(x[4]), exp(x[5])))


def table_2(x: list[float], spread: float) -> Model:
    return replace(TABLE_2, ease=x[0], spread=spread, misread=x[1], slip=x[2], shows=(exp(x[3]), exp(x[4])),
                   quirky=1 / (1 + exp(-x[5])))


def main() -> None:
    fitted = search(codegen, [EASE, LOG_SPREAD, LOGIT, LOGIT, LOG_BETA, LOG_BETA],
                    rates(recorded_problems(Run(sys.argv[1]))))
    search(partial(table_2, spread=fitted.spread), [EASE, LOGIT, LOGIT, LOG_BETA, LOG_BETA, LOGIT], table_2_targets())


if __name__ == "__main__":
    main()
