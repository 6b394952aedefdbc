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


def training_set(runs: Sequence[Path]) -> tuple[list[str], NDArray[np.float64]]:
    """Prompts and gold pass rates of the labelled problems of some runs; the mean rate of a prompt in several.

    Raises InputError for a run without labels.
    """
    rates: dict[str, list[float]] = {}
    for run in map(Run, runs):
        prompts = {problem.task_id: problem.prompt for problem in run.problems()}
        for task_id, rate in gold_pass_rates(run).items():
            if task_id in prompts:
                rates.setdefault(prompts[task_id], []).append(rate)
    return list(rates), np.array([float(np.mean(values)) for values in rates.values()])


def problems_of(place: str) -> list[Problem]:
    """The problems of a run directory or a data set."""
    return Run(place).problems() if (Path(place) / "config.json").is_file() else load(place)
