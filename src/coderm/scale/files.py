"""Files of pass rates: one line a problem, {"task_id", "pass_rate"}."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from coderm.errors import FormatError, InputError
from coderm.runs import Run, read_jsonl


def read_pass_rates(path: Path) -> dict[str, float]:
    """task_id -> pass rate in 0..1. Raises FormatError with file:line, InputError where there is no such file."""
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    rates: dict[str, float] = {}
    for number, row in enumerate(read_jsonl(path), 1):
        task_id, rate = row.get("task_id"), row.get("pass_rate")
        if not isinstance(task_id, str) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise FormatError(f'{path}:{number}: expected {{"task_id": str, "pass_rate": number from 0 to 1}}')
        rates[task_id] = float(rate)
    return rates


def write_pass_rates(path: Path, rates: Mapping[str, float]) -> None:
    """Write task_id -> pass rate."""
    path.write_text("".join(json.dumps({"task_id": task_id, "pass_rate": round(float(rate), 6)}) + "\n"
                            for task_id, rate in rates.items()))


def gold_pass_rates(run: Run) -> dict[str, float]:
    """task_id -> share of correct candidates. Raises InputError where nothing is labelled."""
    rates = {task_id: sum(correct) / len(correct) for task_id, correct in run.labels().items() if correct}
    if not rates:
        raise InputError(f"{run.path}: no labels; run `{run.command('label')}` first")
    return rates
