"""What the probe reads from disk: labelled runs to learn from, problems to predict."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coderm.problems import load
from coderm.records import Problem
from coderm.runs import Run
from coderm.scale.files import gold_pass_rates


def training_set(runs: Sequence[Path]) -> tuple[list[str], list[str], NDArray[np.float64]]:
    """task_ids, prompts and gold pass rates of the labelled problems of some runs; the mean rate where several share.

    Raises InputError for a run without labels.
    """
    prompts: dict[str, str] = {}
    rates: dict[str, list[float]] = {}
    for run in map(Run, runs):
        known = {problem.task_id: problem.prompt for problem in run.problems()}
        for task_id, rate in gold_pass_rates(run).items():
            if task_id in known:
                prompts.setdefault(task_id, known[task_id])
                rates.setdefault(task_id, []).append(rate)
    return list(prompts), list(prompts.values()), np.array([float(np.mean(rates[task_id])) for task_id in prompts])


def problems_of(place: str) -> list[Problem]:
    """The problems of a run directory or a data set."""
    return Run(place).problems() if (Path(place) / "config.json").is_file() else load(place)
