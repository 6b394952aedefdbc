"""Where problems come from: HumanEval(+), MBPP(+), LiveCodeBench and jsonl files of one's own, with ground truth."""

from __future__ import annotations

from coderm.problems.load import as_executable, load

__all__ = ["as_executable", "load"]
