"""Figures as printed in Ma et al. 2025 (arXiv 2501.01054), to stand beside our own; never used in a calculation."""

from __future__ import annotations

POLICIES = ("Llama3-8B", "Llama3-70B", "GPT-3.5", "GPT-4o-mini")

TABLE1: dict[str, dict[str, tuple[float, ...]]] = {
    "HumanEval+": {
        "random": (53.58, 73.74, 67.83, 82.96), "grading": (62.20, 75.00, 70.12, 83.50),
        "mbr-exec": (60.30, 75.80, 70.60, 85.20), "codet": (65.30, 76.20, 73.89, 85.30),
        "mpsc": (59.72, 75.51, 72.76, 84.82), "Llama3.1-70B": (72.04, 78.54, 79.76, 85.45),
        "CodeRM-8B": (72.01, 78.69, 78.01, 86.38),
    },
    "MBPP+": {
        "random": (49.20, 69.33, 70.53, 71.59), "grading": (48.40, 70.60, 66.67, 69.00),
        "mbr-exec": (50.00, 69.80, 70.53, 72.30), "codet": (59.20, 69.90, 69.92, 73.40),
        "mpsc": (53.32, 70.91, 71.59, 73.20), "Llama3.1-70B": (65.26, 71.85, 75.72, 74.96),
        "CodeRM-8B": (66.71, 72.44, 75.96, 75.20),
    },
    "LiveCodeBench": {
        "random": (11.98, 25.30, 20.55, 34.83), "grading": (13.10, 26.19, 20.83, 36.31),
        "mbr-exec": (12.04, 25.37, 20.52, 34.83), "codet": (12.61, 25.89, 20.58, 35.13),
        "mpsc": (11.98, 25.30, 20.55, 34.83), "Llama3.1-70B": (13.28, 28.46, 22.80, 38.60),
        "CodeRM-8B": (15.21, 27.73, 21.76, 39.20),
    },
}
"""Benchmark -> our rule, or the unit test generator of a majority vote -> accuracy by `POLICIES`."""

TABLE2_POLICY = "Llama3.1-8B"
TABLE2: dict[str, tuple[tuple[float, float, float, float], tuple[float, float, float, float]]] = {
    "Llama3.1-8B": ((60.02, 44.97, 13.66, 46.13), (74.21, 74.35, 20.44, 30.55)),
    "Llama3.1-70B": ((73.65, 70.15, 11.10, 34.51), (78.30, 78.76, 17.19, 25.97)),
    "CodeRM-8B": ((69.64, 63.63, 11.17, 38.55), (80.46, 81.27, 16.48, 22.71)),
}
"""Unit test generator -> (individual, multiple), each Acc, F1, FAR, FRR on HumanEval+."""


def table1(benchmark: str, policy: str, row: str) -> float | None:
    """The printed accuracy of a rule, or of a majority vote over a generator's tests; None where none is printed."""
    values = TABLE1.get(benchmark, {}).get(row)
    return values[POLICIES.index(policy)] if values and policy in POLICIES else None
